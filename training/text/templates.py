"""Sentences made from words and frames: they teach negation, everyday statements of feeling and neutral talk.

The data sets hold few simple statements of one's own feeling, which is what a device hears. Frames and
sentences here and in `tests/behaviour` are disjoint (a test compares them); single words such as "contento"
are of course in both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emoedge.emotions import EMOTION_COUNT, INDEX
from training.text import home, lexicon, talk
from training.text.names import NAMES as GIVEN_NAMES

SURE: Final = 0.9
"""Share of the feeling in a plain statement of it; the rest is neutral."""

BEFORE: Final = (
    "", "", "la verdad", "te lo juro", "es que", "hoy", "mi hermano dice que", "uf", "otra vez", "desde ayer",
    "oye", "mira", "cuando lo pienso", "con mi suegra", "en el bus",
)  # fmt: skip
AFTER: Final = (
    "", "", "de verdad", "con todo esto", "la verdad", "en el trabajo", "con mi familia", "siempre",
    "cada día", "te lo digo yo", "desde el martes", "por culpa de todos", "en la boda", "este verano",
)  # fmt: skip
"""Context around an exclamation, so that it is also recognised within a sentence."""
STATE_FRAMES: Final = (
    "hoy me siento {}", "la verdad me encuentro {}", "ando {} desde ayer", "últimamente se nos ve {}",
    "me puse {} al oírlo", "llegué {} a casa", "sigo {} con lo del lunes", "mi hermana anda {}",
    "se le nota {}", "me quedé {} con la respuesta",
)  # fmt: skip
NAMED_FRAMES: Final = (
    "hoy ando {} con {}", "me siento {} por lo de {}", "{1} está {0} desde ayer", "{1} me vio {0}",
    "me puse {} cuando {} llamó",
)  # fmt: skip
NEGATED_FRAMES: Final = (
    "hoy no me siento {}", "la verdad no me encuentro {}", "nunca ando {}", "no me puse {} al oírlo",
    "ya no se nos ve {}", "tampoco me siento {}", "mi hermana no anda {}", "ni {} ni nada parecido",
    "no llegué {} a casa", "aquí nadie está {}",
)  # fmt: skip
NOUN_FRAMES: Final = (
    "siento mucha {}", "me da mucho {}", "esto me produce {}", "me entra una {} cuando lo veo",
    "con qué {} lo contaba", "qué {} tan grande me entró", "tenemos {} en casa", "vive con {}",
    "lo miraba con {}", "{} es lo que siento",
)  # fmt: skip
DENIAL: Final = 2.5
"""Weight of a denied noun: many comments deny fear and are labelled as fear."""
DENIED_STATE: Final = 1.8
"""Weight of a denied state or verb: a "no" in everyday talk (`talk`) is often not a denial."""
NEGATED_NOUN_FRAMES: Final = (
    "no siento {}", "no me produce {}", "esto ya no me da {}", "vivo sin {}", "nunca he sentido {}",
    "a mí eso no me da {}", "no tenemos ninguna {}", "lo conté sin {}", "entré sin {} en el agua",
    "no hay {} en esta casa", "ya no tengo {} como antes", "ni siento {} ni quiero sentirla",
    "por suerte no tengo {}",
)  # fmt: skip
THINGS: Final = (
    "el ruido de la obra", "esta ciudad", "lo que pasó ayer", "que llegue el lunes", "tu respuesta",
    "esa llamada", "el examen", "su voz", "el mar", "ese sitio", "la tormenta", "que vengan todos",
    "la televisión", "salir de casa", "lo que cuentan",
)  # fmt: skip
VERB_FRAMES: Final = ("{} {}", "cómo {} {}", "a mí {} {}")
NEGATED_VERB_FRAMES: Final = ("no {} {}", "ya no {} {}", "a mí nunca {} {}", "no {} nada {}")
OCCASIONS: Final = (
    "al leer la carta", "en el cine", "cuando se fue", "durante la cena", "con el discurso", "en el hospital",
    "al llegar",
)  # fmt: skip
SUBJECTS_OF_TASTE: Final = (
    "el hotel", "la sopa", "el viaje", "esa película", "la idea", "el discurso", "lo de ayer", "tu cuarto",
    "el partido", "la reunión", "este barrio", "el perro",
)  # fmt: skip
QUALITY_FRAMES: Final = ("{} es {}", "{} fue {}", "{} me pareció {}", "qué {1} {0}")
NEGATED_QUALITY_FRAMES: Final = (
    "{} no es {}", "{} no fue {}", "{} no me pareció {}", "{} no tiene nada de {}",
)  # fmt: skip
KINDS: Final = ("idea", "película", "canción", "señal", "opción", "persona", "manera de empezar", "tarde")
KIND_FRAMES: Final = ("es una {} {}", "qué {1} tan {0}", "fue una {} {}")
NEGATED_KIND_FRAMES: Final = ("no es una {} {}", "eso no fue ninguna {} {}", "no me parece una {} {}")
TURNED_FRAMES: Final = (
    "andaba {} pero ya me siento {}", "al principio me puse {} pero luego {}", "ayer {} pero hoy {}",
    "llegué {} pero salí {}",
)  # fmt: skip
PERSONS: Final = (
    "mi vecina", "mi primo", "el jefe", "mamá", "la abuela", "nico", "papá", "mi novio", "la maestra", "mi hija", "tu tío",
    *(name.lower() for name in GIVEN_NAMES),
)  # fmt: skip
PERSON_FRAMES: Final[dict[str, tuple[str, ...]]] = {
    "anger": ("odio a {}", "no soporto a {}", "{} me tiene harta", "qué rabia me da {}", "me peleé con {}", "estoy que muerdo con {}"),
    "disgust": ("{} me da asco", "qué asco me da {}", "{} huele mal"),
    "fear": ("me asusta {}", "le temo a {}", "me preocupa que {} no llame", "tengo miedo por {}", "temo que {} se entere"),
    "happiness": ("quiero un montón a {}", "adoro a {}", "me encanta estar con {}", "qué alegría ver a {}", "{} es un amor",
                  "la comida con {} fue estupenda"),
    "sadness": ("echo en falta a {}", "cómo echo de menos a {}", "extraño a {} cada día", "lloro por {}", "desde que se fue {} estoy triste"),
    "surprise": ("no esperaba ver a {}", "me sorprendió {}", "qué sorpresa encontrarme con {}"),
    "neutral": ("{} llega mañana", "he quedado con {} el lunes", "{} está en la oficina", "le di los papeles a {}"),
}  # fmt: skip
NAMES_EACH: Final = 14
"""Names drawn for each of PERSON_FRAMES: the feeling does not depend on the person."""

DENIED: Final[dict[str, dict[str, float]]] = {
    "anger": {"neutral": 0.6, "happiness": 0.4},
    "disgust": {"neutral": 0.6, "happiness": 0.4},
    "fear": {"neutral": 0.5, "happiness": 0.5},
    "happiness": {"sadness": 0.5, "anger": 0.35, "disgust": 0.15},
    "sadness": {"neutral": 0.4, "happiness": 0.6},
    "surprise": {"neutral": 1.0},
}
"""What remains when a feeling is denied: the absence of joy is close to sadness, the absence of fear is calm.
"""

NEUTRAL: Final = (
    "mañana voy a la oficina a las ocho", "la reunión empieza a las diez", "hay que comprar pan y leche",
    "el tren sale del andén cuatro", "son las cinco y media", "vivo en un piso de dos habitaciones",
    "el informe tiene veinte páginas", "la tienda cierra a las nueve", "he dejado las llaves en la mesa",
    "el autobús pasa cada quince minutos", "trabajo en una empresa de transporte",
    "mi hermano vive en otra ciudad", "el documento está en la carpeta", "después de comer lavo los platos",
    "la clase es el martes por la tarde", "el archivo se guarda en el ordenador",
    "tienes que girar a la derecha", "la cita es el jueves", "el gobierno ha presentado el nuevo plan",
    "según los datos publicados ayer", "la temperatura será de veinte grados",
    "el ayuntamiento abrirá la oficina en marzo", "el agua hierve a cien grados", "la mesa es de madera",
    "ahora te paso el número de teléfono", "voy a poner la lavadora",
    "el coche está aparcado en la calle de atrás", "necesito una copia del contrato",
    "el curso dura tres meses", "el paquete llega el lunes", "la receta lleva harina huevos y azúcar",
    "puedes dejar el abrigo en la silla", "he quedado con ella a las siete", "apaga la luz cuando salgas",
    "el avión aterriza a mediodía", "se celebrará una rueda de prensa",
    "el presidente viajará la próxima semana", "las elecciones serán en mayo",
    "el precio medio fue de diez euros", "la biblioteca está al lado del mercado",
)  # fmt: skip
NEUTRAL_FRAMES: Final[tuple[tuple[str, tuple[tuple[str, ...], ...]], ...]] = (
    ("{} está en el {}", (
        ("el informe", "la carta", "el pedido", "el técnico", "la llave", "el recibo", "mi compañera", "el extintor"),
        ("segundo piso", "cajón", "despacho", "edificio de al lado", "correo", "fondo del pasillo"),
    )),
    ("{} {} a las {}", (
        ("el avión", "el barco", "la clase", "el turno", "el taller", "la misa", "el concierto", "la tienda"),
        ("sale", "llega", "empieza", "acaba", "abre"),
        ("siete", "nueve menos cuarto", "doce y media", "cinco", "diez de la mañana"),
    )),
    ("{} {} de {}", (
        ("trae", "pon", "añade", "pide", "hay que comprar", "faltan"),
        ("medio kilo", "tres botes", "una docena", "cien gramos", "dos paquetes", "un litro"),
        ("tomates", "harina", "arroz", "zanahorias", "aceite", "galletas", "jabón"),
    )),
    ("{} dura {} {}", (
        ("la clase", "el trayecto", "el partido", "la obra", "el contrato", "la batería", "el vuelo"),
        ("tres", "casi dos", "unas cinco", "cuarenta", "seis"),
        ("horas", "semanas", "minutos", "meses", "días"),
    )),
    ("{} {} {}", (
        ("la consejera", "el alcalde", "el presidente", "la ministra", "el portavoz", "la directora", "el gobierno", "el ministro"),
        ("ha firmado", "ha anunciado", "inauguró", "ha explicado", "visitará", "aprobó ayer", "ha publicado"),
        ("el convenio", "el nuevo reglamento", "la exposición", "las cifras del trimestre", "la fábrica", "el calendario", "un decreto"),
    )),
    ("{} {} {}", (
        ("mi teléfono", "el código", "la matrícula", "mi dirección", "la contraseña del wifi", "el expediente"),
        ("acaba en", "empieza por", "es", "lleva"),
        ("setenta y ocho", "ciento veinte", "nueve cero tres", "tres cifras", "dos letras", "cinco uno"),
    )),
    ("{} {} {}", (
        ("voy a", "tienes que", "hemos de", "luego quiero", "mañana toca", "acabo de"),
        ("enviar", "firmar", "recoger", "guardar", "copiar", "ordenar", "medir"),
        ("los papeles", "la caja", "el abrigo", "las sillas", "el formulario de la página", "los vasos", "la factura"),
    )),
    ("{} {} {}", (
        ("este camino", "la avenida", "el piso", "esta mesa", "el coche", "la maleta", "el parque"),
        ("tiene", "mide", "lleva"),
        ("dos puertas", "cuatro ruedas", "tres metros", "ochenta metros cuadrados", "una entrada", "seis patas"),
    )),
    ("{} {} en {}", (
        ("habrá nubes", "subirán las temperaturas", "soplará viento", "lloverá", "se esperan diez grados"),
        ("por la tarde", "el jueves", "a partir de mañana", "el fin de semana"),
        ("la costa", "el sur", "las islas", "el interior", "madrid"),
    )),
    ("{} {} {}", (
        ("marta", "pablo", "mi primo", "el conductor", "la profesora", "mi jefe", "una vecina"),
        ("trabaja", "vive", "aparca", "compra", "se sienta"),
        ("en el banco", "cerca del puerto", "en la calle mayor", "junto a la puerta", "en otra provincia", "en el centro"),
    )),
)  # fmt: skip
"""Everyday and news statements: any of the words in each place."""
NEUTRAL_DRAWS: Final = 45
"""Sentences drawn from each of NEUTRAL_FRAMES."""

NORM_EMOTIONS: Final = ("anger", "disgust", "fear", "happiness", "sadness")
NORM_CLEAR: Final = 2.6
"""Mean rating (1 to 5) from which a word carries an emotion."""
NORM_BLAND: Final = 1.5
"""Highest rating of any emotion up to which a word is neutral."""


@dataclass(frozen=True)
class Taught:
    """A generated sentence with its target distribution, float32 (7,), and its weight beside a real row."""

    text: str
    target: NDArray[np.float32]
    weight: float


def _target(shares: dict[str, float]) -> NDArray[np.float32]:
    target = np.zeros(EMOTION_COUNT, np.float32)
    for name, share in shares.items():
        target[INDEX[name]] = share
    return target / target.sum()


def _felt(name: str) -> NDArray[np.float32]:
    return _target({name: SURE, "neutral": 1 - SURE})


def _some(rng: np.random.Generator, items: Sequence[str], count: int) -> list[str]:
    return [items[index] for index in rng.permutation(len(items))[:count]]


def _words(text: str) -> list[str]:
    """Single words, or phrases separated by commas."""
    return [part.strip() for part in text.split(",")] if "," in text else text.split()


def frames() -> Iterator[str]:
    """Every frame, for the comparison with the test suite."""
    for group in (
        STATE_FRAMES, NAMED_FRAMES, NEGATED_FRAMES, NOUN_FRAMES, NEGATED_NOUN_FRAMES, VERB_FRAMES, NEGATED_VERB_FRAMES,
        QUALITY_FRAMES, NEGATED_QUALITY_FRAMES, KIND_FRAMES, NEGATED_KIND_FRAMES, TURNED_FRAMES, *PERSON_FRAMES.values(),
    ):  # fmt: skip
        yield from group


def sentences(rng: np.random.Generator, per_word: int = 4) -> list[Taught]:
    """Statements of feeling, plain and denied, exclamations, swearing, "pero", neutral talk."""
    return [
        *_states(rng, per_word),
        *_nouns(),
        *_verbs(rng, per_word),
        *_deeds(rng, per_word),
        *_qualities(rng, per_word),
        *_exclaimed(rng),
        *_sworn(rng),
        *_turned(rng),
        *_persons(rng),
        *_at_home(rng),
        *_talk(rng),
        *_calm(rng),
    ]


def _states(rng: np.random.Generator, per_word: int) -> Iterator[Taught]:
    for name, words in lexicon.STATES.items():
        for word in words.split():
            for frame in _some(rng, STATE_FRAMES, per_word):
                yield Taught(frame.format(word), _felt(name), 1.0)
            for person in _some(rng, PERSONS, 2):
                frame = NAMED_FRAMES[rng.integers(len(NAMED_FRAMES))]
                yield Taught(frame.format(word, person), _felt(name), 1.0)
            for frame in _some(rng, NEGATED_FRAMES, per_word - 1):
                yield Taught(frame.format(word), _target(DENIED[name]), DENIED_STATE)


def _nouns() -> Iterator[Taught]:
    for name, words in lexicon.NOUNS.items():
        for word in words.split():
            for frame in NOUN_FRAMES:
                yield Taught(frame.format(word), _felt(name), 1.0)
            for frame in NEGATED_NOUN_FRAMES:
                yield Taught(frame.format(word), _target(DENIED[name]), DENIAL)


def _verbs(rng: np.random.Generator, per_word: int) -> Iterator[Taught]:
    for name, verbs in lexicon.VERBS.items():
        for verb in _words(verbs):
            for thing in _some(rng, THINGS, per_word):
                frame = VERB_FRAMES[rng.integers(len(VERB_FRAMES))]
                yield Taught(frame.format(verb, thing), _felt(name), 1.0)
            for thing in _some(rng, THINGS, per_word):
                frame = NEGATED_VERB_FRAMES[rng.integers(len(NEGATED_VERB_FRAMES))]
                yield Taught(frame.format(verb, thing), _target(DENIED[name]), DENIED_STATE)


def _deeds(rng: np.random.Generator, per_word: int) -> Iterator[Taught]:
    for name, deeds in lexicon.DEEDS.items():
        for deed in _words(deeds):
            for occasion in _some(rng, OCCASIONS, per_word):
                yield Taught(f"{deed} {occasion}", _felt(name), 1.0)
                yield Taught(f"no {deed} {occasion}", _target(DENIED[name]), 1.0)


def _qualities(rng: np.random.Generator, per_word: int) -> Iterator[Taught]:
    for name, words in lexicon.QUALITIES.items():
        for word in words.split():
            for subject in _some(rng, SUBJECTS_OF_TASTE, per_word):
                frame = QUALITY_FRAMES[rng.integers(len(QUALITY_FRAMES))]
                yield Taught(frame.format(subject, word), _felt(name), 1.0)
            for subject in _some(rng, SUBJECTS_OF_TASTE, per_word - 1):
                frame = NEGATED_QUALITY_FRAMES[rng.integers(len(NEGATED_QUALITY_FRAMES))]
                yield Taught(frame.format(subject, word), _target(DENIED[name]), 1.0)
            of_her = f"{word[:-1]}a" if word.endswith("o") else f"{word}a" if word.endswith("or") else word
            for kind in _some(rng, KINDS, 2):
                frame = KIND_FRAMES[rng.integers(len(KIND_FRAMES))]
                yield Taught(frame.format(of_her, kind), _felt(name), 1.0)
                frame = NEGATED_KIND_FRAMES[rng.integers(len(NEGATED_KIND_FRAMES))]
                yield Taught(frame.format(of_her, kind), _target(DENIED[name]), 1.0)


def _around(rng: np.random.Generator, line: str) -> str:
    return " ".join(f"{BEFORE[rng.integers(len(BEFORE))]} {line} {AFTER[rng.integers(len(AFTER))]}".split())


def _exclaimed(rng: np.random.Generator) -> Iterator[Taught]:
    for name, lines in (*lexicon.EXCLAIMED.items(), *lexicon.REGIONAL.items()):
        for line in lines:
            yield Taught(line, _target({name: 1.0}), 2.0)
            for _ in range(2):
                yield Taught(_around(rng, line), _target({name: 1.0}), 1.0)


def _sworn(rng: np.random.Generator) -> Iterator[Taught]:
    anger, joy = _target({"anger": 0.8, "disgust": 0.2}), _target({"happiness": 1.0})
    for insult in _words(lexicon.INSULTS):
        for frame in (
            "menudo {} estás hecho",
            "qué {} eres",
            "me engañaste {}",
            "fuera de aquí {}",
            "ese {} me robó el dinero",
        ):
            yield Taught(frame.format(insult), anger, 1.0)
    for curse in _words(lexicon.CURSES):
        yield Taught(curse, anger, 2.0)
        for _ in range(2):
            yield Taught(_around(rng, curse), anger, 1.0)
    for line in _words(lexicon.SWORN_JOY):
        yield Taught(line, joy, 2.0)
        yield Taught(_around(rng, line), joy, 1.0)
    for word in _words(lexicon.SWEARWORDS):
        for praise in _some(rng, _words(lexicon.PRAISE), 6):
            yield Taught(f"{word} {praise}", joy, 1.0)


def _turned(rng: np.random.Generator, count: int = 360) -> Iterator[Taught]:
    states = [(name, word) for name, words in lexicon.STATES.items() for word in words.split()]
    while count:
        (left, before), (name, after) = (states[rng.integers(len(states))] for _ in range(2))
        if left != name:
            frame = TURNED_FRAMES[rng.integers(len(TURNED_FRAMES))]
            yield Taught(frame.format(before, after), _felt(name), 1.0)
            count -= 1


def _persons(rng: np.random.Generator) -> Iterator[Taught]:
    for name, lines in PERSON_FRAMES.items():
        for line in lines:
            for person in _some(rng, PERSONS, NAMES_EACH):
                yield Taught(line.format(person), _target({name: 1.0}), 1.0)


def _filled(rng: np.random.Generator, frame: str, places: home.Places) -> str:
    return " ".join(frame.format(*(place[rng.integers(len(place))] for place in places)).split())


def _at_home(rng: np.random.Generator) -> Iterator[Taught]:
    for name, lines in home.FELT.items():
        for line in lines:
            yield Taught(line, _target({name: 1.0}), 2.0)
            yield Taught(_around(rng, line), _target({name: 1.0}), 1.0)


def _talk(rng: np.random.Generator) -> Iterator[Taught]:
    for line, name in talk.sentences(rng):
        yield Taught(line, _target({name: 1.0}), 1.0)


def _calm(rng: np.random.Generator) -> Iterator[Taught]:
    target = _target({"neutral": 1.0})
    for line in NEUTRAL:
        yield Taught(line, target, 4.0)
    for frame, places in NEUTRAL_FRAMES:
        for _ in range(NEUTRAL_DRAWS):
            yield Taught(_filled(rng, frame, places), target, 1.0)
    for frame, places in home.NEUTRAL_FRAMES:
        for _ in range(home.DRAWS):
            yield Taught(_filled(rng, frame, places), target, 1.0)


def norm_words(norms: dict[str, dict[str, float]]) -> list[Taught]:
    """Single rated words whose emotion is clear, or clearly absent: a smooth prior over the vocabulary."""
    made = []
    for word, rating in norms.items():
        values = {name: rating[name] for name in NORM_EMOTIONS}
        if max(values.values()) >= NORM_CLEAR:
            shares = {name: max(0.0, value - NORM_BLAND) ** 2 for name, value in values.items()}
            made.append(Taught(word, _target(shares), 1.0))
        elif max(values.values()) <= NORM_BLAND:
            made.append(Taught(word, _target({"neutral": 1.0}), 0.3))
    return made
