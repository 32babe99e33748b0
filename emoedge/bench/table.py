"""A result as people read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def table(result: Mapping[str, Any]) -> str:
    """Machine, stages, engines and figures of a result of `run_bench`, line by line."""
    return "\n".join(
        [*_head(result), "", *_stages(result), "", *_engines(result.get("pipeline")), *_figures(result)]
    )


def _head(result: Mapping[str, Any]) -> Iterator[str]:
    machine, clip = result["machine"], result["clip"]
    emulation = " (emulated)" if machine["emulated"] else ""
    name = machine["board"] or machine["processor"]
    yield f"{name}, {machine['architecture']}{emulation}, {machine['cores']} cores"
    governor, python = machine["governor"] or "unknown", machine["python"]
    yield f"governor {governor}, load {machine['load_1_min']}, {machine['system']}, Python {python}"
    yield ", ".join(f"{name} {version}" for name, version in machine["engines"].items())
    yield (
        f"clip {clip['name']}: {clip['seconds']} s, {clip['width']} x {clip['height']}, {clip['fps']} fps; "
        f"speech model {result['models']['speech']}"
    )


def _stages(result: Mapping[str, Any]) -> Iterator[str]:
    yield f"{'stage':18} {'once per':9} {'p50 ms':>9} {'p95 ms':>9} {'p99 ms':>9} {'bare ms':>9} {'ratio':>6}"
    for row in result["stages"]:
        bare = f"{row['bare_ms']:9.3f}" if row["bare_ms"] else f"{'':9}"
        ratio = f"{row['ratio']:6.2f}" if row["ratio"] else ""
        quantiles = " ".join(f"{row[key]:9.3f}" for key in ("p50_ms", "p95_ms", "p99_ms"))
        yield f"{row['stage']:18} {row['unit']:9} {quantiles} {bare} {ratio}".rstrip()


def _engines(pipeline: Mapping[str, Any] | None) -> Iterator[str]:
    if not pipeline:
        return
    yield f"{'bare engine':34} {'runs a second':>14} {'CPU s a media s':>16}"
    for engine in pipeline["engines"]:
        name = engine["engine"] + ("" if engine["in_sum"] else ", for comparison")
        yield f"{name:42} {engine['runs_per_media_s']:6.2f} {engine['cpu_s_per_media_s']:16.4f}"
    yield f"{'sum of the engines':42} {'':6} {pipeline['bare_cpu_s_per_media_s']:16.4f}"
    seconds, ratio = pipeline["cpu_s_per_media_s"], pipeline["ratio"]
    yield f"{'whole pipeline':42} {'':6} {seconds:16.4f}   ratio {ratio:.2f}"
    yield ""


def _figures(result: Mapping[str, Any]) -> Iterator[str]:
    for name, value in flat(result, ("pipeline", "memory", "start", "live")).items():
        yield f"{name:52} {value}"
    for name, reason in result["skipped"].items():
        yield f"not measured: {name}: {reason}"


def flat(result: Mapping[str, Any], sections: tuple[str, ...]) -> dict[str, float | int | str | None]:
    """Plain figures of some sections, named `section.figure`."""
    figures: dict[str, float | int | str | None] = {}
    for section in sections:
        for key, value in (result.get(section) or {}).items():
            if isinstance(value, Mapping):
                figures |= {f"{section}.{key}.{inner}": number for inner, number in value.items()}
            elif not isinstance(value, list):
                figures[f"{section}.{key}"] = value
    return figures
