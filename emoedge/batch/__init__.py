"""`replay` over many files: in parallel, resumable, one bad file never ends the rest."""

from emoedge.batch.plan import Job, find_jobs
from emoedge.batch.run import Report, run_batch
from emoedge.batch.shard import Shard
from emoedge.batch.work import Failure, Result, result_of

__all__ = ["Failure", "Job", "Report", "Result", "Shard", "find_jobs", "result_of", "run_batch"]
