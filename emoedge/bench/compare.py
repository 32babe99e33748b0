"""Two results beside each other: another machine, another version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from emoedge.bench.table import flat
from emoedge.errors import ConfigError
from emoedge.translation import tr

SECTIONS: Final = ("pipeline", "memory", "start", "live")


def comparison(
    new: Mapping[str, Any], old: Mapping[str, Any]
) -> list[tuple[str, float, float, float | None]]:
    """Figures that both have: name, new, old, new over old (None where the old one is 0).

    Raises:
        ConfigError: the old result is none, or of another schema.
    """
    schema = old.get("schema")
    if schema != new["schema"]:
        raise ConfigError(
            tr(
                "the old result has schema {schema}, this version writes {new}",
                schema=schema,
                new=new["schema"],
            ),
            tr("measure again with: emoedge bench --json"),
        )
    before, after = _figures(old), _figures(new)
    return [
        (name, value, before[name], value / before[name] if before[name] else None)
        for name, value in after.items()
        if name in before
    ]


def _figures(result: Mapping[str, Any]) -> dict[str, float]:
    stages = {f"{row['stage']}.p50_ms": row["p50_ms"] for row in result.get("stages", [])}
    engines = {
        f"bare.{engine['engine']}": engine["cpu_s_per_media_s"]
        for engine in (result.get("pipeline") or {}).get("engines", [])
    }
    every = stages | engines | flat(result, SECTIONS)
    return {k: v for k, v in every.items() if isinstance(v, int | float) and not isinstance(v, bool)}
