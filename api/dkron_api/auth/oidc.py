"""Tokens of an OpenID Connect issuer: JWTs that are checked here, by the issuer's public keys.

A token's header says which of the issuer's keys and algorithms to use, and nothing else: keys or addresses of keys in
it (`jwk`, `jku`, `x5c`, `x5u`) are ignored.
"""

import json
from base64 import urlsafe_b64decode
from binascii import Error as NotBase64
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jwt

from dkron_api.auth.caller import Caller, Need, key_of
from dkron_api.auth.claims import ClaimNames, caller_of, end_of, is_in_time, is_of_a_user
from dkron_api.auth.issuer_keys import IssuerKeys
from dkron_api.auth.jwks import ALGORITHMS, LONGEST_KID
from dkron_api.cache.expiring import Kept
from dkron_api.settings import AuthMode

MOST_TOKENS = 4096
"""Verified tokens to keep, whatever callers send."""
PARTS = 3
_OPTIONS: Any = {"require": ["exp", "iss", "aud"], "verify_exp": False, "verify_nbf": False, "verify_iat": False}
"""Times are checked by `is_in_time`, again each time that a token is shown."""


Judge = Callable[[Caller, Need], Awaitable[bool]]
"""Says whether a user of the issuer may do something. Raises `KubeError`."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A token that was checked: whose it is, when it ends, and by which keys it was."""

    caller: Caller
    claims: Mapping[str, Any]
    keys: jwt.PyJWKSet


class OidcScheme:
    """Recognizes tokens of one issuer that were made for one of the audiences. `clock` gives seconds since the
    epoch. `recall_right` says what the judge has said before, None if it has to be asked."""

    how = AuthMode.OIDC

    def __init__(
        self,
        issuer: str,
        audiences: Sequence[str],
        *,
        keys: IssuerKeys,
        names: ClaimNames,
        judge: Judge,
        recall_right: Callable[[Caller, Need], bool | None],
        clock: Callable[[], float],
    ) -> None:
        self._issuer = issuer
        self.audiences = tuple(audiences)
        self._keys = keys
        self._names = names
        self._judge = judge
        self.recall_right = recall_right
        self._clock = clock
        self._verified: Kept[bytes, Verified] = Kept(most=MOST_TOKENS, seconds=self._left, clock=clock)
        self._recall = self._verified.get

    def takes(self, token: str) -> bool:
        """Whether it says to be of the issuer."""
        return key_of(token) in self._verified or _part(token, 1).get("iss") == self._issuer

    def knows(self, token: str) -> bool:
        """Whether the token has been checked before."""
        return key_of(token) in self._verified

    def recall(self, key: bytes) -> Caller | None:
        """Return whose token has this key, if it was checked by the keys that the issuer has, as far as is known."""
        verified = self._recall(key)
        return verified.caller if verified is not None and verified.keys is self._keys.fresh() else None

    async def caller(self, token: str, address: str = "") -> Caller | None:  # noqa: ARG002 - checked here
        """Return whose token it is; None if it is not valid. Raises `Unavailable` without keys of the issuer."""
        keys, own = await self._keys.current(), key_of(token)
        verified = self._verified.get(own)
        if verified is not None and verified.keys is keys:
            return verified.caller
        self._verified.drop(own)
        algorithm, kid = _signed_by(token)
        if algorithm not in ALGORITHMS:
            return None
        keys, key = await self._keys.find(kid, algorithm)
        claims = None if key is None else self._claims(token, key)
        caller = None if claims is None or not is_in_time(claims, self._clock()) else caller_of(claims, self._names)
        if caller is not None and claims is not None:
            self._verified.put(own, Verified(caller, claims, keys))
        return caller

    async def allows(self, caller: Caller, need: Need) -> bool:
        """Whether the caller may do this."""
        return await self._judge(caller, need)

    def _left(self, verified: Verified) -> float:
        return end_of(verified.claims) - self._clock()

    def _claims(self, token: str, key: jwt.PyJWK) -> dict[str, Any] | None:
        """Return the claims of a token that the issuer has signed, for one of the audiences."""
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],
                audience=self.audiences,
                issuer=self._issuer,
                options=_OPTIONS,
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            return None
        return claims


def _signed_by(token: str) -> tuple[str, str | None]:
    """Return the algorithm and the key that a token names; no algorithm if its header is not as it should be, or says
    that it is for another purpose."""
    header = _part(token, 0)
    algorithm, kid = header.get("alg"), header.get("kid")
    is_named = kid is None or (isinstance(kid, str) and len(kid) <= LONGEST_KID)
    is_fit = is_named and is_of_a_user(header)
    return (algorithm, kid) if isinstance(algorithm, str) and is_fit else ("", None)


def _part(token: str, number: int) -> dict[str, Any]:
    """Return the header (0) or the claims (1) of a JWT, which prove nothing; empty if it is not one."""
    parts = token.split(".")
    if len(parts) != PARTS:
        return {}
    try:
        part = json.loads(urlsafe_b64decode(parts[number] + "=" * (-len(parts[number]) % 4)))
    except (NotBase64, ValueError, RecursionError):
        return {}
    return part if isinstance(part, dict) else {}
