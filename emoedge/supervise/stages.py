"""Builds the stage threads: what each does with an item, and where its observations go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from emoedge.capture.capture_threads import CameraWorker, MicrophoneWorker
from emoedge.config import Settings
from emoedge.frames import AudioBlock, Frame
from emoedge.observations import (
    AudioActivity,
    FacesObservation,
    SoundLevel,
    SpeechObservation,
    TextObservation,
    VoiceObservation,
)
from emoedge.pipeline.perception import build_activity, build_face, build_speech, build_voice
from emoedge.pipeline.stages import FacePerceiver
from emoedge.rate_limit import Pacer
from emoedge.supervise.adaptation import AdaptationStore
from emoedge.supervise.load_control import LoadControl
from emoedge.supervise.stage_thread import StageSpec, StageThread
from emoedge.vad.stage import ActivityStage, SpeechPresence
from emoedge.voice.level import sound_level

Observe = Callable[
    [FacesObservation | VoiceObservation | TextObservation | SpeechObservation | SoundLevel], None
]
Capture = tuple[CameraWorker | None, MicrophoneWorker | None]


def build_stages(
    settings: Settings,
    capture: Capture,
    load_control: LoadControl,
    store: AdaptationStore,
    observe: Observe,
    listeners: Sequence[Callable[[AudioActivity], None]],
) -> list[StageThread[Any]]:
    """A thread for each modality that is enabled and has its device, and one for speech activity.

    Args:
        settings: in force.
        capture: camera and microphone, None where there is none.
        load_control: how much the stages may do.
        store: keeps the voice's running statistics, and can make the face stage forget its own.
        observe: takes what the stages find; called in their threads.
        listeners: take the audio with its speech activity; must not wait.
    """
    camera, microphone = capture
    stages: list[StageThread[Any]] = []
    if camera and settings.face.enabled:

        def build() -> FacePerceiver:
            stage = build_face(settings)
            store.attach_faces(stage.forget_people)
            return stage

        work = face_work(build, load_control, observe)
        stages.append(StageThread(StageSpec("face", work, camera.subscribe().take)))
    builders: dict[str, Callable[[], Callable[[AudioActivity], None]]] = {}
    if settings.voice.enabled:
        builders["voice"] = voice_work(settings, load_control, store, observe)
    if settings.speech.enabled:
        builders["text"] = text_work(settings, observe)
    if microphone and builders:
        relays = {name: microphone.relay() for name in builders}
        activity = activity_work([*(relay.put for relay in relays.values()), *listeners], observe)
        stages.append(StageThread(StageSpec("activity", activity, microphone.subscribe().take)))
        stages += [StageThread(StageSpec(name, builders[name], relay.take)) for name, relay in relays.items()]
    return stages


def face_work(
    build: Callable[[], FacePerceiver], load_control: LoadControl, observe: Observe
) -> Callable[[], Callable[[Frame], None]]:
    """Build a face stage with the frame rate and the rate of detections that the governor allows."""

    def make() -> Callable[[Frame], None]:
        stage, pacer = build(), Pacer(load_control.face_hz)

        def work(frame: Frame) -> None:
            pacer.rate_hz = load_control.face_hz
            if pacer.due(frame.time_s):
                load_control.looked_at()
                stage.look_factor = load_control.step.look_factor
                observe(stage.process(frame))

        return work

    return make


def activity_work(
    consumers: Sequence[Callable[[AudioActivity], None]], observe: Observe
) -> Callable[[], Callable[[AudioBlock], None]]:
    """Build the stage that finds speech, once for all who listen."""

    def make() -> Callable[[AudioBlock], None]:
        presence = SpeechPresence()

        def tell(item: AudioActivity) -> None:
            observe(sound_level(item.block))
            speech = presence.take(item.block.end_s, item.changes)
            if speech is not None:
                observe(speech)

        return ActivityStage(build_activity(), [*consumers, tell]).process

    return make


def voice_work(
    settings: Settings, load_control: LoadControl, store: AdaptationStore, observe: Observe
) -> Callable[[], Callable[[AudioActivity], None]]:
    """Build a voice stage whose hop follows the governor and whose statistics are kept."""

    def make() -> Callable[[AudioActivity], None]:
        stage = build_voice(settings)
        if settings.voice.adapt:
            store.restore(stage.adaptation)

        def work(item: AudioActivity) -> None:
            for observation in stage.process(item.filtered, item.changes):
                observe(observation)
            stage.hop_s = load_control.step.voice_hop_s
            store.look()

        return work

    return make


def text_work(settings: Settings, observe: Observe) -> Callable[[], Callable[[AudioActivity], None]]:
    """Build the stage that recognises speech and classifies the text."""

    def make() -> Callable[[AudioActivity], None]:
        stage = build_speech(settings)

        def work(item: AudioActivity) -> None:
            for observation in stage.process(item.block, item.changes):
                observe(observation)

        return work

    return make
