"""Try one part of a configuration in a process of its own: `python -m emoedge.doctor WHAT LANGUAGE`.

The settings come as one JSON line on standard input, so that no secret is in an argument or in the
environment; the results go as one JSON line to standard output.
"""

from __future__ import annotations

import dataclasses
import sys
from typing import Final, cast

from emoedge.config import Settings
from emoedge.doctor.broker import check_broker
from emoedge.doctor.checks import Check, run_checks
from emoedge.doctor.model_check import check_models
from emoedge.doctor.result import CheckResult
from emoedge.doctor.sources import check_camera, check_microphone
from emoedge.emotions import Language
from emoedge.files import parse_json
from emoedge.publish.messages import to_json
from emoedge.translation import localized

CHECKS: Final[dict[str, Check]] = {
    "camera": check_camera,
    "microphone": check_microphone,
    "broker": check_broker,
    "speech": check_models,
}


def main() -> int:
    """Return 0 when nothing has failed, 1 otherwise."""
    what, language = sys.argv[1], cast("Language", sys.argv[2])
    settings = Settings.model_validate(parse_json(sys.stdin.buffer.readline()))
    results = run_checks(settings, checks=[(what, CHECKS[what])])
    said = [{name: localized(value, language) for name, value in _fields(result)} for result in results]
    sys.stdout.write(to_json(said) + "\n")
    return 1 if any(result.state == "failed" for result in results) else 0


def _fields(result: CheckResult) -> list[tuple[str, str]]:
    return [(one.name, getattr(result, one.name)) for one in dataclasses.fields(result)]


if __name__ == "__main__":
    sys.exit(main())
