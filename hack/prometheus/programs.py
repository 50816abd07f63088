"""Where `prometheus` and `promtool` are; fetched where the machine has none."""

import shutil
from functools import partial
from pathlib import Path

from localcluster.debian import candidate, unpack
from localcluster.shelves import fetched

PACKAGE = "prometheus"


def find(program: str) -> Path:
    """The path of `prometheus` or `promtool`."""
    installed = shutil.which(program)
    if installed is not None:
        return Path(installed)
    return fetched("tools", PACKAGE, candidate(PACKAGE), partial(unpack, PACKAGE)) / "usr" / "bin" / program
