"""Records of the installations of models, beside the models."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from emoedge.errors import ModelError
from emoedge.files import read_json, write_json
from emoedge.model_store.manifest import ModelFile
from emoedge.translation import tr

RECEIPTS: Final = ".receipts"
"""Folder inside the models directory with what was fetched, from where, and its digests."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """Record of an installation.

    Attributes:
        name: of the model.
        origin: address or file name it came from.
        sha256: digest of each download, in the order of the manifest's sources.
        files: every file of the model, relative to its folder.
        fetched: when, RFC 3339 in UTC.
    """

    name: str
    origin: str
    sha256: tuple[str, ...]
    files: tuple[ModelFile, ...]
    fetched: str


def read_receipt(models_dir: Path, name: str) -> Receipt | None:
    """Return the record of the installation of a model, or None."""
    path = receipt_path(models_dir, name)
    try:
        item = read_json(path)
        files = tuple(ModelFile(**one) for one in item["files"])
        return Receipt(item["name"], item["origin"], tuple(item["sha256"]), files, item["fetched"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            tr("the receipt {path} is damaged: {error}", path=path, error=error),
            tr("delete it and fetch again"),
        ) from error


def receipt_path(models_dir: Path, name: str) -> Path:
    """Path of the record of a model."""
    return models_dir / RECEIPTS / f"{name}.json"


def write_receipt(models_dir: Path, receipt: Receipt) -> None:
    """Write the record of an installation; raises OSError."""
    path = receipt_path(models_dir, receipt.name)
    document = {
        "name": receipt.name,
        "origin": receipt.origin,
        "sha256": list(receipt.sha256),
        "files": [{"path": f.path, "bytes": f.bytes, "sha256": f.sha256} for f in receipt.files],
        "fetched": receipt.fetched,
    }
    write_json(path, document)
