"""What the engines of an earlier version cost on this machine: the yardstick of the pipeline.

The ratio of a pipeline to its own engines falls when an engine gets slower. The engines of REVISION do not
change: that version's own code plays the clip, and its bare engines are timed as `emoedge.bench.whole` times
those of today.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from faults.surroundings import Skipped

ROOT: Final = Path(__file__).resolve().parent.parent
REVISION: Final = "be9ce1a"
LIMIT_S: Final = 1800.0


def measure_reference(clip: Path, speech_model: str, rounds: int = 3) -> dict[str, Any]:
    """Play a clip with the code of REVISION; return its figures as `emoedge.bench.whole` gives them.

    Args:
        clip: as for the pipeline of today.
        speech_model: name of a model that REVISION brings, or the absolute path of one.
        rounds: runs; medians count.

    Raises:
        Skipped: the history of this repository is not there.
    """
    archive = subprocess.run(["git", "archive", REVISION], cwd=ROOT, capture_output=True, check=False)
    if archive.returncode:
        raise Skipped(f"no revision {REVISION}: the history of the repository is missing")
    with tempfile.TemporaryDirectory(prefix="emoedge-bench-") as folder:
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        job = {"settings": {"speech": {"model": speech_model}}, "clip": str(clip), "more": {"rounds": rounds}}
        done = subprocess.run(
            [sys.executable, "-m", "emoedge.bench.whole", "against_engines"],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": folder},
            input=json.dumps(job),
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT_S,
            preexec_fn=_one_core,
        )
    if done.returncode:
        raise RuntimeError(f"{REVISION} failed: {done.stderr.strip()[-1000:]}")
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {"revision": REVISION} | figures


def _one_core() -> None:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
