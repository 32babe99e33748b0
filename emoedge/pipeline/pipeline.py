"""The pipeline on one thread and on media time: what `replay` and the Python interface use.

The daemon runs the same stages in threads (`emoedge.supervise.daemon`); here everything happens in the order
of the media times, so that two runs of a file say the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from emoedge.clock import MediaClock
from emoedge.config import Settings
from emoedge.errors import MediaError
from emoedge.frames import AudioBlock, Frame
from emoedge.health import Health
from emoedge.observations import ActivityChange
from emoedge.outcomes import HealthReport, Outcome
from emoedge.pipeline.decisions import TICK_S, DecisionStage
from emoedge.pipeline.perception import Perception, learned_fusion, load_confidence
from emoedge.rate_limit import Pacer
from emoedge.translation import tr
from emoedge.vad.stage import SpeechPresence
from emoedge.voice.level import sound_level

if TYPE_CHECKING:
    from emoedge.capture.tracks import Tracks

Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Sources:
    """Which modalities can be expected of a medium."""

    video: bool
    audio: bool


class Pipeline:
    """Face, voice and text of one clip or live source to outcomes, deterministically.

    Example:
        >>> from emoedge import Pipeline
        >>> for outcome in Pipeline().replay("clip.mp4"):  # doctest: +SKIP
        ...     print(outcome.time_s, outcome.to_payload())

    Args:
        settings: the configuration; built-in defaults by default.
        perception: the stages; built from the settings by default.

    Raises:
        ModelError: no modality is available.
    """

    def __init__(self, settings: Settings | None = None, perception: Perception | None = None) -> None:
        self.settings = settings or Settings()
        self.perception = perception or Perception.build(self.settings)
        # The pipeline's own stages are rebuilt for each file: some keep state that a reset does not clear
        # (face ids, speaker statistics, the recogniser's adaptation), and a file must give the same results
        # twice.
        self._renew = perception is None
        self._fresh = True
        self.clock = MediaClock()
        self._events = 0
        self._decisions = self._new_decisions()
        self._pacer = Pacer(self.settings.performance.analysis_fps)
        self._presence = SpeechPresence()
        self._next_tick_s = 0.0

    def replay(
        self,
        path: Path | str,
        progress: Progress | None = None,
        *,
        tracks: Tracks | None = None,
        seconds: float | None = None,
    ) -> Iterator[Outcome]:
        """Play a file, or what an address sends, as fast as it goes.

        Args:
            path: video with sound, video alone, or sound alone; or an address, `rtsp://` or `http://`.
            progress: told the media time reached, seconds.
            tracks: which ones, of several; the default ones by default.
            seconds: media time after which to end; at the end of the medium by default.

        Yields:
            The outcomes that the daemon would publish, in order, between two reports of health; `time_s` is
            media time.

        Raises:
            MediaError: the file cannot be read; when its end is missing, after what came before.
        """
        from emoedge.capture.factory import open_medium
        from emoedge.capture.tracks import AUTOMATIC

        settings = self.settings
        reader = open_medium(path, settings.camera, tracks or AUTOMATIC)
        sources = Sources(
            video=reader.info.has_video and settings.face.enabled and settings.camera.source != "none",
            audio=reader.info.has_audio and settings.microphone.source != "none",
        )
        if not (sources.video or sources.audio):
            raise MediaError(
                tr("{path}: no stream that the configuration uses", path=path),
                tr("enable face, voice or speech"),
            )
        self.reset()
        yield self._health(sources)
        for item in reader.in_order(self._pacer.due, video=sources.video, audio=sources.audio):
            if seconds is not None and item.time_s >= seconds:
                break
            if progress:
                progress(item.time_s)
            yield from self._take(item)
        yield from self.finish()
        yield self._health(sources)

    def feed(self, item: Frame | AudioBlock) -> Iterator[Outcome]:
        """Take the next frame or block, in the order of the times at which they are complete.

        For sources of your own; call `finish` after the last item, and `reset` before another source.

        Args:
            item: a frame, at its `time_s`, or an audio block, at its `end_s`.

        Yields:
            The outcomes that became known with it.
        """
        if isinstance(item, AudioBlock) or self._pacer.due(item.time_s):
            yield from self._take(item)
        else:
            self._fresh = False
            yield from self._tick_until(item.time_s)
            self.clock.advance(item.time_s)

    def _take(self, item: Frame | AudioBlock) -> Iterator[Outcome]:
        """Look at a frame that is due, or hear a block."""
        self._fresh = False
        now_s = item.time_s if isinstance(item, Frame) else item.end_s
        yield from self._tick_until(now_s)
        self.clock.advance(now_s)
        if isinstance(item, Frame):
            yield from self._see(item)
        else:
            yield from self._hear(item)

    def finish(self) -> Iterator[Outcome]:
        """End of the medium: what is under way is brought to its end."""
        now_s = self.clock.time_s
        outcomes: list[Outcome] = []
        if self.perception.voice:
            for voice in self.perception.voice.flush(now_s):
                outcomes += self._decisions.on_voice(voice, now_s)
        if self.perception.speech:
            for text in self.perception.speech.flush(now_s):
                outcomes += self._decisions.on_text(text, now_s)
        yield from outcomes + self._decisions.close(now_s)

    def reset(self) -> None:
        """Forget everything about the medium before."""
        if self._renew and not self._fresh:
            self.perception = self.perception.renewed()
            self._fresh = True
        else:
            self.perception.reset()
        self.clock.time_s = 0.0
        self._events = 0
        self._decisions = self._new_decisions()
        self._pacer.reset()
        self._presence.reset()
        self._next_tick_s = 0.0

    def _new_decisions(self) -> DecisionStage:
        return DecisionStage(
            self.settings, self._event_id, learned_fusion(self.settings), load_confidence(self.settings)
        )

    def _event_id(self, _started_s: float) -> str:
        self._events += 1
        return f"event-{self._events:06d}"

    def _see(self, frame: Frame) -> list[Outcome]:
        if self.perception.face is None:
            return []
        self._next_tick_s = frame.time_s + TICK_S  # the state is looked at with every frame
        return self._decisions.on_faces(self.perception.face.process(frame), frame.time_s)

    def _hear(self, block: AudioBlock) -> list[Outcome]:
        outcomes: list[Outcome] = []
        if self.perception.face:
            self._decisions.on_sound(sound_level(block))
        changes: list[ActivityChange] = []
        filtered = block
        if self.perception.activity:
            changes = self.perception.activity.process(block)
            filtered = self.perception.activity.filtered
            if speech := self._presence.take(block.end_s, changes):
                outcomes += self._decisions.on_speech(speech, block.end_s)
        if self.perception.voice:
            for voice in self.perception.voice.process(filtered, changes):
                outcomes += self._decisions.on_voice(voice, block.end_s)
        if self.perception.speech:
            for text in self.perception.speech.process(block, changes):
                outcomes += self._decisions.on_text(text, block.end_s)
        return outcomes

    def _tick_until(self, now_s: float) -> Iterator[Outcome]:
        while self._next_tick_s < now_s:
            self.clock.advance(self._next_tick_s)
            yield from self._decisions.tick(self._next_tick_s)
            self._next_tick_s += TICK_S

    def _health(self, sources: Sources) -> HealthReport:
        parts = (
            Health(
                "camera", "ok" if sources.video else "off", "" if sources.video else tr("video is not used")
            ),
            Health(
                "microphone",
                "ok" if sources.audio else "off",
                "" if sources.audio else tr("audio is not used"),
            ),
            *self.perception.health,
        )
        return HealthReport(self.clock.time_s, self.clock.time_s, parts)
