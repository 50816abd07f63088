"""JSON Web Key Sets (RFC 7517): from bytes to keys that verify signatures. Pure.

A key is used with algorithms of its own kind alone, so that a public key is never taken for the secret of an HMAC.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

MOST_BYTES = 256 * 1024
"""Bytes of a key set, and of an issuer's description."""
MOST_KEYS = 64
SHORTEST_RSA, LONGEST_RSA = 2048, 8192
"""Bits. A longer key would block other requests for milliseconds."""
LARGEST_EXPONENT = 2**32
LONGEST_KID = 256
_KINDS: Final = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), "RSA"),
    "ES256": "EC P-256",
    "ES384": "EC P-384",
    "ES512": "EC P-521",
    "EdDSA": "OKP",
}
_MEMBERS: Final = ("kty", "crv", "n", "e", "x", "y")
ALGORITHMS: Final = frozenset(_KINDS)
"""Those that are accepted: asymmetric ones, by which a reader of the keys cannot make tokens."""


class KeysError(Exception):
    """The keys cannot be read. `str()` says why."""


@dataclass(frozen=True, slots=True)
class Key:
    """A public key. `algorithm` is the one that it is limited to, empty for all of its kind; `public` is the key as
    the library knows it, made from `members`."""

    kind: str
    algorithm: str
    members: tuple[tuple[str, str], ...]
    public: Any = field(compare=False, repr=False)

    def verifies(self, algorithm: str) -> bool:
        """Whether signatures of this algorithm may be checked with the key."""
        return _KINDS.get(algorithm) == self.kind and self.algorithm in {"", algorithm}


@dataclass(frozen=True)
class Keys:
    """A key set by `kid`; the empty one has keys without."""

    by_kid: Mapping[str, tuple[Key, ...]]

    def find(self, kid: str | None, algorithm: str) -> Key | None:
        """Return the key of this id; without an id the only key that fits."""
        named = self.by_kid.get(kid, ()) if kid is not None else [key for keys in self.by_kid.values() for key in keys]
        fitting = [key for key in named if key.verifies(algorithm)]
        return fitting[0] if len(fitting) == 1 else None


def read_keys(data: bytes) -> Keys:
    """Return the keys of a set that can verify signatures; those that this program does not know are left out. Raises
    `KeysError`."""
    document = read_object(data)
    listed = document.get("keys")
    if not isinstance(listed, list):
        raise KeysError("this is not a key set: it has no list of keys")
    by_kid: dict[str, tuple[Key, ...]] = {}
    for raw in listed[:MOST_KEYS]:
        key = _key(raw) if isinstance(raw, dict) else None
        if key is not None:
            kid = raw.get("kid", "")
            by_kid[kid] = (*by_kid.get(kid, ()), key)
    if not by_kid:
        raise KeysError("the key set has no public key for RS, PS, ES or EdDSA signatures")
    return Keys(by_kid)


def read_object(data: bytes) -> dict[str, Any]:
    """Return a JSON object. Raises `KeysError`."""
    if len(data) > MOST_BYTES:
        raise KeysError(f"the answer has more than {MOST_BYTES} bytes")
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        raise KeysError("the answer is not JSON") from None
    if not isinstance(document, dict):
        raise KeysError("the answer is not a JSON object")
    return document


def _key(raw: dict[str, Any]) -> Key | None:
    kid, use, algorithm, operations = raw.get("kid", ""), raw.get("use", "sig"), raw.get("alg", ""), raw.get("key_ops")
    if not isinstance(kid, str) or len(kid) > LONGEST_KID or not isinstance(algorithm, str):
        return None
    if "d" in raw or use != "sig":
        return None
    if operations is not None and (not isinstance(operations, list) or "verify" not in operations):
        return None
    kind = f"EC {raw.get('crv')}" if raw.get("kty") == "EC" else str(raw.get("kty"))
    algorithms = [name for name, of in _KINDS.items() if of == kind and algorithm in {"", name}]
    if not algorithms:
        return None
    members = {name: value for name in _MEMBERS if isinstance(value := raw.get(name), str)}
    try:
        public = jwt.get_algorithm_by_name(algorithms[0]).from_jwk(members)
    except (jwt.PyJWTError, ValueError, KeyError, TypeError, UnsupportedAlgorithm):
        return None
    return Key(kind, algorithm, tuple(members.items()), public) if _is_sound(public) else None


def _is_sound(public: object) -> bool:
    """Whether an RSA key is long enough to be safe, and short enough to be checked quickly."""
    if not isinstance(public, RSAPublicKey):
        return True
    return SHORTEST_RSA <= public.key_size <= LONGEST_RSA and public.public_numbers().e <= LARGEST_EXPONENT
