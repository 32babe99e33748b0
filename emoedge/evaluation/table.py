"""The scores as a table for people and as JSON for machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from emoedge.emotions import DISPLAY_NAMES, EMOTIONS, Language
from emoedge.evaluation.measures import Scores

if TYPE_CHECKING:
    from emoedge.evaluation.folder import Evaluation

SCHEMA: Final = 1
DIGITS: Final = 4
"""Digits of shares in the JSON output."""

_TEXTS: Final[Mapping[Language, Mapping[str, str]]] = {
    "en": {
        "face": "face",
        "voice": "voice",
        "text": "text",
        "weighted": "weighted rule",
        "learned": "learned pool",
        "replay": "named longest",
        "answered": "answered",
        "accuracy": "accuracy",
        "recall": "macro recall",
        "error": "calibration error",
        "chance": "(by chance)",
        "over": "overconfidence",
        "confusion": "{}: label by row, answer by column",
        "none": "none",
    },
    "es": {
        "face": "cara",
        "voice": "voz",
        "text": "texto",
        "weighted": "regla ponderada",
        "learned": "fusión aprendida",
        "replay": "más tiempo nombrada",
        "answered": "con respuesta",
        "accuracy": "acierto",
        "recall": "exhaustividad media",
        "error": "error de calibración",
        "chance": "(por azar)",
        "over": "exceso de confianza",
        "confusion": "{}: etiqueta por fila, respuesta por columna",
        "none": "ninguna",
    },
}


def as_text(scores: Mapping[str, Scores], language: Language) -> str:
    """The table of all methods, then the confusion matrix of each."""
    texts = _TEXTS[language]
    rows = [["", *(texts[name] for name in ("answered", "accuracy", "recall", "error", "chance", "over"))]]
    for method, one in scores.items():
        rows.append(
            [
                texts[method],
                f"{one.answered}/{one.clips}",
                _share(one.accuracy, one.accuracy_95),
                _share(one.macro_recall, one.macro_recall_95),
                _number(one.calibration_error),
                _number(one.by_chance),
                _number(one.overconfidence, "+.3f"),
            ]
        )
    blocks = [_columns(rows)]
    for method, one in scores.items():
        if one.answered:
            names = DISPLAY_NAMES[language]
            counts = [
                [name, *(str(count) for count in line)]
                for name, line in zip(names, one.confusion.tolist(), strict=True)
                if any(line)
            ]
            title = texts["confusion"].format(texts[method])
            blocks.append(f"{title}\n{_columns([['', *names, texts['none']], *counts])}")
    return "\n\n".join(blocks)


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """Scores by method and the answers to each clip, ready for JSON."""
    return {
        "schema": SCHEMA,
        "methods": {method: _scores_as_json(one) for method, one in evaluation.scores.items()},
        "clips": [
            {
                "file": name,
                "label": evaluation.labels[name],
                "answers": {
                    method: {"emotion": answer.emotion, "confidence": round(answer.confidence, DIGITS)}
                    for method, answer in given.items()
                },
            }
            for name, given in evaluation.answers.items()
        ],
    }


def _scores_as_json(one: Scores) -> dict[str, Any]:
    return {
        "clips": one.clips,
        "answered": one.answered,
        "accuracy": round(one.accuracy, DIGITS),
        "accuracy_95": [round(bound, DIGITS) for bound in one.accuracy_95],
        "macro_recall": round(one.macro_recall, DIGITS),
        "macro_recall_95": [round(bound, DIGITS) for bound in one.macro_recall_95],
        "calibration_error": _rounded(one.calibration_error),
        "calibration_error_by_chance": _rounded(one.by_chance),
        "overconfidence": _rounded(one.overconfidence),
        "confusion": {
            name: dict(zip((*EMOTIONS, "none"), line, strict=True))
            for name, line in zip(EMOTIONS, one.confusion.tolist(), strict=True)
            if any(line)
        },
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)


def _number(value: float | None, form: str = ".3f") -> str:
    return "–" if value is None else format(value, form)


def _share(value: float, bounds: tuple[float, float]) -> str:
    return f"{value:.3f} ({bounds[0]:.2f}–{bounds[1]:.2f})"


def _columns(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells as lines: the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows
    )
