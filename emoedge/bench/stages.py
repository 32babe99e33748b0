"""One row for each stage: what it costs as the product does it, beside its engine alone on the same data."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from itertools import cycle
from pathlib import Path
from typing import Any, Final

import numpy as np

from emoedge.bench.bare import network
from emoedge.bench.measure import WARM_UP, Row, row, times
from emoedge.bench.tally import Tally, watching
from emoedge.capture.media import AHEAD, MediaReader
from emoedge.config import Settings
from emoedge.frames import SAMPLE_RATE_HZ, AudioBlock, Frame
from emoedge.model_store import package_models_dir, resolve
from emoedge.model_store.manifest import (
    FACE_CLASSIFIER,
    FACE_DETECTOR,
    SPEECH_ACTIVITY,
    TEXT_MODEL,
    VOICE_CLASSIFIER,
)

SENTENCE: Final = "no estoy nada contenta con lo que ha pasado hoy en el trabajo"
STRETCH_S: Final = 3.0
"""Length of speech that the voice model usually judges."""
ACTIVITY_BLOCKS: Final = 8
"""Eight blocks of 100 ms are exactly 25 chunks of the speech activity network."""
RECORD_S: Final = 5.0
RECORD_ROUNDS: Final = 5
FPS: Final = 15.0
MOST_FRAMES: Final = 450
"""Half a minute of pictures is kept in memory at most: 200 MB at 640 x 480."""


def stage_rows(settings: Settings, clip: Path, repeats: int) -> list[dict[str, Any]]:
    """All rows, JSON-ready; stages without a model or a suitable stream in the clip are left out."""
    frames: list[Frame] = []
    blocks: list[AudioBlock] = []
    for item in MediaReader(clip):
        if isinstance(item, AudioBlock):
            blocks.append(item)
        elif len(frames) < MOST_FRAMES:
            frames.append(item)
    rows: list[Row] = []
    if frames:
        turns = min(repeats, len(frames) // AHEAD - WARM_UP)
        rows += _decode_rows(clip, turns) if turns > 0 else ()
        rows += _face_rows(settings, frames, repeats)
    if len(blocks) > ACTIVITY_BLOCKS:
        rows += _voice_rows(settings, blocks, repeats)
        rows += _speech_rows(settings, blocks, repeats)
    rows += _text_rows(settings, repeats)
    if frames:
        rows += _record_rows(frames, blocks)
    return [one.to_json() for one in rows]


def _decode_rows(clip: Path, repeats: int) -> Iterator[Row]:
    import av

    ours = MediaReader(clip, audio=False).frames()
    with av.open(str(clip)) as container:
        bare = container.decode(video=0)
        # The reader decodes several frames at once, so that the others take no time.
        yield row(
            "decode pictures",
            f"{AHEAD} frames",
            times(lambda: next(ours), AHEAD),
            times(lambda: next(bare), AHEAD),
            repeats,
        )


def _face_rows(settings: Settings, frames: list[Frame], repeats: int) -> Iterator[Row]:
    from emoedge.face.classify import FaceClassifier
    from emoedge.face.detect import FaceDetector
    from emoedge.pipeline.perception import build_face

    models = settings.paths.models
    frame = frames[len(frames) // 2]

    def detector() -> Callable[[], object]:
        finder = FaceDetector(resolve(FACE_DETECTOR, models))
        return lambda: finder.detect(frame)

    def classifier() -> Callable[[], object]:
        judge = FaceClassifier(resolve(FACE_CLASSIFIER, models))
        crop = np.ascontiguousarray(frame.luma[: judge.size, : judge.size])[None]
        return lambda: judge.probabilities(crop)

    yield _network_row("find faces", "look", detector, repeats)
    yield _network_row("judge a face", "face", classifier, repeats)
    stage, position = build_face(settings), _forever(frames)
    yield row("face path", "frame", lambda: stage.process(next(position)), None, len(frames))


def _network_row(stage: str, unit: str, make: Callable[[], Callable[[], object]], repeats: int) -> Row:
    """A row whose bare engine is every run of a network that one call causes."""
    with watching() as tally:
        make()()
    runs = [network(calls) for calls in tally.networks.values()]

    def bare() -> None:
        for run in runs:
            run()

    return row(stage, unit, make(), bare, repeats)


def _voice_rows(settings: Settings, blocks: list[AudioBlock], repeats: int) -> Iterator[Row]:
    from emoedge.vad.detector import SpeechActivity
    from emoedge.vad.silero import Silero
    from emoedge.voice.classify import VoiceClassifier
    from emoedge.voice.features import features

    activity, detector = SpeechActivity(), Silero(package_models_dir() / SPEECH_ACTIVITY)
    position = _forever([block for block in blocks if len(block.samples) == len(blocks[0].samples)])

    def ours() -> None:
        for _ in range(ACTIVITY_BLOCKS):
            activity.process(next(position))

    chunk = 512
    sound = np.concatenate([block.samples for block in blocks])
    parts = [sound[at * chunk : (at + 3) * chunk] for at in range(0, 21, 3)] + [
        sound[21 * chunk : 25 * chunk]
    ]

    def bare() -> None:
        for part in parts:
            detector(part)

    yield row("speech activity", "0.8 s", ours, bare, repeats)
    speech = sound[: round(STRETCH_S * SAMPLE_RATE_HZ)]

    def judge() -> Callable[[], object]:
        classifier = VoiceClassifier(resolve(VOICE_CLASSIFIER, settings.paths.models))
        return lambda: classifier.probabilities(features(speech)[None], None, STRETCH_S)

    yield _network_row("judge a voice", "3 s", judge, max(repeats // 4, 5))


def _speech_rows(settings: Settings, blocks: list[AudioBlock], repeats: int) -> Iterator[Row]:
    from emoedge.speech.factory import open_recogniser

    folder = resolve(settings.speech.model, settings.paths.models)
    with watching() as tally:
        recogniser = open_recogniser(settings.speech.engine, folder)
    position = _forever(blocks)
    if tally.speech_model is None:  # another engine than Vosk: nothing to compare with
        yield row(
            "recognise speech", "100 ms", lambda: recogniser.accept(next(position).samples), None, repeats
        )
        return
    accept, turns = _bare_recogniser(tally), _forever(blocks)
    yield row(
        "recognise speech",
        "100 ms",
        lambda: recogniser.accept(next(position).samples),
        lambda: accept(next(turns).samples.tobytes()),
        repeats,
    )


def _bare_recogniser(tally: Tally) -> Callable[[bytes], object]:
    import vosk

    bare = vosk.KaldiRecognizer(vosk.Model(str(tally.speech_model)), tally.speech_rate_hz)
    bare.SetWords(True)
    accept: Callable[[bytes], object] = bare.AcceptWaveform
    return accept


def _text_rows(settings: Settings, repeats: int) -> Iterator[Row]:
    from emoedge.text.model import TextEmotionModel

    model = TextEmotionModel.load(resolve(TEXT_MODEL, settings.paths.models))
    yield row("judge a sentence", "sentence", lambda: model.classify(SENTENCE), None, repeats)


def _record_rows(frames: list[Frame], blocks: list[AudioBlock]) -> Iterator[Row]:
    from emoedge.record.mux import SegmentWriter, VideoFormat

    end_s = frames[0].time_s + RECORD_S
    frames = [frame for frame in frames if frame.time_s < end_s]
    blocks = [block for block in blocks if block.time_s < end_s]
    items: list[Frame | AudioBlock] = [*frames, *blocks]
    items.sort(key=lambda item: item.time_s)

    def ours() -> None:
        with tempfile.TemporaryDirectory() as folder:
            video = VideoFormat.of(frames[0], FPS)
            path = Path(folder) / "segment.mp4"
            writer = SegmentWriter(path, start_s=frames[0].time_s, video=video, sound=bool(blocks))
            for item in items:
                if isinstance(item, Frame):
                    writer.write_frame(item)
                else:
                    writer.write_sound(item)
            writer.close()

    yield row("record", "5 s", ours, lambda: bare_encode(frames, blocks), RECORD_ROUNDS)


def bare_encode(frames: Iterable[Frame], blocks: list[AudioBlock], fps: float = FPS) -> None:
    """Encode with FFmpeg alone through PyAV: the recorder's encoder settings, an ordinary MP4."""
    import av

    from emoedge.record.encoders import add_video_stream, choose_encoder
    from emoedge.record.mux import AAC_BIT_RATE

    video: Any = None
    with tempfile.TemporaryDirectory() as folder, av.open(str(Path(folder) / "bare.mp4"), "w") as container:
        audio: Any = container.add_stream("aac", rate=SAMPLE_RATE_HZ, layout="mono") if blocks else None
        for index, frame in enumerate(frames):
            if video is None:
                encoder = choose_encoder("auto", frame.width, frame.height, fps).name
                video = add_video_stream(container, encoder, frame.width, frame.height, fps)
            picture = av.VideoFrame.from_ndarray(frame.data, format="yuv420p")
            picture.pts, picture.time_base = index, Fraction(1, round(fps))
            container.mux(video.encode(picture))
        if audio:
            audio.bit_rate = AAC_BIT_RATE
        count = 0
        for block in blocks:
            values = block.samples[None].astype(np.float32) / 32768
            part = av.AudioFrame.from_ndarray(values, format="fltp", layout="mono")
            part.sample_rate, part.pts, part.time_base = SAMPLE_RATE_HZ, count, Fraction(1, SAMPLE_RATE_HZ)
            count += len(block.samples)
            container.mux(audio.encode(part))
        container.mux(video.encode(None))
        if audio:
            container.mux(audio.encode(None))


def _forever(items: list[Any]) -> Iterator[Any]:
    """The items over and over, their times going on."""
    length = items[-1].time_s - items[0].time_s + 0.1
    for turn, item in ((index // len(items), item) for index, item in enumerate(cycle(items))):
        time_s = item.time_s + turn * length
        if isinstance(item, Frame):
            yield Frame(time_s, item.data, item.layout, item.width, item.height, item.sequence)
        else:
            yield AudioBlock(time_s, item.samples)
