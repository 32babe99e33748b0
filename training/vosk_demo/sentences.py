"""Sentences of the demonstration model, which define its vocabulary.

Everyday sentences with and without emotional content, written for this project.
A template's slots are given in braces; every combination is a sentence.
"""

from __future__ import annotations

import itertools
import re

SLOTS: dict[str, tuple[str, ...]] = {
    "contento": ("contento", "contenta"),
    "enfadado": ("enfadado", "enfadada"),
    "asustado": ("asustado", "asustada"),
    "solo": ("solo", "sola"),
    "cansado": ("cansado", "cansada"),
    "harto": ("harto", "harta"),
    "muy": ("", "muy"),
    "mucho": ("", "mucho"),
    "mucha": ("", "mucha"),
    "cuando": ("", "hoy", "ahora", "siempre"),
    "quien": ("mi madre", "mi padre", "mi hermana", "mi amigo"),
    "ella": ("mi madre", "mi hermana"),
    "el": ("mi padre", "mi amigo"),
    "cosa": ("la puerta", "la casa", "la comida", "la mesa", "el perro"),
    "lugar": ("en casa", "en la calle", "en la cocina", "en el trabajo"),
    "esto": ("esto", "esta comida", "esta casa", "este perro", "este trabajo"),
    "hora": ("las dos", "las tres", "las cuatro"),
}
"""Alternatives for each slot; an empty string leaves the slot out."""

TEMPLATES: tuple[tuple[str, str], ...] = (
    ("happiness", "estoy {muy} {contento} {cuando}"),
    ("happiness", "estoy {muy} feliz {cuando}"),
    ("happiness", "qué alegría verte {cuando}"),
    ("happiness", "qué alegría"),
    ("happiness", "me encanta {esto}"),
    ("happiness", "te quiero {mucho}"),
    ("happiness", "gracias te quiero {mucho}"),
    ("happiness", "es un día maravilloso"),
    ("happiness", "hoy es un día maravilloso"),
    ("happiness", "{ella} está {muy} contenta {cuando}"),
    ("happiness", "{el} está {muy} contento {cuando}"),
    ("fear", "tengo {mucho} miedo {cuando}"),
    ("fear", "me da {mucho} miedo {esto}"),
    ("fear", "me da {mucho} miedo la noche"),
    ("fear", "tengo {mucho} miedo de la noche"),
    ("fear", "estoy {muy} {asustado} {cuando}"),
    ("fear", "qué miedo"),
    ("fear", "socorro ayuda"),
    ("fear", "ayuda por favor tengo {mucho} miedo"),
    ("anger", "estoy {muy} {enfadado} {cuando}"),
    ("anger", "me da {mucha} rabia {esto}"),
    ("anger", "qué rabia"),
    ("anger", "estoy {harto} de {esto}"),
    ("anger", "te odio"),
    ("anger", "odio {esto}"),
    ("anger", "déjame en paz"),
    ("anger", "no te soporto"),
    ("disgust", "qué asco"),
    ("disgust", "qué asco me da {esto}"),
    ("disgust", "{esto} me da {mucho} asco"),
    ("disgust", "{esto} huele {muy} mal"),
    ("disgust", "es {muy} asqueroso"),
    ("disgust", "{esto} es asqueroso"),
    ("disgust", "es horrible"),
    ("sadness", "estoy {muy} triste {cuando}"),
    ("sadness", "qué pena {cuando}"),
    ("sadness", "me da {mucha} pena {esto}"),
    ("sadness", "hoy quiero llorar"),
    ("sadness", "te echo {mucho} de menos"),
    ("sadness", "quiero llorar {cuando}"),
    ("sadness", "me siento {muy} {solo} {cuando}"),
    ("sadness", "{quien} está {muy} triste {cuando}"),
    ("surprise", "qué sorpresa"),
    ("surprise", "qué sorpresa verte"),
    ("surprise", "no me lo esperaba"),
    ("surprise", "qué sorpresa no me lo esperaba"),
    ("surprise", "no me lo puedo creer"),
    ("surprise", "es increíble"),
    ("neutral", "{cosa} está {lugar}"),
    ("neutral", "{quien} está {lugar} {cuando}"),
    ("neutral", "mañana estoy {lugar}"),
    ("neutral", "son {hora} de la tarde"),
    ("neutral", "mañana a {hora}"),
    ("neutral", "hola buenos días"),
    ("neutral", "buenas tardes"),
    ("neutral", "adiós hasta mañana"),
    ("neutral", "quiero agua por favor"),
    ("neutral", "sí gracias"),
    ("neutral", "no gracias"),
    ("neutral", "estoy {muy} {cansado} {cuando}"),
    ("negated", "no estoy {contento} {cuando}"),
    ("negated", "no estoy nada {contento}"),
    ("negated", "no estoy triste {cuando}"),
    ("negated", "ya no estoy {enfadado}"),
    ("negated", "no tengo miedo {cuando}"),
    ("negated", "ya no tengo miedo"),
    ("negated", "no me da miedo {esto}"),
)
"""(topic, template). The topic is used only to choose demonstration sentences."""

DEMO_SENTENCES: tuple[tuple[str, str], ...] = (
    ("happiness", "qué alegría verte"),
    ("happiness", "estoy muy contenta hoy"),
    ("sadness", "estoy muy triste"),
    ("fear", "tengo mucho miedo"),
    ("surprise", "qué sorpresa no me lo esperaba"),
    ("disgust", "qué asco me da esta comida"),
    ("anger", "me da mucha rabia"),
    ("negated", "no estoy contenta"),
    ("neutral", "son las tres de la tarde"),
)
"""Sentences that suit a demonstration clip: short, clear of emotion, and well recognised."""


def expand(template: str) -> list[str]:
    """Return every sentence of one template, in a fixed order."""
    names = re.findall(r"{(\w+)}", template)
    choices = itertools.product(*(SLOTS[name] for name in names))
    pattern = re.sub(r"{\w+}", "{}", template)
    return [" ".join(pattern.format(*choice).split()) for choice in choices]


def all_sentences() -> list[str]:
    """Return every sentence once, sorted."""
    return sorted({sentence for _, template in TEMPLATES for sentence in expand(template)})


def vocabulary() -> list[str]:
    """Return every word once, sorted."""
    return sorted({word for sentence in all_sentences() for word in sentence.split()})
