"""The same tests as on SQLite."""

from tests.unit.archive.test_migrations import *  # noqa: F403
