"""Tokens of ours, and the Secrets of type `dkron.io/token` that hold them: everything but the token itself, of which
only the SHA-256 is stored. Pure.
"""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from dkron_api.auth.caller import Caller, key_of
from dkron_api.settings import AuthMode
from dkron_api.translate.record import Object
from dkron_crds.base import rfc3339

SECRET_TYPE = "dkron.io/token"  # noqa: S105 - the type of the Secrets
PREFIX = "dkron_"
"""The beginning of each token, so that scanners of sources find it, and so that it is told from others."""
RANDOM_BYTES = 32
NAME_PREFIX = "dkron-token-"
BOOTSTRAP = "bootstrap"
"""The accessor of the first token. Its Secret can be created once."""


class TokenKind(StrEnum):
    """Management tokens may do everything; client tokens what their policies grant."""

    MANAGEMENT = "management"
    CLIENT = "client"


@dataclass(frozen=True, slots=True)
class Token:
    """A token, except for its text. `accessor` identifies it and lets no client in. `digest` is its SHA-256 in hex."""

    accessor: str
    name: str
    kind: TokenKind
    digest: str
    policies: tuple[str, ...] = ()
    expires: datetime | None = None
    caller: Caller = field(init=False, repr=False, compare=False)
    """Who shows it."""
    key: bytes = field(init=False, repr=False, compare=False)
    """The SHA-256 itself, by which a token that is shown is looked up."""

    def __post_init__(self) -> None:
        is_management = self.kind is TokenKind.MANAGEMENT
        caller = Caller(self.name, AuthMode.DKRON, uid=self.accessor, policies=self.policies, management=is_management)
        object.__setattr__(self, "caller", caller)
        object.__setattr__(self, "key", bytes.fromhex(self.digest))

    def has_expired(self, clock: Callable[[], datetime]) -> bool:
        """Whether its time is over. Few tokens have one, so `clock` is only asked where it counts."""
        return self.expires is not None and clock() >= self.expires


class TokenError(ValueError):
    """A Secret is no token. `str()` is a readable sentence without anything secret."""


def token_from(random: bytes) -> str:
    """Return a token with this randomness, of which there have to be 256 bits."""
    return PREFIX + base64.urlsafe_b64encode(random).rstrip(b"=").decode()


def digest_of(token: str) -> str:
    """Return the SHA-256 of a token, in hex. Tokens are random, so that a fast hash cannot be guessed backwards."""
    return key_of(token).hex()


def secret_of(token: Token) -> Object:
    """Return the Secret that stores the token."""
    data = {
        "accessor": token.accessor,
        "name": token.name,
        "kind": token.kind,
        "sha256": token.digest,
        "policies": ",".join(token.policies),
        "expires": "" if token.expires is None else rfc3339(token.expires),
    }
    metadata = {"name": NAME_PREFIX + token.accessor, "labels": {"app.kubernetes.io/part-of": "dkron-operator"}}
    return {"apiVersion": "v1", "kind": "Secret", "type": SECRET_TYPE, "metadata": metadata, "stringData": data}


def read_secret(secret: Object) -> Token:
    """Return the token that a Secret stores. Raises `TokenError`."""
    data = {key: _decoded(key, value) for key, value in (secret.get("data") or {}).items()}
    if secret.get("type") != SECRET_TYPE:
        raise TokenError(f"its type is not {SECRET_TYPE}")
    digest = data.get("sha256", "")
    if len(digest) != hashlib.sha256().digest_size * 2 or not set(digest) <= set("0123456789abcdef"):
        raise TokenError("its sha256 is not 64 lower-case hexadecimal digits")
    accessor = data.get("accessor", "")
    if not accessor or secret["metadata"]["name"] != NAME_PREFIX + accessor:
        raise TokenError("its name is not dkron-token- and its accessor")
    return Token(
        accessor=accessor,
        name=data.get("name") or accessor,
        kind=_kind(data.get("kind", "")),
        digest=digest,
        policies=tuple(filter(None, map(str.strip, data.get("policies", "").split(",")))),
        expires=_expires(data.get("expires", "")),
    )


def _kind(text: str) -> TokenKind:
    try:
        return TokenKind(text)
    except ValueError:
        raise TokenError(f"its kind is not {' or '.join(TokenKind)}") from None


def _expires(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise TokenError("its expires is no RFC 3339 time") from None
    if moment.tzinfo is None:
        raise TokenError("its expires has no time zone")
    return moment


def _decoded(key: str, value: object) -> str:
    try:
        return base64.b64decode(str(value), validate=True).decode()
    except ValueError:
        raise TokenError(f"its {key} is no text in base64") from None
