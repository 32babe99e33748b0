"""Fetch one model in a process of its own: `python -m emoedge.model_store NAME MODELS_DIR`.

Each line of standard output is a JSON object: `done` and `total` bytes, or at the end `error` and `remedy`.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any, Final

from emoedge.errors import EmoedgeError
from emoedge.model_store import load_manifest
from emoedge.model_store.fetch import fetch

SPACING_S: Final = 0.25
"""Least time between two lines about the download."""


def main() -> int:
    """Return 0 when the model is installed, 1 otherwise."""
    name, folder = sys.argv[1], Path(sys.argv[2])
    told_s = float("-inf")

    def tell(done: int, total: int | None) -> None:
        nonlocal told_s
        if time.monotonic() - told_s >= SPACING_S:
            told_s = time.monotonic()
            _say({"done": done, "total": total})

    try:
        fetch(load_manifest().get(name), folder, progress=tell)
    except EmoedgeError as error:
        _say({"error": error.message, "remedy": error.remedy})
        return 1
    return 0


def _say(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
