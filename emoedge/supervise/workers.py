"""What each stage thread does with an item: the stage's work, and telling the result."""

from __future__ import annotations

from collections.abc import Callable

from emoedge.frames import Frame
from emoedge.observations import AudioActivity, FacesObservation, TextObservation, VoiceObservation
from emoedge.pipeline.stages import FacePerceiver, SpeechPerceiver, VoicePerceiver
from emoedge.rate_limit import Pacer
from emoedge.supervise.load_control import Governing

Observe = Callable[[FacesObservation | VoiceObservation | TextObservation], None]


def face_stage(
    build: Callable[[], FacePerceiver], governing: Governing, observe: Observe
) -> Callable[[], Callable[[Frame], None]]:
    """Builds a face stage that looks at as many frames, and as often afresh, as the governor allows."""

    def make() -> Callable[[Frame], None]:
        stage, pacer = build(), Pacer(governing.face_hz)

        def work(frame: Frame) -> None:
            pacer.rate_hz = governing.face_hz
            if pacer.due(frame.time_s):
                governing.looked_at()
                stage.look_factor = governing.step.look_factor
                observe(stage.process(frame))

        return work

    return make


def sound_stage(
    build: Callable[[], VoicePerceiver] | Callable[[], SpeechPerceiver],
    observe: Observe,
    after_block: Callable[[], None] = lambda: None,
) -> Callable[[], Callable[[AudioActivity], None]]:
    """Builds a stage that listens; `after_block` is called in its thread."""

    def make() -> Callable[[AudioActivity], None]:
        stage = build()

        def work(item: AudioActivity) -> None:
            for observation in stage.process(item.block, item.changes):
                observe(observation)
            after_block()

        return work

    return make
