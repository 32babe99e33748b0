"""`emoedge watch`."""

from __future__ import annotations

import sys
import time
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import click

from emoedge.cli.options import common, settings_from
from emoedge.errors import ConfigError
from emoedge.translation import tr

if TYPE_CHECKING:
    from emoedge.config import MqttSettings
    from emoedge.watch.local import LocalSubscription
    from emoedge.watch.subscription import Received, Subscription
    from emoedge.watch.view import WatchState

LISTEN_S: Final = 1.5
"""Seconds in which the retained messages of a broker have come."""


@click.command
@common
@click.option("--host", help="Broker, instead of the configured one.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the broker.")
@click.option("--device", help="Device id; this machine's by default, + for all (lines only).")
@click.option("--lines", is_flag=True, help="Plain lines even in a terminal.")
@click.option("--list", "as_list", is_flag=True, help="List the devices of the broker and exit.")
def command(
    config_path: Path | None,
    host: str | None,
    port: int | None,
    device: str | None,
    lines: bool,
    as_list: bool,
) -> None:
    """The live state of a local or remote daemon in the terminal; plain lines where there is none.

    On the device itself it uses the daemon's socket instead of a broker.

    \b
    Example:
      emoedge watch
      emoedge watch --host raspberrypi --list
      emoedge watch --host raspberrypi --device livingroom
    """
    from emoedge.config import with_changes
    from emoedge.watch.local import LocalSubscription
    from emoedge.watch.subscription import Subscription
    from emoedge.watch.view import WatchState

    if host is not None:
        _refuse_address(host)
    settings = settings_from(config_path)
    changes = {key: value for key, value in (("host", host), ("port", port)) if value is not None}
    mqtt = with_changes(settings, "mqtt", changes).mqtt
    if as_list or (host is not None and device is None):
        devices = _devices(mqtt, settings.device_id)
        if as_list:
            for name, status in sorted(devices.items()):
                click.echo(f"{name}\t{status}")
            return
        device = _the_device(devices, settings.device_id)
    device = device or settings.device_id
    local = None if changes or device != settings.device_id else LocalSubscription.find(settings)
    with local or Subscription(mqtt, device) as subscription:
        if lines or device == "+" or not sys.stdout.isatty():
            _print_lines(subscription, settings.language)
        else:
            _show(subscription, WatchState(settings.language, device))


def _devices(mqtt: MqttSettings, device: str) -> dict[str, str]:
    """The devices of the broker with their `status`, which is retained and so comes at once."""
    from emoedge.watch.subscription import Subscription

    with Subscription(mqtt, device) as subscription:
        end_s = time.monotonic() + LISTEN_S
        while time.monotonic() < end_s:
            subscription.take(end_s - time.monotonic())
        return dict(subscription.devices)


def _the_device(devices: dict[str, str], own: str) -> str:
    """The device that is meant where none is named: this machine's own, or the only one.

    Raises:
        ConfigError: there are several.
    """
    if own in devices or not devices:
        return own
    if len(devices) > 1:
        raise ConfigError(
            tr("the broker has several devices: {devices}", devices=", ".join(sorted(devices))),
            tr("name one with --device, or all with --device +"),
        )
    return next(iter(devices))


def _refuse_address(host: str) -> None:
    """Raise ConfigError for an address such as mqtt://name:1883, which other programs take."""
    address = urlsplit(host if "://" in host else f"//{host}")
    try:
        name, port = address.hostname or "", address.port
    except ValueError:
        return  # an IPv6 address without brackets, or an invalid one: `mqtt.host` reports the fault
    if "://" not in host and port is None:
        return
    secure = address.scheme in ("mqtts", "ssl", "wss")
    parts = [f"--host {name or 'NAME'}", *([f"--port {port}"] if port else [])]
    remedy = tr("write: {options}", options=" ".join(parts))
    if secure:
        remedy = tr("write: {options}, and set mqtt.tls to true", options=" ".join(parts))
    raise ConfigError(tr("--host takes the name of the broker alone, not an address"), remedy)


def _print_lines(subscription: Subscription | LocalSubscription, language: str) -> None:
    from emoedge.watch.lines import line_of

    statuses: dict[str, object] = {}
    for received in chain(_kept(subscription), subscription):
        if received.suffix == "status":
            # Two subscriptions have it: that of the device, and that of all devices' statuses.
            if statuses.get(received.device) == received.payload:
                continue
            statuses[received.device] = received.payload
        line = line_of(received.suffix, received.payload, "es" if language == "es" else "en")
        if line:
            click.echo(line)


def _kept(subscription: Subscription | LocalSubscription) -> list[Received]:
    """Return the retained messages, which arrive first and in any order, sorted by their times."""
    end_s, kept = time.monotonic() + LISTEN_S, []
    while (left_s := end_s - time.monotonic()) > 0 and (received := subscription.take(left_s)) is not None:
        kept.append(received)
    return sorted(kept, key=_told_s)


def _told_s(received: Received) -> float:
    """When a message says that it was made, in seconds of the epoch; 0 where it does not say."""
    from emoedge.clock import parse_rfc3339

    moment = parse_rfc3339(received.payload.get("time")) if isinstance(received.payload, dict) else None
    return 0.0 if moment is None else moment.timestamp()


def _show(subscription: Subscription | LocalSubscription, state: WatchState) -> None:
    from rich.live import Live

    from emoedge.watch.keys import control_of, pressed_keys
    from emoedge.watch.view import render

    with pressed_keys() as key, Live(render(state), screen=True, auto_refresh=False) as live:
        while True:
            received = subscription.take(0.2)
            while received is not None:
                state.apply(received)
                received = subscription.take(0.001)
            state.devices = subscription.devices
            live.update(render(state), refresh=True)
            pressed = key()
            if pressed == "q":
                return
            if pressed == "?":
                state.shows_help = not state.shows_help
            command = control_of(pressed, state)
            if command is not None:
                subscription.publish(f"control/{command[0]}/set", command[1], state.device)
