"""Times each stage and the whole pipeline on this machine, beside the bare engines on the same data."""

from emoedge.bench.compare import comparison
from emoedge.bench.suite import PARTS, SCHEMA, Plan, run_bench
from emoedge.bench.table import table

__all__ = ["PARTS", "SCHEMA", "Plan", "comparison", "run_bench", "table"]
