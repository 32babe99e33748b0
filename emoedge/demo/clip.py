"""The demonstration clip: a public-domain portrait moved about by code, with synthetic Spanish speech.

Picture and sound are small files of the package (`emoedge/data/demo`, where a note names their origin
and why they may be shipped); the clip is put together from them on first use.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from emoedge.demo.expression import Expression, masked, shown
from emoedge.emotions import Emotion
from emoedge.files import put_in_place, sha256_of

if TYPE_CHECKING:
    from av.container import OutputContainer

WIDTH: Final = 640
HEIGHT: Final = 480
FPS: Final = 15
DURATION_S: Final = 30.0
SAMPLE_RATE: Final = 48_000


class DemoSentence(NamedTuple):
    """A sentence of the clip.

    Attributes:
        start_s: when it begins.
        words: as `vosk-es-demo` hears them.
        voice: emotion of the way in which it is spoken.
        text: emotion of the words.
    """

    start_s: float
    words: str
    voice: Emotion
    text: Emotion


SENTENCES: Final = (
    DemoSentence(4.3, "hola buenos días", "neutral", "neutral"),
    DemoSentence(6.1, "son las tres de la tarde", "neutral", "neutral"),
    DemoSentence(9.6, "estoy muy triste hoy", "sadness", "sadness"),
    DemoSentence(14.8, "qué sorpresa no me lo esperaba", "surprise", "surprise"),
    DemoSentence(19.4, "qué alegría verte", "happiness", "happiness"),
    DemoSentence(24.2, "te echo mucho de menos", "happiness", "sadness"),
)
"""What is said. All of it is in the vocabulary of models/vosk-es-demo, and each sentence is followed by a
pause long enough for the recogniser to end the utterance; the one at the end is longer than a text counts.
In the last sentence the words contradict face and voice: something sad, said with a smile and
in a cheerful tone."""


class DemoScene(NamedTuple):
    """A stretch of the clip.

    Attributes:
        begin_s: it lasts until the next one begins.
        expression: what the person in view shows; None where nobody is there.
        masked: the face is covered.
        answer: what emoedge is expected to name; None for no opinion.
    """

    begin_s: float
    expression: Expression | None
    masked: bool = False
    answer: Emotion | None = None


CALM: Final = Expression(inner=2.0, outer=2.0, pinch=-1.0, corners=1.0, width=18.0)
JOY: Final = Expression(smile=True)
ASTONISHMENT: Final = Expression(inner=-2.0, outer=-4.0, pinch=2.0, eyes=0.3, width=10.0, opening=8.0)
GRIEF: Final = Expression(
    inner=-6.2, outer=5.4, pinch=5.0, eyes=-0.24, corners=7.0, width=16.8, opening=0.4, lift=0.9
)
SCENES: Final = (
    DemoScene(0.0, None),
    DemoScene(1.0, CALM, masked=True),
    DemoScene(4.2, CALM, answer="neutral"),
    DemoScene(8.8, GRIEF, answer="sadness"),
    DemoScene(13.8, ASTONISHMENT, answer="surprise"),
    DemoScene(18.6, JOY, answer="happiness"),
)
"""An empty picture, a covered face, and four expressions that match voice and words, except the last."""

_ASSETS: Final = Path(__file__).resolve().parents[1] / "data" / "demo"
_WALK_S: Final = 0.7
"""Coming into the picture."""
_CHANGE_S: Final = 0.3
"""From one expression to the next."""
_SYLLABLES_HZ: Final = 4.3
"""Openings of the mouth in fluent speech."""
_PHRASE: Final = FPS
"""Frames before and after in which the loudest moment opens the mouth fully."""
_QUIET: Final = 0.03
"""Level below which a frame counts as silent."""
_CLOSED: Final = 0.15
"""Share of the loudest level at which the mouth is closed: the echo of the room."""
_BACKGROUND: Final = (206, 198, 194)  # RGB of a plain wall, near the portrait's own
# A room is never silent; without some noise a signal-to-noise ratio would be infinite.
_ROOM_NOISE_DBFS: Final = -62.0
_KEYFRAME_EVERY: Final = FPS  # one a second, so that players can seek


def ensure_demo_clip(directory: Path | None = None) -> Path:
    """Return the clip, made on the first call and kept for the next ones.

    Args:
        directory: where it is kept; by default `emoedge` in the user's cache directory, or in the
            temporary directory where that cannot be written.

    Raises:
        OSError: the directory named cannot be written.
    """
    if directory is None:
        directory = _writeable_cache()
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"demo-{_fingerprint()}.mp4"
    if not path.is_file():
        partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        try:
            _write_clip(partial)
            put_in_place((partial, path))  # each process writes its own file
        finally:
            partial.unlink(missing_ok=True)
    return path


def _writeable_cache() -> Path:
    home = os.environ.get("HOME", "/nonexistent")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path(home) / ".cache") / "emoedge"
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError:
        return _own_temporary_directory()
    return cache if os.access(cache, os.W_OK) else _own_temporary_directory()


def _own_temporary_directory() -> Path:
    # Named after the user and closed to others: no other user can place a file there for us to play.
    path = Path(tempfile.gettempdir()) / f"emoedge-{os.getuid()}"
    path.mkdir(mode=0o700, exist_ok=True)
    if path.is_symlink() or path.stat().st_uid != os.getuid():
        return Path(tempfile.mkdtemp(prefix="emoedge-"))
    return path


def _asset(name: str) -> bytes:
    return (_ASSETS / name).read_bytes()


def _fingerprint() -> str:
    """Changes with the picture, the sound and this file, so that an upgrade rebuilds the clip."""
    files = (
        Path(__file__),
        Path(__file__).with_name("expression.py"),
        _ASSETS / "portrait.jpg",
        _ASSETS / "speech.ogg",
    )
    return hashlib.sha256("".join(map(sha256_of, files)).encode()).hexdigest()[:12]


def _write_clip(path: Path) -> None:
    import av

    options = {"movflags": "+faststart"}
    with av.open(str(path), "w", format="mp4", options=options) as container:
        _write_streams(container)


def _write_streams(container: OutputContainer) -> None:
    import av

    video: Any = container.add_stream("libx264", rate=FPS)
    video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    # One thread: x264 gives the same bytes on every run.
    video.options = {"preset": "superfast", "crf": "20", "threads": "1", "g": str(_KEYFRAME_EVERY)}
    audio: Any = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
    audio.bit_rate = 96_000
    for index, picture in enumerate(frames()):
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts = index
        container.mux(video.encode(frame))
    container.mux(video.encode(None))
    sound = av.AudioFrame.from_ndarray(soundtrack()[None, :], format="fltp", layout="mono")
    sound.sample_rate, sound.pts = SAMPLE_RATE, 0
    container.mux(audio.encode(sound))
    container.mux(audio.encode(None))


def frames() -> Iterator[NDArray[np.uint8]]:
    """The pictures in order: uint8, shape (HEIGHT, WIDTH, 3), RGB, FPS a second."""
    import cv2

    portrait = read_portrait()
    mask = _soft_mask(portrait.shape[0], portrait.shape[1])
    wall = _wall()
    for index, opening in enumerate(_mouth_openings(soundtrack()).tolist()):
        time_s = index / FPS
        face = _face(portrait, time_s, opening)
        if face is None:
            yield wall
            continue
        placement = _placement(time_s, portrait.shape[0], portrait.shape[1])
        person = cv2.warpAffine(face, placement, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
        weight = cv2.warpAffine(mask, placement, (WIDTH, HEIGHT))
        yield np.asarray(cv2.blendLinear(wall, person, 1 - weight, weight), dtype=np.uint8)


def read_portrait() -> NDArray[np.uint8]:
    """The portrait as it is: uint8 (h, w, 3), RGB."""
    import cv2

    picture: Any = cv2.imdecode(np.frombuffer(_asset("portrait.jpg"), np.uint8), cv2.IMREAD_COLOR)
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)


def _face(portrait: NDArray[np.uint8], time_s: float, speaking: float) -> NDArray[np.uint8] | None:
    """Return the portrait at a time, or None for an empty picture; expressions change gradually."""
    import cv2

    number = max(n for n, scene in enumerate(SCENES) if scene.begin_s <= time_s)
    scene = SCENES[number]
    if scene.expression is None:
        return None
    face = shown(portrait, scene.expression, speaking)
    before = SCENES[number - 1].expression if number else None
    share = (time_s - scene.begin_s) / _CHANGE_S
    if before is not None and share < 1.0:
        face = np.asarray(cv2.addWeighted(face, share, shown(portrait, before, speaking), 1.0 - share, 0.0))
    return masked(face) if scene.masked else face


def _mouth_openings(sound: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return how far the mouth is open in each frame, 0 to 1: syllables, as far as the audio is loud."""
    step = SAMPLE_RATE // FPS
    middles = range(0, round(DURATION_S * FPS) * step, step)
    level = np.array([np.sqrt(np.mean(sound[max(0, at - step // 2) : at + step] ** 2)) for at in middles])
    loudest = np.array([level[max(0, at - _PHRASE) : at + _PHRASE + 1].max() for at in range(len(level))])
    loudness = np.clip(level / np.maximum(loudest, _QUIET) - _CLOSED, 0.0, None) / (1.0 - _CLOSED)
    syllables = 0.5 + 0.5 * np.cos(2 * np.pi * _SYLLABLES_HZ * np.arange(len(level)) / FPS)
    return np.asarray(np.sqrt(loudness) * syllables)


def _wall() -> NDArray[np.uint8]:
    """A plain wall, a little darker towards the floor; uint8 (HEIGHT, WIDTH, 3)."""
    light = np.linspace(1.08, 0.86, HEIGHT)[:, None, None]
    rows = np.rint(light * np.array(_BACKGROUND)).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(rows, (HEIGHT, WIDTH, 3)))


def _soft_mask(height: int, width: int) -> NDArray[np.float32]:
    """An ellipse with a soft edge, open towards the bottom; float32 (height, width) in [0, 1]."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    down = np.maximum(0.0, 0.56 - y / height) / 0.56
    distance = np.sqrt(((x / width - 0.5) / 0.5) ** 2 + down**2)
    return np.asarray(np.clip((1.0 - distance) / 0.12, 0.0, 1.0), dtype=np.float32)


def _placement(time_s: float, height: int, width: int) -> NDArray[np.float64]:
    """Return the position of the portrait at a time: a 2 × 3 affine matrix to the frame."""
    begin = SCENES[1].begin_s
    zoom = 1.6 + 0.2 * np.sin(2 * np.pi * time_s / 7.0)
    turn = np.deg2rad(4.0 * np.sin(2 * np.pi * time_s / 3.1))
    # Enters from the left, in steps that a tracker must follow.
    coming = np.clip((begin + _WALK_S - time_s) / _WALK_S, 0.0, 1.0)
    x = WIDTH * (0.5 + 0.12 * np.sin(2 * np.pi * time_s / 5.3) - 0.8 * coming)
    y = HEIGHT * (0.63 + 0.03 * np.sin(2 * np.pi * time_s / 2.3))
    cosine, sine = zoom * np.cos(turn), zoom * np.sin(turn)
    centre_x, centre_y = width / 2, height / 2
    return np.array(
        [
            [cosine, -sine, x - cosine * centre_x + sine * centre_y],
            [sine, cosine, y - sine * centre_x - cosine * centre_y],
        ]
    )


def soundtrack() -> NDArray[np.float32]:
    """The sound of the whole clip: float32 mono in [-1, 1] at SAMPLE_RATE."""
    import io

    import av

    with av.open(io.BytesIO(_asset("speech.ogg"))) as container:
        # Opus decodes to 48 kHz always.
        to_mono = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
        decoded = [*container.decode(audio=0), None]
        speech = np.concatenate(
            [part.to_ndarray()[0] for frame in decoded for part in to_mono.resample(frame)]
        )
    whole = np.zeros(round(DURATION_S * SAMPLE_RATE), np.float32)
    length = min(len(whole), len(speech))
    whole[:length] = speech[:length]
    noise = np.random.default_rng(0).standard_normal(len(whole)).astype(np.float32)
    return np.clip(whole + noise * np.float32(10 ** (_ROOM_NOISE_DBFS / 20)), -1.0, 1.0).astype(np.float32)
