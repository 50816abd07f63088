"""The same tests as on SQLite."""

from tests.unit.archive.test_hostile import *  # noqa: F403
