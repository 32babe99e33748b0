"""The fault catalogue: each fault is caused on purpose around a real daemon and observed from outside.

`scripts/faults` runs it; docs/faults.md has the results.
"""

import os

from emoedge.cli import ENVIRONMENT

for _name, _value in ENVIRONMENT.items():
    # The same as the command line sets; libraries read these when they are imported.
    os.environ.setdefault(_name, _value)
