"""The label of each clip: from `labels.csv`, from the names of its folders, or from its own name."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Final

from emoedge.emotions import DISPLAY_NAMES, EMOTIONS, Emotion
from emoedge.errors import ConfigError
from emoedge.record.labels import prevailing_label
from emoedge.text_encoding import EncodingError, decode_text
from emoedge.translation import tr

LABELS_FILE: Final = "labels.csv"
"""In the folder of the clips: the columns `file` (path below the folder) and `label`. It alone decides."""
COLUMNS: Final = ("file", "label")
_OTHER_WORDS: Final[Mapping[str, Emotion]] = {
    "angry": "anger",
    "disgusted": "disgust",
    "fearful": "fear",
    "happy": "happiness",
    "joy": "happiness",
    "sad": "sadness",
    "surprised": "surprise",
    "enojo": "anger",
    "felicidad": "happiness",
    "feliz": "happiness",
    "ira": "anger",
    "triste": "sadness",
}
"""Common names of data sets, beside the labels and their display names."""
REMEDY: Final = (
    f"put the clips into folders called like {', '.join(EMOTIONS)}, or write {LABELS_FILE} with the columns "
    + ",".join(COLUMNS)
)


def _plain(word: str) -> str:
    """Lower case, without accents."""
    return "".join(
        char for char in unicodedata.normalize("NFD", word.lower()) if not unicodedata.combining(char)
    )


WORDS: Final[Mapping[str, Emotion]] = {
    **_OTHER_WORDS,
    **{
        _plain(word): emotion
        for names in DISPLAY_NAMES.values()
        for word, emotion in zip(names, EMOTIONS, strict=True)
    },
}
"""Word in lower case without accents -> label."""


def label_of_word(word: str) -> Emotion | None:
    """Return the label of an English or Spanish word, ignoring case and accents."""
    return WORDS.get(_plain(word.strip()))


def label_of_name(name: str) -> Emotion | None:
    """The label among the words of a name such as `03-Alegría_b`.

    Raises:
        ConfigError: the words name two different emotions.
    """
    found = {
        label for word in re.split(r"[^a-z]+", _plain(name)) if (label := label_of_word(word)) is not None
    }
    if len(found) > 1:
        raise ConfigError(
            tr(
                "the name {name!r} holds more than one label: {found}",
                name=name,
                found=", ".join(sorted(found)),
            ),
            tr("rename it, or write {labels_file}", labels_file=LABELS_FILE),
        )
    return next(iter(found), None)


def find_labels(folder: Path, names: Iterable[str]) -> dict[str, Emotion]:
    """Find the label of each clip; a clip without one is left out.

    Where `labels.csv` is in the folder, it alone decides. Otherwise what people have said of a recording
    counts (`<id>.labels.jsonl` beside it), then the outermost folder with a label in its name, then the name
    of the file.

    Args:
        folder: of the clips.
        names: their paths below it, with `/`.

    Returns:
        labels by name.

    Raises:
        ConfigError: `labels.csv` is damaged, a name holds two labels, or no clip has a label.
    """
    known = list(names)
    path = folder / LABELS_FILE
    labels = _read(path, known) if path.exists() else _from_names(known) | _from_people(folder, known)
    if not labels:
        raise ConfigError(
            tr("{folder}: none of its {count} clips has a label", folder=folder, count=len(known)), REMEDY
        )
    return labels


def _from_people(folder: Path, names: Iterable[str]) -> dict[str, Emotion]:
    """Labels that people have given to most of a recording, in the console or through the daemon's socket."""
    found = ((name, prevailing_label(folder / name)) for name in names)
    return {name: emotion for name, emotion in found if emotion is not None}


def _from_names(names: Iterable[str]) -> dict[str, Emotion]:
    found: dict[str, Emotion] = {}
    for name in names:
        clip = PurePosixPath(name)
        parts = [*clip.parts[:-1], clip.stem]
        label = next((label for part in parts if (label := label_of_name(part)) is not None), None)
        if label is not None:
            found[name] = label
    return found


def _read(path: Path, names: Iterable[str]) -> dict[str, Emotion]:
    known = set(names)
    labels: dict[str, Emotion] = {}
    try:
        # Spreadsheets write a byte order mark, and semicolons where the comma is the decimal point.
        text = decode_text(path.read_bytes())
        first = text.partition("\n")[0]
        reader = csv.DictReader(
            io.StringIO(text, newline=""), delimiter=";" if ";" in first else ",", skipinitialspace=True
        )
        rows = [(reader.line_num, row) for row in reader]
    except OSError as error:
        raise ConfigError(
            tr("{path} cannot be read: {strerror}", path=path, strerror=error.strerror), tr("check the file")
        ) from error
    except EncodingError as error:
        raise ConfigError(
            tr("{path} is not UTF-8: {error}", path=path, error=error), tr("save it as UTF-8")
        ) from error
    except csv.Error as error:
        raise ConfigError(
            tr("{path}: line {line_num}: {error}", path=path, line_num=reader.line_num + 1, error=error),
            tr("check the quotation marks"),
        ) from error
    if not set(COLUMNS) <= set(reader.fieldnames or ()):
        raise ConfigError(
            tr(
                "{path}: line 1 is {first!r}, not the columns {columns}",
                path=path,
                first=first[:80],
                columns=",".join(COLUMNS),
            ),
            tr("write them as the first line"),
        )
    for number, row in rows:
        at = f"{path}: line {number}"
        name, word = (str(row[column] or "").strip() for column in COLUMNS)
        name = PurePosixPath(name.replace("\\", "/")).as_posix()
        label = label_of_word(word)
        if label is None:
            raise ConfigError(
                tr("{at}: {word!r} is not a label", at=at, word=word),
                tr("write one of {emotions}", emotions=", ".join(EMOTIONS)),
            )
        if name not in known:
            raise ConfigError(
                tr("{at}: no media file {name!r} in {parent}", at=at, name=name, parent=path.parent),
                tr("correct the name"),
            )
        if labels.setdefault(name, label) != label:
            raise ConfigError(
                tr(
                    "{at}: {name!r} has two labels: {labels} and {label}",
                    at=at,
                    name=name,
                    labels=labels[name],
                    label=label,
                ),
                tr("keep only one"),
            )
    return labels
