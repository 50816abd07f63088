"""The same tests as on SQLite."""

from tests.unit.archive.test_records import *  # noqa: F403
