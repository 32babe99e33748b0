"""The settings themselves: every key with its default, its limits and one sentence for the reader."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from emoedge.emotions import Language

if TYPE_CHECKING:
    from typing_extensions import Self

RecordingMode = Literal["off", "manual", "events", "continuous"]
FusionMethod = Literal["weighted", "learned"]

# MQTT wildcards, separators and control characters would change the meaning of a topic.
_TOPIC_SAFE: Final = re.compile(r"^[^+#/\x00-\x20\x7f]+$")

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


def _not_empty(value: Any) -> Any:
    # Python takes an empty path for the working directory, which is never meant here.
    if isinstance(value, str) and not value.strip():
        raise ValueError("must not be empty")
    return value


def _number_from_text(value: Any) -> Any:
    # The environment has only text, which pydantic turns into numbers everywhere but in a Literal.
    return (
        int(value)
        if isinstance(value, str) and len(value) < 9 and value.isascii() and value.isdigit()
        else value
    )


def _from_home(value: Any) -> Any:
    # In a file no shell does it, and a folder called "~" is never meant.
    try:
        return value.expanduser() if isinstance(value, Path) else value
    except RuntimeError:
        raise ValueError("must not begin with ~ and a name that is no user's") from None


SomePath = Annotated[Path, BeforeValidator(_not_empty), AfterValidator(_from_home)]


def _host_name() -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "-", socket.gethostname()) or "emoedge"


class Section(BaseModel):
    """Base of all sections: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    @field_validator("*", mode="before")
    @classmethod
    def _no_mix_up(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse what Python would take silently: true for a number, and NUL in text."""
        kind = cls.model_fields[str(info.field_name)].annotation
        if isinstance(value, bool) and kind is not bool:
            raise ValueError("must not be true or false")
        if isinstance(value, str) and "\0" in value:
            raise ValueError("must not contain a NUL character")
        return value


class CameraSettings(Section):
    """Where pictures come from."""

    source: str = Field(
        "auto",
        min_length=1,
        description='"auto", a stable V4L2 path (/dev/v4l/by-id/…), "picamera:0", "gst:PIPELINE", "rtsp://…", '
        '"http://…", "file:CLIP" (real time, from the start again at its end) or "none"',
    )
    width: int = Field(640, ge=64, le=4096, description="Width asked of the camera, pixels")
    height: int = Field(480, ge=64, le=4096, description="Height asked of the camera, pixels")
    fps: float = Field(15.0, gt=0, le=120, description="Frames a second asked of the camera")
    rotate: Annotated[Literal[0, 90, 180, 270], BeforeValidator(_number_from_text)] = Field(
        0, description="Turn the picture clockwise, degrees"
    )
    mirror: bool = Field(False, description="Mirror the picture left to right, after turning it")


class MicrophoneSettings(Section):
    """Where sound comes from."""

    source: str = Field(
        "auto",
        min_length=1,
        description='"auto", a device name as `emoedge devices` lists it, an ALSA address such as "hw:Device,0", '
        '"file:CLIP" (its sound, in step with the camera when it is the same file) or "none"',
    )


class FaceSettings(Section):
    """Faces in the picture."""

    enabled: bool = Field(True, description="Look for faces at all")
    max_faces: int = Field(4, ge=1, le=16, description="Faces followed at a time; the largest come first")
    min_size: Fraction = Field(
        0.06, description="Smallest face, as a fraction of the shorter side of the frame"
    )
    min_quality: Fraction = Field(0.15, description="Below this quality a face gets no emotion")


class VoiceSettings(Section):
    """How it is said."""

    enabled: bool = Field(True, description="Judge the voice at all")
    adapt: bool = Field(
        True, description="Adapt to the person and the room with running statistics (no identity)"
    )


class SpeechSettings(Section):
    """What is said."""

    enabled: bool = Field(True, description="Transcribe at all")
    engine: Literal["vosk", "whisper"] = Field(
        "vosk", description="Recogniser; whisper needs the extra of that name"
    )
    model: str = Field(
        "vosk-model-small-es-0.42",
        min_length=1,
        description="A name under the models directory, or a path",
    )


class FusionSettings(Section):
    """How face, voice and message become one answer."""

    method: FusionMethod = Field("weighted", description='"weighted" (the rule) or "learned"')
    face_weight: Fraction = Field(0.6, description="Weight of the face; the voice has the rest")
    margin: Fraction = Field(
        0.2, description="Emotions closer than this to the leader are in doubt: the text decides"
    )
    face_max_age_s: Seconds = Field(1.5, description="A face result older than this takes no part")
    voice_max_age_s: Seconds = Field(6.0, description="A voice result older than this takes no part")
    text_max_age_s: Seconds = Field(10.0, description="A text result older than this takes no part")
    min_confidence: Fraction = Field(
        0.0, description="Below this confidence the emotion is null (not sure); 0 always names the leader"
    )


class EventSettings(Section):
    """When a state becomes an event."""

    smoothing_s: Seconds = Field(0.8, description="Time constant of the smoothing before events are decided")
    begin_confidence: Fraction = Field(0.5, description="Smoothed probability at which an event begins")
    end_confidence: Fraction = Field(0.35, description="Smoothed probability at which it ends")
    min_duration_s: Seconds = Field(0.8, description="An emotion must hold this long before its event begins")
    end_after_s: Seconds = Field(1.5, description="It must be gone this long before its event ends")
    neutral: bool = Field(False, description="Whether neutral stretches are events too")

    @model_validator(mode="after")
    def _hysteresis(self) -> Self:
        if self.end_confidence > self.begin_confidence:
            raise ValueError("end_confidence must not be above begin_confidence, or events would flicker")
        return self


class MqttSettings(Section):
    """The broker."""

    enabled: bool = Field(True, description="Publish at all")
    host: str = Field("localhost", min_length=1, description="Host name or address of the broker")
    port: int = Field(1883, ge=1, le=65535, description="Port of the broker (8883 is usual with TLS)")
    username: str | None = Field(None, description="User name")
    password: SecretStr | None = Field(None, description="Password; better from EMOEDGE_MQTT__PASSWORD_FILE")
    tls: bool = Field(False, description="Use TLS; the certificate is always verified")
    ca_file: SomePath | None = Field(
        None, description="Certificate authority for TLS, instead of the system's"
    )
    client_id: str | None = Field(None, description="MQTT client id; emoedge-<device_id> by default")
    base: str = Field("emoedge", min_length=1, description="First level of every topic")
    discovery: bool = Field(True, description="Announce the device to Home Assistant")
    discovery_prefix: str = Field(
        "homeassistant", min_length=1, description="Home Assistant's discovery prefix"
    )
    spool_max_messages: int = Field(
        10_000, ge=0, description="Messages kept on disk while the broker is away"
    )

    @field_validator("host")
    @classmethod
    def _host_alone(cls, value: str) -> str:
        # "mqtt://name:1883" is what other programs take; here it would only be a name that nobody knows.
        if set(value) & set("/[] \t\n") or value.count(":") == 1:
            raise ValueError("must be a host name or an address alone, without mqtt://, brackets or port")
        return value

    @field_validator("base", "discovery_prefix")
    @classmethod
    def _no_wildcards(cls, value: str) -> str:
        if not all(_TOPIC_SAFE.match(level) for level in value.split("/")):
            raise ValueError("must be a topic without wildcards, spaces or empty levels")
        return value


class PublishSettings(Section):
    """What goes out, and how often."""

    interval: float = Field(
        10.0, gt=0, le=3600, description="The state is sent at least every so many seconds"
    )
    face_hz: float = Field(2.0, gt=0, le=30, description="At most so many face messages a second")
    transcript: bool = Field(False, description="Whether the words themselves are published (private: off)")
    health_interval: float = Field(
        30.0, ge=1, le=3600, description="Health is sent at least every so many seconds"
    )


class RecordingSettings(Section):
    """Segments on the local disk."""

    mode: RecordingMode = Field("events", description='"off", "manual", "events" or "continuous"')
    dir: SomePath = Field(Path("/var/lib/emoedge/recordings"), description="Where segments are kept")
    pre_roll_s: float = Field(5.0, ge=0, le=60, description="Seconds kept from before the event")
    post_roll_s: float = Field(5.0, ge=0, le=120, description="Seconds kept after the event")
    max_segment_s: float = Field(300.0, ge=5, le=3600, description="A longer segment is split")
    keep_days: float = Field(
        30.0, ge=0, le=36_500, description="Delete segments older than this; 0 keeps them"
    )
    max_bytes: int = Field(
        10_000_000_000, ge=0, description="Delete the oldest beyond this total; 0 for no limit"
    )
    min_free_bytes: int = Field(
        500_000_000, ge=0, description="Delete the oldest when less of the disk is free"
    )
    overlay: bool = Field(False, description="Draw box, label and bars into the recorded picture")
    transcript: bool = Field(True, description="Keep the transcript in the sidecars of a segment")
    encoder: str = Field(
        "auto", description='"auto" (hardware where the board has it), or an FFmpeg H.264 encoder'
    )


class PerformanceSettings(Section):
    """How much of the machine may be used."""

    cpu_budget: float = Field(2.0, gt=0, le=64, description="Cores the process may use on average")
    analysis_fps: float = Field(10.0, gt=0, le=60, description="Frames a second looked at, at most")


class PathSettings(Section):
    """Where things are kept."""

    models: SomePath = Field(Path("/var/lib/emoedge/models"), description="Downloaded models")
    state: SomePath = Field(
        Path("/var/lib/emoedge/state"), description="Spool and settings changed while running"
    )


class Settings(Section):
    """The whole configuration."""

    device_id: str = Field(
        default_factory=_host_name,
        min_length=1,
        max_length=64,
        description="Name in topics; default: the host name",
    )
    language: Language = Field("es", description='Language of display names: "es" or "en"')
    camera: CameraSettings = Field(default_factory=CameraSettings)
    microphone: MicrophoneSettings = Field(default_factory=MicrophoneSettings)
    face: FaceSettings = Field(default_factory=FaceSettings)
    voice: VoiceSettings = Field(default_factory=VoiceSettings)
    speech: SpeechSettings = Field(default_factory=SpeechSettings)
    fusion: FusionSettings = Field(default_factory=FusionSettings)
    events: EventSettings = Field(default_factory=EventSettings)
    mqtt: MqttSettings = Field(default_factory=MqttSettings)
    publish: PublishSettings = Field(default_factory=PublishSettings)
    recording: RecordingSettings = Field(default_factory=RecordingSettings)
    performance: PerformanceSettings = Field(default_factory=PerformanceSettings)
    paths: PathSettings = Field(default_factory=PathSettings)

    @field_validator("device_id")
    @classmethod
    def _one_topic_level(cls, value: str) -> str:
        if not _TOPIC_SAFE.match(value):
            raise ValueError("must be one topic level: no /, +, #, spaces or control characters")
        return value

    @property
    def topic_base(self) -> str:
        """`<base>/<device_id>`, without a slash at the end."""
        return f"{self.mqtt.base}/{self.device_id}"
