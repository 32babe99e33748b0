"""All settings: every key with its default, its limits and a description."""

from __future__ import annotations

import ipaddress
import json
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

from emoedge.characters import has_control, hidden_character
from emoedge.config.sources import CaptureSource, parse_camera, parse_microphone
from emoedge.emotions import Language
from emoedge.redact import split_address

if TYPE_CHECKING:
    from typing_extensions import Self

RecordingMode = Literal["off", "manual", "events", "continuous"]
FusionMethod = Literal["weighted", "learned"]

_TOPIC_SAFE: Final = re.compile(r"[^+#/\x00-\x20\x7f-\x9f\ud800-\udfff]+\Z")
"""MQTT wildcards, separators and control characters would change the meaning of a topic."""

SECRET_NAMES: Final = frozenset({"username", "password", "key_password"})
"""Keys, of any section, whose values are never shown."""
_LINE_BREAKS: Final = re.compile(r"[\r\n\t]")
_FINGERPRINT: Final = re.compile(r"(?:sha-?256[:= ])?((?:[0-9a-f]{2}:?){31}[0-9a-f]{2})\Z", re.IGNORECASE)
_HOST: Final = re.compile(r"[\w-]+(\.[\w-]+)*\.?\Z")

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
        raise ValueError("must not begin with ~ followed by an unknown user name") from None


def _none_if_empty(value: Any) -> Any:
    # One rule for files, variables and credentials: an empty secret is none.
    return value or None if isinstance(value, str) else value


Secret = Annotated[SecretStr | None, BeforeValidator(_none_if_empty)]

SomePath = Annotated[Path, BeforeValidator(_not_empty), AfterValidator(_from_home)]


def _host_name() -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "-", socket.gethostname()) or "emoedge"


class Section(BaseModel):
    """Base of all sections: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    @field_validator("*", mode="before")
    @classmethod
    def _no_mix_up(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse what Python would take silently: true for a number, and characters that nobody sees."""
        name = str(info.field_name)
        if isinstance(value, bool) and cls.model_fields[name].annotation is not bool:
            raise ValueError("must not be true or false")
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str):
                _check_characters(text, secret=name in SECRET_NAMES)
        return value


def _check_characters(text: str, *, secret: bool) -> None:
    if secret:
        if has_control(text):
            raise ValueError(
                "must not contain control characters; in the file, write it in single quotes, where a "
                "backslash is only itself"
            )
        return
    pipeline = text[:4].lower() == "gst:"  # may be written on several lines
    if hidden := hidden_character(_LINE_BREAKS.sub(" ", text) if pipeline else text):
        raise ValueError(f"must not contain the invisible character {hidden}")
    if text != text.strip(" ") and not pipeline:
        raise ValueError("must not begin or end with a space")


def _check_credentials(username: object, password: object) -> None:
    if password and not username:
        raise ValueError("password is set without username; set both, or neither")


def _is_ipv6(text: str) -> bool:
    try:
        return bool(ipaddress.IPv6Address(text))
    except ValueError:
        return False


class CameraSettings(Section):
    """Camera: the source of the picture."""

    source: str = Field(
        "auto",
        min_length=1,
        description='"auto", a stable V4L2 path (/dev/v4l/by-id/…), "picamera:0", "gst:PIPELINE", '
        '"rtsp://…", '
        '"http://…", "file:CLIP" (in real time, repeated) or "none"',
    )
    width: int = Field(640, ge=64, le=4096, description="Requested width, in pixels")
    height: int = Field(480, ge=64, le=4096, description="Requested height, in pixels")
    fps: float = Field(15.0, gt=0, le=120, description="Requested frame rate, in frames per second")
    rotate: Annotated[Literal[0, 90, 180, 270], BeforeValidator(_number_from_text)] = Field(
        0, description="Clockwise rotation of the picture, in degrees"
    )
    mirror: bool = Field(False, description="Mirror the picture horizontally, after the rotation")
    name: str | None = Field(
        None, min_length=1, max_length=64, description="Name of the camera in messages, beside its address"
    )
    username: Secret = Field(None, description="User name of a network camera, instead of one in its address")
    password: Secret = Field(
        None,
        description="Password of a network camera; EMOEDGE_CAMERA__PASSWORD_FILE keeps it out of this file",
    )

    tls_verify: bool = Field(
        True,
        description="Verify the certificate of an https:// or rtsps:// camera before signing in",
    )
    ca_file: SomePath | None = Field(
        None, description="Certificate authority of the camera; the system's authorities by default"
    )
    tls_fingerprint: str | None = Field(
        None,
        description="SHA-256 fingerprint of the camera's own certificate: this one alone is trusted, "
        "with any authority and name",
    )

    @field_validator("source")
    @classmethod
    def _known_kind(cls, value: str) -> str:
        return str(parse_camera(value))

    @field_validator("tls_fingerprint")
    @classmethod
    def _sha256(cls, value: str | None) -> str | None:
        match = _FINGERPRINT.match(value or "")
        if value and not match:
            raise ValueError("must be a SHA-256 fingerprint: 64 hexadecimal digits, with or without colons")
        return match[1].replace(":", "").lower() if match else None

    @model_validator(mode="after")
    def _credentials_once(self) -> Self:
        _check_credentials(self.username, self.password)
        address = split_address(self.source) if self.parsed_source.kind == "network" else None
        if self.username and address and address.user_information:
            raise ValueError("username is given twice: keep it out of the address in source")
        if address and address.scheme not in ("https:", "rtsps:") and (self.ca_file or self.tls_fingerprint):
            raise ValueError("ca_file and tls_fingerprint need an https:// or rtsps:// address in source")
        return self

    @property
    def parsed_source(self) -> CaptureSource:
        """What `source` means."""
        return parse_camera(self.source)


class MicrophoneSettings(Section):
    """Microphone: the source of the audio."""

    source: str = Field(
        "auto",
        min_length=1,
        description='"auto", a device name as `emoedge devices` lists it, '
        'an ALSA address such as "hw:Device,0", '
        '"file:CLIP" (its audio, synchronised with the camera when both name the same file) or "none"',
    )

    @field_validator("source")
    @classmethod
    def _known_kind(cls, value: str) -> str:
        return str(parse_microphone(value))

    @property
    def parsed_source(self) -> CaptureSource:
        """What `source` means."""
        return parse_microphone(self.source)


def _inside_the_picture(part: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    x, y, width, height = part
    if width <= 0 or height <= 0 or x + width > 1 or y + height > 1:
        raise ValueError("must lie in the picture and have a size: x + width and y + height at most 1")
    return part


def _parts_from_text(value: Any) -> Any:
    """A list that came as text, from an environment variable; anything else as it is."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise ValueError("must be a list such as [[0.6, 0.1, 0.3, 0.35]]") from None


IgnoredPart = Annotated[tuple[Fraction, Fraction, Fraction, Fraction], AfterValidator(_inside_the_picture)]


class FaceSettings(Section):
    """Face detection and emotion recognition."""

    enabled: bool = Field(True, description="Enable face detection and emotion recognition")
    max_faces: int = Field(
        4, ge=1, le=16, description="Maximum number of faces tracked at a time; the largest are preferred"
    )
    min_size: Fraction = Field(
        0.06, description="Minimum size of a face, as a fraction of the shorter side of the frame"
    )
    min_quality: Fraction = Field(0.15, description="Minimum quality for which a face gets an emotion")
    still_s: Seconds = Field(
        10.0,
        description="Seconds without any movement after which a face that came into view is taken for a "
        "photograph; 0 takes every face for a person",
    )
    ignore: Annotated[tuple[IgnoredPart, ...], BeforeValidator(_parts_from_text)] = Field(
        (),
        description="Parts of the picture in which faces do not count, such as a television: "
        "[[x, y, width, height], …] in fractions of the picture, from the upper left corner",
    )
    adapt: bool = Field(
        True,
        description="Adapt to how each person looks at rest while the face is followed (no identity)",
    )


class VoiceSettings(Section):
    """Voice emotion recognition: how something is said."""

    enabled: bool = Field(True, description="Enable voice emotion recognition")
    adapt: bool = Field(
        True,
        description="Adapt to the person and the room with running statistics, without identifying anyone",
    )


class SpeechSettings(Section):
    """Speech recognition and text emotion recognition: what is said."""

    enabled: bool = Field(True, description="Enable speech recognition and text emotion recognition")
    engine: Literal["vosk", "whisper"] = Field(
        "vosk", description="Speech recogniser; whisper needs the extra `whisper`"
    )
    model: str = Field(
        "vosk-model-small-es-0.42",
        min_length=1,
        description="Name of a model in the models directory, or a path",
    )


class FusionSettings(Section):
    """Fusion of face, voice and text into one state."""

    method: FusionMethod = Field("weighted", description='"weighted" (the rule) or "learned"')
    face_weight: Fraction = Field(0.6, description="Weight of the face; the voice has the remainder to 1")
    margin: Fraction = Field(
        0.2,
        description="Emotions whose probability is within this margin of the highest are candidates; "
        "a text that gives one of them 1/7 or more chooses among them",
    )
    face_max_age_s: Seconds = Field(
        1.5, description="Maximum age of a face result that takes part, in seconds"
    )
    voice_max_age_s: Seconds = Field(
        6.0, description="Maximum age of a voice result that takes part, in seconds"
    )
    text_max_age_s: Seconds = Field(
        4.0,
        description="Maximum age of a text result that takes part, in seconds after the end of the "
        "utterance, the delay of the recogniser included",
    )
    min_confidence: Fraction = Field(
        0.3, description="Minimum confidence for which an emotion is named; 0 always names one"
    )
    hold_s: Seconds = Field(
        0.75,
        description="Seconds for which something else must last before it takes the place of what is named, "
        '"no opinion" included; less where it is clear',
    )


class EventSettings(Section):
    """Episodes: when a state begins and ends one."""

    smoothing_s: Seconds = Field(0.8, description="Time constant of the smoothing, in seconds")
    begin_confidence: Fraction = Field(0.5, description="Smoothed probability at which an episode begins")
    end_confidence: Fraction = Field(0.35, description="Smoothed probability at which an episode ends")
    min_duration_s: Seconds = Field(
        0.8, description="Seconds for which an emotion must persist before its episode begins"
    )
    end_after_s: Seconds = Field(
        1.5, description="Seconds for which it must be absent before its episode ends"
    )
    neutral: bool = Field(False, description="Report episodes of neutral too")

    @model_validator(mode="after")
    def _hysteresis(self) -> Self:
        if self.end_confidence > self.begin_confidence:
            raise ValueError("end_confidence must not be above begin_confidence, or episodes would flicker")
        return self


class MqttSettings(Section):
    """Connection to the MQTT broker."""

    enabled: bool = Field(True, description="Enable publishing")
    host: str = Field("localhost", min_length=1, description="Host name or IP address of the broker")
    port: int = Field(1883, ge=1, le=65535, description="Port of the broker, usually 8883 with TLS")
    username: Annotated[str | None, BeforeValidator(_none_if_empty)] = Field(
        None, max_length=1024, description="User name"
    )
    password: Secret = Field(
        None, description="Password; EMOEDGE_MQTT__PASSWORD_FILE keeps it out of this file"
    )
    tls: bool = Field(False, description="Use TLS; the certificate is always verified")
    ca_file: SomePath | None = Field(
        None, description="Certificate authority for TLS; the system's authorities by default"
    )
    cert_file: SomePath | None = Field(
        None, description="Client certificate for a broker that asks for one, a PEM file; needs `tls`"
    )
    key_file: SomePath | None = Field(
        None, description="Private key of the client certificate, a PEM file; `cert_file` by default"
    )
    key_password: SecretStr | None = Field(
        None,
        description="Password of the private key; EMOEDGE_MQTT__KEY_PASSWORD_FILE keeps it out of this file",
    )
    client_id: str | None = Field(
        None, max_length=256, description="MQTT client identifier; emoedge-<device_id> by default"
    )
    base: str = Field("emoedge", min_length=1, max_length=256, description="First level of every topic")
    discovery: bool = Field(True, description="Announce the device to Home Assistant")
    discovery_prefix: str = Field(
        "homeassistant", min_length=1, max_length=256, description="Home Assistant's discovery prefix"
    )
    spool_after_s: Annotated[float, Field(ge=0, le=60, allow_inf_nan=False)] = Field(
        1.0,
        description="Seconds after which a message that the broker has not acknowledged is written to the "
        "disk: what a kill or a power cut can lose; less on a fast disk, 0 writes each at once",
    )
    spool_max_messages: int = Field(
        10_000, ge=0, description="Maximum number of messages kept on disk while the broker is unavailable"
    )

    @field_validator("host")
    @classmethod
    def _host_alone(cls, value: str) -> str:
        # "mqtt://name:1883" is what other programs take; here it would be an unknown host name.
        if not _HOST.match(value) and not _is_ipv6(value):
            raise ValueError("must be a host name or an address alone, without mqtt://, brackets or port")
        return value

    @model_validator(mode="after")
    def _user_with_password(self) -> Self:
        _check_credentials(self.username, self.password)
        return self

    @model_validator(mode="after")
    def _key_has_a_certificate(self) -> Self:
        if self.key_file is not None and self.cert_file is None:
            raise ValueError("key_file needs cert_file: set both, or neither")
        return self

    @field_validator("base", "discovery_prefix")
    @classmethod
    def _no_wildcards(cls, value: str) -> str:
        if value.startswith("$"):
            raise ValueError("must not begin with $: brokers keep such topics for themselves")
        if not all(_TOPIC_SAFE.match(level) for level in value.split("/")):
            raise ValueError("must be a topic without wildcards, spaces or empty levels")
        return value


class PublishSettings(Section):
    """Published messages and their rates."""

    interval: float = Field(
        10.0, gt=0, le=3600, description="Maximum interval between emotion messages, in seconds"
    )
    face_hz: float = Field(
        2.0, gt=0, le=30, description="Maximum rate of face messages, in messages per second"
    )
    transcript: bool = Field(False, description="Publish the transcript; off for privacy")
    health_interval: float = Field(
        30.0, ge=1, le=3600, description="Maximum interval between health messages, in seconds"
    )


class RecordingSettings(Section):
    """Recording of segments on the local disk."""

    mode: RecordingMode = Field("events", description='"off", "manual", "events" or "continuous"')
    dir: SomePath = Field(Path("/var/lib/emoedge/recordings"), description="Directory of the recordings")
    pre_roll_s: float = Field(5.0, ge=0, le=60, description="Seconds recorded from before the episode")
    post_roll_s: float = Field(5.0, ge=0, le=120, description="Seconds recorded after the episode")
    max_segment_s: float = Field(
        300.0, ge=5, le=3600, description="Maximum length of a segment, in seconds; longer ones are split"
    )
    keep_days: float = Field(
        30.0, ge=0, le=36_500, description="Days after which segments are deleted; 0 keeps them"
    )
    max_bytes: int = Field(
        10_000_000_000,
        ge=0,
        description="Maximum total size, in bytes, beyond which the oldest are deleted; 0 for no limit",
    )
    min_free_bytes: int = Field(
        500_000_000, ge=0, description="Minimum free disk space, in bytes, below which the oldest are deleted"
    )
    overlay: bool = Field(False, description="Draw box, label and bars into the recorded video")
    transcript: bool = Field(True, description="Keep the transcript in the sidecars of a segment")
    encoder: str = Field(
        "auto", description='"auto" (hardware where the board has it), or an FFmpeg H.264 encoder'
    )


class PerformanceSettings(Section):
    """Limits on the use of the machine."""

    cpu_budget: float = Field(
        2.0, gt=0, le=64, description="Average number of processor cores that the process may use"
    )
    analysis_fps: float = Field(
        10.0, gt=0, le=60, description="Maximum rate of analysed frames, in frames per second"
    )


class PathSettings(Section):
    """Directories."""

    models: SomePath = Field(
        Path("/var/lib/emoedge/models"), description="Directory of the downloaded models"
    )
    state: SomePath = Field(
        Path("/var/lib/emoedge/state"),
        description="Directory of the spool and of settings changed at run time",
    )


class Settings(Section):
    """The whole configuration."""

    device_id: str = Field(
        default_factory=_host_name,
        min_length=1,
        max_length=64,
        description="Name of the device in topics; the host name by default",
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

    @property
    def client_id(self) -> str:
        """The MQTT client identifier of the daemon."""
        return self.mqtt.client_id or f"emoedge-{self.device_id}"
