"""Files as editors leave them, and the line of a key."""

from __future__ import annotations

from pathlib import Path

import pytest

from emoedge.config import load_settings
from emoedge.config.load import line_of
from emoedge.config.read import MAX_FILE_BYTES
from emoedge.errors import ConfigError


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a = \n", "not valid TOML: Invalid value (at line 1"),
        (b"[mqtt]\nport = 1\nport = 2\n", "not valid TOML"),
        (b"[mqtt]\n# a\xf1o\n", "not UTF-8: line 2 is not UTF-8 text"),
        (b"\xff\xfea", "not UTF-8: line 1 is not UTF-16 text"),
        ("a = 1\n".encode("utf-16-le"), "line 1 holds a NUL character"),
        (b"a = " + b"[" * 3000, "nested too deeply"),
        (b"a = " + b"9" * 5000, "not valid TOML"),
        (b"[mqtt]\nport = 0x" + b"f" * 5000, "got a huge number"),
        (b"#" * (MAX_FILE_BYTES + 1), "too large"),
    ],
)
def test_a_file_that_is_no_configuration(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"bad\.toml") as caught:
        load_settings(path, {})
    assert words in caught.value.message


def test_a_file_without_end_is_not_read_for_ever() -> None:
    with pytest.raises(ConfigError, match="too large"):
        load_settings(Path("/dev/zero"), {})


@pytest.mark.parametrize("place", ["missing.toml", "."])
def test_a_file_that_cannot_be_read(tmp_path: Path, place: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(tmp_path / place, {})
    assert caught.value.message.startswith(str(tmp_path))


def test_files_from_other_editors(tmp_path: Path) -> None:
    path = tmp_path / "windows.toml"
    path.write_bytes('\ufeffdevice_id = "salón"\r\n[camera]\r\nfps = 5\r\n'.encode())
    settings = load_settings(path, {})
    assert (settings.device_id, settings.camera.fps) == ("salón", 5.0)


def test_line_of_sections_and_keys() -> None:
    text = "a = 1\n\n[b]\nc = 2\n[d]\nc = 3\n"
    assert [line_of(text, keys) for keys in (("a",), ("b",), ("b", "c"), ("d", "c"), ("d", "x"))] == [
        1,
        3,
        4,
        6,
        None,
    ]
