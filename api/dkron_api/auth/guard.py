"""Decides about each request: who sends it, and whether they may do what it asks for."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Protocol

from aiohttp.hdrs import AUTHORIZATION

from dkron_api.auth.caller import ANYBODY, Caller, Need, key_of
from dkron_api.refusal import ApiError
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
    """Asks the schemes of the installation, in their order: the first that takes a token decides. Without a scheme,
    everybody may do everything."""

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
        """Return who sends these headers, from this address. Raises `ApiError`: 401, or 503 if that cannot be found
        out."""
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
    return ApiError(HTTPStatus.SERVICE_UNAVAILABLE, text, {"Retry-After": "1"})
