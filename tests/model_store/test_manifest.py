"""The list of models: what ships, its cards and its licences."""

from __future__ import annotations

import hashlib
from pathlib import Path

from emoedge.model_store import load_manifest, package_models_dir
from emoedge.model_store.manifest import ModelEntry
from emoedge.model_store.places import location

DEMO = "vosk-es-demo"


def _left_out(entry: ModelEntry) -> bool:
    return entry.optional and location(entry, Path("none")) is None


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
