"""The fault catalogue: each fault is caused on purpose around a real daemon, and seen from outside.

`scripts/faults` runs it; docs/faults.md has what came out.
"""

import os

from emoedge.cli import ENVIRONMENT

for _name, _value in ENVIRONMENT.items():
    # As the command line does; the libraries read them when they are loaded, which the modules here do.
    os.environ.setdefault(_name, _value)
