"""The same tests as on SQLite."""

from tests.unit.archive.test_cleaning import *  # noqa: F403
