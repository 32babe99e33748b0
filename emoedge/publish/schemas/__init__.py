"""One JSON Schema a topic, generated from the payload models and kept beside this file.

`python -m emoedge.publish.schemas` rewrites them; a test fails where they are not up to date.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from emoedge.publish.payloads import PAYLOADS, Payload

DIRECTORY: Final = Path(__file__).parent
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def file_name(suffix: str) -> str:
    """Name of a topic's schema: `emotion.json`, `control-error.json`."""
    return suffix.replace("/", "-") + ".json"


def schema_of(suffix: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a topic's payload."""
    model: type[Payload] = PAYLOADS[suffix]
    schema = model.model_json_schema(by_alias=True, mode="validation")
    head = {
        "$schema": DIALECT,
        "$id": f"urn:emoedge:{suffix.replace('/', '-')}:{model.schema_version()}",
        "title": suffix,
    }
    return head | {key: value for key, value in schema.items() if key != "title"}


def generate() -> Iterator[tuple[Path, str]]:
    """Path and text of every schema file."""
    for suffix in PAYLOADS:
        text = json.dumps(schema_of(suffix), indent=2, ensure_ascii=False, sort_keys=False) + "\n"
        yield DIRECTORY / file_name(suffix), text


def write() -> list[Path]:
    """Write all schema files and return their paths."""
    written = []
    for path, text in generate():
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written
