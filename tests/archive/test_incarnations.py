"""The same test as on SQLite."""

from tests.unit.archive.test_incarnations import *  # noqa: F403
