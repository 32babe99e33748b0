"""Certificates for TLS to the broker: do they belong together, who can read the key, when do they end?"""

from __future__ import annotations

import stat
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Final

from emoedge.config import MqttSettings, Settings
from emoedge.doctor.result import CheckResult, failed, ok, warning
from emoedge.publish.tls import TlsFileError, certificate_period, is_clock_wrong, make_context
from emoedge.translation import tr

NAME: Final = "certificates"
SOON: Final = timedelta(days=30)
"""A certificate that ends within this time deserves a look."""


def check_certificates(settings: Settings, now_s: float | None = None) -> Iterator[CheckResult]:
    """Look at mqtt.ca_file, mqtt.cert_file and mqtt.key_file, where they are set.

    Args:
        settings: where they are.
        now_s: the wall clock, seconds since 1970; the machine's by default.
    """
    mqtt = settings.mqtt
    if not mqtt.enabled or (mqtt.ca_file is None and mqtt.cert_file is None):
        return
    try:
        make_context(mqtt)
    except TlsFileError as error:
        yield failed(NAME, error.message, error.remedy)
        return
    if not mqtt.tls:
        yield warning(
            NAME, tr("mqtt.ca_file and mqtt.cert_file are not used without TLS"), tr("set mqtt.tls to true")
        )
        return
    yield from _key_rights(mqtt)
    now_s = time.time() if now_s is None else now_s
    for key, path in (("mqtt.ca_file", mqtt.ca_file), ("mqtt.cert_file", mqtt.cert_file)):
        if path is not None:
            yield _period(key, path, now_s)


def _key_rights(mqtt: MqttSettings) -> Iterator[CheckResult]:
    path = mqtt.key_file or mqtt.cert_file
    if path is not None and stat.S_IMODE(path.stat().st_mode) & stat.S_IROTH:
        yield warning(
            NAME,
            tr("mqtt.key_file: {path} is world-readable", path=path),
            tr("run: sudo chmod 640 {path} && sudo chgrp emoedge {path}", path=path),
        )


def _period(key: str, path: Path, now_s: float) -> CheckResult:
    try:
        first, last = certificate_period(path)
    except (ValueError, OSError):
        # OpenSSL has just read it.
        return warning(
            NAME,
            tr("{key}: the dates of {path} cannot be read", key=key, path=path),
            tr("run: openssl x509 -in {path} -dates", path=path),
        )
    if is_clock_wrong(now_s):
        return warning(
            NAME,
            tr("{key}: the dates of {path} cannot be checked: the clock is wrong", key=key, path=path),
            tr("run: timedatectl"),
        )
    now = datetime.fromtimestamp(now_s, tz=timezone.utc)
    if now < first:
        detail = tr(
            "{key}: {path} is valid from {first:%Y-%m-%d %H:%M} UTC on", key=key, path=path, first=first
        )
        return failed(NAME, detail, tr("compare the clock (run: timedatectl), or get another certificate"))
    if now > last:
        return failed(
            NAME,
            tr("{key}: {path} expired on {last:%Y-%m-%d}", key=key, path=path, last=last),
            tr("get another certificate"),
        )
    detail = tr("{key}: {path} is valid until {last:%Y-%m-%d}", key=key, path=path, last=last)
    return (
        warning(NAME, detail, tr("get another certificate before")) if last - now < SOON else ok(NAME, detail)
    )
