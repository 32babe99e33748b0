"""The measurements of `emoedge bench`."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from emoedge import __version__
from emoedge.bench.measure import Row, processor_s, row
from emoedge.capture.media import MediaReader
from emoedge.config import Settings
from emoedge.inference import Interpreter
from emoedge.model_store import resolve
from emoedge.types import Frame, SoundBlock

DEMO_SPEECH_MODEL: Final = "vosk-es-demo"
SENTENCE: Final = "no estoy nada contenta con lo que ha pasado hoy en el trabajo"
SPEECH_SAMPLES: Final = 48_000
REPEATS: Final = 60


@dataclass
class BenchResult:
    """Everything measured, JSON-ready by to_json()."""

    rows: list[Row] = field(default_factory=list)
    figures: dict[str, float | int | str | None] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Stages, figures, and what it ran on."""
        machine = {
            "machine": platform.machine(),
            "processor": _processor_name(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "emoedge": __version__,
        }
        return {"machine": machine, "stages": [r.to_json() for r in self.rows], "figures": self.figures}


def run_bench(
    settings: Settings, clip: Path, say: Callable[[str], None] = lambda _text: None, repeats: int = REPEATS
) -> BenchResult:
    """Measure.

    Args:
        settings: the models are used; the speech model only where it is installed, else that of the demo.
        clip: video with faces and speech.
        say: told what is being measured.
        repeats: of each small measurement.

    Raises:
        MediaError, ModelError: clip or models cannot be had.
    """
    items = list(MediaReader(clip))
    frames = [item for item in items if isinstance(item, Frame)]
    blocks = [item for item in items if isinstance(item, SoundBlock)]
    result = BenchResult()
    say("face")
    result.rows += _face_rows(settings, frames, repeats)
    say("voice")
    result.rows += _voice_rows(settings, blocks, repeats)
    say("message")
    result.rows += _text_rows(settings, repeats)
    say("recording")
    result.rows += _record_rows(frames, blocks)
    say("whole pipeline")
    result.figures |= _pipeline_figures(settings, clip, frames, blocks)
    say("start")
    result.figures |= _start_figures()
    return result


def _face_rows(settings: Settings, frames: list[Frame], repeats: int) -> Iterator[Row]:
    from emoedge.face.classify import FaceClassifier
    from emoedge.face.detect import FaceDetector
    from emoedge.pipeline.perception import build_face

    models = settings.paths.models
    paths = [resolve(name, models) for name in ("face_detector.tflite", "face_emotion.tflite")]
    detector, classifier = FaceDetector(paths[0]), FaceClassifier(paths[1])
    engines = [_invoker(path) for path in paths]
    frame = frames[len(frames) // 2]
    crop = np.ascontiguousarray(frame.luma[: classifier.size, : classifier.size])[None]
    yield row("detect faces", "frame", lambda: detector.detect(frame), engines[0], repeats)
    yield row("judge a face", "face", lambda: classifier.probabilities(crop), engines[1], repeats)
    stage, position = build_face(settings), iter(_forever(frames))
    yield row("face path", "frame", lambda: stage.process(next(position)), None, min(len(frames), 200))


def _voice_rows(settings: Settings, blocks: list[SoundBlock], repeats: int) -> Iterator[Row]:
    from emoedge.voice.activity import SileroDetector, SpeechActivity
    from emoedge.voice.classify import VoiceClassifier

    path = resolve("voice_emotion.tflite", settings.paths.models)
    sound = np.concatenate([block.samples for block in blocks])
    activity, detector = SpeechActivity(), SileroDetector()
    chunks = [sound[i : i + 512] for i in range(0, min(len(sound), 16_000) - 512, 512)]
    position = iter(_forever(blocks))
    yield row(
        "speech activity",
        "100 ms",
        lambda: activity.process(next(position)),
        lambda: [detector(chunk) for chunk in chunks[:3]],
        repeats,
    )
    classifier = VoiceClassifier(path)
    speech = sound[:SPEECH_SAMPLES]
    yield row(
        "judge a voice", "3 s", lambda: classifier.classify_clip(speech), _invoker(path), max(repeats // 4, 5)
    )


def _text_rows(settings: Settings, repeats: int) -> Iterator[Row]:
    from emoedge.speech.message import MessageModel

    model = MessageModel.load(resolve("text_emotion", settings.paths.models))
    yield row("judge a sentence", "sentence", lambda: model.classify(SENTENCE), None, repeats)


def _record_rows(frames: list[Frame], blocks: list[SoundBlock]) -> Iterator[Row]:
    from emoedge.record.mux import SegmentWriter, VideoFormat

    frames, blocks = frames[:75], blocks[:50]
    fps = 15.0

    def ours() -> None:
        with tempfile.TemporaryDirectory() as folder:
            video = VideoFormat.of(frames[0], fps)
            path = Path(folder) / "segment.mp4"
            writer = SegmentWriter(path, start_s=frames[0].time_s, video=video, sound=bool(blocks))
            items: list[Frame | SoundBlock] = [*frames, *blocks]
            for item in sorted(items, key=lambda item: item.time_s):
                if isinstance(item, Frame):
                    writer.write_frame(item)
                else:
                    writer.write_sound(item)
            writer.close()

    yield row("record", "5 s", ours, lambda: _bare_encode(frames, blocks), 3)


def _bare_encode(frames: list[Frame], blocks: list[SoundBlock]) -> None:
    """What FFmpeg's encoders themselves cost, with the recorder's encoder settings."""
    from fractions import Fraction

    import av

    with tempfile.TemporaryDirectory() as folder, av.open(str(Path(folder) / "bare.mp4"), "w") as container:
        video: Any = container.add_stream("libx264", rate=15, options={"preset": "ultrafast", "crf": "26"})
        video.width, video.height, video.pix_fmt = frames[0].width, frames[0].height, "yuv420p"
        video.codec_context.thread_count = 1
        audio: Any = container.add_stream("aac", rate=16_000, layout="mono") if blocks else None
        for index, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(frame.data, format="yuv420p")
            picture.pts, picture.time_base = index, Fraction(1, 15)
            container.mux(video.encode(picture))
        for index, block in enumerate(blocks):
            part = av.AudioFrame.from_ndarray(block.samples[None], format="s16", layout="mono")
            part.sample_rate, part.pts, part.time_base = (
                16_000,
                index * len(block.samples),
                Fraction(1, 16_000),
            )
            container.mux(audio.encode(part))
        container.mux(video.encode(None))
        if audio:
            container.mux(audio.encode(None))


def _pipeline_figures(
    settings: Settings, clip: Path, frames: list[Frame], blocks: list[SoundBlock]
) -> dict[str, float | int | str | None]:
    """The whole pipeline against the sum of its bare engines: decoding, networks, speech recognition."""
    from emoedge.pipeline.pipeline import Pipeline
    from emoedge.pipeline.transcripts import Transcriber
    from emoedge.speech.engine import open_recogniser

    speech = settings.speech
    try:
        folder = resolve(speech.model, settings.paths.models)
    except Exception:  # noqa: BLE001 - the demo's model stands in, and the result says so
        speech = speech.model_copy(update={"model": DEMO_SPEECH_MODEL})
        folder = resolve(DEMO_SPEECH_MODEL, settings.paths.models)
    pipeline = Pipeline(settings.model_copy(update={"speech": speech}))
    media_s = max(frames[-1].time_s, blocks[-1].end_s) if blocks else frames[-1].time_s
    with _counting() as counts:
        whole_s = processor_s(lambda: list(pipeline.replay(clip)))
    decode_s = processor_s(lambda: _bare_decode(clip))
    networks_s = sum(processor_s(_times(_invoker(path), count)) for path, count in counts.items())
    transcriber = Transcriber(open_recogniser(speech.engine, folder))
    recognise_s = processor_s(lambda: transcriber.transcribe(clip)) if blocks else 0.0
    bare_s = decode_s + networks_s + recognise_s
    return {
        "media_s": round(media_s, 2),
        "speech_model": speech.model,
        "pipeline_cpu_s_per_media_s": round(whole_s / media_s, 4),
        "bare_engines_cpu_s_per_media_s": round(bare_s / media_s, 4),
        "bare_decode_cpu_s": round(decode_s, 3),
        "bare_networks_cpu_s": round(networks_s, 3),
        "bare_recognition_of_all_sound_cpu_s": round(recognise_s, 3),
        "pipeline_ratio": round(whole_s / bare_s, 3),
        "memory_peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


class _counting:  # noqa: N801 - reads as a statement
    """Counts the runs of every TFLite model while it lasts."""

    def __enter__(self) -> dict[Path, int]:
        self._run = Interpreter.run_quantized
        counts: dict[Path, int] = {}
        original = self._run

        def counted(interpreter: Interpreter, tensor: Any) -> Any:
            counts[interpreter.path] = counts.get(interpreter.path, 0) + 1
            return original(interpreter, tensor)

        Interpreter.run_quantized = counted  # type: ignore[method-assign,assignment]
        return counts

    def __exit__(self, *_: object) -> None:
        Interpreter.run_quantized = self._run  # type: ignore[method-assign]


def _invoker(path: Path) -> Callable[[], object]:
    """The engine alone: one run of a model on data that is already in place."""
    interpreter = Interpreter(path)._interpreter  # noqa: SLF001 - the bare engine is what is compared with
    details = interpreter.get_input_details()[0]
    noise = np.random.default_rng(1).integers(0, 100, details["shape"]).astype(details["dtype"])
    interpreter.set_tensor(details["index"], noise)
    invoke: Callable[[], object] = interpreter.invoke
    return invoke


def _bare_decode(clip: Path) -> None:
    import av

    with av.open(str(clip)) as container:
        for packet in container.demux():
            for _frame in packet.decode():
                pass


def _start_figures() -> dict[str, float | int | str | None]:
    """Wall time of `emoedge --help` and of a command that loads the face model, best of three, seconds."""
    commands = {"help_s": ["--help"], "first_sentence_s": ["classify", "text", "hola"]}
    figures: dict[str, float | int | str | None] = {}
    for name, arguments in commands.items():
        taken = []
        for _ in range(3):
            begun = time.perf_counter()
            subprocess.run([sys.executable, "-m", "emoedge", *arguments], capture_output=True, check=False)
            taken.append(time.perf_counter() - begun)
        figures[name] = round(min(taken), 3)
    return figures


def _times(work: Callable[[], object], count: int) -> Callable[[], object]:
    def repeated() -> None:
        for _ in range(count):
            work()

    return repeated


def _forever(items: list[Any]) -> Iterator[Any]:
    """The items over and over, their times going on."""
    length = items[-1].time_s - items[0].time_s + 0.1
    turn = 0
    while True:
        for item in items:
            if isinstance(item, Frame):
                yield Frame(
                    item.time_s + turn * length,
                    item.data,
                    item.layout,
                    item.width,
                    item.height,
                    item.sequence,
                )
            else:
                yield SoundBlock(item.time_s + turn * length, item.samples)
        turn += 1


def _processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model"))]
    return names[0] if names else platform.processor()
