"""`python -m charttools`: build what the chart is checked with, so that progress shows and no test waits for it."""

import sys

from charttools import programs, schemas
from localcluster import build
from localcluster.errors import ClusterError
from localcluster.versions import SUPPORTED

if __name__ == "__main__":
    try:
        build.ensure(programs.every())
        schemas.of_others()
        for version in SUPPORTED:
            schemas.of_kubernetes(version)
    except ClusterError as exc:
        sys.exit(f"charttools: {exc}")
