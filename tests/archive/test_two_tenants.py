"""The same test as on SQLite."""

from tests.unit.archive.test_two_tenants import *  # noqa: F403
