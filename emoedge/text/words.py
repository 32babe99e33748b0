"""Words with a part to play of their own: negations, fillers, and words of degree."""

from __future__ import annotations

import re
from typing import Final

from emoedge.text.tokens import DOTS

NEGATORS: Final = (
    "no",
    "nunca",
    "jamas",
    "tampoco",
    "sin",
    "ni",
    "nada",
    "nadie",
    "ningun",
    "ninguna",
    "ninguno",
)
SCOPE_ENDS: Final = ("pero", "sino", "aunque", "porque", "!", "?", DOTS)
_FILLERS: Final = (
    "a al algo alguien algun alguna algunas alguno algunos alla alli ahi ahora aqui asi aun aunque bueno cada casi "
    "como con cual cuales cuando cuanto de del desde donde dos e el ella ellas ellos em en entonces entre era eran es "
    "esa esas ese eso esos esta estaba estan estar estas este esto estos estoy etc fue fueron ha habia hacer han has "
    "hasta hay he hemos la las le les lo los mas me mi mis mm mucho muy nos nosotros o os otra otras otro otros "
    "para pero por porque pues que quien quienes se sea segun ser si sido sino sobre somos son soy su sus tal tambien "
    "tan te tengo ti tiene tienen todo todos tu tus un una uno unas unos usted ustedes va vamos van vale y ya yo eh ah "
    "este o sea verdad digo oye mira tipo rollo ok okey"
)
FILLERS: Final = frozenset(_FILLERS.split())
"""Words that carry no emotion by themselves: an utterance of nothing else has no opinion. Without accents."""
_LIGHT: Final = (
    "siento sientes siente sentimos sienten encuentro encuentra da dan daba dio hace hizo hacia pone puso parece parecio "
    "quiero quiere puedo puede veo ve estuvo estuve estara fui sere seria habria tenia tuvo tuve hubo he"
)
LIGHT: Final = FILLERS | frozenset(_LIGHT.split())
"""Words that a negation passes over on its way to the word that it denies."""
NEGATION_REACH: Final = 4
"""A negation denies the first word that is not light, at most this many words on, before any of SCOPE_ENDS.
"""

_STRONG: Final = (
    "muy mucho mucha muchos muchas muchisimo muchisima tan tanto tanta tantos tantas super re recontra requete "
    "demasiado demasiada bastante increiblemente totalmente completamente absolutamente realmente profundamente"
)
STRONG: Final = frozenset(_STRONG.split())
WEAK: Final = frozenset(("algo", "apenas", "ligeramente"))
"""Words of degree that say nothing else: `plain` takes them out."""
INTENSE: Final = frozenset(
    ("terrible", "terribles", "enorme", "enormes", "tremendo", "tremenda", "inmenso", "inmensa")
)
"""Words that strengthen what they stand by, and have a meaning of their own: they stay."""
_PHRASES: Final = (
    (re.compile(r"\bun (?:poco|poquito)(?: de)?\b|\balgo de\b"), "algo"),
    (
        re.compile(
            r"\b(?:a mas no poder|un monton(?: de)?|a tope|hasta no poder mas|con toda el alma|de verdad)\b"
        ),
        "muy",
    ),
)
"""Turns of degree, and the word that stands for them."""


def degree(line: str) -> tuple[str, int]:
    """A normalized line without its words of degree, and how strongly it puts the rest.

    1 strong, -1 weak, 0 plain or both. A line of nothing but such words stays as it is.
    """
    for pattern, word in _PHRASES:
        line = pattern.sub(word, line)
    words = line.split()
    strong = any(word in STRONG or word in INTENSE for word in words)
    weak = any(word in WEAK for word in words)
    rest = [word for word in words if word not in STRONG and word not in WEAK]
    return " ".join(rest) if rest else line, int(strong) - int(weak)
