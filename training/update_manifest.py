"""Write sizes and digests of the shipped models into the list: ``python -m training.update_manifest``.

The tables of figures in the READMEs are regenerated too (`training/update_readme.py`).

Run it after a change of any file under `models/`; a test compares the two.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from emoedge.files import sha256_of
from emoedge.model_store.manifest import FILE_NAME
from training import update_readme

CARDS = {".md", ".png", ".svg", ".LICENSE"}
"""Files that are not part of a model: a corrected card must not mark the model as damaged."""

REPOSITORY = Path(__file__).resolve().parent.parent


def main() -> None:
    """Rewrite the list in place and print the changes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=REPOSITORY / "models")
    folder = parser.parse_args().models
    path = folder / FILE_NAME
    document = json.loads(path.read_text(encoding="utf-8"))
    for entry in document["models"]:
        if entry["shipped"]:
            files = shipped_files(folder, entry["name"])
            if entry.get("files") != files:
                print(f"{entry['name']}: {len(files)} files")
            entry["files"] = files
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if folder.resolve() == REPOSITORY / "models":
        update_readme.main([])  # the figures of the READMEs are those of the models


def shipped_files(folder: Path, name: str) -> list[dict[str, str | int]]:
    """Return path, size and digest of each file of a model: ``name.*`` or all in folder ``name``."""
    whole = folder / name
    found = whole.rglob("*") if whole.is_dir() else folder.glob(f"{name}.*")
    return [
        {"path": str(file.relative_to(folder)), "bytes": file.stat().st_size, "sha256": sha256_of(file)}
        for file in sorted(found)
        if file.is_file() and file.suffix not in CARDS
    ]


if __name__ == "__main__":
    main()
