"""The whole configuration: every section, with the keys that belong to none."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator, model_validator
from typing_extensions import Self

from emoedge.config.capture_settings import CameraSettings, MicrophoneSettings
from emoedge.config.fusion_settings import EventSettings, FusionSettings
from emoedge.config.history_settings import HistorySettings
from emoedge.config.mqtt_settings import MqttSettings, PublishSettings
from emoedge.config.perception_settings import FaceSettings, SpeechSettings, VoiceSettings
from emoedge.config.recording_settings import RecordingSettings
from emoedge.config.section import TOPIC_LEVEL, Section, SomePath, none_if_empty
from emoedge.config.web_settings import WebSettings
from emoedge.emotions import Language
from emoedge.local_time import Zone, zone_of
from emoedge.translation import tr


def _host_name() -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "-", socket.gethostname()) or "emoedge"


class PerformanceSettings(Section):
    """Limits on the use of the machine."""

    cpu_budget: float = Field(
        2.0, gt=0, le=64, description="Average number of processor cores that the process may use"
    )
    analysis_fps: float = Field(
        10.0, gt=0, le=60, description="Maximum rate of analysed frames, in frames per second"
    )


class MetricsSettings(Section):
    """Metrics for Prometheus."""

    textfile: Annotated[SomePath | None, BeforeValidator(none_if_empty)] = Field(
        None,
        description="Text file with metrics, replaced atomically; must end in .prom; none by default",
    )

    @field_validator("textfile")
    @classmethod
    def _is_read(cls, value: Path | None) -> Path | None:
        if value is not None and value.suffix != ".prom":
            raise ValueError(tr("must end in .prom: the textfile collector reads no other file"))
        return value


Pin = Annotated[Annotated[int, Field(ge=0, le=1000)] | None, BeforeValidator(none_if_empty)]


class GpioSettings(Section):
    """A button and a light on pins of the board; needs the extra `gpio`."""

    privacy_button: Pin = Field(
        None, description="Pin (BCM number) of a button to ground that switches privacy; none by default"
    )
    led: Pin = Field(
        None,
        description="Pin (BCM number) of a light, lit while camera or microphone is open; none by default",
    )

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if self.led is not None and self.led == self.privacy_button:
            raise ValueError(tr("privacy_button and led must be two pins"))
        return self


class PathSettings(Section):
    """Directories."""

    models: SomePath = Field(
        Path("/var/lib/emoedge/models"), description="Directory of the downloaded models"
    )
    state: SomePath = Field(
        Path("/var/lib/emoedge/state"),
        description="Directory of the spool and of settings changed at run time",
    )
    socket: SomePath = Field(
        Path("/run/emoedge/daemon.sock"),
        description="The daemon's Unix socket; where `state` is another directory it is there by default, "
        "except under systemd",
    )


def _defaults() -> Any:
    """A section without settings, validated with the rest: the section needs no validator of its own."""
    return {}


class Settings(Section):
    """The whole configuration."""

    device_id: str = Field(
        default_factory=_host_name,
        min_length=1,
        max_length=64,
        description="Name of the device in topics; the host name by default",
    )
    language: Language = Field("es", description='Language of display names: "es" or "en"')
    timezone: str = Field(
        "",
        description='Time zone in which days and hours are counted, such as "Europe/Madrid"; '
        "empty for the system's own",
    )
    camera: CameraSettings = Field(default_factory=_defaults)
    microphone: MicrophoneSettings = Field(default_factory=_defaults)
    face: FaceSettings = Field(default_factory=_defaults)
    voice: VoiceSettings = Field(default_factory=_defaults)
    speech: SpeechSettings = Field(default_factory=_defaults)
    fusion: FusionSettings = Field(default_factory=_defaults)
    events: EventSettings = Field(default_factory=_defaults)
    mqtt: MqttSettings = Field(default_factory=_defaults)
    publish: PublishSettings = Field(default_factory=_defaults)
    recording: RecordingSettings = Field(default_factory=_defaults)
    history: HistorySettings = Field(default_factory=_defaults)
    web: WebSettings = Field(default_factory=_defaults)
    metrics: MetricsSettings = Field(default_factory=_defaults)
    gpio: GpioSettings = Field(default_factory=_defaults)
    performance: PerformanceSettings = Field(default_factory=_defaults)
    paths: PathSettings = Field(default_factory=_defaults)

    @field_validator("device_id")
    @classmethod
    def _one_topic_level(cls, value: str) -> str:
        if not TOPIC_LEVEL.match(value):
            raise ValueError(tr("must be one topic level: no /, +, #, spaces or control characters"))
        return value

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        zone_of(value)
        return value

    @property
    def zone(self) -> Zone:
        """The time zone of days and hours; None is the system's."""
        return zone_of(self.timezone)

    @property
    def topic_base(self) -> str:
        """`<base>/<device_id>`, without a slash at the end."""
        return f"{self.mqtt.base}/{self.device_id}"

    @property
    def client_id(self) -> str:
        """The MQTT client identifier of the daemon."""
        return self.mqtt.client_id or f"emoedge-{self.device_id}"
