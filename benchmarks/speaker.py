"""Assignment of voices to faces: `python -m benchmarks.speaker --json FILE TALKER...`.

TALKERs are clips of people who talk, with their own audio. `--silent` are clips of people who do not talk, of
which each half counts as one clip. `--sound` adds voices of people out of view. Each face is played forward
and backward in a loop, with its own audio, with its own audio half a second late, and with the audio of every
other clip; near, and as small as at three metres, with camera noise. All pairs of faces are also shown side
by side, with every voice. Chewing mouths, tilted heads and hidden mouths are made from the talkers. The
result for each utterance with a face in view is right, wrong or unknown.

The thresholds were chosen on the first talker and the first half of the first silent clip and are tested on
the others. Intervals are 95 %, by drawing pairs of face clip and voice clip with replacement: the utterances
of one pair are repetitions. What was never seen has no bootstrap interval; its limit is exact, for as many
independent trials as there are pairs, and for as many as there are talkers.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations, product
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
RESULTS: Final = ("right", "wrong", "unknown", "wrongly_unseen")
"""The last one is also counted as wrong."""
OWNERS: Final = ("own voice, ", "two who talk, voice", "one who talks beside a silent one")
STRANGERS: Final = ("another voice",)
DRAWS: Final = 2000

Counts = dict[tuple[str, bool, tuple[str, str]], Counter[str]]
"""Results by kind of scene, whether the thresholds were chosen on it, and the clips of faces and voice."""


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """Voice of length SECONDS, int16 (n,), with its utterances and the name of its clip."""

    name: str
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
        faces: names of the clips in view.
        seen: faces in the scene.
        heard: voice in the scene.
        who: index of the speaking face from the left; None for a voice out of view.
        late_s: delay of the audio.
    """

    kind: str
    tuned: bool
    faces: str
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
    return Heard(path.stem, whole, tuple(speech_spans(whole, SpeechActivity())))


def over(voice: Heard, other: Heard) -> Heard:
    """Return a voice mixed with another one of equal level."""

    def loudness(samples: NDArray[np.int16]) -> float:
        loud = samples[np.abs(samples) > AUDIBLE].astype(np.float64)
        return float(np.sqrt(np.mean(loud * loud)))

    ratio = loudness(voice.samples) / loudness(other.samples)
    mixed = np.clip(voice.samples + ratio * other.samples, -32767, 32767).astype(np.int16)
    return Heard(f"{voice.name} and {other.name}", mixed, voice.spans)


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
        if end_s > SECONDS - 1 or not any(faces.faces for faces in inside):
            continue
        answer = speaker.speaker(start_s, end_s)
        if answer == UNKNOWN:
            counts["unknown"] += 1
        elif answer == UNSEEN:
            counts["right" if case.who is None else "wrong"] += 1
            counts["wrongly_unseen"] += case.who is not None
        else:
            last = sorted([faces for faces in inside if faces.faces][-1].faces, key=lambda face: face.box.x)
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
    found: list[Half] = []
    for path, film in films.items():
        middle = len(film) // 2
        for number, part in enumerate((film[:middle], film[middle:])):
            shifted = [(time_s - part[0][0], picture) for time_s, picture in part]
            found.append((f"{path.stem} {number + 1}", not found, shifted))
    return found


def talking(
    name: str, film: Film, *, tuned: bool, own: Heard, others: Sequence[Heard], stage: FacePerceiver
) -> Iterator[Case]:
    """Yield scenes with one talker: near, far, at several rates, chewing, tilted and hidden."""
    scale = FAR_PIXELS / (face_width(film, stage.renewed()) or 100.0)
    views = {
        "near": watch(film, stage.renewed(), near),
        "near, 7 a second": watch(film, stage.renewed(), near, 7.0),
        "near, 5 a second": watch(film, stage.renewed(), near, 5.0),
        "at 3 m": watch(film, stage.renewed(), far(scale)),
    }
    for view, seen in views.items():
        yield Case(f"own voice, {view}", tuned, name, seen, own, 0)
        yield Case(f"own voice half a second late, {view}", tuned, name, seen, own, None, LATE_S)
        for heard in others:
            yield Case(f"another voice, {view}", tuned, name, seen, heard, None)
    for heard in others:
        yield Case("own voice, another one as loud", tuned, name, views["near"], over(own, heard), 0)
    lies = watch(film, stage.renewed(), lambda _, picture: lying(full(picture)))
    yield Case("own voice, head on its side", tuned, name, lies, own, 0)
    hides = watch(film, stage.renewed(), lambda _, picture: hidden(full(picture)))
    yield Case("own voice, mouth hidden", tuned, name, hides, own, 0)
    chews = watch(chewing(film, stage.renewed()), stage.renewed(), near)
    for heard in others:
        yield Case("another voice, chewing", tuned, name, chews, heard, None)


def silent_faces(halves: Sequence[Half], voices: Sequence[Heard], stage: FacePerceiver) -> Iterator[Case]:
    """Yield scenes with people who do not talk."""
    for number, (name, tuned, film) in enumerate(halves, start=1):
        scale = FAR_PIXELS / (face_width(film, stage.renewed()) or 100.0)
        views = {
            "near": watch(film, stage.renewed(), near),
            "at 3 m": watch(film, stage.renewed(), far(scale)),
        }
        for (view, seen), heard in product(views.items(), voices):
            yield Case(f"another voice, silent face {number}, {view}", tuned, name, seen, heard, None)


def couples(
    films: Films,
    own: dict[Path, Heard],
    halves: Sequence[Half],
    voices: Sequence[Heard],
    stage: FacePerceiver,
) -> Iterator[Case]:
    """Yield scenes with two people side by side: all pairs, with every voice."""

    def pair(one: Film, other: Film) -> Seen:
        return watch(beside(one, other), stage.renewed(), lambda _, picture: picture)

    for one, other in permutations(own, 2):
        seen, names = pair(films[one], films[other]), f"{one.stem} beside {other.stem}"
        yield Case("two who talk, voice of one", False, names, seen, own[one], 0)
        yield Case("two who talk, half a second late", False, names, seen, own[one], None, LATE_S)
        for heard in voices:
            yield Case("another voice, two who talk", False, names, seen, heard, None)
    for path, (name, _, still) in product(own, halves):
        seen, names = pair(films[path], still), f"{path.stem} beside {name}"
        yield Case("one who talks beside a silent one", False, names, seen, own[path], 0)
        for heard in [*voices, *(own[other] for other in own if other != path)]:
            yield Case("another voice, one who talks beside a silent one", False, names, seen, heard, None)
    for (name, _, still), (other_name, _, other_still) in combinations(halves, 2):
        seen, names = pair(still, other_still), f"{name} beside {other_name}"
        for heard in [*voices, *own.values()]:
            yield Case("another voice, two silent ones", False, names, seen, heard, None)


def cases(
    talkers: Sequence[Path], silent: Sequence[Path], voices: Sequence[Heard], stage: FacePerceiver
) -> Iterator[Case]:
    """Yield all scenes."""
    films = {path: read_film(path) for path in talkers}
    own = {path: read_voice(path, length_s(film)) for path, film in films.items()}
    halves = halved({path: read_film(path) for path in silent})
    for number, (path, film) in enumerate(films.items()):
        others = [*voices, *(heard for other, heard in own.items() if other != path)]
        yield from talking(path.stem, film, tuned=number == 0, own=own[path], others=others, stage=stage)
    yield from silent_faces(halves, [*voices, *own.values()], stage)
    yield from couples(films, own, halves, voices, stage)


def table(counts: Counts) -> list[dict[str, Any]]:
    """Return a table row for each kind of scene."""
    rows: dict[tuple[str, bool], Counter[str]] = {}
    for (kind, tuned, _), count in counts.items():
        rows.setdefault((kind, tuned), Counter()).update(count)
    return [
        {"scene": kind, "tuned": tuned} | {name: count[name] for name in RESULTS}
        for (kind, tuned), count in rows.items()
        if count
    ]


def precision(counts: Counts) -> dict[str, Any]:
    """Return how often "unseen" is right if half of all speech comes from people in view, with intervals."""
    owners = by_pair(counts, OWNERS)
    strangers = by_pair(counts, STRANGERS)
    columns = {
        "unseen_of_strangers": (strangers, "right"),
        "unseen_of_speakers": (owners, "wrongly_unseen"),
        "named_of_speakers": (owners, "right"),
        "named_of_strangers": (strangers, "wrong"),
    }
    shares = {name: share(of[None], result) for name, (of, result) in columns.items()}
    chance = np.random.default_rng(26)
    chosen = {id(of): chance.integers(len(of), size=(DRAWS, len(of))) for of in (owners, strangers)}
    draws = {name: share(of[chosen[id(of)]], result) for name, (of, result) in columns.items()}
    found, missed = draws["unseen_of_strangers"], draws["unseen_of_speakers"]
    value = {name: float(one[0]) for name, one in shares.items()}
    people = len({name for (kind, _, (name, _)) in counts if kind.startswith("own voice, near")})
    return {
        "unseen_precision": rounded(value["unseen_of_strangers"], value["unseen_of_speakers"]),
        "unseen_precision_interval": interval(found / (found + missed)),
        "pairs_with_an_owner": len(owners),
        "pairs_of_strangers": len(strangers),
        "talkers": people,
        "unseen_precision_at_least_by_pairs": lower(value, len(owners), owners),
        "unseen_precision_at_least_by_talkers": lower(value, people, owners),
        **{name: round(one, 3) for name, one in value.items()},
        **{f"{name}_interval": interval(one) for name, one in draws.items()},
    }


def by_pair(counts: Counts, kinds: tuple[str, ...]) -> NDArray[np.int64]:
    """Return the results of each pair of clips in the scenes whose kind begins so: (pairs, RESULTS)."""
    pairs: dict[tuple[str, str], Counter[str]] = {}
    for (kind, _, pair), count in counts.items():
        if kind.startswith(kinds):
            pairs.setdefault(pair, Counter()).update(count)
    rows = [[count[name] for name in RESULTS] for count in pairs.values()]
    return np.array([row for row in rows if sum(row[:3])])


def share(rows: NDArray[np.int64], result: str) -> NDArray[np.float64]:
    """Return the share of a result in each draw, (draws, pairs, RESULTS) to (draws,)."""
    total = rows.sum(axis=1)
    return total[:, RESULTS.index(result)] / np.maximum(total[:, :3].sum(axis=1), 1)


def interval(values: NDArray[np.float64]) -> list[float]:
    """Return the middle 95 %."""
    return [round(float(value), 3) for value in np.nanpercentile(values, (2.5, 97.5))]


def rounded(found: float, missed: float) -> float | None:
    """Return the precision from both shares."""
    return round(found / (found + missed), 3) if found else None


def lower(value: dict[str, float], trials: int, owners: NDArray[np.int64]) -> float | None:
    """Return the lower limit (95 %) of the precision if no owner was missed in so many independent trials."""
    if not trials or owners[:, RESULTS.index("wrongly_unseen")].any():
        return None
    return rounded(value["unseen_of_strangers"], 1.0 - 0.05 ** (1.0 / trials))


def main() -> int:
    """Measure, print and write the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speaker", description=__doc__)
    parser.add_argument("talkers", nargs="+", type=Path, metavar="TALKER")
    parser.add_argument("--silent", nargs="*", type=Path, default=[])
    parser.add_argument("--sound", nargs="*", type=Path, default=[])
    parser.add_argument("--json", type=Path, required=True)
    options = parser.parse_args()
    voices = [read_voice(path) for path in options.sound]
    counts: Counts = {}
    for case in cases(options.talkers, options.silent, voices, build_face(Settings())):
        key = (case.kind, case.tuned, (case.faces, case.heard.name))
        counts.setdefault(key, Counter()).update(judge(case))
    rows = table(counts)
    for row in rows:
        print(json.dumps(row))
    result = {
        "schema": 2,
        "rows": rows,
        "all": precision(counts),
        "judged": precision({key: count for key, count in counts.items() if not key[1]}),
    }
    print(result["all"], result["judged"], sep="\n")
    options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
