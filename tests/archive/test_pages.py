"""The same tests as on SQLite."""

from tests.unit.archive.test_pages import *  # noqa: F403
