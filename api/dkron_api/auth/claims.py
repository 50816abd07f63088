"""From the claims of an issuer's token to a user with groups, as kube-apiserver reads them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, TypeGuard

from dkron_api.auth.caller import Caller
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
