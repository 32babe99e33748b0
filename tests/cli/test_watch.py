"""Which device is watched."""

from __future__ import annotations

import pytest

from emoedge.cli.watch import _the_device
from emoedge.errors import ConfigError


@pytest.mark.parametrize(
    ("devices", "chosen"), [({}, "own"), ({"own": "online", "b": "x"}, "own"), ({"b": ""}, "b")]
)
def test_the_device_that_is_meant(devices, chosen):
    assert _the_device(devices, "own") == chosen


def test_several_devices_are_named():
    with pytest.raises(ConfigError, match="several devices: a, b"):
        _the_device({"b": "online", "a": "online"}, "own")
