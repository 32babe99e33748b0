"""Tables of scaling and peers for docs/performance.md; `benchmarks.page` inserts them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]


def scaling(result: Json) -> str:
    """Return the tables by faces, resolution, rate and cameras."""
    lines = [
        "| faces | found per frame | classified per second | processor ms per second of media |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {row['faces']} | {row['faces_seen_per_frame']:.2f} | {row['classifications_per_media_s']:.1f} | {row['cpu_s_per_media_s'] * 1000:.0f} |"
        for row in result["faces"]
    ]
    lines += [
        "",
        "| frame | rate | processor ms per second of media | of which decoding |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {row['width']} × {row['height']} | {row['fps']} fps | {row['cpu_s_per_media_s'] * 1000:.0f} | {row['decode_cpu_s_per_media_s'] * 1000:.0f} |"
        for row in [*result["resolution"], *(r for r in result["frame_rate"] if r["fps"] != 15)]
    ]
    lines += [
        "",
        "| cameras (daemons) | processor | resident memory | shared pages counted once |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {row['daemons']} | {row['cpu_cores'] * 100:.1f} % of a core | {row['resident_mb']:.0f} MB | {row['proportional_mb']:.0f} MB |"
        for row in result["daemons"]
    ]
    return "\n".join(lines)


def decoding(result: Json) -> str:
    """Return the table of the ways to decode less, by size."""
    rows = result["rows"]
    sizes = list(dict.fromkeys((row["width"], row["height"]) for row in rows))
    lines = [
        f"| processor ms per second of media | {' | '.join(f'{width} × {height}' for width, height in sizes)} |",
        "|---|" + "---|" * len(sizes),
    ]
    ways = dict.fromkeys((row["stream"], row["way"]) for row in rows)
    for stream, way in ways:
        found = [row for row in rows if (row["stream"], row["way"]) == (stream, way)]
        values = " | ".join(f"{row['cpu_s_per_media_s'] * 1000:.1f}" for row in found)
        lines.append(f"| {stream}: {way} ({found[0]['frames_per_s']:g} fps) | {values} |")
    return "\n".join(lines)


def memory(result: Json) -> str:
    """Return the tables of the daemon's memory by mapping and of the ways to keep the pre-roll."""
    modes = result["modes"]
    lines = [
        f"| MB, recording | {' | '.join(one['mode'] for one in modes)} |",
        "|---|" + "---|" * len(modes),
    ]
    rows = {name: [one["mb"][name] for one in modes] for name in modes[0]["mb"]}
    rows["**resident**"] = [sum(one["mb"].values()) for one in modes]
    rows["most resident"] = [one["peak_mb"] for one in modes]
    lines += [
        f"| {name} | {' | '.join(f'{value:.0f}' for value in values)} |" for name, values in rows.items()
    ]
    lines += ["", "| pre-roll of 6.8 s | memory | permanent processor load |", "|---|---|---|"]
    lines += [
        f"| {row['way']} | {row['mb']:.1f} MB | {row['cpu_s_per_media_s'] * 1000:.1f} ms per second |"
        for row in result["pre_roll"]
    ]
    return "\n".join(lines)


def recording(result: Json) -> str:
    """Return the table of the cost of recording, part by part."""
    result = result.get("recording") or {}
    if not result:
        return "Not measured."
    ms = {name: 1000 * value for name, value in result["cpu_s_per_media_s"].items()}
    counts = {name: value / result["seconds"] for name, value in result.get("millions", {}).items()}
    bare = {"time": ms["in one go"], "count": counts.get("bare encode", 0.0)}
    rows = [
        ("bare encode, in one go", ms["in one go"], counts.get("bare encode")),
        ("the same, between the analysis", ms["between the analysis"], None),
        ("the recorder's writer, between the analysis", ms["the recorder's writer there"], None),
        ("a recorder with timeline, sidecars and the end of the segment", None, counts.get("recorder")),
    ]
    lines = [
        "| per second of media | processor ms | over the first | million instructions | over the first |",
        "|---|---|---|---|---|",
    ]
    for name, time_ms, count in rows:
        time = ("–", "–") if time_ms is None else (f"{time_ms:.1f}", f"{time_ms / bare['time']:.2f} ×")
        counted = ("–", "–") if count is None else (f"{count:.0f}", f"{count / bare['count']:.2f} ×")
        lines.append(f"| {name} | {' | '.join(time + counted)} |")
    lines += [
        "",
        (
            f"Medians of the ratios of rounds in turn: {result['caches']:.2f} × for the caches, "
            f"{result['writer']:.2f} × for the recorder's writer over the bare encode in the same place; "
            f"load {result['machine']['load_1_min']:g}."
        ),
    ]
    return "\n".join(lines)


def viewers(result: Json) -> str:
    """Return the table of the console by viewers."""
    lines = [
        "| viewers | console, % of a core | daemon, % of a core | console, memory | events per second to each |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['viewers']} | {row['console_cores'] * 100:.1f} | {row['daemon_cores'] * 100:.1f} | {row['console_mb']:.0f} MB "
        f"| {row['events_per_s']:.0f} |"
        for row in result["rows"]
    ]
    return "\n".join(lines)


def recordings(result: Json) -> str:
    """Return the table of the store's cost by number of segments."""
    columns = list(result["rows"][0]["ms"])
    lines = [f"| segments | {' | '.join(columns)} |", "|---|" + "---|" * len(columns)]
    lines += [
        f"| {row['segments']:,} | " + " | ".join(_ms(row["ms"][name]) for name in columns) + " |"
        for row in result["rows"]
    ]
    return "\n".join(lines)


def _ms(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}"


def history(result: Json) -> str:
    """Return the table of the history's size and reading times by days."""
    lines = [
        "| days | size | a day by the hour | a day by the minute | a week by the day | `emoedge history --json` |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['days']} | {row['size_mb']:.1f} MB | {row['day_by_hour_ms']:.0f} ms | {row['day_by_minute_ms']:.0f} ms "
        f"| {row['week_by_day_ms']:.0f} ms | {row['command_ms']:.0f} ms |"
        for row in result["rows"]
    ]
    return "\n".join(lines)


def broker(result: Json) -> str:
    """Return the tables of many devices on one broker."""
    lines = [
        "| devices | messages per device and hour | bytes to the broker per device and hour | broker, % of a core | broker µs per message | broker memory |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {run['devices']} | {run['published_per_device_hour']:,} | {run['broker']['bytes_received_per_device_hour'] / 1e6:.2f} MB "
        f"| {run['broker']['cpu_cores'] * 100:.1f} | {run['broker']['cpu_us_per_message']:.0f} | {run['broker']['resident_mb']:.1f} MB |"
        for run in result["runs"]
    ]
    topics = result["runs"][-1]["by_topic_per_device_hour"]
    lines += [
        "",
        "| topic | messages per device and hour | payload bytes per device and hour |",
        "|---|---|---|",
    ]
    lines += [
        f"| `{name}` | {one['messages']:,} | {one['payload_bytes']:,} |"
        for name, one in sorted(topics.items())
    ]
    return "\n".join(lines)


def peer_faces(result: Json) -> str:
    """Return the table of other packages on the same frames and labelled faces."""
    lines = [
        "| | ms per frame | start | memory | RAF-DB Test, found / as a face | JAFFE, found / as a face |",
        "|---|---|---|---|---|---|",
    ]
    for row in result["rows"]:
        cells = [_right(row.get(f"{name}_found"), row.get(f"{name}_whole")) for name in ("rafdb", "jaffe")]
        lines.append(
            f"| {row['title']} | {row['cpu_ms_per_frame']:.3g} | {row['start_cpu_s']:.1f} s | {row['peak_mb']:.0f} MB "
            f"| {' | '.join(cells)} |"
        )
    return "\n".join(lines)


def _right(*sets: Json | None) -> str:
    return " / ".join(f"{one['accuracy']:.2f}" if one else "–" for one in sets)
