"""Words and phrases of feeling, by emotion: components of the generated sentences of `templates`.

Plain Spanish first, then turns of speech, then words of Spain, Mexico, Argentina, Colombia, Chile and Peru.
The sentences of `tests/behaviour` are not among them (a test compares); single words are of course in both.
"""

from __future__ import annotations

from typing import Final

Phrases = dict[str, tuple[str, ...]]


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(" ".join(phrase.split()) for phrase in text.split(",") if phrase.strip())


STATES: Final[dict[str, str]] = {
    "anger": "enfadado enfadada enojado enojada cabreado cabreada furioso furiosa indignado indignada irritado irritada "
    "molesto molesta rabioso rabiosa harto harta encabronado encabronada emputado emputada arrecho arrecha caliente picado picada "
    "mosqueado mosqueada emberracado emberracada mamado mamada enchilado chato chata enfurecido enfurecida exasperado exasperada "
    "colérico airado crispado resentida encachimbado amargado quemado",
    "disgust": "asqueado asqueada repugnado repugnada empachado revuelto revuelta",
    "fear": "asustado asustada aterrado aterrada atemorizado atemorizada nervioso nerviosa preocupado preocupada "
    "inquieto inquieta angustiado angustiada alarmado alarmada espantado espantada acojonado acojonada intimidado "
    "cagado cagada aterrorizado aterrorizada temeroso horrorizada palteado ansioso",
    "happiness": "contento contenta feliz alegre encantado encantada emocionado emocionada ilusionado ilusionada "
    "satisfecho satisfecha entusiasmado entusiasmada orgulloso orgullosa agradecido agradecida animado animada "
    "tranquilo tranquila radiante eufórico eufórica dichoso dichosa felices contentos contentas ",
    "sadness": "triste deprimido deprimida desanimado desanimada apenado apenada dolido dolida desconsolado desconsolada "
    "hundido hundida abatido abatida melancólico melancólica solo sola decepcionado decepcionada destrozado destrozada "
    "tristes bajoneado bajoneada agüitado agüitada achicopalado entusado entusada aburrida desolado afligida desilusionado "
    "enguayabado achantado achantada apachurrado",
    "surprise": "sorprendido sorprendida asombrado asombrada impactado impactada impresionado impresionada atónito "
    "atónita pasmado pasmada alucinado alucinada flipando anonadado anonadada patidifuso boquiabierta perplejo estupefacta",
}
"""What one can be: fits "estoy …"."""

NOUNS: Final[dict[str, str]] = {
    "anger": "rabia coraje ira bronca furia enfado enojo cólera indignación cabreo",
    "disgust": "asco repugnancia náuseas repelús grima repulsión arcadas",
    "fear": "miedo pánico terror temor pavor susto angustia",
    "happiness": "alegría felicidad ilusión gusto satisfacción gozo orgullo",
    "sadness": "pena tristeza lástima nostalgia dolor melancolía",
    "surprise": "sorpresa asombro",
}
"""What one can feel: fits "qué … me da"."""

VERBS: Final[dict[str, str]] = {
    "anger": "me indigna, me enfada, me enoja, me molesta, me fastidia, me cabrea, me irrita, me encabrona, me emputa, me emberraca, me exaspera, me enfurece",
    "disgust": "me repugna, me asquea, me produce náuseas, me revuelve las tripas",
    "fear": "me asusta, me aterra, me espanta, me preocupa, me inquieta, me acojona, me atemoriza, me angustia, me pone los nervios de punta",
    "happiness": "me alegra, me encanta, me gusta, me fascina, me divierte, me hace feliz, me entusiasma, me ilusiona, me emociona, me mola, me copa, me anima",
    "sadness": "me entristece, me apena, me duele, me deprime, me hunde, me desanima, me hace llorar, me decepciona",
    "surprise": "me sorprende, me asombra, me impacta, me impresiona, me alucina, me deja pasmado",
}
"""What a thing does to one: fits "… esta ciudad"."""

DEEDS: Final[dict[str, str]] = {
    "anger": "me enfadé, me enojé, grité de rabia, protesté, perdí los nervios, discutimos",
    "disgust": "vomité, me dieron náuseas",
    "fear": "me asusté, temblé, me escondí de miedo, pasé miedo, entré en pánico",
    "happiness": "me reí, sonreí, disfruté, me divertí, celebramos, me emocioné, lo pasé genial, me gustó",
    "sadness": "lloré, sufrí, me eché a llorar, me deprimí, me sentí solo, lloramos",
    "surprise": "me sorprendí, me asombré, aluciné",
}
"""What one did: fits "… al leer la carta"."""

QUALITIES: Final[dict[str, str]] = {
    "anger": "indignante irritante injusto insoportable ofensivo inadmisible intolerable",
    "disgust": "repugnante asqueroso nauseabundo hediondo inmundo",
    "fear": "aterrador terrorífico espeluznante peligroso escalofriante inquietante",
    "happiness": "bueno bonito precioso divertido estupendo maravilloso genial rico delicioso encantador lindo fantástico agradable perfecto hermoso",
    "sadness": "triste deprimente desolador lamentable doloroso trágico",
    "surprise": "increíble sorprendente asombroso impresionante inesperado insólito",
}
"""What a thing can be: fits "el viaje fue …"."""

EXCLAIMED: Final[Phrases] = {
    "anger": _phrases("""
        estoy hasta las narices, me saca de quicio, me hierve la sangre, ya no aguanto más esto, esto es una vergüenza,
        me tienen harto, qué rabia, déjame en paz, cállate de una vez, son unos sinvergüenzas, me revienta que hagan eso,
        estoy que echo chispas, estoy hecho una furia, se puso como un basilisco, echo fuego por los ojos, está que arde,
        está que muerde, estoy que me subo por las paredes, está que echa humo, se puso hecha un toro, me puse como un energúmeno,
        se me llevan los demonios, estoy hasta la coronilla, me saca de mis casillas, me pone negro, estoy hasta el gorro,
        no hay derecho, ya está bien, ya basta, me tienen hasta el moño, se me hinchan las narices, tengo un cabreo monumental,
        esto clama al cielo, me da por saco, me toca la moral, se acabó mi paciencia, me quitaron lo mío y no lo perdono,
        me han engañado, me estafaron, me mentiste en la cara, devuélveme lo que es mío, a mí no me grites, qué injusticia,
        me crispa los nervios, me pone de los nervios, me saca la piedra, qué falta de respeto, estoy que exploto, se me cruzan los cables,
        lo mandé al carajo, me caes fatal, no te soporto, no los aguanto, te odio, los odio con toda mi alma"""),
    "disgust": _phrases("""
        huele fatal, me dan ganas de vomitar, qué guácala, es repugnante, está podrido, qué cosa más asquerosa, me revuelve el estómago,
        apesta, qué porquería, es nauseabundo, está lleno de gusanos, qué asquito, fuchi, me da repelús tocarlo, qué guarrería,
        tiene moho, sabe a rayos, huele a muerto, huele a cloaca, qué peste, qué cerdada, está lleno de cucarachas, me dan bascas,
        qué cochinada, no me lo comería ni loca, está mugriento, qué tufo, es vomitivo, hay pelos en la sopa, esto está rancio"""),
    "fear": _phrases("""
        se me pone la piel de gallina, me tiemblan las piernas, tengo el corazón en un puño, no me atrevo, creo que alguien nos sigue,
        me da pavor la oscuridad, no quiero ir sola de noche, me da cosa entrar, qué susto me has dado, tengo un mal presentimiento,
        me cago de miedo, tengo el miedo metido en el cuerpo, se me heló la sangre, se me eriza la piel, se me erizan los pelos del brazo,
        estoy como un flan, me va a dar algo, se me sale el corazón por la boca, estoy temblando, me entró el pánico,
        estoy cagada de miedo, me muero del susto, estoy con los nervios de punta, no pego ojo del miedo, ayúdame por favor,
        no me hagas daño, sáquenme de aquí, por favor no me mates, hay alguien en la casa, quién anda ahí, socorro, auxilio,
        nos van a matar, corre que vienen, escóndete, no salgas de casa, temo lo peor, me estremezco, no apagues la luz, me persiguen,
        y si me pasa algo, ten cuidado que es peligroso, tengo pesadillas, me late muy fuerte el corazón, estoy paralizada"""),
    "happiness": _phrases("""
        me encanta, qué bien, es maravilloso, lo pasamos genial, es la mejor noticia, por fin lo conseguimos, te quiero mucho,
        muchas gracias por todo, me muero de risa, estoy en las nubes, qué alegría verte, me fascina, buenísimo, eres un crack,
        no quepo en mí de gozo, doy saltos de felicidad, estoy como un niño con zapatos nuevos, más feliz que una perdiz,
        me ha tocado la lotería, nos ha tocado un premio, estoy que no me lo creo de contento, me parto de risa, bailo en una pata,
        estoy en el séptimo cielo, se me alegra el alma, qué ilusión, viva, felicidades, enhorabuena, todo salió perfecto,
        he aprobado, hemos ganado, me han ascendido, va a ser mamá, se casan, qué suerte la mía, es un sueño hecho realidad,
        me alegro mucho por ti, qué risa, soy afortunada, la vida es bella, os quiero, te amo, qué gusto da, me has alegrado el día,
        estoy que doy palmas, esto es vida, qué ricura, lo disfruté un montón"""),
    "sadness": _phrases("""
        te echo de menos, te extraño mucho, se me parte el alma, no tengo ganas de nada, no paro de llorar, me siento muy solo,
        me siento sola, ha sido un día horrible, lo perdimos todo, se murió mi perro, falleció mi abuela, ya nada tiene sentido,
        me rompió el corazón, qué bajón, estoy de capa caída, ojalá estuviera aquí todavía, descanse en paz, lo siento muchísimo,
        me duele que se haya ido, se me cae el alma a los pies, tengo un nudo en la garganta, se me saltan las lágrimas, lloro a mares,
        tengo el ánimo por los suelos, estoy en un pozo, no levanto cabeza, me ahogo en mis lágrimas, me ha dejado, se fue para siempre,
        nadie me quiere, ya no me llama nadie, he fracasado, no valgo para nada, perdimos la final, suspendí otra vez, me despidieron,
        la vida no tiene gracia, qué desgracia, estoy hundido en la miseria, me duele el corazón, cuánto sufrimiento, pobrecito,
        qué vacío tan grande dejaste, mi más sentido pésame, estoy rota por dentro, me han roto la ilusión, estoy hecho trizas"""),
    "surprise": _phrases("""
        no me lo esperaba, no lo puedo creer, quién lo iba a decir, vaya sorpresa, me quedé de piedra, me he quedado con la boca abierta,
        increíble pero cierto, jamás lo habría imaginado, qué me estás contando, me dejaste helado, en serio pasó eso, nos quedamos helados,
        me he quedado muerta, me quedé patidifuso, me quedé pasmado, anda ya, no me digas, qué me dices, madre mía qué cosas,
        no doy crédito, me cogió desprevenido, me pilló por sorpresa, de repente apareció, se me cayó la mandíbula, quién lo diría,
        no salgo de mi asombro, cómo es posible, nadie se lo esperaba, me quedé tiesa, caramba, vaya vaya, de verdad existe eso"""),
}
"""Statements and turns of speech that everybody knows."""

REGIONAL: Final[Phrases] = {
    "anger": _phrases("""
        qué cabreo tengo, me toca las pelotas, me pone de mala leche, qué coñazo de gente, vaya morro que tienen, me caga los huevos,
        me rompe las bolas, andate a la mierda, estoy re podrida de esto, me saca ese tipo, qué bronca me da, me tiene podrido,
        me emperra que mientan, qué piedra me dio, estoy empute, me da una piedra, me tiene mamada este trabajo, qué mamera de jefe,
        me emberraca la gente así, me sacó la piedra el man, qué embejuque, me tiene verde, estoy ofuscada, me da rabia la weá,
        estoy apestada con la pega, me tiene hasta la tusa, me tiene chata la vecina, qué lata este weón, me saca los choros del canasto,
        me llega al pájaro, me llega al pincho, me llegas altamente, estoy asada contigo, qué tal concha, me da cólera, me purga ese güey,
        me vale madre váyanse al diablo, no mames qué coraje, me encabrona que lleguen tarde, me cae gordo tu primo, me cae gorda esa vieja,
        no manches ya estuvo bueno, ya me tienen hasta la madre, me cagas, me choca que hagas eso, qué huevones son, me emputa esa gente,
        estoy mosqueada con todos, me mosquea mucho, vaya cabreo pillé, me tienes frito, estoy quemado con el laburo, me hinchan las bolas"""),
    "disgust": _phrases("""
        qué marranada, puaj, qué ascazo, qué mugre, qué inmundicia, me da ñáñaras comerlo, qué guacala, qué chancho, qué cochino,
        un asco total, guácatela, qué guarro eres, menuda guarrada, gas ese olor, gas eso tan feo, uy gas, fó qué olor, qué cochambre,
        qué wea más cochina, qué hediondez, wácala, qué asco po, me da cosita comerlo, huele a chivo, qué gas de baño"""),
    "fear": _phrases("""
        qué canguelo, tengo un mal rollo que flipas, me da jindama, qué cagazo tengo, me cagué todo del susto, me da culillo,
        qué culillo entrar, quedé pa dentro del susto, ando con el alma en un hilo, me late el corazón de los nervios,
        me dio un paro del susto, qué julepe, qué cuiqui me da, me da yuyu el sótano, qué yuyu, se me frunce, qué susto tan berraco,
        híjole qué susto, ando bien ciscada, me da ñañaras la noche, tengo los nervios a mil pe, qué paltas me da, qué miedo weón"""),
    "happiness": _phrases("""
        mola mogollón, qué guapo está, es una gozada, ha sido la leche, qué piola, está bárbaro, re contento, una masa, qué chimba,
        qué berraquera, qué nota de fiesta, está brutal parcero, pulento, la raja el asado, filete, qué rico verte, está mostro,
        qué paja la fiesta, qué bravazo, está chingón, qué suave, a toda madre, qué buena onda, está de lujo, qué guay, qué padre,
        qué chévere, qué bacano, qué lindo, está bien chido, la pasamos bomba, está de pelos, qué copado, la rompiste, qué cachimbo,
        qué bacán, está chiquito y precioso, mola un montón, qué chulada, está padrísimo, me late mucho, qué joya, de diez loco,
        te pasaste amigo, está bacanísimo, qué elegancia parce, lo máximo, está cheverísimo, está chancho de bueno, bien ahí, dale campeón"""),
    "sadness": _phrases("""
        qué chof, estoy plof, menuda llorera llevo, ando de bajón, estoy hecha bolsa, qué garrón che, estoy enguayabado, tengo una tusa,
        me dio guayabo, ando bajoneado po, qué pena más grande, estoy piña, qué palta tan triste, ando chípil, me agüité, estoy en la lona,
        ando achicopalada, estoy entusada por él, qué tusa la mía, estoy con la depre, tengo la moral por el piso, ando con la malegría,
        qué mala pata, estoy para el arrastre, me quedé con la pena, ando bien bajoneada, estoy chungo de ánimo"""),
    "surprise": _phrases("""
        qué fuerte tía, flipo, no jodas en serio, mirá vos, no te puedo creer, uy no sabía, cómo así, la media sorpresa, chuta no cachaba,
        asu mare, manyas eso, ah caray, no mames de verdad, qué onda en serio, no manches en serio, a poco sí, órale no sabía, ah chihuahua,
        uy juepucha, no me lo puedo creer parce, la wea increíble, cachai lo que pasó, alucina pe, ay nanita qué impresión, flipa con esto"""),
}
"""Words of Spain, Mexico, Argentina, Colombia, Chile and Peru."""

INSULTS: Final = (
    "imbécil, idiota, cabrón, gilipollas, pendejo, pelotudo, boludo de mierda, hijo de puta, hijueputa, malparido, gonorrea, "
    "conchetumare, maraco culiao, hijo de la chingada, pinche güey, desgraciado, sinvergüenza, miserable, mamón, huevón de mierda, "
    "cabrones rateros, zorra, capullo, cerdo, payaso, basura, rata, cretino, subnormal"
)
CURSES: Final = (
    "vete a la mierda, me cago en todo, la concha de tu madre, la puta que te parió, chinga a toda tu familia, que te den, "
    "chingados, me cago en la puta, tu puta madre, conchetumadre, a la verga contigo, jódete, váyanse todos al carajo, anda a cagar, "
    "púdrete, maldita sea, me cago en dios, que te jodan, chupa pija, vete al infierno, hostia puta ya"
)
"""Swearing as anger."""

SWEARWORDS: Final = "joder, hostia, coño, carajo, puta madre, la puta, weón, hijueputa, no mames, verga, ostras, cabrón, la concha, puta"
PRAISE: Final = (
    "qué bueno está, qué bonito, qué rico, qué guapa estás, lo hemos conseguido, qué gusto verte, qué bien ha salido, qué partidazo, "
    "qué fiestón, qué feliz me haces, te quiero, qué ilusión me hace, qué lindo día, hemos ganado, qué bien se está aquí, qué buena canción"
)
SWORN_JOY: Final = (
    "de puta madre, joder qué bueno, eres el puto amo, de la hostia, qué chingonería, la hostia de bueno, está cojonuda la tarta, "
    "qué cabrón qué arte tienes, me cago en la leche qué alegría, de la verga de bueno, qué jodidamente bonito, mola que te cagas, "
    "es la puta hostia este disco, la reputa madre qué felicidad, una puta pasada, te adoro hijueputa, está de huevos"
)
"""Swearing as joy: any of SWEARWORDS before any of PRAISE, and set phrases."""
