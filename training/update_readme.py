"""Write the figures into the READMEs: ``python -m training.update_readme [--check]``.

The figures are those of the shipped models' sidecars (``models/*.json``), so the table cannot say anything
else than the cards. To be run after any model was made again; a test compares the two.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, Final

REPOSITORY: Final = Path(__file__).resolve().parent.parent

BEGIN_MARK: Final = "<!-- figures, by python -m training.update_readme: begin -->"
END_MARK: Final = "<!-- figures: end -->"

FER: Final = (0.674, 0.657)
"""Accuracy and macro recall of ``fer`` 25.10.3 on the same rows of FER+ Test (`training/face/card.py`)."""

SVM: Final = (0.375, 0.520)
"""Macro recall of a support vector machine on the same speakers, each left out; its clips normalised by the
population, and by all of the speaker's own clips."""

_SETS: Final = ("brighter", "emoevent", "meacorpus", "semeval")

Figures = dict[str, dict[str, Any]]


def read_figures(models: Path) -> Figures:
    """Return the sidecars of the four models by name."""
    names = ("face_emotion", "voice_emotion", "text_emotion", "fusion")
    return {name: json.loads((models / f"{name}.json").read_text(encoding="utf-8")) for name in names}


def english(figures: Figures) -> str:
    """Return the table of README.md."""
    face, alone, session, text, fused = _parts(figures)
    return f"""\
| model | size | measured on | result | baseline |
|---|---|---|---|---|
| face | {_face_size(figures)} MB, {_multiply_adds(figures)} M multiply-adds | FER+ Test, 7 classes, {face["rows"]:,} faces | accuracy **{face["accuracy"]:.3f}** {_range(face["accuracy_95"])}, macro recall **{face["macro_recall"]:.3f}** {_range(face["macro_recall_95"])}, calibration error {face["calibration_error"]:.3f} | `fer` 25.10: {FER[0]:.3f} / {FER[1]:.3f} |
| voice | {_megabytes(figures["voice_emotion"])} MB | 14 Spanish speakers, each left out of training, 7 emotions | macro recall **{alone[0]:.3f}** {_range(alone[1:])} for a stranger, **{session[0]:.3f}** {_range(session[1:])} in a session of one speaker | SVM: {SVM[0]:.3f}, {SVM[1]:.3f} with all of the speaker's clips |
| text | {_megabytes(figures["text_emotion"])} MB | transcripts, cross-validated by video or text: BRIGHTER, EmoEvent, MEACorpus, SemEval-2018 | macro F1 {", ".join(f"**{row['macro_f1']:.3f}** {_range(row['macro_f1_95'])}" for row in text)}; with the set left out of training {_left_out(figures)} | TF-IDF in its own domain, same folds: {_in_domain(figures)} |
| learned fusion | 1 kB | face, voice and text of different people, matched by label: it compares rules, it predicts nothing | macro recall {fused["learned"]:.3f}, the default rule {fused["rule"]:.3f} | best single one: {_best(fused):.3f} |
"""


def spanish(figures: Figures) -> str:
    """Return the table of README.es.md, with a decimal comma."""
    face, alone, session, text, fused = _parts(figures)
    return f"""\
| modelo | tamaño | medido con | resultado | referencia |
|---|---|---|---|---|
| cara | {_comma(_face_size(figures))} MB, {_comma(_multiply_adds(figures))} M de multiplicaciones y sumas | FER+ Test, 7 clases, {_thousands(face["rows"])} caras | acierto **{_es(face["accuracy"])}** {_range_es(face["accuracy_95"])}, exhaustividad media **{_es(face["macro_recall"])}** {_range_es(face["macro_recall_95"])}, error de calibración {_es(face["calibration_error"])} | `fer` 25.10: {_es(FER[0])} / {_es(FER[1])} |
| voz | {_comma(_megabytes(figures["voice_emotion"]))} MB | 14 hablantes de español, cada uno excluido del entrenamiento, 7 emociones | exhaustividad media **{_es(alone[0])}** {_range_es(alone[1:])} con un desconocido, **{_es(session[0])}** {_range_es(session[1:])} en una sesión con la misma persona | SVM: {_es(SVM[0])}; {_es(SVM[1])} con todos los audios de la persona |
| texto | {_comma(_megabytes(figures["text_emotion"]))} MB | transcripciones, validación cruzada por vídeo o texto: BRIGHTER, EmoEvent, MEACorpus, SemEval-2018 | F1 media {"; ".join(f"**{_es(row['macro_f1'])}** {_range_es(row['macro_f1_95'])}" for row in text)}; sin el conjunto en el entrenamiento {_comma(_left_out(figures, "; "))} | TF-IDF en su propio dominio, mismas particiones: {_comma(_in_domain(figures, "; "))} |
| fusión aprendida | 1 kB | cara, voz y texto de personas distintas, emparejados por etiqueta: compara reglas, no predice nada | exhaustividad media {_es(fused["learned"])}; la regla por defecto, {_es(fused["rule"])} | la mejor por separado: {_es(_best(fused))} |
"""


TABLES: Final = {"README.md": english, "README.es.md": spanish}


def updated(document: str, table: str) -> str:
    """Return the document with the table between the marks.

    Raises:
        ValueError: the marks are missing.
    """
    head, begin, rest = document.partition(BEGIN_MARK)
    _, end, tail = rest.partition(END_MARK)
    if not begin or not end:
        raise ValueError(f"no {BEGIN_MARK} … {END_MARK}")
    return f"{head}{begin}\n\n{table}\n{end}{tail}"


def stale(root: Path) -> dict[Path, str]:
    """Return path -> new text of each README under root whose table differs from the sidecars."""
    figures = read_figures(root / "models")
    result = {}
    for name, table in TABLES.items():
        path = root / name
        text = path.read_text(encoding="utf-8")
        new = updated(text, table(figures))
        if new != text:
            result[path] = new
    return result


def main(arguments: list[str] | None = None) -> int:
    """Write the tables, or check them; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 if a table is out of date"
    )
    check = parser.parse_args(arguments).check
    found = stale(REPOSITORY)
    for path, text in found.items():
        if check:
            sys.stderr.write(f"{path.name}: out of date; run: python -m training.update_readme\n")
        else:
            path.write_text(text, encoding="utf-8")
            print(f"{path.name}: table written")
    return 1 if found and check else 0


def _parts(
    figures: Figures,
) -> tuple[dict[str, Any], list[float], list[float], list[dict[str, Any]], dict[str, float]]:
    voice = figures["voice_emotion"]["metrics"]
    together = figures["fusion"]["metrics"]["all three"]
    return (
        figures["face_emotion"]["metrics"]["test"],
        voice["alone"]["uar"],
        voice["session"]["uar"],
        [figures["text_emotion"]["sets"][name]["transcript"] for name in _SETS],
        together.get("recall", together),
    )


def _megabytes(sidecar: dict[str, Any]) -> str:
    return f"{sidecar['bytes'] / 1e6:.1f}"


def _face_size(figures: Figures) -> str:
    return _megabytes(figures["face_emotion"])


def _multiply_adds(figures: Figures) -> str:
    return f"{figures['face_emotion']['multiply_adds'] / 1e6:.1f}"


def _in_domain(figures: Figures, separator: str = ", ") -> str:
    baselines = figures["text_emotion"]["baseline"]
    return separator.join(f"{baselines[name]['macro_f1']:.3f}" for name in _SETS)


def _left_out(figures: Figures, separator: str = ", ") -> str:
    measured = figures["text_emotion"]["left_out"]
    return separator.join(f"{measured[name]['macro_f1']:.3f}" for name in _SETS)


def _best(fused: dict[str, float]) -> float:
    return max(fused[name] for name in ("face", "voice", "text"))


def _range(pair: list[float]) -> str:
    return f"({pair[0]:.2f}–{pair[1]:.2f})"


def _range_es(pair: list[float]) -> str:
    return _comma(_range(pair))


def _es(value: float) -> str:
    return _comma(f"{value:.3f}")


def _comma(number: str) -> str:
    return number.replace(".", ",")


def _thousands(number: int) -> str:
    # Spanish writes numbers of four digits without a separator (Ortografía de la lengua española, 2010).
    return f"{number}" if number < 10_000 else f"{number:,}".replace(",", " ")


if __name__ == "__main__":
    sys.exit(main())
