"""Records of installations: read as they were written, and damage is one clear error."""

from __future__ import annotations

import json

import pytest

from emoedge.errors import ModelError
from emoedge.model_store.manifest import ModelFile
from emoedge.model_store.receipt import Receipt, read_receipt, receipt_path, write_receipt

RECEIPT = Receipt(
    "m", "https://example.org/m.zip", ("ab" * 32,), (ModelFile("a/b", 3, "cd" * 32),), "2026-11-30T00:00:00Z"
)


def test_a_receipt_is_read_as_it_was_written(tmp_path):
    assert read_receipt(tmp_path, "m") is None
    write_receipt(tmp_path, RECEIPT)
    assert read_receipt(tmp_path, "m") == RECEIPT
    assert read_receipt(tmp_path, "other") is None


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"files": 3}', '{"files": [{"path": 1, "x": 2}]}'])
def test_a_damaged_one_has_a_remedy(tmp_path, content):
    write_receipt(tmp_path, RECEIPT)
    receipt_path(tmp_path, "m").write_text(content)
    with pytest.raises(ModelError, match=r"is damaged.*\(delete it and fetch again\)"):
        read_receipt(tmp_path, "m")


def test_a_field_that_is_missing_is_damage(tmp_path):
    write_receipt(tmp_path, RECEIPT)
    path = receipt_path(tmp_path, "m")
    whole = json.loads(path.read_text())
    for name in ("origin", "sha256", "files", "fetched"):
        path.write_text(json.dumps({key: value for key, value in whole.items() if key != name}))
        with pytest.raises(ModelError):
            read_receipt(tmp_path, "m")
