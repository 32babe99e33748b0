"""Devices, models, checks and the support file over the API."""

from __future__ import annotations

import io
import zipfile

import pytest

pytestmark = pytest.mark.timeout(600)


def test_devices_and_models(full):
    assert set(full.get("/api/devices").json()) == {"cameras", "microphones"}
    names = {one["name"] for one in full.get("/api/models").json()["models"]}
    assert "face_emotion" in names


@pytest.mark.slow
def test_doctor_and_support(full, console):
    doctor = full.get("/api/doctor").json()
    assert {one["name"] for one in doctor["checks"]} >= {"camera", "console"}
    answer = full.get("/api/support")
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert {"version.json", "configuration.json", "doctor.json", "log.txt"} <= set(archive.namelist())
        assert "salon" not in "".join(archive.read(name).decode() for name in archive.namelist())
