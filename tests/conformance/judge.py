"""Makes the file of a case, reads it as the commands do, and compares with the base clip and with FFmpeg."""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np

from emoedge.capture.media import MediaReader, read_sound
from emoedge.config import Settings, load_settings
from emoedge.emotions import EMOTIONS
from emoedge.errors import MediaError
from emoedge.observations import FacesObservation, TextObservation
from emoedge.pipeline import Pipeline

from .cases import AUDIO, ONE, VIDEO, Case

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "models"
WORDS = "qué alegría verte"
EMOTION = "happiness"
RATE_HZ = 48_000
BEFORE_S, LENGTH_S = 0.3, 2.6
"""The part of the demonstration's sound that is used: one sentence, and a pause in which it ends."""
SIDE = 320
FPS = 25
FFMPEG_REFUSES = ("w64", "aiff")
"""Written to a pipe, FFmpeg cannot read its own files of these kinds."""
TIMES_S = 0.05
"""How far times may be from FFmpeg's."""


@dataclass(frozen=True)
class Verdict:
    """What became of a case.

    Attributes:
        emotion, words: what was seen and heard, empty where there is nothing of the kind.
        frame_s, sound_s: largest distance of a frame from FFmpeg's time, and delay of the sound against it.
        error: of the reader.
        faults: what differs from what is wanted.
    """

    emotion: str = ""
    words: str = ""
    frame_s: float = 0.0
    sound_s: float = 0.0
    error: str = ""
    faults: tuple[str, ...] = ()


@cache
def frame_rate_option() -> str:
    """Name of the option that FFmpeg 5.1 brought and FFmpeg 9 demands."""
    done = subprocess.run(["ffmpeg", "-version"], capture_output=True, text=True, timeout=60, check=True)
    version = re.match(r"ffmpeg version n?(\d+)\.(\d+)", done.stdout)
    return "-vsync" if version and (int(version[1]), int(version[2])) < (5, 1) else "-fps_mode"


def ffmpeg(*arguments: object) -> bytes:
    given = [frame_rate_option() if one == "-fps_mode" else str(one) for one in arguments]
    command = ["ffmpeg", "-v", "error", "-y", *given]
    result = subprocess.run(command, capture_output=True, timeout=300, stdin=subprocess.DEVNULL, check=False)
    if result.returncode:
        raise AssertionError(f"{' '.join(command)}: {result.stderr.decode(errors='replace')[-500:]}")
    return result.stdout


def write_base(folder: Path) -> Path:
    """The clip that all files are made from, without any loss; the face moves a little."""
    from emoedge.demo.clip import SENTENCES, soundtrack

    spoken, following = next(pair for pair in pairwise(SENTENCES) if pair[0].words == WORDS)
    first = round((spoken.start_s - BEFORE_S) * RATE_HZ)
    part = soundtrack()[first : first + round(LENGTH_S * RATE_HZ)].copy()
    part[round(following.start_s * RATE_HZ) - first :] = 0.0
    sound = folder / "sound.f32"
    sound.write_bytes(part.astype("<f4").tobytes())
    portrait = ROOT / "emoedge" / "data" / "demo" / "portrait.jpg"
    motion = f"scale={SIDE + 20}:-2,crop={SIDE}:{SIDE}:10+4*sin(n/9):10+3*cos(n/7)"
    path = folder / "base.mkv"
    ffmpeg(
        *("-loop", 1, "-framerate", FPS, "-t", LENGTH_S, "-i", portrait),
        *("-f", "f32le", "-ar", RATE_HZ, "-ac", 1, "-i", sound),
        *("-vf", motion, "-pix_fmt", "yuv444p", "-c:v", "ffv1", "-c:a", "pcm_f32le", path),
    )  # fmt: skip
    return path


def write_file(case: Case, base: Path, folder: Path) -> Path:
    """The file of a case."""
    path = folder / f"case.{case.container}"
    codecs = f"{VIDEO[case.video]} {AUDIO[case.audio]} {case.options}".split()
    if case.pipe:
        path.write_bytes(ffmpeg(*case.before.split(), "-i", base, *codecs, "-f", case.pipe, "-"))
    else:
        ffmpeg(*case.before.split(), "-i", base, *codecs, path)
    if case.matrix:
        _add_matrix(path, case.matrix)
    if case.tail:
        path.write_bytes(path.read_bytes() + case.tail)
    return path


def _add_matrix(path: Path, matrix: tuple[int, ...]) -> None:
    import av

    plain = path.with_name(f"plain{path.suffix}")
    path.rename(plain)
    a, b, c, d = matrix
    with av.open(str(plain)) as clip, av.open(str(path), "w") as out:
        streams = {one.index: out.add_stream_from_template(one) for one in clip.streams}
        streams[0].set_display_matrix([a * ONE, b * ONE, 0, c * ONE, d * ONE, 0, 0, 0, 1 << 30])
        for packet in clip.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream_index]
                out.mux(packet)


def repository_settings() -> Settings:
    """The settings with the models of the repository, the small speech model among them."""
    settings = load_settings(None)
    paths = settings.paths.model_copy(update={"models": MODELS})
    speech = settings.speech.model_copy(update={"model": "vosk-es-demo"})
    return settings.model_copy(update={"paths": paths, "speech": speech})


@cache
def _pipeline(faces: bool) -> Pipeline:
    settings = repository_settings()
    voice = settings.voice.model_copy(update={"enabled": False})
    face = settings.face.model_copy(update={"enabled": faces})
    return Pipeline(settings.model_copy(update={"voice": voice, "face": face}))


def judge(case: Case, path: Path) -> Verdict:
    """Play the file and compare."""
    faults: list[str] = []
    emotions: Counter[str] = Counter()
    words: list[str] = []
    try:
        for outcome in _pipeline(case.video != "-").replay(path):
            if isinstance(outcome, FacesObservation) and (face := outcome.primary) is not None:
                if face.probabilities is not None:
                    emotions[EMOTIONS[int(np.argmax(face.probabilities))]] += 1
            elif isinstance(outcome, TextObservation):
                words.append(outcome.transcript)
    except MediaError as error:
        if not (case.refused and error.remedy):
            faults.append(f"error: {error.message}")
        return Verdict(error=error.message, faults=tuple(faults))
    if case.refused:
        faults.append("not refused")
    emotion = emotions.most_common(1)[0][0] if emotions else ""
    if case.video != "-" and emotion != EMOTION:
        faults.append(f"emotion {emotion or 'none'}")
    heard = " ".join(words)
    if case.audio != "-" and (heard != WORDS if case.words else WORDS not in heard):
        faults.append(f"words {heard!r}")
    frame_s = _frame_fault_s(path, faults) if case.video != "-" else 0.0
    sound_s = _sound_delay_s(path) if case.audio != "-" and case.pipe not in FFMPEG_REFUSES else 0.0
    if frame_s > TIMES_S:
        faults.append(f"a frame is {frame_s:.3f} s from FFmpeg's time")
    if abs(sound_s) > TIMES_S:
        faults.append(f"the sound is {sound_s:+.3f} s from FFmpeg's")
    return Verdict(emotion, heard, frame_s, sound_s, faults=tuple(faults))


def _frame_fault_s(path: Path, faults: list[str]) -> float:
    """The largest distance of a frame of FFmpeg's from the nearest of ours, both counted from the start."""
    command = ["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries"]
    command += ["frame=best_effort_timestamp_time:format=start_time", "-of", "json", str(path)]
    result = subprocess.run(command, capture_output=True, timeout=120, check=False)
    known = json.loads(result.stdout)
    origin_s = float(known.get("format", {}).get("start_time") or 0.0)
    stamps = [frame.get("best_effort_timestamp_time", "N/A") for frame in known.get("frames", ())]
    theirs_s = np.array([float(stamp) - origin_s for stamp in stamps if stamp != "N/A"])
    ours_s = np.array([frame.time_s for frame in MediaReader(path).frames()])
    if not len(theirs_s):  # a raw stream: FFmpeg knows no times either
        return 0.0
    if abs(len(ours_s) - len(stamps)) > 2:
        faults.append(f"{len(ours_s)} frames, FFmpeg has {len(stamps)}")
    return float(np.abs(np.maximum(theirs_s, 0)[:, None] - ours_s[None, :]).min(axis=1).max())


def _sound_delay_s(path: Path) -> float:
    """How much later the sound is with us than in FFmpeg's own conversion, seconds."""
    raw = ffmpeg("-i", path, "-vn", "-af", "aresample=async=1:first_pts=0", "-ar", 16000, "-f", "f32le", "-")
    command = ["ffprobe", "-v", "error", "-select_streams", "a:0", "-show_entries", "stream=channels"]
    command += ["-of", "csv=p=0", str(path)]
    answer = subprocess.run(command, capture_output=True, timeout=120, check=True).stdout
    channels = int(answer.split()[0].strip(b","))
    theirs = np.frombuffer(raw, "<f4").reshape(-1, channels)[:, 0]
    ours = read_sound(path)
    count = min(len(ours), len(theirs))
    size = 1 << (2 * count - 1).bit_length()
    ours_power, theirs_power = np.abs(ours[:count]), np.abs(theirs[:count])
    ours_power, theirs_power = ours_power - ours_power.mean(), theirs_power - theirs_power.mean()
    product = np.fft.rfft(ours_power, size) * np.conj(np.fft.rfft(theirs_power, size))
    lag = int(np.argmax(np.fft.irfft(product)))
    return (lag - size if lag > size // 2 else lag) / 16000
