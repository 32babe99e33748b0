"""Times each stage and the whole pipeline on this machine, beside the bare engines on the same data."""

from emoedge.bench.suite import BenchResult, run_bench

__all__ = ["BenchResult", "run_bench"]
