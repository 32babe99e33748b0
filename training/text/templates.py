"""Sentences made from words and frames: they teach negation, intensity and everyday neutral talk.

The data sets hold few simple statements of one's own feeling, which is what a device hears. Frames and sentences here
and in `tests/behaviour` are disjoint (a test compares them); single words such as "contento" are of course in both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emoedge.emotions import EMOTION_COUNT, INDEX

STATES: Final[dict[str, str]] = {
    "anger": "enfadado enfadada enojado enojada cabreado cabreada furioso furiosa indignado indignada irritado irritada "
    "molesto molesta rabioso rabiosa harto harta encabronado encabronada emputado arrecho arrecha caliente picado",
    "disgust": "asqueado asqueada repugnado repugnada empachado revuelto revuelta",
    "fear": "asustado asustada aterrado aterrada atemorizado atemorizada nervioso nerviosa preocupado preocupada "
    "inquieto inquieta angustiado angustiada alarmado alarmada espantado espantada acojonado intimidado "
    "cagado cagada aterrorizado aterrorizada",
    "happiness": "contento contenta feliz alegre encantado encantada emocionado emocionada ilusionado ilusionada "
    "satisfecho satisfecha entusiasmado entusiasmada orgulloso orgullosa agradecido agradecida animado animada "
    "tranquilo tranquila radiante eufórico eufórica dichoso dichosa felices contentos contentas",
    "sadness": "triste deprimido deprimida desanimado desanimada apenado apenada dolido dolida desconsolado desconsolada "
    "hundido hundida abatido abatida melancólico melancólica solo sola decepcionado decepcionada destrozado destrozada "
    "tristes bajoneado bajoneada agüitado achicopalado",
    "surprise": "sorprendido sorprendida asombrado asombrada impactado impactada impresionado impresionada atónito "
    "atónita pasmado pasmada alucinado alucinada flipando anonadado anonadada",
}
"""What one can be: fits "estoy …"."""

NOUNS: Final[dict[str, str]] = {
    "anger": "rabia coraje ira bronca furia enfado enojo cólera indignación",
    "disgust": "asco repugnancia náuseas repelús grima repulsión arcadas",
    "fear": "miedo pánico terror temor pavor susto angustia",
    "happiness": "alegría felicidad ilusión gusto satisfacción gozo orgullo",
    "sadness": "pena tristeza lástima nostalgia dolor melancolía",
    "surprise": "sorpresa asombro",
}
"""What one can feel: fits "qué … me da"."""

EXCLAIMED: Final[dict[str, tuple[str, ...]]] = {
    "anger": (
        "estoy hasta las narices", "me saca de quicio", "me hierve la sangre", "ya no aguanto más esto",
        "esto es una vergüenza", "vete a la mierda", "me cago en todo", "hijo de puta", "me tienen harto",
        "me tiene podrido", "qué bronca me da", "no manches ya estuvo bueno", "me encabrona", "me emputa esa gente",
        "déjame en paz", "cállate de una vez", "son unos sinvergüenzas", "me revienta que hagan eso",
        "qué huevones son", "la concha de su madre", "me llega al pincho", "estoy que echo chispas",
    ),
    "disgust": (
        "huele fatal", "me dan ganas de vomitar", "qué guácala", "es repugnante", "está podrido", "qué cosa más asquerosa",
        "me revuelve el estómago", "apesta", "qué porquería", "es nauseabundo", "está lleno de gusanos",
        "qué asquito", "fuchi", "me da repelús tocarlo",
    ),
    "fear": (
        "se me pone la piel de gallina", "me tiemblan las piernas", "tengo el corazón en un puño", "no me atrevo",
        "creo que alguien nos sigue", "me da pavor la oscuridad", "no quiero ir sola de noche", "me da cosa entrar",
        "qué susto me has dado", "tengo un mal presentimiento", "me cago de miedo", "qué julepe", "qué cuiqui me da",
    ),
    "happiness": (
        "me encanta", "qué bien", "es maravilloso", "lo pasamos genial", "qué padre", "qué chévere", "qué bacano",
        "qué lindo", "está bien chido", "es la mejor noticia", "por fin lo conseguimos", "te quiero mucho",
        "muchas gracias por todo", "qué guay", "me muero de risa", "estoy en las nubes", "de puta madre",
        "qué alegría verte", "la pasamos bomba", "está de pelos", "me fascina", "qué copado", "buenísimo",
        "la rompiste", "eres un crack", "no quepo en mí de gozo", "qué cachimbo", "qué bacán", "está chiquito y precioso",
    ),
    "sadness": (
        "te echo de menos", "te extraño mucho", "se me parte el alma", "no tengo ganas de nada", "no paro de llorar",
        "me siento muy solo", "me siento sola", "ha sido un día horrible", "lo perdimos todo", "se murió mi perro",
        "falleció mi abuela", "ya nada tiene sentido", "me rompió el corazón", "qué bajón", "estoy de capa caída",
        "ojalá estuviera aquí todavía", "descanse en paz", "lo siento muchísimo", "me duele que se haya ido",
    ),
    "surprise": (
        "no me lo esperaba", "no lo puedo creer", "quién lo iba a decir", "vaya sorpresa", "me quedé de piedra",
        "me he quedado con la boca abierta", "no manches en serio", "a poco sí", "increíble pero cierto",
        "jamás lo habría imaginado", "qué me estás contando", "me dejaste helado", "en serio pasó eso", "órale no sabía",
    ),
}  # fmt: skip

NEUTRAL: Final = (
    "mañana voy a la oficina a las ocho", "la reunión empieza a las diez", "hay que comprar pan y leche",
    "el tren sale del andén cuatro", "son las cinco y media", "vivo en un piso de dos habitaciones",
    "el informe tiene veinte páginas", "la tienda cierra a las nueve", "he dejado las llaves en la mesa",
    "el autobús pasa cada quince minutos", "trabajo en una empresa de transporte", "mi hermano vive en otra ciudad",
    "el documento está en la carpeta", "después de comer lavo los platos", "la clase es el martes por la tarde",
    "el archivo se guarda en el ordenador", "tienes que girar a la derecha", "la cita es el jueves",
    "el gobierno ha presentado el nuevo plan", "según los datos publicados ayer", "la temperatura será de veinte grados",
    "el ayuntamiento abrirá la oficina en marzo", "el agua hierve a cien grados", "la mesa es de madera",
    "ahora te paso el número de teléfono", "voy a poner la lavadora", "el coche está aparcado en la calle de atrás",
    "necesito una copia del contrato", "el curso dura tres meses", "el paquete llega el lunes",
    "la receta lleva harina huevos y azúcar", "puedes dejar el abrigo en la silla", "he quedado con ella a las siete",
    "apaga la luz cuando salgas", "el avión aterriza a mediodía", "se celebrará una rueda de prensa",
    "el presidente viajará la próxima semana", "las elecciones serán en mayo", "el precio medio fue de diez euros",
    "la biblioteca está al lado del mercado",
)  # fmt: skip

REGIONAL: Final[dict[str, tuple[str, ...]]] = {
    "anger": (
        "qué cabreo tengo", "me toca las pelotas", "me pone de mala leche", "qué coñazo de gente", "vaya morro que tienen",
        "me caga los huevos", "me rompe las bolas", "andate a la mierda", "estoy re podrida de esto", "me saca ese tipo",
        "me emperra que mientan", "qué piedra me dio", "estoy empute", "malparido hijueputa", "me da una piedra",
        "me da rabia la weá", "estoy apestada con la pega", "conchetumare", "maraco culiao", "me tiene hasta la tusa",
        "me llega al pájaro", "estoy asada contigo", "qué tal concha", "me da cólera", "me purga ese güey",
        "me vale madre váyanse al diablo", "pinche güey", "hijo de la chingada", "cabrones rateros", "no mames qué coraje",
    ),
    "disgust": (
        "qué marranada", "puaj", "qué ascazo", "qué mugre", "qué inmundicia", "me da ñáñaras comerlo", "qué guacala",
        "qué chancho", "qué cochino", "un asco total",
    ),
    "fear": (
        "qué canguelo", "tengo un mal rollo que flipas", "me da jindama", "qué cagazo tengo", "me cagué todo del susto",
        "me da culillo", "qué culillo entrar", "quedé pa dentro del susto", "ando con el alma en un hilo", "me late el corazón de los nervios",
        "me dio un paro del susto",
    ),
    "happiness": (
        "mola mogollón", "qué guapo está", "es una gozada", "ha sido la leche", "qué piola", "está bárbaro", "re contento",
        "una masa", "qué chimba", "qué berraquera", "qué nota de fiesta", "está brutal parcero", "pulento", "la raja el asado",
        "filete", "qué rico verte", "está mostro", "qué paja la fiesta", "qué bravazo", "está chingón", "qué suave", "a toda madre",
        "qué buena onda", "está de lujo", "joder qué bueno", "eres el puto amo", "de la hostia", "qué chingonería",
    ),
    "sadness": (
        "qué chof", "estoy plof", "menuda llorera llevo", "ando de bajón", "estoy hecha bolsa", "qué garrón che", "estoy enguayabado",
        "tengo una tusa", "me dio guayabo", "ando bajoneado po", "qué pena más grande", "estoy piña", "qué palta tan triste",
        "ando chípil", "me agüité", "estoy en la lona",
    ),
    "surprise": (
        "qué fuerte tía", "flipo", "no jodas en serio", "mirá vos", "no te puedo creer", "uy no sabía", "cómo así",
        "la media sorpresa", "chuta no cachaba", "asu mare", "manyas eso", "ah caray", "no mames de verdad", "qué onda en serio",
    ),
}  # fmt: skip
"""Words of Spain, Mexico, Argentina, Colombia, Chile and Peru."""

SUBJECTS: Final = (
    "el informe",
    "la carta",
    "el pedido",
    "la puerta",
    "el curso",
    "mi compañera",
    "el técnico",
    "la llave",
    "el banco",
    "la calle",
    "el mercado",
    "el conductor",
    "la profesora",
    "el alcalde",
    "la empresa",
    "el edificio",
)
PREDICATES: Final = (
    "está en el segundo piso", "llega el viernes", "empieza a las nueve", "tiene tres partes", "sale por la mañana",
    "queda cerca del parque", "se cambió de sitio", "cuesta quince euros", "abre los domingos", "necesita una firma",
    "pasa por el centro", "vuelve después de comer", "ha enviado los papeles", "está al final del pasillo",
)  # fmt: skip
"""Any of SUBJECTS with any of these is neutral."""

INTENSITY: Final = {
    "": 0.85,
    "muy": 1.0,
    "bastante": 0.9,
    "tan": 1.0,
    "súper": 1.0,
    "un poco": 0.55,
    "algo": 0.5,
    "realmente": 1.0,
    "recontra": 1.0,
}
"""How much of the feeling is in each degree; the rest is neutral."""
BEFORE: Final = (
    "",
    "la verdad",
    "te lo juro",
    "es que",
    "hoy",
    "mi hermano dice que",
    "uf",
    "otra vez",
    "desde ayer",
    "oye",
)
AFTER: Final = (
    "",
    "de verdad",
    "con todo esto",
    "la verdad",
    "en el trabajo",
    "con mi familia",
    "siempre",
    "cada día",
    "te lo digo yo",
)
"""What stands around an exclamation, so that it is known within a sentence."""
STATE_FRAMES: Final = (
    "hoy me siento {}",
    "la verdad me encuentro {}",
    "ando {} desde ayer",
    "últimamente se nos ve {}",
    "me puse {} al oírlo",
)
NEGATED_FRAMES: Final = (
    "hoy no me siento {}",
    "la verdad no me encuentro {}",
    "nunca ando {}",
    "no me puse {} al oírlo",
    "ya no se nos ve {}",
    "tampoco me siento {}",
)
NOUN_FRAMES: Final = (
    "siento mucha {}",
    "me da mucho {}",
    "esto me produce {}",
    "me entra una {} cuando lo veo",
    "con qué {} lo contaba",
)
NEGATED_NOUN_FRAMES: Final = (
    "no siento {}",
    "no me produce {}",
    "esto ya no me da {}",
    "vivo sin {}",
    "nunca he sentido {}",
)

DENIED_DEGREES: Final = ("", "nada", "muy", "tan")

# What is left when a feeling is denied: the absence of joy is close to sadness, the absence of fear is calm.
DENIED: Final[dict[str, dict[str, float]]] = {
    "anger": {"neutral": 0.6, "happiness": 0.4},
    "disgust": {"neutral": 0.6, "happiness": 0.4},
    "fear": {"neutral": 0.5, "happiness": 0.5},
    "happiness": {"sadness": 0.6, "anger": 0.4},
    "sadness": {"neutral": 0.4, "happiness": 0.6},
    "surprise": {"neutral": 1.0},
}

NORM_EMOTIONS: Final = ("anger", "disgust", "fear", "happiness", "sadness")
NORM_CLEAR: Final = 2.6
"""Mean rating (1 to 5) from which a word carries an emotion."""
NORM_BLAND: Final = 1.5
"""Highest rating of any emotion up to which a word is neutral."""


@dataclass(frozen=True)
class Taught:
    """A made sentence with its target distribution, float32 (7,), and its weight beside one real row."""

    text: str
    target: NDArray[np.float32]
    weight: float


def _target(shares: dict[str, float]) -> NDArray[np.float32]:
    target = np.zeros(EMOTION_COUNT, np.float32)
    for name, share in shares.items():
        target[INDEX[name]] = share
    return target / target.sum()


def sentences(rng: np.random.Generator, per_word: int = 6) -> list[Taught]:
    """Statements of feeling, plain, intensified and denied, exclamations, and neutral talk."""
    return [*_states(rng, per_word), *_nouns(), *_exclaimed(rng), *_calm()]


def _states(rng: np.random.Generator, per_word: int) -> Iterator[Taught]:
    degrees = list(INTENSITY.items())
    for name, words in STATES.items():
        for word in words.split():
            for _ in range(per_word):
                degree, share = degrees[rng.integers(len(degrees))]
                frame = STATE_FRAMES[rng.integers(len(STATE_FRAMES))]
                target = _target({name: share, "neutral": 1.0 - share})
                yield Taught(frame.format(f"{degree} {word}".strip()), target, 1.0)
            if word.endswith(("o", "a")):
                superlative = f"{word[:-1]}ísim{word[-1]}"
                yield Taught(STATE_FRAMES[0].format(superlative), _target({name: 1.0}), 1.0)
            for _ in range(per_word // 2):
                degree = f"{DENIED_DEGREES[rng.integers(len(DENIED_DEGREES))]} {word}".strip()
                frame = NEGATED_FRAMES[rng.integers(len(NEGATED_FRAMES))]
                yield Taught(frame.format(degree), _target(DENIED[name]), 1.0)


def _nouns() -> Iterator[Taught]:
    for name, words in NOUNS.items():
        for word in words.split():
            for frame in NOUN_FRAMES:
                yield Taught(frame.format(word), _target({name: 1.0}), 1.0)
            for frame in NEGATED_NOUN_FRAMES:
                yield Taught(frame.format(word), _target(DENIED[name]), 1.0)


def _exclaimed(rng: np.random.Generator) -> Iterator[Taught]:
    for name, lines in (*EXCLAIMED.items(), *REGIONAL.items()):
        target = _target({name: 1.0})
        for line in lines:
            yield Taught(line, target, 2.0)
        for line in lines:
            for _ in range(3):
                around = (BEFORE[rng.integers(len(BEFORE))], line, AFTER[rng.integers(len(AFTER))])
                yield Taught(" ".join(around).strip(), target, 1.0)


def _calm() -> Iterator[Taught]:
    target = _target({"neutral": 1.0})
    for line in NEUTRAL:
        yield Taught(line, target, 4.0)
    for subject in SUBJECTS:
        for predicate in PREDICATES:
            yield Taught(f"{subject} {predicate}", target, 1.0)


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
