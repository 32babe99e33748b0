"""When a result counts as current."""

from __future__ import annotations

import json
import os
import shutil

import pytest

from emoedge.batch.stamp import fingerprint, making_of
from emoedge.batch.work import replay_file
from emoedge.config import Settings

from .conftest import Stub, write_tone
from .test_work import current


def test_a_changed_file_configuration_or_result_is_done_again(job):
    replay_file(Stub(), job, "m1")
    assert not current(job, "m2")
    copied = job.media.read_bytes()
    os.utime(job.media, (1, 1))
    assert current(job), "only the time differs"
    write_tone(job.media, pitch=0.2)
    assert len(copied) == job.media.stat().st_size
    assert not current(job), "another content of the same size"
    job.media.write_bytes(copied)
    assert current(job)
    job.result.write_text(job.result.read_text()[:-5])
    assert not current(job), "a result that was cut"


@pytest.mark.parametrize(
    "content", ["", "[1]", "{}", '{"schema": 1}', '{"schema": 1, "making": "m1", "media": 3}']
)
def test_a_damaged_stamp_is_none(job, content):
    replay_file(Stub(), job, "m1")
    job.stamp.write_text(content)
    assert not current(job)


def test_the_fingerprint_sees_what_shapes_the_lines_and_nothing_else(tmp_path, repository):
    def of(**changes) -> str:
        return fingerprint(making_of(Settings.model_validate({"device_id": "sala", **changes})))

    same = of()
    assert same == of(recording={"dir": str(tmp_path)}, mqtt={"username": "me", "password": "secret"})
    differing = [
        of(device_id="cocina"),
        of(fusion={"margin": 0.3}),
        of(publish={"transcript": True}),
        of(mqtt={"base": "other"}),
        of(speech={"model": "vosk-es-demo"}),
    ]
    assert len({same, *differing}) == 6
    assert "secret" not in json.dumps(making_of(Settings(mqtt={"username": "me", "password": "secret"})))
    # A model that was exchanged, and the calibration beside one.
    models = tmp_path / "models"
    models.mkdir()
    seen = {of(paths={"models": str(models)})}
    for name in ("face_emotion.tflite", "face_emotion.json"):
        shutil.copy(repository / "models" / name, models / name)
        with (models / name).open("ab") as file:
            file.write(b" ")
        seen.add(of(paths={"models": str(models)}))
    assert len(seen) == 3
