"""Limits on requests and on failed logins, by address. Pure: a clock in, decisions out."""

from __future__ import annotations

import ipaddress
import math
from collections import deque
from typing import Final

REQUESTS_HZ: Final = 20.0
"""Requests a second that an address may make on average."""
BURST: Final = 60.0
"""Requests that an address may make at once."""
MAX_ADDRESSES: Final = 4096
"""Addresses that are remembered; the one that came first is forgotten beyond it."""
FAILED_LOGINS: Final = ((60.0, 5), (3600.0, 30))
"""Failed logins of an address: seconds, and the maximum number within them."""
FAILED_LOGINS_IN_ALL: Final = (3600.0, 100)
"""Failed logins of all addresses together."""


def network_of(address: str) -> str:
    """Return the part of an address that is counted: an IPv6 host has all addresses of its /64."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


class RequestLimit:
    """Token bucket of each address."""

    def __init__(self) -> None:
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, address: str, now_s: float) -> float:
        """Count a request; returns 0.0 if it may go on, else the seconds until one may."""
        address = network_of(address)
        tokens, since_s = self._buckets.pop(address, (BURST, now_s))
        tokens = min(BURST, tokens + (now_s - since_s) * REQUESTS_HZ)
        wait_s = 0.0 if tokens >= 1 else (1 - tokens) / REQUESTS_HZ
        self._buckets[address] = (tokens - 1 if tokens >= 1 else tokens, now_s)
        if len(self._buckets) > MAX_ADDRESSES:
            del self._buckets[next(iter(self._buckets))]
        return wait_s


class LoginLimit:
    """Failed logins within a minute and an hour."""

    def __init__(self) -> None:
        self._failed: dict[str, deque[float]] = {}
        self._all: deque[float] = deque(maxlen=FAILED_LOGINS_IN_ALL[1])

    def wait_s(self, address: str, now_s: float) -> float:
        """Seconds until this address may try again; 0.0 if it may now."""
        failed = self._failed.get(network_of(address), deque())
        waits = [_until(failed, within_s, most, now_s) for within_s, most in FAILED_LOGINS]
        return max(*waits, _until(self._all, *FAILED_LOGINS_IN_ALL, now_s))

    def failed(self, address: str, now_s: float) -> None:
        """Count a failed login."""
        address = network_of(address)
        failed = self._failed.pop(address, None) or deque(maxlen=FAILED_LOGINS[-1][1])
        failed.append(now_s)
        self._failed[address] = failed
        self._all.append(now_s)
        if len(self._failed) > MAX_ADDRESSES:
            del self._failed[next(iter(self._failed))]


def _until(failed: deque[float], within_s: float, most: int, now_s: float) -> float:
    """Seconds until fewer than `most` lie within the last seconds."""
    if len(failed) < most:
        return 0.0
    return math.ceil(max(0.0, failed[-most] + within_s - now_s))
