"""Manifest, places, fetch and verify with real archives, a real server and the real demonstration model."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest

from emoedge.doctor.model_verification import check, verify
from emoedge.errors import ModelError
from emoedge.model_store import installed, load_manifest, package_models_dir, resolve
from emoedge.model_store.fetch import fetch
from emoedge.model_store.manifest import Manifest, ModelEntry, Source
from emoedge.model_store.places import location

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


def _left_out(entry: ModelEntry) -> bool:
    return entry.optional and location(entry, Path("none")) is None


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


def test_resolve_prefers_the_models_directory_and_takes_paths(tmp_path: Path) -> None:
    own, package = tmp_path / "own", tmp_path / "package"
    for folder in (own, package):
        (folder / "m").mkdir(parents=True)
    (package / "face.tflite").write_bytes(b"")
    assert resolve("m", own, package) == own / "m"
    assert resolve("face", own, package) == package / "face.tflite"
    assert resolve(str(package / "m"), own, package) == package / "m"
    for missing in ("none", "..", "", str(tmp_path / "none")):
        with pytest.raises(ModelError, match="fetch"):
            resolve(missing, own, package)


def test_missing_default_model_names_the_remedy(tmp_path: Path) -> None:
    finding = check(load_manifest().get("vosk-model-small-es-0.42"), tmp_path, package_models_dir())
    assert (finding.ok, finding.detail) == (False, "missing")
    assert "emoedge models fetch" in finding.remedy


def test_the_list_of_models_matches_the_files_that_ship() -> None:
    """Fails when a model was made again without ``python -m training.update_manifest``."""
    manifest = load_manifest()
    folder = package_models_dir()
    for entry in manifest.entries:
        if entry.shipped and not _left_out(entry):
            assert entry.files, f"{entry.name} has no files in the list"
            for file in entry.files:
                digest = hashlib.sha256((folder / file.path).read_bytes()).hexdigest()
                assert digest == file.sha256, f"{file.path}: run python -m training.update_manifest"


def test_every_shipped_model_has_its_card(repository: Path) -> None:
    for entry in load_manifest().entries:
        if entry.shipped and not _left_out(entry):
            assert (repository / entry.card).is_file(), entry.card
        assert entry.licence


def test_weights_from_restricted_data_are_not_called_free() -> None:
    entries = {entry.name: entry for entry in load_manifest().entries}
    for name in ("face_emotion", "voice_emotion", "text_emotion", "fusion"):
        assert entries[name].licence.startswith("research and non-commercial use")


def test_verify_really_loads_every_shipped_model(tmp_path: Path) -> None:
    shipped = Manifest(tuple(entry for entry in load_manifest().entries if entry.shipped))
    named: list[str] = []
    findings = verify(shipped, tmp_path, progress=named.append)
    assert [finding for finding in findings if not finding.ok] == []
    assert named == [entry.name for entry in shipped.entries]


def test_listing_says_what_is_there(tmp_path: Path) -> None:
    states = {state.entry.name: state for state in installed(load_manifest(), tmp_path)}
    assert states[DEMO].path is not None
    assert states[DEMO].bytes > 100_000
    assert states["vosk-model-small-es-0.42"].path is None


def test_a_damaged_list_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no list of models"):
        load_manifest(tmp_path)
    (tmp_path / "manifest.json").write_text(json.dumps({"models": [{"name": 1}]}))
    with pytest.raises(ModelError, match="damaged"):
        load_manifest(tmp_path)


def test_a_damaged_vosk_model_is_reported_not_raised(tmp_path: Path) -> None:
    entry = entry_for("http://127.0.0.1:9/x.zip")
    shutil.copytree(package_models_dir() / DEMO, tmp_path / "vosk-test")
    (tmp_path / "vosk-test/am/final.mdl").write_text("not a model")
    finding = check(entry, tmp_path, package_models_dir())
    assert not finding.ok


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
