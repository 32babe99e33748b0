"""Settings of the local console."""

from __future__ import annotations

import ipaddress
import json
import re
import socket
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator

from emoedge.config.section import Secret, Section, SomePath
from emoedge.translation import tr

if TYPE_CHECKING:
    from typing_extensions import Self

_BIND: Final = re.compile(r"(?P<host>\[[0-9a-fA-F:.%\w]*\]|[\w.-]*):(?P<port>\d{1,5})\Z")
_URL: Final = re.compile(r"https?://(\[[0-9a-fA-F:.]+\]|[\w.-]+)(:\d{1,5})?(/[\w./~-]*)?\Z")
_HOST_NAME: Final = re.compile(r"(\[[0-9a-fA-F:.]+\]|[\w.-]+)\Z")
MIN_PASSWORD: Final = 10
"""Minimum number of characters of a password."""
UNIX: Final = "unix:"
"""Begin of a `bind` that is the path of a Unix socket."""


def _list_from_text(value: Any) -> Any:
    """Return a list from the text of an environment variable: JSON, or names separated by commas."""
    if not isinstance(value, str):
        return value
    if not value.startswith("["):
        return [part.strip() for part in value.split(",") if part.strip()]
    try:
        return json.loads(value)
    except ValueError:
        return [value]  # an address such as [::1]


Names = Annotated[tuple[str, ...], BeforeValidator(_list_from_text)]


class WebSettings(Section):
    """Local console (`emoedge web`)."""

    bind: str = Field(
        "127.0.0.1:8099",
        description='Address to listen on: host:port, "[::]:8099" for the whole network, '
        'or "unix:/run/emoedge-web/web.sock"',
    )
    url: str = Field(
        "",
        description="Address under which people reach the console behind a proxy, such as "
        '"https://salon.example/emoedge"; its host, scheme and path are accepted',
    )
    hosts: Names = Field(
        (),
        description=(
            "Additional names that browsers may use for this device, besides localhost, the "
            "host name, <host name>.local and this machine's addresses"
        ),
    )
    proxies: Names = Field(
        (),
        description="Addresses or networks of reverse proxies whose X-Forwarded-For, -Proto, -Host, -Prefix "
        "and X-Ingress-Path are trusted",
    )
    login: Literal["key", "proxy"] = Field(
        "key",
        description='"key" (key or password), or "proxy": requests that come through `proxies` are logged in',
    )
    password: Secret = Field(
        None,
        description="Password beside the key; EMOEDGE_WEB__PASSWORD_FILE keeps it out of this file",
    )
    tls_certificate: SomePath | None = Field(None, description="Certificate for TLS, a PEM file")
    tls_key: SomePath | None = Field(None, description="Private key of the certificate, a PEM file")
    session_days: float = Field(
        30.0, gt=0, le=3650, description="Days without use after which a browser must log in again"
    )
    transcript: bool = Field(
        False, description="Show words in the console; does not depend on publish.transcript"
    )
    picture: bool = Field(True, description="Enable the live picture")
    picture_s: float = Field(
        60.0, ge=10, le=300, description="Seconds for which the live picture is shown on request"
    )
    picture_hz: float = Field(
        8.0, ge=1, le=15, description="Maximum rate of the live picture, in frames per second"
    )

    @field_validator("bind")
    @classmethod
    def _is_bind(cls, value: str) -> str:
        if value.startswith(UNIX):
            if not value.startswith(UNIX + "/"):
                raise ValueError(tr('must be "unix:" and an absolute path'))
            return value
        match = _BIND.match(value)
        if not match or not 0 <= int(match["port"]) <= 65535:
            raise ValueError(tr('must be host:port, such as "127.0.0.1:8099" or "[::]:8099", or unix:/PATH'))
        return value

    @field_validator("url")
    @classmethod
    def _is_url(cls, value: str) -> str:
        if value and not _URL.match(value):
            raise ValueError(tr("must be an http:// or https:// address without user, query or fragment"))
        return value.rstrip("/")

    @field_validator("hosts")
    @classmethod
    def _are_hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if not _HOST_NAME.match(name):
                raise ValueError(tr("must be only host names or addresses, without http:// and port"))
        return tuple(name.lower() for name in value)

    @field_validator("proxies")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            try:
                ipaddress.ip_network(name, strict=False)
            except ValueError:
                raise ValueError(tr('must be addresses or networks, such as "172.30.32.2"')) from None
        return value

    @field_validator("password")
    @classmethod
    def _is_long(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < MIN_PASSWORD:
            raise ValueError(tr("must have at least {count} characters", count=MIN_PASSWORD))
        return value

    @model_validator(mode="after")
    def _certificate_with_key(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError(tr("tls_certificate and tls_key must be set together: set both, or neither"))
        if self.login == "proxy" and not self.proxies and not self.bind.startswith(UNIX):
            raise ValueError(tr('login = "proxy" needs proxies: name the addresses that are logged in'))
        return self

    @property
    def socket_path(self) -> str | None:
        """Path of the Unix socket, or None."""
        return self.bind.removeprefix(UNIX) if self.bind.startswith(UNIX) else None

    @property
    def host(self) -> str:
        """Host to listen on, without brackets; "" for a Unix socket."""
        return "" if self.socket_path else self.bind.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """Port to listen on; 0 for a Unix socket, and for any free one."""
        return 0 if self.socket_path else int(self.bind.rpartition(":")[2])

    @property
    def public_url(self) -> str | None:
        """Address under which other machines reach the console; None where none can."""
        if self.url:
            return f"{self.url}/"
        if self.is_loopback:
            return None
        scheme = "https" if self.tls_certificate else "http"
        if self.host in ("", "::", "0.0.0.0"):  # noqa: S104 - compared, not bound to
            name = f"{socket.gethostname().partition('.')[0].lower()}.local"
        else:
            name = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{name}:{self.port}/"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can connect."""
        if self.socket_path or self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False
