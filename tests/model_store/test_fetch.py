"""Fetching with real archives and a real server."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest

from emoedge.doctor.model_verification import check
from emoedge.errors import ModelError
from emoedge.model_store import load_manifest, package_models_dir, resolve
from emoedge.model_store.fetch import fetch
from emoedge.model_store.manifest import ModelEntry, Source

from .conftest import make_zip

DEMO = "vosk-es-demo"


def demo_zip(name: str) -> bytes:
    folder = package_models_dir() / DEMO
    return make_zip(
        {f"{name}/{p.relative_to(folder)}": p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    )


def entry_for(url: str, sha256: str | None = None) -> ModelEntry:
    return ModelEntry(
        "vosk-test", "vosk", "test", "MIT", "none", shipped=False, sources=(Source(url, "", sha256),)
    )


@pytest.fixture
def served(site):
    site.files["/v.zip"] = demo_zip("some-other-name")
    return site


def test_fetch_installs_records_and_verifies(served, tmp_path: Path) -> None:
    entry = entry_for(served.url + "/v.zip")
    folder = fetch(entry, tmp_path)
    assert folder == tmp_path / "vosk-test"
    assert (folder / "am/final.mdl").is_file()
    assert resolve("vosk-test", tmp_path) == folder
    finding = check(entry, tmp_path, package_models_dir())
    assert finding.ok, finding
    assert "as first fetched" in finding.detail
    assert sorted(p.name for p in tmp_path.iterdir()) == [".downloads", ".receipts", "vosk-test"]
    assert list((tmp_path / ".downloads").iterdir()) == []


def test_stated_digest_must_match(served, tmp_path: Path) -> None:
    right = hashlib.sha256(served.files["/v.zip"]).hexdigest()
    fetch(entry_for(served.url + "/v.zip", right), tmp_path)
    with pytest.raises(ModelError, match="expected"):
        fetch(entry_for(served.url + "/v.zip", "0" * 64), tmp_path)
    assert (tmp_path / "vosk-test/am/final.mdl").is_file()


def test_second_fetch_must_equal_the_first(served, tmp_path: Path) -> None:
    entry = entry_for(served.url + "/v.zip")
    fetch(entry, tmp_path)
    fetch(entry, tmp_path)
    served.files["/v.zip"] = demo_zip("changed")
    with pytest.raises(ModelError, match="first fetched"):
        fetch(entry, tmp_path)
    assert check(entry, tmp_path, package_models_dir()).ok


def test_an_archive_of_something_else_leaves_the_old_model(served, tmp_path: Path) -> None:
    entry = entry_for(served.url + "/v.zip")
    fetch(entry, tmp_path)
    other = tmp_path / "other.zip"
    other.write_bytes(make_zip({"holiday/photo.jpg": b"jpeg"}))
    with pytest.raises(ModelError, match="not a Vosk model"):
        fetch(entry, tmp_path, source=other)
    assert check(entry, tmp_path, package_models_dir()).ok
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".vosk-test")]


def test_from_file_and_from_folder_without_network(tmp_path: Path) -> None:
    archive = tmp_path / "mine.zip"
    archive.write_bytes(demo_zip("m"))
    entry = entry_for("http://127.0.0.1:9/never.zip")
    assert fetch(entry, tmp_path / "one", source=archive).is_dir()
    assert fetch(entry, tmp_path / "two", source=package_models_dir() / DEMO).is_dir()
    assert check(entry, tmp_path / "two", package_models_dir()).ok


def test_damaged_download_is_not_kept(served, tmp_path: Path) -> None:
    whole = served.files["/v.zip"]
    served.files["/v.zip"] = whole[: len(whole) // 2]
    entry = entry_for(served.url + "/v.zip")
    with pytest.raises(ModelError, match="not a valid zip"):
        fetch(entry, tmp_path)
    served.files["/v.zip"] = whole
    assert fetch(entry, tmp_path).is_dir()


def test_damage_on_disk_is_found(served, tmp_path: Path) -> None:
    entry = entry_for(served.url + "/v.zip")
    words = fetch(entry, tmp_path) / "graph/words.txt"
    words.write_bytes(words.read_bytes()[:-1] + b"x")
    finding = check(entry, tmp_path, package_models_dir())
    assert not finding.ok
    assert "graph/words.txt" in finding.detail
    assert "fetch" in finding.remedy


def test_a_models_directory_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file where the folder should be")
    with pytest.raises(ModelError, match="cannot install vosk-test") as caught:
        fetch(entry_for("http://127.0.0.1:9/x.zip"), tmp_path / "models")
    assert "paths.models" in caught.value.remedy


def test_a_model_of_several_files(site, tmp_path: Path) -> None:
    site.files["/a"], site.files["/b"] = b"one", b"two"
    sources = (Source(site.url + "/a", "config.json"), Source(site.url + "/b", "model.bin"))
    entry = ModelEntry("w", "whisper", "", "MIT", "", shipped=False, sources=sources)
    folder = fetch(entry, tmp_path)
    assert (folder / "config.json").read_bytes() == b"one"
    assert (folder / "model.bin").read_bytes() == b"two"


def test_shipped_models_are_not_fetched(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="comes with emoedge"):
        fetch(load_manifest().get(DEMO), tmp_path)


def test_a_damaged_list_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no list of models"):
        load_manifest(tmp_path)
    (tmp_path / "manifest.json").write_text(json.dumps({"models": [{"name": 1}]}))
    with pytest.raises(ModelError, match="damaged"):
        load_manifest(tmp_path)


@pytest.fixture
def folder(tmp_path):
    """A folder that holds a model, to be spoilt."""
    made = tmp_path / "given"
    shutil.copytree(package_models_dir() / DEMO, made)
    return made


@pytest.mark.parametrize("spoil", ["secret", "loop", "pipe"])
def test_a_folder_with_links_or_pipes_is_refused(tmp_path, folder, spoil):
    """As root a copy would hold what only root may read, and a link to a folder above never ends."""
    inner = folder / "conf" / "more"
    if spoil == "secret":
        (tmp_path / "secret").write_text("only root may read this")
        inner.symlink_to(tmp_path / "secret")
    elif spoil == "loop":
        inner.symlink_to(folder)
    else:
        os.mkfifo(inner)
    entry = entry_for("http://127.0.0.1:9/never.zip")
    with pytest.raises(ModelError, match="not a regular file"):
        fetch(entry, tmp_path / "models", source=folder)
    assert not (tmp_path / "models" / "vosk-test").exists()
    inner.unlink()
    assert (fetch(entry, tmp_path / "models", source=folder) / "conf").is_dir()


def test_a_folder_that_holds_the_models_directory_is_not_copied_into_itself(tmp_path, monkeypatch, folder):
    monkeypatch.setitem(fetch.__globals__, "MAX_FILES", 100)
    with pytest.raises(ModelError, match="more than a model"):
        fetch(entry_for("http://127.0.0.1:9/never.zip"), folder / "models", source=folder)
    assert not (folder / "models" / "vosk-test").exists()
