"""JSON Web Key Sets (RFC 7517): which keys of a set may check signatures. Pure."""

from typing import Final

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from dkron_api.translate.record import Object

MOST_KEYS = 64
SHORTEST_RSA, LONGEST_RSA = 2048, 8192
"""Bits. A longer key would block other requests for milliseconds."""
LARGEST_EXPONENT = 2**32
LONGEST_KID = 256
ALGORITHMS: Final = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)
"""Those that are accepted: asymmetric ones, by which a reader of the keys cannot make tokens."""
_MEMBERS: Final = ("kid", "alg", "kty", "crv", "n", "e", "x", "y")


class KeysError(jwt.PyJWKClientError):
    """The keys cannot be read. `str()` says why."""


def signing_keys(document: Object) -> list[Object]:
    """Return the public keys of a set that are for signatures. Raises `KeysError`."""
    listed = document.get("keys")
    if not isinstance(listed, list):
        raise KeysError("this is not a key set: it has no list of keys")
    keys = (raw for raw in listed[:MOST_KEYS] if isinstance(raw, dict) and _is_for_signatures(raw))
    return [{name: raw[name] for name in _MEMBERS if name in raw} for raw in keys]


def read_keys(keys: list[Object]) -> jwt.PyJWKSet:
    """Return the keys as the library knows them, each for one algorithm. Raises `KeysError` if there are none."""
    try:
        known = jwt.PyJWKSet(keys)
    except jwt.PyJWKSetError:
        known = None
    if known is not None:
        known.keys = [key for key in known.keys if key.algorithm_name in ALGORITHMS and _is_sound(key.key)]
    if known is None or not known.keys:
        raise KeysError("the key set has no public key for RS, PS, ES or EdDSA signatures")
    return known


def find(keys: jwt.PyJWKSet, kid: str | None, algorithm: str) -> jwt.PyJWK | None:
    """Return the key of this id; without an id the only key that fits."""
    fitting = [key for key in keys.keys if key.algorithm_name == algorithm and kid in (None, key.key_id)]
    return fitting[0] if len(fitting) == 1 else None


def _is_for_signatures(raw: Object) -> bool:
    operations, kid = raw.get("key_ops", ["verify"]), raw.get("kid", "")
    is_public = "d" not in raw and raw.get("use", "sig") == "sig"
    is_named = isinstance(kid, str) and len(kid) <= LONGEST_KID and isinstance(raw.get("alg", ""), str)
    return is_public and is_named and isinstance(operations, list) and "verify" in operations


def _is_sound(public: object) -> bool:
    """Whether an RSA key is long enough to be safe, and short enough to be checked quickly."""
    if not isinstance(public, RSAPublicKey):
        return True
    return SHORTEST_RSA <= public.key_size <= LONGEST_RSA and public.public_numbers().e <= LARGEST_EXPONENT
