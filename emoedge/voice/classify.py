"""From a stretch of speech to calibrated probabilities: features, adaptation, int8 network, temperature."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emoedge.emotions import EMOTIONS, Probabilities, as_probabilities, softmax
from emoedge.errors import ModelError
from emoedge.files import read_json
from emoedge.frames import SAMPLE_RATE_HZ
from emoedge.high_pass import HighPass
from emoedge.inference import Interpreter
from emoedge.translation import tr
from emoedge.vad.detector import CLIP_ON, Span, SpeechActivity, speech_spans
from emoedge.voice.adapt import Adaptation, Prior, network_input, pull_in
from emoedge.voice.contours import MIN_SAMPLES, as_samples
from emoedge.voice.features import FEATURE_VERSION, LEVEL_FEATURE, feature_names, features
from emoedge.voice.level import frame_powers, noise_power, snr_db, to_db
from emoedge.voice.statistics import Floats

LONGEST_S: Final = 4.0
"""Seconds beyond which speech is classified in stretches, as in the training of the network."""
CLIP_HOP_S: Final = 2.0
JOIN_S: Final = 1.0
"""Pauses of a clip up to this length belong to one stretch."""
USUAL_DBFS: Final = -20.0
"""Level of ordinary close speech, at which speech activity is at its best."""
MOST_GAIN_DB: Final = 45.0
"""Still quieter clips are as good as silent."""
LEAST_SPREAD: Final = 1e-3
"""Minimum spread of logits; flatter ones are treated as equal."""
USUAL_SPEECH_S: Final = 1.6
"""Shorter speech is answered with more doubt."""
DEVICE_HALFWAY: Final = 10.0
"""Utterances after which a device is half known."""
EXPECTED_SHARE: Final = 0.4
"""A class that takes more of the latest answers of a device is suspected of swallowing the others."""
MAX_LOG_TEMPERATURE: Final = 3.0
MIN_SNR_DB: Final = 5.0
"""Noisier stretches teach the running statistics about the noise rather than the person."""
DAMAGED: Final = tr("run: emoedge models verify")


@dataclass(frozen=True, slots=True)
class Calibration:
    """Calibration: from logits to probabilities.

    The logarithm of the temperature (Guo et al. 2017) is a sum of what is known of the speech.

    Attributes:
        stranger: its value for a long utterance of a stranger on a new device.
        person: added as the person becomes known.
        device: added as the device becomes known.
        short: added for each halving of the speech below USUAL_SPEECH_S.
        one_sided: times the share by which one class exceeds EXPECTED_SHARE of the latest answers: added
            doubt.
        spread_power: times the logarithm of the standard deviation of the logits, 0 to 1: a voice far from
            those of the training gives large logits, right or wrong.
    """

    stranger: float
    person: float
    device: float
    short: float
    one_sided: float
    spread_power: float

    def __post_init__(self) -> None:
        if not (abs(self.stranger) < MAX_LOG_TEMPERATURE and 0 <= self.spread_power <= 1):
            raise ValueError(f"impossible calibration {self}")

    def __call__(self, logits: NDArray[np.floating], terms: NDArray[np.floating]) -> NDArray[np.float32]:
        """Logits (…, 7) to probabilities of the same shape; terms (…, 4) are those of calibration_terms()."""
        spread = np.log(np.maximum(np.std(logits, axis=-1), LEAST_SPREAD))
        weights = np.array([self.person, self.device, self.short, self.one_sided])
        logarithm = self.stranger + terms @ weights + self.spread_power * spread
        return np.asarray(softmax(logits / np.exp(logarithm)[..., None], 1.0), dtype=np.float32)


def calibration_terms(
    count: NDArray[np.floating] | float,
    device_count: NDArray[np.floating] | float,
    speech_s: NDArray[np.floating] | float,
    leading_share: NDArray[np.floating] | float,
) -> NDArray[np.float64]:
    """Return the inputs of the temperature, (…, 4); 0 for a long utterance of a stranger on a new device.

    Args:
        count: utterances of the person heard before.
        device_count: utterances heard before on the device.
        speech_s: length of the speech that is judged, seconds, > 0.
        leading_share: `Adaptation.leading_share`.
    """
    person = np.asarray(count) / (1.0 + np.asarray(count))
    device = np.asarray(device_count) / (DEVICE_HALFWAY + np.asarray(device_count))
    short = np.maximum(0.0, np.log2(USUAL_SPEECH_S / np.asarray(speech_s)))
    one_sided = np.maximum(0.0, np.asarray(leading_share) - EXPECTED_SHARE)
    return np.stack(np.broadcast_arrays(person, device, short, one_sided), axis=-1)


@dataclass(frozen=True, slots=True, eq=False)
class VoiceModel:
    """Contents of the network's sidecar.

    Attributes:
        prior: population statistics of the features.
        calibration: how logits become probabilities.
        sha256: digest of the network that the sidecar belongs to.
    """

    prior: Prior
    calibration: Calibration
    sha256: str

    @classmethod
    def load(cls, path: Path) -> VoiceModel:
        """Read and check the sidecar.

        Raises:
            ModelError: missing, damaged, or made for other features or labels.
        """
        try:
            data: dict[str, Any] = read_json(path)
            model = cls(
                prior=Prior.from_dict(data["normalisation"]),
                calibration=Calibration(**data["calibration"]),
                sha256=str(data["sha256"]),
            )
            labels, version, names = tuple(data["labels"]), data["feature_version"], tuple(data["features"])
        except OSError as error:
            raise ModelError(tr("model description missing: {path}", path=path), DAMAGED) from error
        except (ValueError, KeyError, TypeError) as error:
            raise ModelError(
                tr("model description {name} is damaged: {error}", name=path.name, error=error), DAMAGED
            ) from error
        if labels != EMOTIONS:
            raise ModelError(
                tr(
                    "{name} has the labels {labels}, expected {emotions}",
                    name=path.name,
                    labels=labels,
                    emotions=EMOTIONS,
                ),
                DAMAGED,
            )
        if version != FEATURE_VERSION or names != feature_names():
            raise ModelError(
                tr(
                    "{name} was trained on features of version {version}, this is version {feature_version}",
                    name=path.name,
                    version=version,
                    feature_version=FEATURE_VERSION,
                ),
                tr("install models and program of the same release"),
            )
        return model


@dataclass(frozen=True, slots=True, eq=False)
class HeardClip:
    """Features and figures of a clip.

    Attributes:
        vectors: float32 (n, d), features of its n >= 0 stretches of speech.
        longest_s: length of the longest stretch, seconds.
        snr_db, level_dbfs, speech_s: as in ClipResult.
    """

    vectors: Floats
    longest_s: float
    snr_db: float
    level_dbfs: float
    speech_s: float


@dataclass(frozen=True, slots=True, eq=False)
class ClipResult:
    """The answer for one clip.

    Attributes:
        probabilities: calibrated posterior, or None without speech.
        reason: "no_voice" without speech, else "".
        snr_db: estimated signal-to-noise ratio of the speech, dB (0 without speech).
        level_dbfs: mean level of the speech, dB relative to full scale.
        speech_s: seconds of speech found.
    """

    probabilities: Probabilities | None
    reason: str
    snr_db: float
    level_dbfs: float
    speech_s: float


class VoiceClassifier:
    """The voice model.

    Args:
        path: the .tflite file; its sidecar has the same name with .json.
        adapt: learn the speaker's statistics from what is classified, in order.

    Raises:
        ModelError: a file is missing, damaged or does not fit this program.
    """

    def __init__(self, path: str | Path, *, adapt: bool = False) -> None:
        path = Path(path)
        self.model = VoiceModel.load(path.with_suffix(".json"))
        self._interpreter = Interpreter(path)
        self._level = feature_names().index(LEVEL_FEATURE)
        self.adapt = adapt
        self.adaptation = Adaptation(self.model.prior)
        self._stranger = Adaptation(self.model.prior)
        self._clip_activity: SpeechActivity | None = None

    def logits(self, vectors: NDArray[np.floating], adaptation: Adaptation | None) -> NDArray[np.float32]:
        """Network output (n, 7) for features (n, d) of one speaker, given what is known of them."""
        prior, known = self.model.prior, (adaptation or self._stranger).estimate()
        rows = (network_input(vector, known, prior, self._level) for vector in pull_in(vectors, prior))
        return np.concatenate([self._interpreter.run(row[None])[0] for row in rows])

    def probabilities(
        self, vectors: NDArray[np.floating], adaptation: Adaptation | None, speech_s: float
    ) -> Probabilities:
        """Calibrated posterior of one utterance from the features (n, d) of its windows.

        Args:
            vectors: features.
            adaptation: what is known of the speaker and the device, or None.
            speech_s: length of the longest stretch, seconds.
        """
        mean, known = self.logits(vectors, adaptation).mean(axis=0), adaptation or self._stranger
        terms = calibration_terms(known.count, known.device_count, speech_s, known.leading_share)
        return as_probabilities(self.model.calibration(mean, terms))

    def classify_clip(
        self, samples: NDArray[np.integer | np.floating], sample_rate: int = SAMPLE_RATE_HZ
    ) -> ClipResult:
        """Classify a whole clip; with `adapt`, it also teaches the running statistics.

        Args:
            samples: mono (n,), int16 or float in [-1, 1].
            sample_rate: must be 16000; `emoedge.capture.media.read_sound` resamples.

        Raises:
            ValueError: another sample rate, or not mono.
        """
        if sample_rate != SAMPLE_RATE_HZ:
            raise ValueError(f"expected {SAMPLE_RATE_HZ} Hz, got {sample_rate}")
        if self._clip_activity is None:
            self._clip_activity = SpeechActivity(on=CLIP_ON)
        return self.judge_clip(hear_clip(samples, self._clip_activity))

    def judge_clip(self, heard: HeardClip) -> ClipResult:
        """The second half of classify_clip: from features to the answer; teaches the running statistics."""
        if len(heard.vectors) == 0:
            return ClipResult(None, "no_voice", heard.snr_db, heard.level_dbfs, heard.speech_s)
        known = self.adaptation if self.adapt else None
        result = self.probabilities(heard.vectors, known, heard.longest_s)
        if known and heard.snr_db >= MIN_SNR_DB:
            known.update(heard.vectors.mean(axis=0))
            known.count_answer(result)
        return ClipResult(result, "", heard.snr_db, heard.level_dbfs, heard.speech_s)


def hear_clip(samples: NDArray[np.integer | np.floating], activity: SpeechActivity) -> HeardClip:
    """Find the speech in a clip, mono (n,) at 16 kHz, and extract the features of its stretches."""
    sound = HighPass().filter(as_samples(samples)).astype(np.float32)
    return describe_speech(sound, find_speech(sound, activity))


def find_speech(sound: Floats, activity: SpeechActivity) -> list[Span]:
    """Return the stretches of speech in a clip, whatever its level."""
    return speech_spans(_at_usual_level(sound), activity)


def describe_speech(sound: Floats, spans: list[Span]) -> HeardClip:
    """Features, level and noise of a clip whose speech lies in `spans`."""
    stretches = [stretch for span in join(spans, JOIN_S) for stretch in split(span, LONGEST_S, CLIP_HOP_S)]
    pieces = [sound[_cut(stretch)] for stretch in stretches]
    pieces = [piece for piece in pieces if len(piece) >= MIN_SAMPLES and piece.any()]
    if not pieces:
        return HeardClip(np.zeros((0, len(feature_names())), dtype=np.float32), 0.0, 0.0, to_db(0.0), 0.0)
    power = float(frame_powers(np.concatenate(pieces)).mean())
    return HeardClip(
        vectors=np.stack([features(piece) for piece in pieces]),
        longest_s=max(len(piece) for piece in pieces) / SAMPLE_RATE_HZ,
        snr_db=snr_db(power, noise_power(frame_powers(sound))),
        level_dbfs=to_db(power),
        speech_s=sum(span.end_s - span.start_s for span in spans),
    )


def _at_usual_level(sound: Floats) -> NDArray[np.int16]:
    """The clip as int16 with its loud parts at USUAL_DBFS, so that gain does not decide on speech."""
    powers = frame_powers(sound)
    loud_db = to_db(float(np.percentile(powers, 95))) if len(powers) else USUAL_DBFS
    gain_db = np.clip(USUAL_DBFS - loud_db, -MOST_GAIN_DB, MOST_GAIN_DB)
    scaled = np.rint(sound * np.float32(32768 * 10 ** (gain_db / 20)))
    return np.clip(scaled, -32768, 32767).astype(np.int16)


def _cut(span: Span) -> slice:
    return slice(round(span.start_s * SAMPLE_RATE_HZ), round(span.end_s * SAMPLE_RATE_HZ))


def join(spans: list[Span], pause_s: float) -> list[Span]:
    """Spans in order, with those that lie at most pause_s apart made one."""
    joined: list[Span] = []
    for span in spans:
        if joined and span.start_s - joined[-1].end_s <= pause_s:
            joined[-1] = Span(joined[-1].start_s, span.end_s)
        else:
            joined.append(span)
    return joined


def split(span: Span, longest_s: float, hop_s: float) -> list[Span]:
    """A span in overlapping stretches of at most longest_s, the last of which ends where the span ends."""
    length = span.end_s - span.start_s
    if length <= longest_s:
        return [span]
    count = 1 + int(np.ceil((length - longest_s) / hop_s))
    starts = np.linspace(span.start_s, span.end_s - longest_s, count)
    return [Span(float(start), float(start) + longest_s) for start in starts]
