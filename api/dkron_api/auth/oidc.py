"""Tokens of an OpenID Connect issuer: JWTs that are checked here, by the issuer's public keys.

A token's header says which of the issuer's keys and algorithms to use, and nothing else: keys or addresses of keys in
it (`jwk`, `jku`, `x5c`, `x5u`) are ignored.
"""

import json
from base64 import urlsafe_b64decode
from binascii import Error as NotBase64
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, TypeGuard

import jwt

from dkron_api.auth.caller import Caller, Need, key_of
from dkron_api.auth.issuer_keys import IssuerKeys
from dkron_api.auth.key_sources import ALGORITHMS, LONGEST_KID
from dkron_api.cache.expiring import Kept
from dkron_api.settings import AuthMode

LEEWAY = 10.0
"""Seconds by which the clock of an issuer may differ."""
LONGEST_NAME = 512
"""Characters of a name. It gets into the log, and into annotations of jobs."""
AUTHENTICATED = "system:authenticated"
"""The group of all users whom the API server knows; bindings to it count for users of an issuer, too."""
RESERVED = "system:"
"""Beginning of the names that Kubernetes gives. An issuer must not make its user one of these."""


@dataclass(frozen=True, slots=True)
class ClaimNames:
    """Which claims name the user, the groups and the DkronPolicies, and the texts that are put before."""

    username: str
    username_prefix: str
    groups: str
    groups_prefix: str
    policies: str = ""


def is_of_a_user(header: Mapping[str, Any]) -> bool:
    """Whether the header of a token allows that it is an ID token or an access token. Tokens with another purpose say
    so (RFC 8725 §3.11): `logout+jwt`, `secevent+jwt`, `dpop+jwt`."""
    kind = header.get("typ", "")
    purpose = kind.lower().removeprefix("application/") if isinstance(kind, str) else "+jwt"
    return purpose == "at+jwt" or not purpose.endswith("+jwt")


def is_in_time(claims: Mapping[str, Any], now: float) -> bool:
    """Whether the token is valid at this time, in seconds since the epoch. `exp` has to be there (RFC 7519 §4.1)."""
    begins = claims.get("nbf", 0)
    return _is_time(begins) and begins - LEEWAY <= now < end_of(claims)


def end_of(claims: Mapping[str, Any]) -> float:
    """Return when the token ends to be valid, in seconds since the epoch; 0 if it does not say so."""
    expires = claims.get("exp")
    return expires + LEEWAY if _is_time(expires) else 0.0


def caller_of(claims: Mapping[str, Any], names: ClaimNames) -> Caller | None:
    """Return the user; None if the claims do not name one, or one that is reserved, or tell of an event (RFC 8417): a
    logout token is about a user, and not from one (OpenID Connect Back-Channel Logout §2.4)."""
    name, groups = claims.get(names.username), _texts(claims.get(names.groups))
    policies = _texts(claims.get(names.policies)) if names.policies else ()
    if not _is_name(name) or groups is None or policies is None or "events" in claims:
        return None
    if names.username == "email" and claims.get("email_verified", True) is not True:
        return None
    user = names.username_prefix + name
    if user.startswith(RESERVED):
        return None
    own = (names.groups_prefix + group for group in groups)
    allowed = tuple(group for group in own if not group.startswith(RESERVED))
    return Caller(user, AuthMode.OIDC, groups=(*allowed, AUTHENTICATED), policies=policies)


def _texts(claim: object) -> tuple[str, ...] | None:
    """Return the texts of a claim, which may be a single one; None if it has something else."""
    listed = claim if isinstance(claim, list) else [] if claim is None else [claim]
    texts = tuple(filter(_is_name, listed))
    return texts if len(texts) == len(listed) else None


def _is_name(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_NAME and value.isprintable()


def _is_time(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


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
        self._verified: Kept[bytes, Verified] = Kept(
            most=MOST_TOKENS, of_group=MOST_TOKENS // 4, seconds=self._left, clock=clock
        )
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
            self._verified.put(own, Verified(caller, claims, keys), caller.group)
        return caller

    async def allows(self, caller: Caller, need: Need) -> bool:
        """Whether the caller may do this."""
        return await self._judge(caller, need)

    def _left(self, verified: Verified) -> float:
        return end_of(verified.claims) - self._clock()

    def _claims(self, token: str, key: jwt.PyJWK) -> dict[str, Any] | None:
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
