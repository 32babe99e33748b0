"""The payload examples in docs/mqtt.md and docs/es/mqtt.md, made by the code.

Run: `python -m tests.publish.write_examples`.

An example stands between `<!-- example: NAME -->` and the end of the code block after it.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from emoedge.clock import MediaClock
from emoedge.emotions import Language, display_name
from emoedge.health import Health
from emoedge.outcomes import HealthReport
from emoedge.publish import MessageBuilder
from emoedge.publish.control import Rejection, parse_command

from .samples import BEGIN, END, FACES, FINISHED, HEALTH, SNAPSHOT, STATE, SUMMARY, TEXT, VOICE

DOCS = Path(__file__).resolve().parents[2] / "docs"
DOCUMENT = DOCS / "mqtt.md"
DEVICES: dict[Path, tuple[str, Language]] = {
    DOCUMENT: ("living-room", "en"),
    DOCS / "es" / "mqtt.md": ("salon", "es"),
}
"""The device that a page speaks of, and its language."""
BLOCK = re.compile(r"(<!-- example: (?P<name>[a-z/-]+) -->\n```json\n)(?:[^`]*\n)?(```)", re.DOTALL)


class _SynchronizedClock(MediaClock):
    def synchronized(self) -> bool:
        return True


def examples(device: str, language: Language) -> dict[str, str]:
    clock = _SynchronizedClock(datetime(2026, 11, 22, 9, 10, tzinfo=timezone.utc), time_s=12.56)
    build = MessageBuilder(device, clock, transcript=True, language=language)
    health = (
        *HEALTH,
        Health(
            "broker",
            "ok",
            figures={
                "protocol": "5",
                "connections": 1,
                "refused_commands": 0,
                "echo_ms": 2.1,
                "echo_failures": 0,
            },
        ),
        Health("spool", "ok", figures={"depth": 0, "limit": 10_000, "dropped": 0}),
    )
    media = Path("/var/lib/emoedge/recordings/2026-11-22/20261122T091009Z-1a2b3c4d.mp4")
    finished = replace(FINISHED, segment_id=media.stem, time_s=25.25, path=media)
    refused = parse_command("margin", b"lots")
    assert isinstance(refused, Rejection)
    messages = {
        "emotion": build.outcome(STATE),
        "summary": build.outcome(replace(SUMMARY, label=display_name("happiness", language))),
        "event-begin": build.outcome(BEGIN),
        "event-end": build.outcome(replace(END, recording=media.stem)),
        "face": build.outcome(FACES),
        "voice": build.outcome(VOICE),
        "text": build.outcome(TEXT),
        "health": build.outcome(HealthReport(30.0, 29.5, health)),
        "recording": build.outcome(finished),
        "snapshot": build.outcome(SNAPSHOT),
        "picture": build.picture(datetime(2026, 11, 22, 9, 11, 15, tzinfo=timezone.utc), 1),
        "control/error": build.control_error("margin", "lots", refused.reason),
    }
    return {name: _pretty(message.payload) for name, message in messages.items()}


def _pretty(payload: dict[str, object]) -> str:
    lines = [f"  {json.dumps(key)}: {_value(value)}" for key, value in payload.items()]
    return "{\n" + ",\n".join(lines) + "\n}"


def _value(value: object) -> str:
    text = json.dumps(value, indent=2, ensure_ascii=False).replace("\n", "\n  ")
    # What has no further level inside reads best on one line.
    return re.sub(
        r"([{\[])\s*([^{}\[\]]*?)\s*([}\]])",
        lambda match: match[1] + re.sub(r"\s*\n\s*", " ", match[2]) + match[3],
        text,
    )


def updated(page: Path) -> str:
    """The page with every example made again."""
    made = examples(*DEVICES[page])
    document = page.read_text(encoding="utf-8")
    return BLOCK.sub(lambda match: match[1] + made[match["name"]] + "\n" + match[3], document)


if __name__ == "__main__":
    for path in DEVICES:
        path.write_text(updated(path), encoding="utf-8")
