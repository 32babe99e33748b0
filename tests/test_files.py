"""Files are whole or absent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from emoedge import files


def test_digest_of_known_bytes(tmp_path: Path) -> None:
    file = tmp_path / "abc"
    file.write_bytes(b"abc")
    assert files.sha256_of(file) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_digest_of_a_folder_depends_on_names_and_contents(tmp_path: Path) -> None:
    digests = set()
    for name, content in (("a", "1"), ("a", "2"), ("b", "1")):
        folder = tmp_path / (name + content)
        folder.mkdir()
        (folder / name).write_text(content)
        digests.add(files.sha256_of(folder))
    assert len(digests) == 3


def test_a_write_that_fails_leaves_the_old_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state.json"
    files.write_json(path, {"old": True})

    def refuse(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space"):
        files.write_json(path, {"old": False})
    assert files.read_json(path) == {"old": True}
    assert list(tmp_path.iterdir()) == [path]


def test_file_and_folder_are_synced_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    real = os.fsync

    def watched(descriptor: int) -> None:
        seen.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    path = tmp_path / "folder" / "state.json"
    files.write_atomically(path, "content")
    assert seen[-1] == "folder"
    assert "state.json.partial" in seen[:-1]


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[" * 100_000, b"1" * (files.MAX_JSON_BYTES + 1)])
def test_what_is_not_json_is_a_value_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"."):
        files.read_json(path)


def test_permissions_are_set_before_the_name(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    files.write_atomically(path, b"x", mode=0o600, prepare=lambda partial: partial.chmod(0o640))
    assert path.stat().st_mode & 0o777 == 0o640
