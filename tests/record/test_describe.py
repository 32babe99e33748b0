"""No secret reaches a sidecar."""

from __future__ import annotations

import json

import pytest

from emoedge.config.settings import Settings
from emoedge.record.describe import public_address, public_configuration


def test_configuration_without_secrets():
    settings = Settings.model_validate(
        {
            "mqtt": {"username": "hidden-user", "password": "hidden-word"},
            "camera": {"source": "rtsp://hidden-me:hidden-it@cam.local:554/1?token=hidden-token"},
        }
    )
    text = json.dumps(public_configuration(settings))
    assert "hidden" not in text
    assert json.loads(text)["camera"]["source"] == "rtsp://cam.local:554/1"
    assert json.loads(text)["fusion"]["margin"] == 0.2


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("auto", "auto"),
        ("file:clip?.mp4", "file:clip?.mp4"),
        ("http://a:b%40c@host/x", "http://host/x"),
        ("gst:rtspsrc location=rtsp://u:p@h/1 ! appsink", "gst:rtspsrc location=rtsp://h/1 ! appsink"),
    ],
)
def test_addresses(source, shown):
    assert public_address(source) == shown
