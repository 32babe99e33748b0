"""The list of models, `models/manifest.json`: use, licence, card, digests, where to get them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from emoedge.errors import ModelError
from emoedge.files import read_json
from emoedge.package_files import package_folder
from emoedge.translation import tr

Kind = Literal["tflite", "text", "fusion", "confidence", "vosk", "whisper"]
FILE_NAME: Final = "manifest.json"
FETCH_REMEDY: Final = tr("run: emoedge models fetch")
"""Remedy for every missing or damaged model that can be downloaded."""
FACE_DETECTOR: Final = "face_detector.tflite"
FACE_CLASSIFIER: Final = "face_emotion.tflite"
SPEECH_ACTIVITY: Final = "speech_activity.tflite"
VOICE_CLASSIFIER: Final = "voice_emotion.tflite"
TEXT_MODEL: Final = "text_emotion"
"""Without its suffix: the name under which the configuration and the sidecars know it."""
LEARNED_FUSION: Final = "fusion.json"
CONFIDENCE: Final = "confidence.json"
SHIPPED: Final = (
    FACE_DETECTOR,
    FACE_CLASSIFIER,
    SPEECH_ACTIVITY,
    VOICE_CLASSIFIER,
    TEXT_MODEL,
    CONFIDENCE,
)
"""The models that every result depends on."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file of a model: path relative to the models folder (shipped) or the model's (fetched)."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Source:
    """Source of one file of a model.

    Attributes:
        url: the address.
        path: name inside the model's folder; "" for a zip archive of the whole model.
        sha256: digest of the download when its publisher or a trusted fetch has told it, else None:
            then the digest of the first download is recorded and later ones must equal it.
    """

    url: str
    path: str = ""
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One model.

    Attributes:
        name: what the configuration calls it; file stem or folder name.
        kind: how it is loaded.
        use: what it is for, one line.
        licence: terms of the weights.
        card: where its card is: a path in the repository or an address.
        shipped: part of the package; otherwise fetched into the models directory.
        optional: nothing is missing where it is not installed.
        files: of a shipped model, with digests.
        sources: of a model to be fetched.
        bytes: approximate size of the download.
        note: what a user should know before fetching it.
    """

    name: str
    kind: Kind
    use: str
    licence: str
    card: str
    shipped: bool
    optional: bool = False
    files: tuple[ModelFile, ...] = ()
    sources: tuple[Source, ...] = ()
    bytes: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """All known models, in the order of the file."""

    entries: tuple[ModelEntry, ...]

    def get(self, name: str) -> ModelEntry:
        """The entry of that name.

        Raises:
            ModelError: there is none.
        """
        for entry in self.entries:
            if entry.name == name:
                return entry
        known = ", ".join(entry.name for entry in self.entries)
        raise ModelError(tr("no model is called {name!r}", name=name), tr("one of: {known}", known=known))

    @property
    def required(self) -> tuple[ModelEntry, ...]:
        """Return the models that `emoedge models fetch` installs by default: not shipped, not optional."""
        return tuple(entry for entry in self.entries if not entry.shipped and not entry.optional)


def package_models_dir() -> Path:
    """The models that come with emoedge: in a checkout `models/`, installed `emoedge/data/models/`."""
    return package_folder("models")


def load_manifest(folder: Path | None = None) -> Manifest:
    """Read the manifest of the package's models (or of another folder).

    Raises:
        ModelError: missing or damaged.
    """
    path = (folder or package_models_dir()) / FILE_NAME
    try:
        document = read_json(path)
        return Manifest(tuple(_entry(item) for item in document["models"]))
    except OSError as error:
        raise ModelError(tr("no list of models at {path}", path=path), tr("install emoedge again")) from error
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(
            tr("the list of models at {path} is damaged: {error}", path=path, error=error),
            tr("install emoedge again"),
        ) from error


def _entry(item: dict[str, Any]) -> ModelEntry:
    fields = dict(item)
    fields["files"] = tuple(ModelFile(**one) for one in item.get("files", ()))
    fields["sources"] = tuple(Source(**one) for one in item.get("sources", ()))
    return ModelEntry(**fields)
