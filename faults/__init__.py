"""The fault catalogue: each fault is caused on purpose around a real daemon, and seen from outside.

`scripts/faults` runs it; docs/faults.md has what came out.
"""

import os

from emoedge.cli import ONE_THREAD

for _name in ONE_THREAD:
    # As the command line does; the libraries read them when they are loaded, which the modules here do.
    os.environ.setdefault(_name, "1")
