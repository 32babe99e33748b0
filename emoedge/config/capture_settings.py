"""Settings of camera and microphone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from emoedge.config.section import Secret, Section, SomePath, check_credentials
from emoedge.config.sources import CaptureSource, parse_camera, parse_microphone
from emoedge.redact import split_address
from emoedge.translation import tr

if TYPE_CHECKING:
    from typing_extensions import Self

_FINGERPRINT: Final = re.compile(r"(?:sha-?256[:= ])?((?:[0-9a-f]{2}:?){31}[0-9a-f]{2})\Z", re.IGNORECASE)


def _number_from_text(value: Any) -> Any:
    # The environment has only text, which pydantic turns into numbers everywhere but in a Literal.
    return (
        int(value)
        if isinstance(value, str) and len(value) < 9 and value.isascii() and value.isdigit()
        else value
    )


class CameraSettings(Section):
    """Camera: the source of the video."""

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
        None,
        min_length=1,
        max_length=64,
        description="Name of the camera in messages, in addition to its address",
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
        description="SHA-256 fingerprint of the camera's own certificate: only this one is trusted, "
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
            raise ValueError(
                tr("must be a SHA-256 fingerprint: 64 hexadecimal digits, with or without colons")
            )
        return match[1].replace(":", "").lower() if match else None

    @model_validator(mode="after")
    def _credentials_once(self) -> Self:
        check_credentials(self.username, self.password)
        address = split_address(self.source) if self.parsed_source.kind == "network" else None
        if self.username and address and address.user_information:
            raise ValueError(tr("username is given twice: keep it out of the address in source"))
        if address and address.scheme not in ("https:", "rtsps:") and (self.ca_file or self.tls_fingerprint):
            raise ValueError(tr("ca_file and tls_fingerprint need an https:// or rtsps:// address in source"))
        return self

    @property
    def parsed_source(self) -> CaptureSource:
        """Values of `source`."""
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
        """Values of `source`."""
        return parse_microphone(self.source)
