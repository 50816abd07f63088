"""Decides about each request: who sends it, and whether they may do what it asks for."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Protocol

from aiohttp.hdrs import AUTHORIZATION

from dkron_api.auth.caller import ANYBODY, Caller, Need, key_of
from dkron_api.auth.routes import Namespaces
from dkron_api.refusal import ApiError, unavailable
from dkron_api.settings import AuthMode
from dkron_kube.errors import KubeError

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="dkron"'}
LONGEST_TOKEN = 16384
"""Characters that a token may have."""


class Scheme(Protocol):
    """One way to recognize callers, and to decide what they may do."""

    @property
    def how(self) -> AuthMode:
        """Which way it is."""

    @property
    def audiences(self) -> Sequence[str]:
        """The audiences, one of which a token has to be for; none if tokens have none."""

    def takes(self, token: str) -> bool:
        """Whether the token has the form of those that this scheme recognizes."""

    def knows(self, token: str) -> bool:
        """Whether the token has been recognized before, so that finding its caller costs little."""

    def recall(self, key: bytes) -> Caller | None:
        """Return who the token with this key belongs to, if that is known well enough to ask no one; else None."""

    async def caller(self, token: str, address: str) -> Caller | None:
        """Return who the token belongs to, which came from this address; None if it is not valid. Raises `KubeError`
        if that cannot be found out."""

    def recall_right(self, caller: Caller, need: Need) -> bool | None:
        """Whether the caller may do this, if that is known well enough to ask no one; else None."""

    async def allows(self, caller: Caller, need: Need) -> bool:
        """Whether the caller may do this. Raises `KubeError` if that cannot be found out."""


class Guard:
    """Asks the first scheme that takes a token. Without a scheme, everybody may do everything."""

    def __init__(self, schemes: Sequence[Scheme]) -> None:
        self._schemes = tuple(schemes)

    @property
    def asks(self) -> bool:
        """Whether callers have to show a token."""
        return bool(self._schemes)

    def knows(self, headers: Mapping[str, str]) -> bool:
        """Whether these headers have a token that was recognized before."""
        try:
            token = token_of(headers)
        except ApiError:
            return False
        scheme = self._scheme(token)
        return scheme is not None and scheme.knows(token)

    def recall(self, headers: Mapping[str, str]) -> Caller | None:
        """Return who sends these headers, if that is known well enough to ask no one; else None."""
        if not self._schemes:
            return ANYBODY
        try:
            key = key_of(token_of(headers))
        except ApiError:
            return None
        known = (scheme.recall(key) for scheme in self._schemes)
        return next((caller for caller in known if caller is not None), None)

    async def identify(self, headers: Mapping[str, str], address: str = "") -> Caller:
        """Return who sends these headers, from this address. Raises `ApiError`: 401, or 503 if that is unknown."""
        known = self.recall(headers)
        if known is not None:
            return known
        token = token_of(headers)
        if not token.isprintable() or " " in token:
            raise invalid(())
        scheme = self._scheme(token)
        try:
            caller = None if scheme is None else await scheme.caller(token, address)
        except KubeError as error:
            raise _unknown(error) from error
        if caller is None:
            raise invalid(() if scheme is None else scheme.audiences)
        return caller

    def recall_right(self, caller: Caller, need: Need) -> bool | None:
        """Whether the caller may do this, if that is known well enough to ask no one; else None."""
        if caller is ANYBODY:
            return not self._schemes
        scheme = self._scheme_of(caller)
        return scheme is not None and scheme.recall_right(caller, need)

    async def allows(self, caller: Caller, need: Need) -> bool:
        """Whether the caller may do this. Raises `ApiError`, 503, if that cannot be found out."""
        known, scheme = self.recall_right(caller, need), self._scheme_of(caller)
        if known is not None or scheme is None:
            return bool(known)
        try:
            return await scheme.allows(caller, need)
        except KubeError as error:
            raise _unknown(error) from error

    def _scheme_of(self, caller: Caller) -> Scheme | None:
        return next((scheme for scheme in self._schemes if scheme.how is caller.how), None)

    def _scheme(self, token: str) -> Scheme | None:
        return next((scheme for scheme in self._schemes if scheme.takes(token)), None)


def token_of(headers: Mapping[str, str]) -> str:
    """Return the token of a request: `Authorization: Bearer …`, else `X-Dkron-Token`. Raises `ApiError`, 401."""
    authorization = headers.get(AUTHORIZATION, "")
    if authorization.partition(" ")[0].lower() == "bearer":
        token = authorization.partition(" ")[2].strip()
    else:
        token = headers.get("X-Dkron-Token", "").strip()
    if not token:
        text = "this API needs a token: send Authorization: Bearer TOKEN, or X-Dkron-Token"
        raise ApiError(HTTPStatus.UNAUTHORIZED, text, CHALLENGE)
    if len(token) > LONGEST_TOKEN or not token.isascii():
        raise invalid(())
    return token


def refused(caller: Caller, need: Need) -> ApiError:
    """Return the answer to a caller who may not do this: it names what they lack."""
    return ApiError(HTTPStatus.FORBIDDEN, f"{caller.name} may not {need.words or need.right}")


def invalid(audiences: Sequence[str]) -> ApiError:
    """Return the answer to a token that is not valid. It tells which audience a token has to be for, as the settings
    say, and nothing about this token: an attacker would learn what is wrong with it."""
    made_for = f"the token is not valid, has expired, or is not for the audience {' or '.join(audiences)}"
    return ApiError(
        HTTPStatus.UNAUTHORIZED, made_for if audiences else "the token is not valid, or has expired", CHALLENGE
    )


def _unknown(error: KubeError) -> ApiError:
    text = f"permissions cannot be checked: {error}"
    return unavailable(text, after="1")


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
