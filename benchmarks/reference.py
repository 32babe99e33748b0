"""What the engines of an earlier version cost on this machine: the yardstick of the pipeline.

The ratio of a pipeline to its own engines falls when an engine gets slower. The engines of REVISION do not
change: that version's own code plays the clip, and its bare engines are timed as `emoedge.bench.whole` times
those of today.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import Any, Final

from emoedge.bench.whole import measured
from faults.surroundings import Skipped

ROOT: Final = Path(__file__).resolve().parent.parent
REVISION: Final = "be9ce1a"


def measure_reference(clip: Path, speech_model: str, rounds: int = 3) -> dict[str, Any]:
    """Play a clip with the code of REVISION; return its figures as `emoedge.bench.whole` gives them.

    Args:
        clip: as for the pipeline of today.
        speech_model: name of a model that REVISION brings, or the absolute path of one.
        rounds: runs; medians count.

    Raises:
        BenchError: that version failed.
        Skipped: the history of this repository, or Git, is not there.
    """
    try:
        archive = subprocess.run(["git", "archive", REVISION], cwd=ROOT, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise Skipped("no git here") from error
    if archive.returncode:
        raise Skipped(f"no revision {REVISION}: the history of the repository is missing")
    with tempfile.TemporaryDirectory(prefix="emoedge-bench-") as folder:
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        job = {"settings": {"speech": {"model": speech_model}}, "clip": str(clip), "more": {"rounds": rounds}}
        figures = measured("against_engines", job, Path(folder))
    return {"revision": REVISION} | figures
