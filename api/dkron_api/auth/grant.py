"""The caller of one request, and what they may do in it."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus

from dkron_api.auth.caller import Caller, Need
from dkron_api.auth.guard import Guard, refused
from dkron_api.auth.routes import Namespaces
from dkron_api.refusal import ApiError

AGAIN = 1.0
"""Seconds between two looks whether a caller still has the right to an answer that stays open. Answers of the API
server are kept for longer."""
TURN = 50
"""Needs that are asked about before other requests have their turn."""


class Grant:
    """Asks the guard on behalf of one request, which has these headers and comes from this address."""

    def __init__(  # noqa: PLR0917 - built in one place
        self, guard: Guard, caller: Caller, where: Namespaces, headers: Mapping[str, str], address: str = ""
    ) -> None:
        self.caller = caller
        self.where = where
        self.asked = False
        self._guard = guard
        self._headers = headers
        self._address = address

    async def require(self, *needs: Need) -> None:
        """Raise `ApiError`, 403, unless the caller has all of these rights."""
        self.asked = True
        for need in needs:
            if not await self._guard.allows(self.caller, need):
                raise refused(self.caller, need)

    async def require_each(self, needs: Iterable[Need]) -> None:
        """The same for as many as a request may name."""
        for number, need in enumerate(needs):
            if number % TURN == TURN - 1:
                await asyncio.sleep(0)
            await self.require(need)

    async def has(self, need: Need) -> bool:
        """Whether the caller has this right, where an answer without it shows less."""
        return await self._guard.allows(self.caller, need)

    async def held(self, needs: Mapping[str, Need]) -> list[str]:
        """Return the names of those rights that the caller has. Raises `ApiError`, 503, if that cannot be found out."""
        self.asked = True
        allowed = await asyncio.gather(*(self._guard.allows(self.caller, need) for need in needs.values()))
        return [name for name, has in zip(needs, allowed, strict=True) if has]

    @asynccontextmanager
    async def as_long_as_allowed(self, need: Need | None) -> AsyncIterator[None]:
        """End the block, without an error, as soon as the token is not valid any more or the right is gone."""
        if need is None or not self._guard.asks:
            yield
            return
        scope = asyncio.timeout(None)
        watching = asyncio.create_task(self._end_when_gone(need, scope), name="right to an open answer")
        try:
            async with scope:
                yield
        except TimeoutError:
            if not scope.expired():
                raise
        finally:
            watching.cancel()

    async def _end_when_gone(self, need: Need, scope: asyncio.Timeout) -> None:
        allowed = True
        while allowed:
            await asyncio.sleep(AGAIN)
            try:
                caller = await self._guard.identify(self._headers, self._address)
                allowed = await self._guard.allows(caller, need)
            except ApiError as error:
                # While the API server does not answer, keep the grant.
                allowed = error.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        scope.reschedule(asyncio.get_running_loop().time())
