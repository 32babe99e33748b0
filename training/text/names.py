"""Given names in training texts, exchanged at random, so that no name carries an emotion.

News readers and politicians are called by name in the sets: without this "Lucía" is neutral and "Pedro" is
anger. Only words written with a capital are exchanged, so that "rosa", "sol" and "dolores" stay what they
are.
"""

from __future__ import annotations

import re
from typing import Final

import numpy as np

_NAMES: Final = (
    "María Carmen Ana Isabel Laura Cristina Marta Lucía Elena Paula Sara Raquel Andrea Silvia Patricia Beatriz Julia Irene "
    "Alba Sofía Claudia Nuria Inés Clara Teresa Rocío Eva Alicia Sandra Mónica Noelia Sonia Valentina Camila Daniela "
    "Valeria Ximena Mariana Fernanda Gabriela Carolina Natalia Alejandra Verónica Adriana Lorena Yolanda Macarena Begoña "
    "Ainhoa Leire Amaia Montserrat Meritxell Fátima Yasmín Guadalupe Lupita Paola Antonella Martina Renata Julieta Cayetana "
    "José Juan Antonio Manuel Francisco Luis Javier Miguel Carlos Alejandro Pedro Pablo Daniel David Sergio Jorge Alberto "
    "Álvaro Fernando Diego Raúl Rubén Adrián Óscar Iván Andrés Ignacio Gonzalo Víctor Jaime Enrique Ricardo Roberto "
    "Eduardo Mario Hugo Mateo Santiago Sebastián Nicolás Joaquín Emiliano Matías Tomás Felipe Gabriel Rodrigo Agustín "
    "Mohamed Omar Karim Jordi Josep Aitor Iker Mikel Xavier Alfonso Ramón Rafael Salvador Vicente Marcos Lucas Martín "
    "Wilson Brayan Kevin Emilio Ernesto Gustavo Hernán Facundo Wei Li Chen Ahmed Olga Yuki John Peter"
)
NAMES: Final = tuple(dict.fromkeys(_NAMES.split()))
"""Common given names of Spain and Latin America, and some of newer neighbours."""

_NAME: Final = re.compile(r"\b(?:" + "|".join(NAMES) + r")\b")


def swap(text: str, rng: np.random.Generator) -> str:
    """The text with every given name of NAMES exchanged for one drawn from it."""
    return _NAME.sub(lambda _: NAMES[rng.integers(len(NAMES))], text)
