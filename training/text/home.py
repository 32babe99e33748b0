"""Talk at home: neutral errands, questions and requests, and feelings that are not named.

The data sets hold news, comments and tweets. A model trained on these alone might take a request for salt for
any emotion. None of the sentences of `tests/behaviour` is here (a test compares).
"""

from __future__ import annotations

from typing import Final

Places = tuple[tuple[str, ...], ...]


def _items(text: str) -> tuple[str, ...]:
    return tuple(" ".join(item.split()) for item in text.split(",") if item.strip())


_THINGS: Final = _items("""
    las llaves, el cargador, la mochila, las gafas, los lentes, el paraguas, la olla, las tijeras, la manta, la toalla, el martillo,
    la escoba, el pan, la leche, los huevos, el azúcar, el jabón, la basura, los platos, las cortinas, la bombilla, el foco,
    la plancha, el control, el móvil, la tableta, los zapatos, la chamarra, la chaqueta, el uniforme, el cuaderno, la mesa, la heladera""")
_ROOMS: Final = _items("""
    en la cocina, en el baño, en el cuarto, en el balcón, en la terraza, en el garaje, en el armario, encima de la nevera, en la sala,
    en el salón, junto a la puerta, en el coche, en el carro, en la recámara, debajo de la cama, en la pieza, en el patio de atrás""")
_TIMES: Final = _items("""
    esta tarde, mañana, el lunes, pasado mañana, a las seis, a las siete y media, después de comer, antes de cenar, el sábado,
    el viernes, en un rato, luego, ahora, ahorita, al rato, más tarde, el mes que viene, a primera hora, a mediodía, en diez minutos""")
_WHO: Final = _items("""
    mi madre, mi papá, el niño, la niña, mi hermano, mi cuñada, tu tía, la vecina, el portero, el electricista, el cartero,
    el pediatra, mi suegro, la abuela, tu primo, mi marido, mi esposa, la profesora, el gasista, la señora de la limpieza""")
_CHORES: Final = _items("""
    ir al banco, pasar por la farmacia, comprar detergente, recoger a los niños, llevar el coche al taller, planchar las camisas,
    poner la mesa, bajar la basura, hacer la cama, cortarme el pelo, sacar dinero, llenar el tanque, cocinar unas lentejas,
    pelar las papas, colgar el cuadro, preparar la merienda, lavar el carro, barrer el patio, pagar el agua, llamar al banco,
    ir al médico, ir a la peluquería, pedir cita, recoger el paquete, doblar la ropa, fregar el suelo, trapear la cocina, ducharme,
    hacer la compra, hacer el mandado, sacar la carne del congelador, ver el partido, tomar el metro, aparcar, estacionar""")
_FOOD: Final = _items("""
    sopa, pollo, lentejas, pasta, ensalada, pescado, frijoles, arepas, empanadas, una tortilla, verdura, garbanzos, fruta, carne,
    un bocadillo, un té, un mate, agua, pan con tomate, cereal, un plátano, un jugo, un vaso de leche, milanesas, un sándwich""")

NEUTRAL_FRAMES: Final[tuple[tuple[str, Places], ...]] = (
    ("{} {} {}", (
        _items("voy a, tengo que, hay que, tenemos que, vamos a, quiero, debo, acuérdate de, no te olvides de, puedes, te toca, me toca"),
        _CHORES, (*_TIMES, "", "", ""))),
    ("{} {} {}", (_items("me voy a, salgo a, bajo a, subo a, luego vengo de, ahora voy a, él va a, ella tiene que"), _CHORES, (*_TIMES, "", ""))),
    ("{} {} {}", (
        _items("dónde está, dónde dejaste, has visto, quién tiene, tráeme, pásame, dame, alcánzame, me pasas, guarda, saca, busca, deja, "
               "necesito, compra, limpia, coge, agarrá, recoge, puse, dejé, ya guardé, encontré"),
        _THINGS, (*_ROOMS, "", "", "por favor", "cuando puedas"))),
    ("{} {} {}", (_WHO, _items("viene, llega, llama, sale, trabaja, tiene cita, vuelve, pasa por aquí, come con nosotros, tiene clase"), _TIMES)),
    ("{} {} {}", (
        _items("hoy hay, hay, voy a hacer, prepara, quieres, quiero, desayuné, he comido, ceno, te pongo, de comer hay, para cenar hay, ponme, sírveme"),
        _FOOD, _items(", con arroz, con pan, para comer, para cenar, esta noche, a los niños, y ya, sin sal, con limón"))),
    ("{} {}", (
        _items("apaga, enciende, prende, sube, baja, cierra, abre, conecta, desconecta, mira, pon"),
        _items("la luz, la tele, el horno, la persiana, la ventana, la puerta del pasillo, el ventilador, la calefacción, la radio, el gas, la llave del agua"))),
    ("{} {}", (
        _items("a qué hora, cuándo, cómo, con quién, en qué calle, por dónde, cuánto tiempo"),
        _items("sales, llegas, comemos, abre la panadería, empieza la película, pasa el camión, vas al trabajo, se va al centro, tarda la lavadora, quedamos"))),
    ("{} {}", (
        _items("la lavadora, el reloj, el microondas, el autobús, el pedido, la cita, la clase de guitarra, el súper, la tienda de abajo, la consulta"),
        _items("acaba a las cuatro, marca las diez, está en marcha, llega en cinco minutos, es el martes, abre los domingos, queda a dos calles, tarda una hora"))),
    ("{} {}", (
        _items("mi hija, mi hermana, mi sobrino, mi compañero, mi tío, la señora del tercero, el chico de la tienda"),
        _items("vive en valencia, vive en quito, estudia en la tarde, trabaja de noche, tiene dos gatos, nació en mayo, mide uno setenta, se llama igual que yo, "
               "juega al baloncesto, va al colegio en bus"))),
)  # fmt: skip
"""Any of the words in each place."""
DRAWS: Final = 110
"""Sentences drawn from each of NEUTRAL_FRAMES."""

FELT: Final[dict[str, tuple[str, ...]]] = {
    "anger": _items("""
        otra vez llegas tarde, siempre tengo que recogerlo todo yo, te he dicho mil veces que no grites, quién ha roto mi taza,
        nunca me escuchas cuando hablo, deja de gritarme, no te aguanto más, ya me cansé de tus excusas, ya está bien de ruido,
        me han vuelto a subir el alquiler y encima no arreglan nada, encima me echan la culpa a mí, a ver si te callas de una vez,
        me han cobrado dos veces y no me devuelven el dinero, llevo una hora esperando y nadie me atiende, no me toques mis cosas,
        cómo te atreves a hablarme así, por qué nunca ayudas en casa, esto es una falta de respeto, vaya cara más dura tienes,
        quítate de mi vista, me mentiste otra vez, se ha colado en la fila el muy caradura, ese perro ladra toda la noche y no hay quien duerma,
        no me da la gana, es la última vez que te lo digo, cuántas veces te lo tengo que repetir, siempre la misma historia contigo,
        me dejaron plantada una hora, ya basta de tonterías, me rayaron el coche, quién dejó todo tirado, estoy cansado de pedirte lo mismo,
        me colgó el teléfono la muy grosera, qué falta de educación, así no se puede vivir, me tienen hasta la coronilla, no hay derecho"""),
    "disgust": _items("""
        hay una mosca en mi vaso, la nevera apesta, este trapo huele fatal, el pescado está pasado, vomitó en la alfombra,
        hay moho en el pan, qué peste hay aquí, el gato se hizo caca en la cama, quita eso que da grima, la basura chorrea por todo el suelo,
        hay gusanos en la fruta, no te metas el dedo en la nariz, hay pelos en la ducha, la comida sabe a rayos, se me revuelve la tripa,
        el plato está lleno de grasa vieja, huele a alcantarilla, hay una rata en la cocina qué asco, está lleno de bichos, sabe a podrido,
        tus calcetines apestan, escupió en el suelo qué cerdo, la leche está cortada puaj, el váter está atascado y huele, tiene pus la herida"""),
    "fear": _items("""
        he oído un golpe abajo, alguien intenta abrir la puerta, no contesta al teléfono y es tarde, y si no vuelve, y si es algo malo,
        no quiero quedarme aquí sola de noche, me van a operar y no puedo dormir, hay humo sal de ahí, se está moviendo el edificio,
        me está siguiendo un hombre, no vayas por esa calle que es peligrosa, qué va a ser de nosotros, y si le ha pasado algo,
        me tiembla todo el cuerpo, no me sueltes la mano, ten mucho cuidado con ese perro, se fue la luz y oigo pasos, tengo un mal presentimiento,
        ojalá no sea grave, estoy en vilo por los resultados, no respira llama a una ambulancia, se me ha parado el corazón con el ruido,
        no me atrevo a entrar, no bajes al sótano, hay un hombre raro en el portal, me dan pavor las arañas, y si me quedo sin trabajo,
        los niños no han llegado y ya es de noche, no mires abajo, cuidado que se cae"""),
    "happiness": _items("""
        qué bien huele la casa, por fin en casa, por fin es viernes, me han dado el puesto, ya tengo el carné, ha nacido la niña, está sana gracias a dios,
        ha salido todo bien en la operación, nos vamos a la playa, qué rico te quedó el guiso, qué bien se duerme con lluvia, me encanta cuando venís,
        los niños se lo pasaron en grande, sacó las mejores notas de la clase, mi hija se gradúa mañana estoy que reviento de orgullo,
        gracias por el detalle, qué guapo estás hoy, cómo me reí anoche, vaya tarde más bonita, aprobé el examen, nos han dado la hipoteca,
        ya puedo caminar sin muletas, me salió riquísimo el pastel, qué a gustito estoy, me vino a ver mi nieta, pasamos una tarde preciosa,
        ya cobré y me sobra, me admitieron en el curso, el bebé dijo mamá, qué ganas de verte, te mando un abrazo enorme, brindemos por vosotros,
        bailamos toda la noche, hoy cumplo años, mañana empiezan las vacaciones, qué gozada de siesta, gracias por acompañarme, da gusto hablar contigo"""),
    "sadness": _items("""
        hoy hace un año que se fue, la casa está vacía sin ellos, no me llamó nadie por mi cumpleaños, echo de menos mi tierra, me acuerdo mucho de mi padre,
        miro sus fotos y lloro, me quedé sin trabajo, tuvimos que dormir al perro, ya no me quiere, no me apetece nada, no tengo fuerzas para nada,
        se me juntó todo, qué solo me siento los domingos, me dejó por otra, lo dejamos ayer, no voy a volver a verla, me habría gustado despedirme,
        se nos fue la abuela, qué penita me da, mi hijo ya no me habla, todo me sale mal, lloró toda la noche, pobre hombre lo perdió todo,
        qué duro es vivir lejos, ya nada es igual desde que no está, me quedé sin amigos, llevo semanas sin salir de la cama, no me levanto del sofá de la pena,
        la extraño todos los días, el pajarito se murió, me siento inútil, qué triste verlo así en el hospital"""),
    "surprise": _items("""
        pero qué haces tú aquí, anda si has venido, no sabía que tenías un hijo, cómo que se casan, en serio te vas a vivir fuera,
        pero si ayer estaba bien, de pronto apareció mi hermano en la puerta, mira quién está aquí, no tenía ni idea, quién lo hubiera dicho,
        no me digas que era él, cómo puede ser, resulta que somos primos, abrí la puerta y estaban todos, de la nada me lo encontré en el metro,
        vaya no lo sabía, me acabo de enterar, a que no sabes a quién he visto, ha llamado después de veinte años, y eso de dónde ha salido,
        ay no sabía que hablabas japonés, quién iba a pensar que ganaría, nunca imaginé que fueras tú, esto sí que no me lo esperaba de ti"""),
}
"""Everyday feelings, mostly without naming them."""
