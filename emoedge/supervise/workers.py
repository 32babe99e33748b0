"""What each stage thread does with an item: the stage's work, and telling the result."""

from __future__ import annotations

from collections.abc import Callable

from emoedge.pipeline.pacing import Pacer
from emoedge.pipeline.stages import FacePerceiver, SpeechPerceiver, VoicePerceiver
from emoedge.types import FacesObservation, Frame, SoundBlock, TextObservation, VoiceObservation

Observe = Callable[[FacesObservation | VoiceObservation | TextObservation], None]


def face_stage(
    build: Callable[[], FacePerceiver], rate_hz: float, observe: Observe
) -> Callable[[], Callable[[Frame], None]]:
    """Builds a face stage that looks at `rate_hz` frames a second at most."""

    def make() -> Callable[[Frame], None]:
        stage, pacer = build(), Pacer(rate_hz)

        def work(frame: Frame) -> None:
            if pacer.due(frame.time_s):
                observe(stage.process(frame))

        return work

    return make


def sound_stage(
    build: Callable[[], VoicePerceiver] | Callable[[], SpeechPerceiver],
    observe: Observe,
    after_block: Callable[[], None] = lambda: None,
) -> Callable[[], Callable[[SoundBlock], None]]:
    """Builds a stage that listens; `after_block` is called in its thread."""

    def make() -> Callable[[SoundBlock], None]:
        stage = build()

        def work(block: SoundBlock) -> None:
            for observation in stage.process(block):
                observe(observation)
            after_block()

        return work

    return make
