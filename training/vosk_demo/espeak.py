"""Speech from espeak-ng with the true time of every phoneme, through its C library.

espeak-ng reports, while it synthesises, at which output sample each word and each
phoneme begins (``espeak_EVENT``, speak_lib.h). Those times are the training
labels and the yardstick for the recogniser's word times.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

RATE = 16000
"""Sample rate of the returned audio in Hz: the rate that Vosk expects."""

_AUDIO_OUTPUT_SYNCHRONOUS = 2
_INITIALIZE_PHONEME_EVENTS = 1
_CHARS_UTF8 = 1
_POS_CHARACTER = 1
_EVENT_END, _EVENT_WORD, _EVENT_PHONEME = 0, 1, 7
_RATE_PARAMETER, _PITCH_PARAMETER, _RANGE_PARAMETER = 1, 3, 4


class EspeakError(RuntimeError):
    """espeak-ng is missing or refused a request."""


@dataclass(frozen=True)
class Phone:
    """One phoneme: espeak's mnemonic, start and end in seconds; pauses begin with ``_``."""

    name: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class SpokenWord:
    """One word as spoken: its text and its phonemes, at least one."""

    text: str
    phones: tuple[Phone, ...]

    @property
    def start_s(self) -> float:
        """Start of the first phoneme, seconds from the start of the sound."""
        return self.phones[0].start_s

    @property
    def end_s(self) -> float:
        """End of the last phoneme."""
        return self.phones[-1].end_s


@dataclass(frozen=True)
class Speech:
    """A synthesised sentence: float32 samples in -1…1 at `RATE`, and its words."""

    samples: np.ndarray
    words: tuple[SpokenWord, ...]


@dataclass(frozen=True)
class _Mark:
    """Reported start of a word (empty name) or of a phoneme, as an output sample."""

    name: str
    sample: int
    text_position: int


class _EventId(ctypes.Union):
    _fields_ = (
        ("number", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("string", ctypes.c_char * 8),
    )


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    )


_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


class _Library:
    """The one espeak-ng instance of this process (the C library keeps global state)."""

    def __init__(self) -> None:
        name = ctypes.util.find_library("espeak-ng") or "libespeak-ng.so.1"
        try:
            self._lib = ctypes.CDLL(name)
        except OSError as error:
            raise EspeakError("espeak-ng is missing: apt install espeak-ng") from error
        self.rate = self._lib.espeak_Initialize(
            _AUDIO_OUTPUT_SYNCHRONOUS, 0, None, _INITIALIZE_PHONEME_EVENTS
        )
        if self.rate <= 0:
            raise EspeakError("espeak-ng would not start: is espeak-ng-data installed?")
        self._chunks: list[np.ndarray] = []
        self._events: list[_Mark] = []
        self._callback = _CALLBACK(self._receive)  # kept: the C side holds no reference
        self._lib.espeak_SetSynthCallback(self._callback)

    def _receive(self, wave, count, events) -> int:
        if count > 0 and wave:
            self._chunks.append(np.ctypeslib.as_array(wave, (count,)).copy())
        index = 0
        while events[index].type != _EVENT_END:
            event = events[index]
            if event.type in (_EVENT_WORD, _EVENT_PHONEME):
                name = event.id.string.decode("utf-8") if event.type == _EVENT_PHONEME else ""
                self._events.append(_Mark(name, event.sample, event.text_position))
            index += 1
        return 0

    def synthesise(
        self, text: str, voice: str, speed: int, pitch: int, pitch_range: int
    ) -> tuple[np.ndarray, list[_Mark]]:
        """Return int16 samples at `rate` and the word and phoneme marks in order."""
        self._chunks.clear()
        self._events.clear()
        if self._lib.espeak_SetVoiceByName(voice.encode()) != 0:
            raise EspeakError(f"espeak-ng has no voice {voice!r}")
        for parameter, value in (
            (_RATE_PARAMETER, speed),
            (_PITCH_PARAMETER, pitch),
            (_RANGE_PARAMETER, pitch_range),
        ):
            self._lib.espeak_SetParameter(parameter, value, 0)
        data = text.encode() + b"\0"
        self._lib.espeak_Synth(data, len(data), 0, _POS_CHARACTER, 0, _CHARS_UTF8, None, None)
        self._lib.espeak_Synchronize()
        return np.concatenate(self._chunks), list(self._events)


@lru_cache(maxsize=1)
def _library() -> _Library:
    return _Library()


def speak(
    text: str, *, voice: str = "es", speed: int = 150, pitch: int = 50, pitch_range: int = 50
) -> Speech:
    """Synthesise `text` (lower case words; commas make pauses).

    `speed` is in words a minute, `pitch` and `pitch_range` 0–99 as for the espeak-ng
    command. Raises `EspeakError` when the library is missing, the voice unknown, or
    the words reported do not match the words of the text.
    """
    import soxr

    library = _library()
    wave, marks = library.synthesise(text, voice, speed, pitch, pitch_range)
    samples = soxr.resample(wave.astype(np.float32) / 32768.0, library.rate, RATE)
    words = _group(marks, len(wave), library.rate)
    texts = text.replace(",", " ").split()
    if len(texts) != len(words) or not all(words):
        raise EspeakError(f"espeak-ng reported {len(words)} words for {text!r}")
    return Speech(
        samples.astype(np.float32),
        tuple(SpokenWord(t, tuple(p)) for t, p in zip(texts, words, strict=True)),
    )


def _group(marks: list[_Mark], length: int, rate: int) -> list[list[Phone]]:
    """Return the phonemes of each word; each lasts until the next mark of a phoneme."""
    words: list[list[Phone]] = []
    position = 0
    spoken = [mark for mark in marks if mark.name]
    ends = iter([*(mark.sample for mark in spoken[1:]), length])
    for mark in marks:
        if not mark.name:
            # Positions count from 1: espeak-ng 1.51 sometimes ends with a stale mark at 0.
            if mark.text_position > position:
                words.append([])
            position = mark.text_position
            continue
        end = next(ends)
        if words and not mark.name.startswith("_") and end > mark.sample:
            words[-1].append(Phone(mark.name, mark.sample / rate, end / rate))
    return words
