"""Faults of the models: missing or damaged files."""

from __future__ import annotations

import shutil

from emoedge.model_store.manifest import FACE_CLASSIFIER
from faults.bench import REPOSITORY, START_S, Bench
from faults.fault import fault
from faults.surroundings import holds, until


@fault()
def speech_model_missing(bench: Bench) -> float:
    """The speech model is missing at the start and added later.

    `text` is failed with the remedy while face and voice continue; it works once the model is there.
    """
    bench.start_broker()
    bench.start(speech__model="some-spanish-model")
    until(lambda: bench.state_of("text") == "failed", "health reports that text failed", START_S)
    holds(
        "emoedge models fetch" in _reason(bench, "text"), f"the remedy is named: {_reason(bench, 'text')!r}"
    )
    bench.wait_working("face", "voice")
    bench.goes_on("emotion", "emotions are published")
    bench.models.mkdir()
    (bench.models / "some-spanish-model").symlink_to(REPOSITORY / "models" / "vosk-es-demo")
    return until(lambda: bench.state_of("text") == "ok" and bench.figure("text", "processed") > 0,
                 "text recovers", START_S)  # fmt: skip


@fault()
def face_model_damaged(bench: Bench) -> float:
    """The face model is truncated; later the damaged file is removed, so that the shipped model is found.

    `face` is failed with reason and remedy while voice and text continue; afterwards it recovers
    automatically.
    """
    whole = (REPOSITORY / "models" / FACE_CLASSIFIER).read_bytes()
    bench.models.mkdir()
    damaged = bench.models / FACE_CLASSIFIER
    damaged.write_bytes(whole[: len(whole) // 2])
    bench.start_broker()
    bench.start()
    until(lambda: bench.state_of("face") == "failed", "health reports that face failed", START_S)
    holds("face_emotion" in _reason(bench, "face"), f"the model is named: {_reason(bench, 'face')!r}")
    bench.wait_working("voice", "text")
    bench.goes_on("voice", "voices are published", START_S)
    damaged.unlink()
    return until(lambda: bench.state_of("face") == "ok" and bench.figure("face", "processed") > 0,
                 "face recovers", START_S)  # fmt: skip


@fault()
def face_model_is_rubbish(bench: Bench) -> None:
    """The face model's file has the right size but contains only zeros.

    `face` is failed with the reason; the process, voice and text continue.
    """
    size = (REPOSITORY / "models" / FACE_CLASSIFIER).stat().st_size
    bench.models.mkdir()
    (bench.models / FACE_CLASSIFIER).write_bytes(bytes(size))
    bench.start_broker()
    bench.start()
    until(lambda: bench.state_of("face") == "failed", "health reports that face failed", START_S)
    bench.wait_working("voice", "text")
    bench.check_alive()


@fault()
def speech_model_crashes(bench: Bench) -> float:
    """A bit of the speech model's graph is flipped, so that libvosk aborts the process that loads it.

    `text` is failed with the reason; the process, face and voice continue. `text` recovers automatically once
    the file is intact again.
    """
    model = bench.models / "some-spanish-model"
    shutil.copytree(REPOSITORY / "models" / "vosk-es-demo", model)
    graph = model / "graph" / "HCLG.fst"
    whole = graph.read_bytes()
    graph.write_bytes(whole[:-1] + bytes([whole[-1] ^ 0x40]))
    bench.start_broker()
    bench.start(speech__model=model.name)
    until(lambda: bench.state_of("text") == "failed", "health reports that text failed", START_S)
    holds("damaged" in _reason(bench, "text"), f"the reason is named: {_reason(bench, 'text')!r}")
    bench.wait_working("face", "voice")
    bench.goes_on("emotion", "emotions are published")
    bench.check_alive()
    graph.write_bytes(whole)
    return until(lambda: bench.state_of("text") == "ok" and bench.figure("text", "processed") > 0,
                 "text recovers", START_S)  # fmt: skip


def _reason(bench: Bench, name: str) -> str:
    return str(bench.part(name).get("reason", ""))
