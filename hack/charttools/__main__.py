"""`python -m charttools`: build what the chart is checked with, so that progress shows and no test waits for it."""

import sys

from charttools import programs
from localcluster import build
from localcluster.errors import ClusterError

if __name__ == "__main__":
    try:
        build.ensure(programs.every())
    except ClusterError as exc:
        sys.exit(f"charttools: {exc}")
