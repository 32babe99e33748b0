"""Try one part of a configuration in a process of its own: `python -m emoedge.doctor WHAT`.

The settings come as one JSON line on standard input, so that no secret is in an argument or in the
environment; the results go as one JSON line to standard output.
"""

from __future__ import annotations

import dataclasses
import sys
from typing import Final

from emoedge.config import Settings
from emoedge.doctor.broker import check_broker
from emoedge.doctor.checks import Check, run_checks
from emoedge.doctor.model_check import check_models
from emoedge.doctor.sources import check_camera, check_microphone
from emoedge.files import parse_json
from emoedge.publish.messages import to_json

CHECKS: Final[dict[str, Check]] = {
    "camera": check_camera,
    "microphone": check_microphone,
    "broker": check_broker,
    "speech": check_models,
}


def main() -> int:
    """Return 0 when nothing has failed, 1 otherwise."""
    what = sys.argv[1]
    settings = Settings.model_validate(parse_json(sys.stdin.buffer.readline()))
    results = run_checks(settings, checks=[(what, CHECKS[what])])
    sys.stdout.write(to_json([dataclasses.asdict(result) for result in results]) + "\n")
    return 1 if any(result.state == "failed" for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
