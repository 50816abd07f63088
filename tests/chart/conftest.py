"""The tools for the chart have to be there. `make chart-tools` builds it beforehand, and shows how far it is."""

import pytest

from charttools import programs
from localcluster import build


@pytest.fixture(scope="session", autouse=True)
def tools() -> None:
    """Build what is missing."""
    build.ensure(programs.every())
