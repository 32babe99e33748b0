"""Settings of the connection to the broker, and of what is published."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator

from emoedge.config.section import TOPIC_LEVEL, Secret, Section, SomePath, check_credentials, none_if_empty
from emoedge.translation import tr

if TYPE_CHECKING:
    from typing_extensions import Self

_HOST: Final = re.compile(r"[\w-]+(\.[\w-]+)*\.?\Z")


def _is_ipv6(text: str) -> bool:
    try:
        return bool(ipaddress.IPv6Address(text))
    except ValueError:
        return False


class MqttSettings(Section):
    """Connection to the MQTT broker."""

    enabled: bool = Field(True, description="Enable publishing")
    host: str = Field("localhost", min_length=1, description="Host name or IP address of the broker")
    port: int = Field(1883, ge=1, le=65535, description="Port of the broker, usually 8883 with TLS")
    username: Annotated[str | None, BeforeValidator(none_if_empty)] = Field(
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
        None, description="Client certificate for a broker that requires one, a PEM file; needs `tls`"
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
        description="Seconds after which a message that the broker has not acknowledged is written to "
        "disk; later messages can be lost in a crash. Less on a fast disk, 0 writes each at once",
    )
    spool_max_messages: int = Field(
        10_000, ge=0, description="Maximum number of messages kept on disk while the broker is unavailable"
    )

    @field_validator("host")
    @classmethod
    def _host_alone(cls, value: str) -> str:
        # "mqtt://name:1883" is what other programs take; here it would be an unknown host name.
        if not _HOST.match(value) and not _is_ipv6(value):
            raise ValueError(tr("must be only a host name or an address, without mqtt://, brackets or port"))
        return value

    @model_validator(mode="after")
    def _user_with_password(self) -> Self:
        check_credentials(self.username, self.password)
        return self

    @model_validator(mode="after")
    def _key_has_a_certificate(self) -> Self:
        if self.key_file is not None and self.cert_file is None:
            raise ValueError(tr("key_file needs cert_file: set both, or neither"))
        return self

    @field_validator("base", "discovery_prefix")
    @classmethod
    def _no_wildcards(cls, value: str) -> str:
        if value.startswith("$"):
            raise ValueError(tr("must not begin with $: brokers keep such topics for themselves"))
        if not all(TOPIC_LEVEL.match(level) for level in value.split("/")):
            raise ValueError(tr("must be a topic without wildcards, spaces or empty levels"))
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
    image: bool = Field(
        False,
        description="Publish a picture of each snapshot and of the strongest moment of each episode; "
        "off for privacy: with it, pictures leave the device",
    )
    summary_interval: float = Field(
        30.0,
        ge=5,
        le=300,
        description="Maximum interval between summary messages, in seconds; changes are sent sooner",
    )
    health_interval: float = Field(
        30.0, ge=1, le=3600, description="Maximum interval between health messages, in seconds"
    )
