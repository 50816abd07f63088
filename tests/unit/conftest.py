"""Hooks for tests in virtual time."""

import asyncio


def pytest_collection_finish() -> None:
    # looptime asks for the current event loop before every test. A synchronous one has none, and would be made one that
    # no test closes, unless it was said that there is none.
    asyncio.set_event_loop(None)
