"""Origin and destination address of a request, as far as they can be trusted."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from emoedge.config.web_settings import WebSettings

LOCAL: Final = "local"
"""Address of who comes through the Unix socket."""
_PREFIX: Final = re.compile(r"(?:/[\w.~-]+)+\Z")
_MAX_PREFIX: Final = 200


@dataclass(frozen=True, slots=True)
class Caller:
    """One request's ends.

    Attributes:
        address: of the browser.
        scheme: "http" or "https", as the browser has it.
        host: name and port that the browser asked for, lower case; "" without one.
        prefix: path under which the browser sees the console, without a slash at its end.
        by_proxy: whether the request comes through one of `web.proxies`.
    """

    address: str
    scheme: str
    host: str
    prefix: str
    by_proxy: bool

    @property
    def origin(self) -> str:
        """Origin of the console's own pages."""
        return f"{self.scheme}://{self.host}"


def caller_of(scope: Mapping[str, Any], headers: Mapping[str, str], settings: WebSettings) -> Caller:
    """Find out the ends of a request; the headers of proxies count only from `web.proxies`."""
    client, server_scheme = scope.get("client"), str(scope.get("scheme", "http"))
    peer = client[0] if client else LOCAL
    by_proxy = peer == LOCAL or _is_in(peer, settings.proxies)
    host, prefix = headers.get("host", ""), ""
    address, scheme = peer, server_scheme
    if by_proxy:
        hops = [hop.strip() for hop in headers.get("x-forwarded-for", "").split(",") if hop.strip()]
        # The nearest hop that is not a trusted proxy: entries before it were written by the browser.
        address = next((hop for hop in reversed(hops) if not _is_in(hop, settings.proxies)), peer)
        forwarded = headers.get("x-forwarded-proto", "").partition(",")[0].strip().lower()
        scheme = forwarded if forwarded in ("http", "https") else server_scheme
        host = headers.get("x-forwarded-host", host).partition(",")[0].strip()
        prefix = headers.get("x-ingress-path") or headers.get("x-forwarded-prefix") or ""
        prefix = prefix.rstrip("/")
        if not _PREFIX.match(prefix) or len(prefix) > _MAX_PREFIX or ".." in prefix:
            prefix = ""
    url = urlsplit(settings.url)
    if settings.url and host.lower() == url.netloc.lower():
        scheme = url.scheme
        prefix = prefix or url.path
    return Caller(address, scheme, host.lower(), prefix, by_proxy)


def own_names(settings: WebSettings) -> frozenset[str]:
    """Names that browsers may use, without ports; the machine's addresses are compared one by one."""
    name = socket.gethostname().lower()
    names = {"localhost", "127.0.0.1", "[::1]", name, f"{name.partition('.')[0]}.local", *settings.hosts}
    if settings.url:
        names.add(name_alone(urlsplit(settings.url).netloc.lower()))
    return frozenset(names)


def is_own_host(host: str, names: frozenset[str], server: Any) -> bool:
    """Return whether a Host header names this device.

    A page of another site can let its own name lead here (DNS rebinding), but not an address: the one that
    the connection came in on is always right.
    """
    name = name_alone(host)
    if name.rstrip(".") in names:
        return True
    local = str(server[0]).partition("%")[0] if server else ""
    try:
        asked = ipaddress.ip_address(name.strip("[]").partition("%")[0])
        own = ipaddress.ip_address(local)
    except ValueError:
        return False
    if isinstance(own, ipaddress.IPv6Address) and own.ipv4_mapped is not None:
        own = own.ipv4_mapped
    return asked == own


def name_alone(host: str) -> str:
    """A host without its port; an IPv6 address keeps its brackets."""
    if host.startswith("["):
        return host[: host.find("]") + 1]
    return host.partition(":")[0]


def _is_in(address: str, networks: Iterable[str]) -> bool:
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return any(parsed in ipaddress.ip_network(network, strict=False) for network in networks)
