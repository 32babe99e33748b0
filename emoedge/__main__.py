"""`python -m emoedge` is the console script."""

import sys

from emoedge.cli import main

if __name__ == "__main__":
    sys.exit(main())
