"""The last pure step: observations in, what is to be said out, at the rate it is worth saying."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final, get_args

from emoedge.config import Settings
from emoedge.emotions import Emotion
from emoedge.fusion import EventDetector, Fuser, Hold
from emoedge.fusion.active_speaker import ActiveSpeaker
from emoedge.fusion.confidence import Confidence
from emoedge.fusion.learned import LearnedFusion
from emoedge.observations import (
    UNSEEN,
    FacesObservation,
    Modality,
    SoundLevel,
    Speaker,
    SpeechObservation,
    TextObservation,
    VoiceObservation,
)
from emoedge.outcomes import FusedState, Outcome
from emoedge.pipeline.summary import SummaryThrottle

PROBABILITY_STEP: Final = 0.1
"""A move of every probability smaller than this is no change worth a message."""
DEGREE_SPACING_S: Final = 3.0
"""A change of degree alone waits at least this long after the last message."""
MIN_SPACING_S: Final = 2.5
"""A change of who takes part, or of how certain it is, waits at least this long after the last message."""
# The fused state is computed at least this often, so that stale opinions expire in time.
TICK_S: Final = 0.25


class DecisionStage:
    """Fusion, events and publishing rates in one place; pure: values and times in, outcomes out.

    Times must not run backwards between calls by more than the latency of a modality: an observation about
    the past counts at `now_s`.

    Args:
        settings: the sections fusion, events and publish are used.
        new_id: makes an event's identifier from its start, seconds.
        learned: coefficients for fusion.method = "learned".
        confidence: what fused probabilities are worth.
    """

    def __init__(
        self,
        settings: Settings,
        new_id: Callable[[float], str],
        learned: LearnedFusion | None = None,
        confidence: Confidence | None = None,
    ) -> None:
        self.fuser = Fuser(settings.fusion, learned, confidence)
        self._events = EventDetector(settings.events, new_id)
        self._interval_s = settings.publish.interval
        self._face_spacing_s = 1.0 / settings.publish.face_hz
        self._face_sent_s = float("-inf")
        self._face_sent_ids: tuple[int, ...] | None = None
        self._hold = Hold(settings.fusion.hold_s, pooled=settings.fusion.method == "learned")
        self._summary = SummaryThrottle(settings.publish.summary_interval, settings.language)
        self._losses = 0
        self._sent: FusedState | None = None
        self._sent_s = float("-inf")
        self.state: FusedState | None = None
        self.fused: FusedState | None = None
        """Return the fused state of this moment, before it is held."""
        self._withheld = ""
        self._active_speaker = ActiveSpeaker()
        self._only_faces = settings.fusion.voice_of == "faces"

    @property
    def current_event(self) -> Emotion | None:
        """The emotion of the event that is open."""
        return self._events.current

    def on_faces(self, faces: FacesObservation, now_s: float) -> list[Outcome]:
        """Take in the faces of a frame."""
        if self._withheld:
            return self.tick(now_s)
        self.fuser.on_faces(faces)
        self._summary.on_people(faces.people, now_s)
        self._active_speaker.on_faces(faces)
        outcomes: list[Outcome] = [faces] if self._worth_sending(faces) else []
        return outcomes + self.tick(now_s)

    def on_sound(self, level: SoundLevel) -> None:
        """Take in how loud it was, before what is found in that sound: it tells whose voice it is."""
        if not self._withheld:
            self._active_speaker.on_sound(level)

    def on_voice(self, voice: VoiceObservation, now_s: float) -> list[Outcome]:
        """Take in a stretch of speech."""
        if self._withheld:
            return self.tick(now_s)
        voice = replace(voice, speaker=self._active_speaker.speaker(voice.start_s, voice.end_s))
        if self._counts(voice.speaker):
            self.fuser.on_voice(voice)
        return [voice, *self.tick(now_s)]

    def on_text(self, text: TextObservation, now_s: float) -> list[Outcome]:
        """Take in an utterance."""
        if self._withheld:
            return self.tick(now_s)
        text = replace(text, speaker=self._active_speaker.speaker(text.start_s, text.end_s))
        if self._counts(text.speaker):
            self.fuser.on_text(text)
        return [text, *self.tick(now_s)]

    def on_speech(self, speech: SpeechObservation, now_s: float) -> list[Outcome]:
        """Take in whether anybody speaks."""
        if not self._withheld:
            self._summary.on_speech(speech.speaking, now_s)
        return self.tick(now_s)

    def forget(self, modality: Modality, now_s: float) -> list[Outcome]:
        """A source was lost or switched off: its opinion leaves."""
        self.fuser.forget(modality)
        self._summary.forget(modality)
        self._active_speaker.forget(modality)
        self._losses += 1
        return self.tick(now_s)

    def tick(self, now_s: float) -> list[Outcome]:
        """Look at the state of this moment; call at least every TICK_S while nothing comes in."""
        state = self.fuser.state(now_s)
        if self._withheld:
            state = replace(state, reason=self._withheld)
        self.fused = state
        cause = self.fuser.person, self._losses, self._withheld
        kept = self.fuser.kept(state, self._hold.named)
        state = self.state = self._hold.update(state, self.fuser.margin, cause, kept)
        outcomes: list[Outcome] = list(self._events.update(state, may_begin=self.fuser.is_somebody))
        settled = self._hold.settled or state
        if self._changed(state, settled) or now_s - self._sent_s >= self._interval_s:
            self._sent, self._sent_s = settled, now_s
            outcomes.append(settled)
        return outcomes + self._summary.update(settled, now_s)

    @property
    def is_withheld(self) -> bool:
        """Whether nothing is taken in at present."""
        return bool(self._withheld)

    def close(self, now_s: float) -> list[Outcome]:
        """End the open event."""
        return list(self._events.close(now_s))

    def withhold(self, reason: str, now_s: float) -> list[Outcome]:
        """Forget everybody and take in nothing more until `resume`.

        Returns:
            The end of the open event, no faces where faces were published, and no emotion for this reason.
        """
        for modality in get_args(Modality):
            self.fuser.forget(modality)
            self._summary.forget(modality)
            self._active_speaker.forget(modality)
        outcomes = self.close(now_s)
        if self._face_sent_ids is not None:
            self._face_sent_s, self._face_sent_ids = now_s, ()
            outcomes.append(FacesObservation(now_s, ()))
        self._withheld = reason
        return outcomes + self.tick(now_s)

    def resume(self, now_s: float) -> list[Outcome]:
        """Take in what comes again."""
        self._withheld = ""
        return self.tick(now_s)

    def _counts(self, speaker: Speaker) -> bool:
        """Return whether what somebody says is part of the state."""
        return not (self._only_faces and speaker == UNSEEN)

    def _worth_sending(self, faces: FacesObservation) -> bool:
        ids = tuple(face.track_id for face in faces.faces)
        # A person came or left: published at once if that is the change, otherwise within the rate.
        emptied = self._face_sent_ids is None or (not ids and self._face_sent_ids != ())
        if not emptied and faces.time_s - self._face_sent_s < self._face_spacing_s - 1e-6:
            return False
        if not ids and self._face_sent_ids == () and faces.time_s - self._face_sent_s < self._interval_s:
            return False
        self._face_sent_s, self._face_sent_ids = faces.time_s, ids
        return True

    def _changed(self, state: FusedState, settled: FusedState) -> bool:
        sent = self._sent
        if sent is None or state.emotion != sent.emotion or state.reason != sent.reason:
            return True
        if state is not settled:  # another message is due, or the old state returns
            return False
        waited_s = state.time_s - self._sent_s
        if state.certain != sent.certain or _parts(state) != _parts(sent):
            return waited_s >= MIN_SPACING_S
        return waited_s >= DEGREE_SPACING_S and _distance(state, sent) > PROBABILITY_STEP


def _parts(state: FusedState) -> set[Modality]:
    return {opinion.modality for opinion in state.opinions}


def _distance(one: FusedState, other: FusedState) -> float:
    """The largest move of a probability."""
    if one.probabilities is None or other.probabilities is None:
        return 0.0 if one.probabilities is other.probabilities else 1.0
    pairs = zip(one.probabilities.tolist(), other.probabilities.tolist(), strict=True)
    return float(max(abs(a - b) for a, b in pairs))
