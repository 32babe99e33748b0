"""No secret reaches a sidecar."""

from __future__ import annotations

import json

from emoedge.config.settings import Settings
from emoedge.provenance import describe, public_configuration
from emoedge.version import __version__


def test_configuration_without_secrets():
    settings = Settings.model_validate(
        {
            "mqtt": {"username": "hidden-user", "password": "hidden-word"},
            "camera": {"source": "rtsp://hidden-me:hidden-it@cam.local:554/hidden?token=hidden-token"},
        }
    )
    text = json.dumps(public_configuration(settings))
    assert "hidden" not in text
    assert json.loads(text)["camera"]["source"] == "rtsp://cam.local:554"
    assert json.loads(text)["fusion"]["margin"] == 0.2


def test_version_and_models_are_named(tmp_path):
    settings = Settings.model_validate({"paths": {"models": str(tmp_path)}, "speech": {"model": "absent"}})
    about = describe(settings)
    assert about["emoedge"] == __version__
    assert about["models"]["absent"] is None
    assert about["models"]["face_emotion.tflite"].startswith("sha256:")
