"""An API for the tests of one group of routes."""

from collections.abc import AsyncIterator

import pytest

from tests.support.api_app import Api, running_api


@pytest.fixture
async def api(request: pytest.FixtureRequest) -> AsyncIterator[Api]:
    """An API of the ROUTES of the test's module, with nothing in its cache."""
    async with running_api(*request.module.ROUTES) as running:
        yield running
