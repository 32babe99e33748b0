"""Lists as other programs save them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TEXTS = ["qué alegría verte", "no me da miedo"]


def classify(what: str, list_bytes: bytes, folder: Path, *, piped: bool = False) -> tuple[int, list[dict]]:
    path = folder / "list.txt"
    path.write_bytes(list_bytes)
    run = subprocess.run(
        [sys.executable, "-m", "emoedge", "classify", what, "--list", "-" if piped else str(path)],
        input=list_bytes if piped else None,
        capture_output=True,
        check=False,
        timeout=300,
        cwd=folder,
    )
    assert b"Traceback" not in run.stderr
    return run.returncode, [json.loads(line) for line in run.stdout.splitlines()]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("piped", [False, True])
def test_marks_are_no_part_of_the_first_item(tmp_path: Path, encoding: str, piped: bool) -> None:
    content = "".join(f"{text}\r\n" for text in TEXTS).encode(encoding)
    code, lines = classify("text", content, tmp_path, piped=piped)
    assert code == 0
    assert [line["item"] for line in lines] == TEXTS
    assert all(line["probabilities"] for line in lines)


@pytest.mark.parametrize(
    ("content", "bad"),
    [
        ("hola\nqué alegría\n".encode("cp1252"), [2]),
        ("qué\nhola\n".encode("utf-16-le"), [1, 2, 3]),
        ("hola\nadiós\n".encode("utf-16")[:-1], [2]),
    ],
)
def test_other_bytes_are_errors_with_their_line(tmp_path: Path, content: bytes, bad: list[int]) -> None:
    code, lines = classify("text", content, tmp_path)
    assert code == 1
    for number, line in enumerate(lines, start=1):
        if number in bad:
            assert line["error"] == f"line {number} is not UTF-8 text (save the list as UTF-8)"
        else:
            assert line["probabilities"]


def test_file_names_keep_their_bytes(tmp_path: Path, repository: Path) -> None:
    portrait = repository / "emoedge" / "data" / "demo" / "portrait.jpg"
    name = b"ni\xf1o.jpg"
    shutil.copy(portrait, os.fsdecode(bytes(tmp_path) + b"/" + name))
    shutil.copy(portrait, tmp_path / "niña.jpg")
    content = b"\xef\xbb\xbf" + name + b"\n" + "niña.jpg\n".encode() + b"ni\xf1a.jpg\n"
    code, lines = classify("face", content, tmp_path)
    assert code == 1
    assert os.fsencode(lines[0]["item"]) == name
    assert lines[0]["emotion"] == lines[1]["emotion"]
    assert "no such file" in lines[2]["error"]
    assert "save the list as UTF-8" in lines[2]["error"]
