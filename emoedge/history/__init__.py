"""History: what was felt when, minute by minute, without pictures, sound or words.

`read` gives a `HistorySpan`: totals, buckets, episodes and gaps of a span of time. `purge_history` deletes.
`HistoryRecorder` keeps it while the daemon runs.
"""

from emoedge.history.buckets import BUCKETS, Bucket
from emoedge.history.data import HistoryBucket, HistoryEpisode, HistoryGap, HistorySpan
from emoedge.history.database import HistoryError
from emoedge.history.purge import purge_history
from emoedge.history.reader import read

__all__ = [
    "BUCKETS",
    "Bucket",
    "HistoryBucket",
    "HistoryEpisode",
    "HistoryError",
    "HistoryGap",
    "HistorySpan",
    "purge_history",
    "read",
]
