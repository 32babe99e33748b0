"""Files are whole or absent."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
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


# ---- exports ----


@pytest.fixture(params=[errno.EPERM, errno.ENOTSUP, errno.EROFS])
def without_modes(request, monkeypatch):
    """A file system without modes: a FAT stick, a Windows share."""

    def refuse(*_args, **_kwargs):
        raise OSError(request.param, os.strerror(request.param))

    for name in ("chmod", "fchmod", "chown", "fchown", "lchown"):
        monkeypatch.setattr(os, name, refuse)


def test_an_export_to_a_file_system_without_modes(tmp_path, without_modes):
    target = tmp_path / "page.html"
    target.write_bytes(b"an older one")
    with files.replacing(target, mode=0o640) as file:
        file.write(b"new")
    assert target.read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_an_export_that_fails_leaves_the_older_file_and_nothing_beside_it(tmp_path):
    target = tmp_path / "page.html"
    target.write_bytes(b"an older one")
    with pytest.raises(OSError, match="No space"), files.replacing(target) as file:  # noqa: PT012
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert target.read_bytes() == b"an older one"
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_an_export_replaces_a_planted_link(tmp_path):
    victim = tmp_path / "victim"
    victim.write_bytes(b"not ours")
    target = tmp_path / "page.html"
    target.symlink_to(victim)
    with files.replacing(target, mode=0o640) as file:
        file.write(b"new")
    assert victim.read_bytes() == b"not ours"
    assert not target.is_symlink()
    assert target.read_bytes() == b"new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_an_export_with_a_long_name(tmp_path):
    target = tmp_path / ("x" * 250 + ".csv")
    with files.replacing(target) as file:
        file.write(b"new")
    assert target.read_bytes() == b"new"


def test_an_export_into_a_stream_is_written_to_it(tmp_path):
    script = (
        "from pathlib import Path; from emoedge.files import replacing\n"
        "with replacing(Path('/dev/stdout')) as file: file.write(b'lines')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stdout == b"lines"
    assert Path("/dev/stdout").is_symlink()


def test_a_leftover_or_a_link_in_the_place_of_the_partial_file_is_no_obstacle(tmp_path):
    victim = tmp_path / "victim"
    victim.write_bytes(b"not ours")
    target = tmp_path / "state.json"
    files.partial_of(target).symlink_to(victim)
    files.write_atomically(target, "new")
    assert victim.read_bytes() == b"not ours"
    assert target.read_text() == "new"


@pytest.mark.parametrize("content", [b"[" * 200_000, b"\xff", b"{", b'{"a":' * 200_000])
def test_damaged_json_is_a_value_error(tmp_path, content):
    path = tmp_path / "file.json"
    path.write_bytes(content)
    with pytest.raises(ValueError):  # noqa: PT011 - any text
        files.read_json(path)


def test_a_file_from_outside_is_an_ordinary_one(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="not a regular file"):
        files.read_small(tmp_path / "pipe", 10)
    (tmp_path / "large").write_bytes(bytes(11))
    with pytest.raises(ValueError, match="larger"):
        files.read_small(tmp_path / "large", 10)
    (tmp_path / "link").symlink_to(tmp_path / "large")
    with pytest.raises(OSError, match="symbolic"):
        files.read_small(tmp_path / "link", 100)
    assert files.read_small(tmp_path / "large", 11) == bytes(11)
