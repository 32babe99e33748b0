"""The section [mqtt]."""

from __future__ import annotations

from pathlib import Path

import pytest

from emoedge.config import Settings, load_settings

from .test_load import refusal, write


@pytest.mark.parametrize(
    "host", ["mqtt://broker", "broker:1883", "[::1]", "bro ker", "broker/", "me:pa:ss@broker", "a..b"]
)
def test_the_broker_is_a_host_alone(tmp_path: Path, host: str) -> None:
    """It was taken for a name, and nobody knew that name."""
    assert "without mqtt://" in refusal(tmp_path, f'[mqtt]\nhost = "{host}"')
    for good in ("broker.local", "::1", "fe80::1%eth0", "192.168.1.2"):
        assert load_settings(write(tmp_path, f'[mqtt]\nhost = "{good}"'), {}).mqtt.host == good


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("client_id", "x" * 70_000),
        ("username", "x" * 70_000),
        ("base", "x" * 70_000),
        ("discovery_prefix", "x" * 70_000),
        ("base", "$SYS"),
        ("base", "a\x85"),
        ("base", "a\n"),
    ],
)
def test_what_mqtt_cannot_carry_is_refused(key, value):
    with pytest.raises(ValueError, match=key):
        Settings.model_validate({"mqtt": {key: value}})
