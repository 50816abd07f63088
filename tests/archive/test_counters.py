"""The same tests as on SQLite."""

from tests.unit.archive.test_counters import *  # noqa: F403
