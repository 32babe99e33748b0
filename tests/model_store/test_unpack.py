"""Archives from elsewhere: the good one unpacks, every bad one is refused and writes nothing outside."""

from __future__ import annotations

import contextlib
import io
import stat
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.errors import ModelError
from emoedge.model_store.unpack import unpack

from .conftest import make_zip


def put(tmp_path: Path, data: bytes) -> tuple[Path, Path]:
    archive, folder = tmp_path / "a.zip", tmp_path / "inside" / "out"
    archive.write_bytes(data)
    folder.mkdir(parents=True)
    return archive, folder


def test_single_top_folder_is_the_root(tmp_path: Path) -> None:
    archive, folder = put(tmp_path, make_zip({"m-1/am/final.mdl": b"x", "m-1/README": b"y"}))
    root = unpack(archive, folder)
    assert root == folder / "m-1"
    assert (root / "am/final.mdl").read_bytes() == b"x"


def test_loose_files_stay_in_the_folder(tmp_path: Path) -> None:
    archive, folder = put(tmp_path, make_zip({"a": b"1", "b/c": b"2"}))
    assert unpack(archive, folder) == folder


@pytest.mark.parametrize("name", ["../evil", "m/../../evil", "/evil", "..\\evil", "C:/evil"])
def test_paths_that_lead_outside(tmp_path: Path, name: str) -> None:
    archive, folder = put(tmp_path, make_zip({"m/good": b"1", name: b"boo"}))
    with pytest.raises(ModelError, match="outside the archive"):
        unpack(archive, folder)
    assert list(folder.rglob("*")) == []
    assert not list(tmp_path.rglob("*evil*"))


def test_links_are_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as zipped:
        info = zipfile.ZipInfo("m/link")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        zipped.writestr(info, "/etc/passwd")
    archive, folder = put(tmp_path, buffer.getvalue())
    with pytest.raises(ModelError, match="link"):
        unpack(archive, folder)


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    archive, folder = put(tmp_path, make_zip({"m/zeros": bytes(50_000_000)}))
    with pytest.raises(ModelError, match="implausible compression"):
        unpack(archive, folder)


def test_a_name_twice_as_file_and_folder(tmp_path: Path) -> None:
    archive, folder = put(tmp_path, make_zip({"m/a": b"1", "m/a/b": b"2"}))
    with pytest.raises(ModelError, match="not a valid zip"):
        unpack(archive, folder)


def test_flipped_byte_is_caught_by_the_checksum(tmp_path: Path) -> None:
    data = bytearray(make_zip({"m/a": b"the quick brown fox jumps over the lazy dog" * 40}))
    data[60] ^= 0xFF
    archive, folder = put(tmp_path, bytes(data))
    with pytest.raises(ModelError):
        unpack(archive, folder)


@given(junk=st.binary(max_size=400))
def test_junk_never_raises_anything_else(tmp_path_factory: pytest.TempPathFactory, junk: bytes) -> None:
    archive, folder = put(tmp_path_factory.mktemp("junk"), b"PK\x03\x04" + junk)
    with pytest.raises(ModelError):
        unpack(archive, folder)


@given(cut=st.integers(0, 700), position=st.integers(0, 700), value=st.integers(0, 255))
def test_damaged_zips_unpack_or_raise_model_error(
    tmp_path_factory: pytest.TempPathFactory, cut: int, position: int, value: int
) -> None:
    data = bytearray(make_zip({"m/a": bytes(range(256)), "m/b/c": b"words " * 30}))
    if position < len(data):
        data[position] = value
    archive, folder = put(tmp_path_factory.mktemp("bent"), bytes(data[: len(data) - cut]))
    with contextlib.suppress(ModelError):
        unpack(archive, folder)
    outside = set(folder.parent.parent.rglob("*")) - {archive, folder.parent, folder}
    assert all(folder in path.parents for path in outside)
