"""Answers to single pictures, sounds and sentences: streamed, in constant memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from emoedge.config import Settings
from emoedge.emotions import Probabilities, leader, to_mapping
from emoedge.errors import MediaError
from emoedge.model_store.manifest import FACE_CLASSIFIER, FACE_DETECTOR, TEXT_MODEL, VOICE_CLASSIFIER
from emoedge.pipeline.model_trial import sound_model
from emoedge.text_encoding import is_decoded
from emoedge.translation import tr

Line = dict[str, Any]

# Number of sentences classified at a time: large enough to be efficient, small enough to stream.
TEXT_BATCH: Final = 256
DIGITS: Final = 6
_SAVE: Final = tr("save the list as UTF-8")


def answer(item: str, probabilities: Probabilities | None, reason: str = "", **more: Any) -> Line:
    """The line for one item; without probabilities the emotion is null and the reason says why."""
    emotion = None if probabilities is None else leader(probabilities)
    mapping = None if probabilities is None else to_mapping(probabilities, DIGITS)
    line: Line = {"item": item, "emotion": emotion, "probabilities": mapping}
    if reason:
        line["reason"] = reason
    return line | more


def remarks(notes: list[str], error: MediaError | None = None) -> dict[str, Any]:
    """Return the remarks of a line about its file: `notes` and `error`, each only if there are any."""
    return ({"notes": notes} if notes else {}) | ({"error": str(error)} if error else {})


def classify_faces(
    items: Iterable[str], settings: Settings, *, crop: bool, adapt: bool = False
) -> Iterator[Line]:
    """Judge pictures.

    Args:
        items: paths.
        settings: `paths.models` is used.
        crop: the pictures are face crops already (each is judged as it is and aligned again); otherwise the
            largest face is found first.
        adapt: the items are one person's, in order; otherwise every item stands alone.

    Yields:
        A line an item; one that cannot be read has "error".

    Raises:
        ModelError: a model is missing or damaged.
    """
    from emoedge.capture.media import read_image
    from emoedge.capture.notes import Notes
    from emoedge.face.baseline import PersonBaseline
    from emoedge.face.classify import FaceClassifier
    from emoedge.face.detect import FaceDetector
    from emoedge.face.still import classify_crop, classify_picture

    classifier = FaceClassifier(sound_model(FACE_CLASSIFIER, "tflite", settings))
    detector = FaceDetector(sound_model(FACE_DETECTOR, "tflite", settings))
    classify = classify_crop if crop else classify_picture
    person = PersonBaseline(classifier.card.baseline) if adapt else None

    def judge(item: str) -> Line:
        notes = Notes(item)
        result = classify(classifier, detector, read_image(Path(item), notes), person)
        more: Line = remarks(notes.texts)
        if result.reason == "no_face":
            return answer(item, None, result.reason, **more)
        more |= {"quality": round(result.quality, 3), "quality_reasons": list(result.quality_reasons)}
        if result.box is not None:
            box = result.box
            more["box"] = {
                "x": round(box.x, 4),
                "y": round(box.y, 4),
                "width": round(box.width, 4),
                "height": round(box.height, 4),
            }  # fmt: skip
        if person is not None:
            more["adapted"] = person.looks
        return answer(item, result.probabilities, result.reason, **more)

    return _each(items, judge)


def classify_voices(items: Iterable[str], settings: Settings, *, adapt: bool) -> Iterator[Line]:
    """Judge sounds; with `adapt` they are one speaker's, in order, otherwise every item stands alone."""
    from emoedge.capture.media import hear
    from emoedge.voice.classify import VoiceClassifier

    classifier = VoiceClassifier(sound_model(VOICE_CLASSIFIER, "tflite", settings), adapt=adapt)

    def judge(item: str) -> Line:
        heard = hear(Path(item))
        more = remarks(heard.notes, heard.error)
        result = classifier.classify_clip(heard.samples)
        if result.probabilities is None:
            return answer(item, None, result.reason or "no_voice", **more)
        more |= {"snr_db": round(result.snr_db, 1), "speech_s": round(result.speech_s, 2)}
        return answer(item, result.probabilities, **more)

    return _each(items, judge)


def classify_texts(items: Iterable[str], settings: Settings) -> Iterator[Line]:
    """Judge sentences; text without an opinion has a null emotion and the reason "no_opinion"."""
    from emoedge.text.model import TextEmotionModel

    model = TextEmotionModel.load(sound_model(TEXT_MODEL, "text", settings))
    number = 0
    for batch in _batches(items, TEXT_BATCH):
        for item, probabilities in zip(batch, model.classify_batch(batch), strict=True):
            number += 1
            if is_decoded(item):
                yield answer(item, probabilities, "" if probabilities is not None else "no_opinion")
            else:
                yield {
                    "item": item,
                    "error": tr("line {number} is not UTF-8 text ({save})", number=number, save=_SAVE),
                }


def _each(items: Iterable[str], judge: Callable[[str], Line]) -> Iterator[Line]:
    for item in items:
        try:
            yield judge(item)
        except MediaError as error:
            # The bytes may be those of a file name; if there is no such file, they are in another encoding.
            yield {"item": item, "error": str(error) if is_decoded(item) else f"{error}; {_SAVE}"}


def _batches(items: Iterable[str], size: int) -> Iterator[list[str]]:
    batch: list[str] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
