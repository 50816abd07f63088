"""The same tests as on SQLite."""

from tests.unit.archive.test_deaths import *  # noqa: F403
