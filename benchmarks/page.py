"""Write the measured figures into docs/performance.md: `python -m benchmarks.page [--check]`.

The tables are generated from docs/data/*.json only. The content between the marks of a part is replaced; the
rest of the page is kept.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.page_growth import (
    Json,
    broker,
    decoding,
    history,
    memory,
    peer_faces,
    recording,
    recordings,
    scaling,
    viewers,
)
from benchmarks.writes import CONDITIONS

ROOT: Final = Path(__file__).resolve().parent.parent
DATA: Final = ROOT / "docs" / "data"
PAGE: Final = ROOT / "docs" / "performance.md"

ANSWERS: Final = {True: "holds", False: "**does not hold**", None: "not measured"}

NO_ENGINES: Final = ("whole pipeline", "voice features of 3 s")
"""Counts that do not belong to an engine."""
YUNET_MILLIONS: Final = 15.0
"""Instructions of YuNet (2023mar, float) for an image of 160 × 120, counted in the same way."""
YUNET_PI4_MS: Final = (5.4, 6.2)
"""Milliseconds of the same on a Raspberry Pi 4, as published by opencv_zoo."""
PI4_GHZ: Final = 1.5
"""Clock of the slower Raspberry Pi 4, in Hz."""
PI5_TIMES: Final = (2.0, 3.0)
"""Speed of a Raspberry Pi 5 relative to a Raspberry Pi 4, according to its makers."""


def parts(data: Path = DATA) -> dict[str, str]:
    """Return the text of each part by the name in its marks, without parts that have no figures."""
    made: dict[str, tuple[str, Callable[[Json], str]]] = {
        "machine": ("bench.json", machine),
        "budgets": ("bench.json", budgets),
        "engines": ("bench.json", engines),
        "stages": ("bench.json", stages),
        "daemon": ("bench.json", daemon),
        "writes": ("bench.json", writes),
        "peers": ("bench.json", peers),
        "scaling": ("scaling.json", scaling),
        "peer faces": ("peers.json", peer_faces),
        "decoding": ("decoding.json", decoding),
        "memory": ("memory.json", memory),
        "recording": ("bench.json", recording),
        "recordings": ("store.json", recordings),
        "viewers": ("viewers.json", viewers),
        "history": ("history.json", history),
        "instructions": ("instructions.json", instructions),
        "instructions of arm64": ("instructions-arm64.json", counted),
        "pythons": ("pythons.json", pythons),
        "broker": ("broker.json", broker),
        "arm64": ("arm64.json", arm64),
        "console": ("console.json", console),
    }
    return {
        name: make(json.loads((data / source).read_text(encoding="utf-8")))
        for name, (source, make) in made.items()
        if (data / source).is_file()
    }


def machine(result: Json) -> str:
    """Return the description of the machine."""
    found, clip = result["machine"], result["clip"]
    versions = ", ".join(f"{name} {version}" for name, version in found["engines"].items())
    return (
        f"Measured on {found['processor']} ({found['architecture']}), {found['cores']} cores, governor "
        f"{found['governor'] or 'unknown'}, load {found['load_1_min']:g} from other work, {found['system']}, Python "
        f"{found['python']}, emoedge {found['emoedge']}; {versions}. Clip: {clip['name']}, {clip['seconds']:g} s, "
        f"{clip['width']} × {clip['height']}, {clip['fps']:g} fps; speech model {result['models']['speech']}."
    )


def budgets(result: Json) -> str:
    """Return the table of the budgets."""
    lines = ["| budget | limit | measured | |", "|---|---|---|---|"]
    for row in result["budgets"]:
        sign = "≤" if row["kind"] == "at most" else "≥"
        unit = row["unit"].replace("x", "×")
        reason = f" ({row['reason']})" if row["reason"] and row["holds"] is not None else ""
        figure = "–" if row["figure"] is None else f"{readable(row['figure'])} {unit}"
        figure += f" ({row['beside']})" if row.get("beside") else ""
        lines.append(
            f"| {row['title']} | {sign} {readable(row['limit'])} {unit} | {figure} | {ANSWERS[row['holds']]}{reason} |"
        )
    return "\n".join(lines)


def readable(figure: float) -> str:
    """Return a number with three digits, or without decimals from a thousand on."""
    return f"{figure:,.0f}" if figure >= 1000 else f"{figure:.3g}"


def engines(result: Json) -> str:
    """Return the comparison of the pipeline with its engines."""
    pipeline = result["pipeline"]
    lines = [
        "| | runs per second of media | processor ms per second of media | the same inside the pipeline |",
        "|---|---|---|---|",
    ]
    compared: list[str] = []
    for engine in pipeline["engines"]:
        line = f"| {engine['engine'].replace('_', ' ')} | {engine['runs_per_media_s']:.3g} | {engine['cpu_s_per_media_s'] * 1000:.2f} | {_milliseconds(engine)} |"
        (lines if engine["in_sum"] else compared).append(line)
    inside = sum(engine["inside_cpu_s_per_media_s"] for engine in pipeline["engines"] if engine["in_sum"])
    lines += [
        f"| **sum of the bare engines** | | **{pipeline['bare_cpu_s_per_media_s'] * 1000:.1f}** | **{inside * 1000:.1f}** |",
        f"| **whole pipeline** ({pipeline['ratio']:.2f} ×) | | **{pipeline['cpu_s_per_media_s'] * 1000:.1f}** | |",
    ]
    lines += [line.replace("| ", "| for comparison, not in the sum: ", 1) for line in compared]
    written = pipeline["bytes_written_per_media_s"]
    copied = ", ".join(f"{name} {count / 1e6:.2f} MB" for name, count in written.items())
    large = result.get("recogniser")
    more = []
    if large:
        whole = large["pipeline"]
        more = [
            "",
            (
                f"With a full-size Vosk model ({large['speech_model']}, which recognises none of the clip but costs as much as such models "
                f"do): {whole['cpu_s_per_media_s'] * 1000:.0f} ms, its engines {whole['bare_cpu_s_per_media_s'] * 1000:.0f} ms, "
                f"**{whole['ratio']:.2f} ×**; peak memory {large['memory']['peak_mb']:.0f} MB."
            ),
        ]
    return "\n".join(
        [
            *lines,
            *more,
            "",
            f"{pipeline['frames_per_s_per_core']:g} frames per second and core. Bytes written by conversions per second of media: {copied}.",
        ]
    )


def _milliseconds(engine: Json) -> str:
    """Return the time of an engine inside the pipeline, or an empty text for one that it does not use."""
    taken = engine["inside_cpu_s_per_media_s"] * 1000
    return f"{taken:.2f}" if taken else ""


def stages(result: Json) -> str:
    """Return the table of the stages and their engines."""
    lines = [
        "| stage | once per | p50 ms | p95 ms | p99 ms | bare engine ms | ratio |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in result["stages"]:
        bare = f"{row['bare_ms']:.3g}" if row["bare_ms"] else ""
        ratio = f"{row['ratio']:.2f}" if row["ratio"] else ""
        lines.append(
            f"| {row['stage']} | {row['unit']} | {row['p50_ms']:.3g} | {row['p95_ms']:.3g} | {row['p99_ms']:.3g} | {bare} | {ratio} |"
        )
    return "\n".join(lines)


def daemon(result: Json) -> str:
    """Return the table of `emoedge run` as measured from outside."""
    live, start = result["live"], result["start"]
    if not live:
        return f"Not measured: {result['skipped'].get('live', 'no broker')}."
    rows = [
        ("processor load, everything on", f"{live['cpu_cores'] * 100:.1f} % of a core"),
        (
            "processor load without speech recognition",
            f"{live['cpu_cores_without_speech'] * 100:.1f} % of a core",
        ),
        (
            "additional load of continuous recording",
            f"{live['cpu_cores_of_recording'] * 100:.1f} % of a core",
        ),
        ("processor load with privacy on", f"{live['privacy_cpu_cores'] * 100:.2f} % of a core"),
        ("peak memory without speech recognition", f"{live['peak_mb_without_speech']:.0f} MB"),
        (
            "additional memory of speech recognition (the demo's small model)",
            f"{live['peak_mb_of_speech']:.0f} MB",
        ),
        (
            "peak memory while recording, without speech recognition",
            f"{live['peak_mb_with_recording_without_speech']:.0f} MB",
        ),
        ("capture to publish, p50 / p95 / p99", _quantiles(live, "capture_to_publish")),
        ("end of speech to text, p50 / p95 / p99", _quantiles(live, "end_of_speech_to_text")),
        (
            "start to first face result, better of two",
            f"{live['first_face_s']:.2f} s ({live['first_face_cpu_s']:.2f} s of processor time)",
        ),
        (
            "context switches per second, voluntary / involuntary",
            f"{live['voluntary_switches_per_s']:.0f} / {live['involuntary_switches_per_s']:.0f}",
        ),
        ("context switches per second with privacy on", f"{live['privacy_switches_per_s']:.0f}"),
        ("threads", f"{live['threads']}"),
        (
            "`emoedge --help`, best of five",
            f"{start['help_s']:.2f} s ({start['help_cpu_s']:.2f} s of processor time)",
        ),
        (
            "`emoedge classify text hola`, best of five",
            f"{start['first_sentence_s']:.2f} s ({start['first_sentence_cpu_s']:.2f} s of processor time)",
        ),
    ]
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def _quantiles(live: Json, name: str) -> str:
    if not live.get(f"{name}_count"):
        return "no message in the window"
    values = " / ".join(f"{live[f'{name}_p{q}_ms']:.0f}" for q in (50, 95, 99))
    return f"{values} ms ({live[f'{name}_count']} messages)"


def writes(result: Json) -> str:
    """Return the table of writes to the card."""
    found = result.get("writes")
    if not found:
        return f"Not measured: {result['skipped'].get('writes', 'no strace')}."
    lines = ["| | MB a day | of which kept | syncs a day | mostly to |", "|---|---|---|---|---|"]
    for name, row in found.items():
        most = ", ".join(f"`{file}`" for file in list(row["syncs"])[:2])
        kept = f"{row['kept_mb_a_day']:,.0f}" if row.get("kept_mb_a_day") else "–"
        lines.append(
            f"| {CONDITIONS[name]} | {row['mb_a_day']:,.0f} | {kept} | {row['syncs_a_day']:,} | {most} |"
        )
    return "\n".join(lines)


def peers(result: Json) -> str:
    """Return the comparison of the face path with its peers."""
    names = {
        "face_path": "emoedge's face path",
        "yunet": "YuNet 320 × 240 on every frame, then emoedge's classifier",
        "fer": "`fer` 25.10.3 with its default detector",
    }
    lines = [
        "| | faces found per frame | processor ms per frame | frames per second and core |",
        "|---|---|---|---|",
    ]
    for key, title in names.items():
        peer = result["peers"].get(key)
        if peer is None:
            lines.append(f"| {title} | not measured: {result['skipped'].get(key, '')} | | |")
            continue
        taken = peer["cpu_s_per_frame"]
        lines.append(f"| {title} | {peer['faces_per_frame']:.2f} | {taken * 1000:.2f} | {1 / taken:.0f} |")
    return "\n".join(lines)


def instructions(result: Json) -> str:
    """Return the instruction counts by part on x86-64, and an estimate for a Raspberry Pi."""
    counts, seconds = result["millions"], result["seconds"]
    whole = counts["whole pipeline"]
    engines = sum(count for name, count in counts.items() if name not in NO_ENGINES)
    rest = (whole - engines) / seconds
    fast_ms = whole / seconds / YUNET_MILLIONS * YUNET_PI4_MS[0]
    slow_ms = (whole / seconds - rest) / YUNET_MILLIONS * YUNET_PI4_MS[1] + rest / PI4_GHZ
    five_ms = fast_ms / PI5_TIMES[1], slow_ms / PI5_TIMES[0]
    estimate = (
        f"**An estimate, not a measurement:** {fast_ms:.0f} to {slow_ms:.0f} ms per second of media on a "
        f"Raspberry Pi 4, {five_ms[0]:.0f} to {five_ms[1]:.0f} ms on a Raspberry Pi 5, with the demo's recogniser."
    )
    return f"{counted(result)}\n\n{estimate}"


def counted(result: Json) -> str:
    """Return the instruction counts by part."""
    counts, seconds = result["millions"], result["seconds"]
    whole = counts["whole pipeline"]
    engines = sum(count for name, count in counts.items() if name not in NO_ENGINES)
    lines = ["| | million instructions per second of media | share |", "|---|---|---|"]
    lines += [
        f"| {name.replace('_', ' ')} | {count / seconds:.1f} | {count / whole:.0%} |"
        for name, count in counts.items()
        if name not in NO_ENGINES
    ]
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    lines += [
        f"| everything else | {(whole - engines) / seconds:.1f} | {1 - engines / whole:.0%} |",
        f"| **whole pipeline** | **{whole / seconds:.1f}** | |",
        "",
        f"The features of 3 s of speech are part of everything else: {counts['voice features of 3 s']:.1f} million. {versions}.",
    ]
    return "\n".join(lines)


def pythons(result: Json) -> str:
    """Table of the pipeline on several versions of CPython."""
    lines = ["| CPython | processor ms per second of media | over the first |", "|---|---|---|"]
    lines += [
        f"| {row['python']} | {row['median_ms']:.1f} | {row['ratio']:.2f} × |" for row in result["rows"]
    ]
    rounds = len(result["rows"][0]["ms_per_media_s"])
    load = f"Medians of {rounds} rounds in turn, that of the ratio too; load {result['machine']['load_1_min']:g}."
    return "\n".join([*lines, "", load])


def console(result: Json) -> str:
    """Return the tables of the console: pages, an open page, viewers, memory."""
    lines = ["| page | first paint, ms | processor ms until complete | bytes |", "|---|---|---|---|"]
    lines += [
        f"| `{address}` | {one['first_paint_ms']:,} | {one['processor_ms']:,} | {one['bytes']:,} |"
        for address, one in sorted(result["pages"].items())
    ]
    seen, memory = result["viewers"], result["memory_mb"]
    shares = [100 * median(result["page"][f"{name}_cores"]) for name in ("idle", "live")]
    added = 100 * seen["cores_added_median"]
    lines += ["", "| | budget | measured |", "|---|---|---|"]
    lines += [
        f"| first page open, idle (privacy) | 1 % of a core | {shares[0]:.1f} % |",
        f"| first page open, live values ten times a second | – | {shares[1]:.1f} % |",
        f"| additional load of {seen['viewers']} viewers on daemon and console | 5 % of a core | {added:.1f} % |",
        f"| memory of the console | 60 MB | {memory['pss']:.0f} MB ({memory['rss']:.0f} MB resident) |",
    ]
    return "\n".join([*lines, "", f"Load: {result['load_1_min']:g} on {result['cores']} cores."])


def arm64(result: Json) -> str:
    """Return the comparison of model outputs on the two architectures."""
    there = result["there"]
    versions = ", ".join(f"{name} {version}" for name, version in there["engines"].items())
    lines = [
        f"{there['architecture']}{', emulated' if there['emulated'] else ''}, {there['system']}, Python {there['python']}; {versions}.",
        "",
        "| | compared | byte for byte equal | different numbers | largest difference |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['what'].replace('_', ' ')} | {row['kind']} | {'yes' if row['same'] else '**no**'} "
        f"| {row['different']} of {row['compared']} | {row['farthest']:g} |"
        for row in result["rows"]
    ]
    return "\n".join([*lines, "", *(f"* {note}" for note in result["notes"])])


def render(text: str, made: Mapping[str, str]) -> str:
    """Return the page with its generated parts replaced.

    Raises:
        ValueError: a part has no marks in the page.
    """
    for name, content in made.items():
        begin, end = f"<!-- {name}, by python -m benchmarks.page: begin -->", f"<!-- {name}: end -->"
        head, found, rest = text.partition(begin)
        _old, closed, tail = rest.partition(end)
        if not (found and closed):
            raise ValueError(f"docs/performance.md has no marks for {name}")
        text = f"{head}{begin}\n{content}\n{end}{tail}"
    return text


def main() -> int:
    """Write the page, or check with --check whether it is up to date."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page", description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="exit 1 when the page is not up to date")
    options = parser.parse_args()
    old = PAGE.read_text(encoding="utf-8")
    new = render(old, parts())
    if options.check:
        return int(new != old)
    PAGE.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
