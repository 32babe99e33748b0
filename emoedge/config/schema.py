"""JSON Schema of the configuration, made from the settings models."""

from __future__ import annotations

import json
from typing import Any, Final

from emoedge.config.settings import Settings

_LIMITS: Final = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of the configuration as a JSON or TOML document."""
    schema = json.loads(json.dumps(Settings.model_json_schema()), object_hook=_with_plain_limits)
    # The schema must not contain the name of the machine that generated it.
    schema["properties"]["device_id"].pop("default", None)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "emoedge configuration",
    }


def _with_plain_limits(node: dict[str, Any]) -> dict[str, Any]:
    """Write 120.0 as 120, as later versions of pydantic do."""
    for name in node.keys() & _LIMITS:
        if float(node[name]).is_integer():
            node[name] = int(node[name])
    return node
