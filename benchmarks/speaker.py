"""Assignment of voices to faces: `python -m benchmarks.speaker --json FILE TALKER...`.

TALKERs are clips of people who talk, with their own audio. `--silent` are clips of people who do not talk, of
which each half counts as one clip. `--sound` adds voices of people out of view. Each face is played forward
and backward in a loop, with its own audio, with its own audio half a second late, and with the audio of every
other clip; near, and as small as at three metres, with camera noise. Two people are also shown side by side
with the audio of one of them. Chewing mouths, tilted heads and hidden mouths are made from the talkers. The
result for each utterance is right, wrong or unknown.

The thresholds were chosen on the first talker and the first half of the silent clips and are tested on the
others.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations, product
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.stillness import (
    FAR_PIXELS,
    Film,
    Picture,
    face_width,
    full_scale,
    length_s,
    noisy,
    placed,
    read_film,
    to_and_fro,
)
from emoedge.capture.media import hear
from emoedge.config import Settings
from emoedge.frames import SAMPLE_RATE_HZ, AudioBlock, Frame
from emoedge.fusion.active_speaker import ActiveSpeaker
from emoedge.observations import UNKNOWN, UNSEEN, FacesObservation, SoundLevel
from emoedge.pipeline.perception import build_face
from emoedge.pipeline.stages import FacePerceiver
from emoedge.vad.detector import Span, SpeechActivity, speech_spans
from emoedge.voice.level import sound_level
from emoedge.voice.stage import FINAL_S, FIRST_S, HOP_S, SHORTEST_S, STRETCH_S

Seen = list[FacesObservation]

SECONDS: Final = 30.0
FPS: Final = 10.0
LATE_S: Final = 0.5
CHEWS_HZ: Final = 1.5
CHEW: Final = 0.05
"""Downward movement of the jaw, in widths of the face."""
LYING_DEG: Final = 80.0
AUDIBLE: Final = 50
"""Samples below this are pauses."""
BLOCK: Final = SAMPLE_RATE_HZ // 10


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """Voice of length SECONDS, int16 (n,), with its utterances."""

    samples: NDArray[np.int16]
    spans: tuple[Span, ...]

    @property
    def levels(self) -> list[SoundLevel]:
        """Level of each block."""
        starts = range(0, len(self.samples), BLOCK)
        return [sound_level(AudioBlock(at / SAMPLE_RATE_HZ, self.samples[at : at + BLOCK])) for at in starts]


@dataclass(frozen=True, slots=True)
class Case:
    """Scene with the expected result.

    Attributes:
        kind: row in the table.
        tuned: whether the thresholds were chosen on it.
        seen: faces in the scene.
        heard: voice in the scene.
        who: index of the speaking face from the left; None for a voice out of view.
        late_s: delay of the audio.
    """

    kind: str
    tuned: bool
    seen: Seen
    heard: Heard
    who: int | None
    late_s: float = 0.0


def read_voice(path: Path, film_s: float | None = None) -> Heard:
    """Return audio of length SECONDS: forward and backward like its video, or looped from the start."""
    samples = np.round(hear(path).samples * 32767).astype(np.int16)
    turn = samples
    if film_s is not None:
        samples = np.zeros(round(film_s * SAMPLE_RATE_HZ), np.int16)
        samples[: len(turn)] = turn[: len(samples)]
        turn = np.concatenate([samples, samples[::-1]])
    whole = np.tile(turn, math.ceil(SECONDS * SAMPLE_RATE_HZ / len(turn)))[: round(SECONDS * SAMPLE_RATE_HZ)]
    return Heard(whole, tuple(speech_spans(whole, SpeechActivity())))


def over(voice: Heard, other: Heard) -> Heard:
    """Return a voice mixed with another one of equal level."""

    def loudness(samples: NDArray[np.int16]) -> float:
        loud = samples[np.abs(samples) > AUDIBLE].astype(np.float64)
        return float(np.sqrt(np.mean(loud * loud)))

    ratio = loudness(voice.samples) / loudness(other.samples)
    mixed = np.clip(voice.samples + ratio * other.samples, -32767, 32767).astype(np.int16)
    return Heard(mixed, voice.spans)


def watch(
    film: Film, stage: FacePerceiver, show: Callable[[float, Picture], Picture], fps: float = FPS
) -> Seen:
    """Return the face stage's observations of a video played forward and backward at `fps`."""
    seen: Seen = []
    next_s = 0.0
    for time_s, picture in to_and_fro(film, SECONDS):
        if time_s >= next_s - 0.1 / fps:
            next_s += 1.0 / fps
            shown = np.ascontiguousarray(show(time_s, picture))
            seen.append(stage.process(Frame(time_s, shown, "bgr", shown.shape[1], shown.shape[0])))
    return seen


def stretches(spans: Sequence[Span]) -> Iterator[tuple[float, float]]:
    """Return begin and end of the utterances that the voice stage reports, in seconds."""
    for span in spans:
        end_s = span.start_s + FIRST_S
        while end_s < span.end_s:
            yield max(span.start_s, end_s - STRETCH_S), end_s
            end_s += HOP_S
        if span.end_s - span.start_s >= SHORTEST_S:
            yield max(span.start_s, span.end_s - FINAL_S), span.end_s


def judge(case: Case) -> Counter[str]:
    """Count the utterances of a scene that are right, wrong, unknown, and wrongly unseen."""
    speaker = ActiveSpeaker()
    for level in case.heard.levels:
        speaker.on_sound(SoundLevel(level.time_s + case.late_s, level.levels_db))
    for faces in case.seen:
        speaker.on_faces(faces)
    counts: Counter[str] = Counter()
    for begin_s, finish_s in stretches(case.heard.spans):
        start_s, end_s = begin_s + case.late_s, finish_s + case.late_s
        inside = [faces for faces in case.seen if start_s <= faces.time_s <= end_s]
        if end_s > SECONDS - 1 or not inside:
            continue
        answer = speaker.speaker(start_s, end_s)
        if answer == UNKNOWN:
            counts["unknown"] += 1
        elif answer == UNSEEN:
            counts["right" if case.who is None else "wrong"] += 1
            counts["wrongly_unseen"] += case.who is not None
        else:
            last = sorted(inside[-1].faces, key=lambda face: face.box.x)
            named = [number for number, face in enumerate(last) if face.track_id == answer]
            counts["right" if case.who is not None and named == [case.who] else "wrong"] += 1
    return counts


def chewing(film: Film, stage: FacePerceiver) -> Film:
    """Return the first frame of a video with a jaw that moves up and down."""
    import cv2

    picture = film[0][1]
    height, width = picture.shape[:2]
    face = stage.process(Frame(0.0, np.ascontiguousarray(picture), "bgr", width, height)).faces[0]
    assert face.landmarks is not None
    x, y = (face.landmarks[3] * (width, height)).tolist()
    size = face.box.width * width
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    pull = np.exp(-(((columns - x) / (0.35 * size)) ** 2) - ((rows - y - 0.15 * size) / (0.2 * size)) ** 2)
    chewed: Film = []
    for number in range(round(FPS / CHEWS_HZ * 2)):
        down = CHEW * size * math.sin(2 * math.pi * CHEWS_HZ * number / FPS) ** 2
        moved = (rows - np.float32(down) * pull * (rows > y)).astype(np.float32)
        chewed.append((number / FPS, np.asarray(cv2.remap(picture, columns, moved, cv2.INTER_LINEAR))))
    return chewed


def lying(picture: Picture) -> Picture:
    """Return the frame rotated about its centre."""
    import cv2

    height, width = picture.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), LYING_DEG, 0.8)
    return np.asarray(cv2.warpAffine(picture, turn, (width, height), borderValue=(90, 90, 90)), np.uint8)


def hidden(picture: Picture) -> Picture:
    """Return the frame with the lower part of the usual face region covered."""
    covered = picture.copy()
    height, width = picture.shape[:2]
    covered[round(0.52 * height) : round(0.85 * height), round(0.25 * width) : round(0.75 * width)] = (
        150,
        140,
        130,
    )
    return covered


def beside(one: Film, other: Film) -> Film:
    """Return two videos of the same rate side by side, as long as the shorter one."""
    pairs = zip(one, other, strict=False)
    return [
        (time_s, np.hstack([full(picture)[:, 80:560], full(second)[:, 80:560]]))
        for (time_s, picture), (_, second) in pairs
    ]


def full(picture: Picture) -> Picture:
    """Return the frame at 640 x 480."""
    return placed(picture, full_scale(picture))


def near(_time_s: float, picture: Picture) -> Picture:
    """Return a function that scales frames to the largest size that fits."""
    return full(picture)


def far(scale: float) -> Callable[[float, Picture], Picture]:
    """Return a function that scales frames down and adds camera noise."""
    chance = np.random.default_rng(26)
    return lambda _, picture: noisy(placed(picture, scale), chance)


Films = dict[Path, Film]
Half = tuple[str, bool, Film]
"""Yield name, whether the thresholds were chosen on it, and the frames."""


def halved(films: Films) -> list[Half]:
    """Yield both halves of each clip of silent people."""
    found = []
    for path, film in films.items():
        middle = len(film) // 2
        for number, part in enumerate((film[:middle], film[middle:])):
            shifted = [(time_s - part[0][0], picture) for time_s, picture in part]
            found.append((f"{path.stem} {number + 1}", number == 0, shifted))
    return found


def talking(
    film: Film, *, tuned: bool, own: Heard, others: Sequence[Heard], stage: FacePerceiver
) -> Iterator[Case]:
    """Yield scenes with one talker: near, far, at several rates, chewing, tilted and hidden."""
    scale = FAR_PIXELS / (face_width(film, stage.renewed()) or 100.0)
    views = {
        "near": watch(film, stage.renewed(), near),
        "near, 7 a second": watch(film, stage.renewed(), near, 7.0),
        "near, 5 a second": watch(film, stage.renewed(), near, 5.0),
        "at 3 m": watch(film, stage.renewed(), far(scale)),
    }
    for name, seen in views.items():
        yield Case(f"own voice, {name}", tuned, seen, own, 0)
        yield Case(f"own voice half a second late, {name}", tuned, seen, own, None, LATE_S)
        for heard in others:
            yield Case(f"another voice, {name}", tuned, seen, heard, None)
    for heard in others:
        yield Case("own voice, another one as loud", tuned, views["near"], over(own, heard), 0)
    lies = watch(film, stage.renewed(), lambda _, picture: lying(full(picture)))
    yield Case("own voice, head on its side", tuned, lies, own, 0)
    hides = watch(film, stage.renewed(), lambda _, picture: hidden(full(picture)))
    yield Case("own voice, mouth hidden", tuned, hides, own, 0)
    chews = watch(chewing(film, stage.renewed()), stage.renewed(), near)
    for heard in others:
        yield Case("another voice, chewing", tuned, chews, heard, None)


def silent_faces(halves: Sequence[Half], voices: Sequence[Heard], stage: FacePerceiver) -> Iterator[Case]:
    """Yield scenes with people who do not talk."""
    for name, tuned, film in halves:
        scale = FAR_PIXELS / (face_width(film, stage.renewed()) or 100.0)
        views = {
            "near": watch(film, stage.renewed(), near),
            "at 3 m": watch(film, stage.renewed(), far(scale)),
        }
        for (where, seen), heard in product(views.items(), voices):
            yield Case(f"another voice, silent face {name[-1]}, {where}", tuned, seen, heard, None)


def couples(
    films: Films,
    own: dict[Path, Heard],
    halves: Sequence[Half],
    voices: Sequence[Heard],
    stage: FacePerceiver,
) -> Iterator[Case]:
    """Yield scenes with two people side by side."""
    for one, other in permutations(own, 2):
        pair = watch(beside(films[one], films[other]), stage.renewed(), lambda _, picture: picture)
        yield Case("two who talk, voice of one", False, pair, own[one], 0)
        for heard in voices:
            yield Case("two who talk, another voice", False, pair, heard, None)
    for path, (_, _, still) in product(own, halves):
        pair = watch(beside(films[path], still), stage.renewed(), lambda _, picture: picture)
        yield Case("one who talks beside a silent one", False, pair, own[path], 0)


def cases(
    talkers: Sequence[Path], silent: Sequence[Path], voices: Sequence[Heard], stage: FacePerceiver
) -> Iterator[Case]:
    """Yield all scenes."""
    films = {path: read_film(path) for path in talkers}
    own = {path: read_voice(path, length_s(film)) for path, film in films.items()}
    halves = halved({path: read_film(path) for path in silent})
    for number, (path, film) in enumerate(films.items()):
        others = [*voices, *(heard for other, heard in own.items() if other != path)]
        yield from talking(film, tuned=number == 0, own=own[path], others=others, stage=stage)
    yield from silent_faces(halves, [*voices, *own.values()], stage)
    yield from couples(films, own, halves, voices, stage)


def table(counts: dict[tuple[str, bool], Counter[str]]) -> list[dict[str, Any]]:
    """Return a table row for each kind of scene."""
    return [
        {"scene": kind, "tuned": tuned}
        | {name: count[name] for name in ("right", "wrong", "unknown", "wrongly_unseen")}
        for (kind, tuned), count in counts.items()
    ]


def precision(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return how often "unseen" is right if half of all speech comes from people in view."""
    owners = [
        row for row in rows if row["scene"].startswith(("own voice, ", "two who talk, voice", "one who"))
    ]
    strangers = [row for row in rows if row["scene"].startswith("another voice")]

    def share(of: Sequence[dict[str, Any]], name: str) -> float:
        total = sum(row["right"] + row["wrong"] + row["unknown"] for row in of)
        return sum(row[name] for row in of) / total if total else 0.0

    missed, found = share(owners, "wrongly_unseen"), share(strangers, "right")
    return {
        "unseen_precision": round(found / (found + missed), 3) if found else None,
        "unseen_of_strangers": round(found, 3),
        "unseen_of_speakers": round(missed, 3),
        "named_of_speakers": round(share(owners, "right"), 3),
        "named_of_strangers": round(share(strangers, "wrong"), 3),
    }


def main() -> int:
    """Measure, print and write the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speaker", description=__doc__)
    parser.add_argument("talkers", nargs="+", type=Path, metavar="TALKER")
    parser.add_argument("--silent", nargs="*", type=Path, default=[])
    parser.add_argument("--sound", nargs="*", type=Path, default=[])
    parser.add_argument("--json", type=Path, required=True)
    options = parser.parse_args()
    voices = [read_voice(path) for path in options.sound]
    counts: dict[tuple[str, bool], Counter[str]] = {}
    for case in cases(options.talkers, options.silent, voices, build_face(Settings())):
        counts.setdefault((case.kind, case.tuned), Counter()).update(judge(case))
    rows = table(counts)
    for row in rows:
        print(json.dumps(row))
    result = {
        "schema": 1,
        "rows": rows,
        "all": precision(rows),
        "judged": precision([row for row in rows if not row["tuned"]]),
    }
    print(result["all"], result["judged"], sep="\n")
    options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
