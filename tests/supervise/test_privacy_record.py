"""The second place where privacy is kept: one record for several daemons."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from emoedge.files import cache_folder
from emoedge.supervise.privacy_record import PrivacyRecord, runtime_folder


def test_one_record_serves_several_daemons(tmp_path):
    records = [PrivacyRecord(tmp_path / "run", tmp_path / name) for name in ("a", "b", "ca")]
    records[0].write("ON")
    records[1].write("ON")
    records[1].write("OFF")
    assert [record.read() for record in records] == ["ON", "OFF", None]
    assert records[0].path.read_text().splitlines()[0] == f"OFF {tmp_path / 'b'}"
    records[1].write("ON-UNTIL")
    assert [record.read() for record in records] == ["ON", "ON-UNTIL", None]


@pytest.mark.parametrize(
    ("content", "fact"),
    [(b"ON\n", "ON"), (b"ON-UNTIL\n", "ON"), (b"", None), (b"\xff\0", "ON"), (b"x" * 70_000, "ON")],
)
def test_a_record_that_is_not_ours(tmp_path, content, fact):
    record = PrivacyRecord(tmp_path, tmp_path / "state")
    record.path.write_bytes(content)
    assert record.read() == fact
    record.write("OFF")
    assert record.read() == "OFF"


def test_no_name_of_a_folder_speaks_for_another(tmp_path):
    strange = PrivacyRecord(tmp_path, tmp_path / f"x\nON {tmp_path / 'state'}")
    strange.write("ON")
    assert PrivacyRecord(tmp_path, tmp_path / "state").read() is None
    assert strange.read() == "ON"


def test_the_folders_are_those_that_systemd_gives(monkeypatch, tmp_path):
    monkeypatch.setenv("RUNTIME_DIRECTORY", "/run/emoedge:/run/other")
    monkeypatch.setenv("CACHE_DIRECTORY", "/var/cache/emoedge")
    assert (runtime_folder(), cache_folder()) == (Path("/run/emoedge"), Path("/var/cache/emoedge"))
    monkeypatch.delenv("RUNTIME_DIRECTORY")
    monkeypatch.delenv("CACHE_DIRECTORY")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "emoedge"
    if os.access("/run", os.W_OK):
        assert runtime_folder() == Path("/run/emoedge")
