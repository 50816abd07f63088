"""Maps a Dkron name to the name of a Kubernetes object, and defines which names are legal.

Dkron accepts lower-case letters of any script and has no length limit; Kubernetes accepts 63 ASCII characters. The
mapping below is a pure function of the Dkron name, so that the API, the operator and a person with `kubectl` find the
same object without a lookup.

No two names share an object:

* *Own names* map to themselves, so they differ whenever the names differ.
* *Mapped names* end in `-` and eight hexadecimal digits. A Dkron name that looks like that is never an own name (see
  `is_own_name`), so no own name can equal a mapped one. The price: `backup-20260101` posted through REST becomes
  `backup-20260101-<hash>`; a person may still create that object by hand under its plain name.
* Two mapped names collide only if slug and 32 bits of SHA-256 agree. That is improbable, and harmless when it
  happens: `spec.name` keeps the exact name and is immutable, so the API server rejects the second job, which never
  overwrites the first.
"""

import hashlib
import re
import unicodedata
from typing import Final

GROUP = "dkron.io"
VERSION = "v1alpha1"
API_VERSION: Final = "dkron.io/v1alpha1"

ACCEPTED = f"{GROUP}/accepted"
"""Annotation of a DkronJob that an operator has accepted; its value is the job's uid. It is outside the status, so
that a wiped status can be distinguished from one that was never written."""
MODIFIED_BY = f"{GROUP}/last-modified-by"
"""Annotation of a DkronJob that was changed by REST; its value is by whom."""

NAMESPACE_PATTERN = "[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
"""The form of a namespace's name: a label of DNS (RFC 1123)."""

OBJECT_NAME_LENGTH = 52
"""Maximum length of metadata.name of a DkronJob. The names of its Jobs need the rest of the 63 characters."""

NAME_LENGTH = 8192
"""Maximum length of a Dkron name in a custom resource. Dkron itself has no limit; an HTTP path of this length still
works."""

NAME_PATTERN = r"^[\p{Ll}0-9_-]+$"
"""The legal Dkron names as an RE2 pattern; `is_legal` is the same rule in Python."""

NAME_OR_NONE_PATTERN = r"^[\p{Ll}0-9_-]*$"

_HASH_LENGTH = 8
_SLUG_LENGTH = OBJECT_NAME_LENGTH - _HASH_LENGTH - 1
_FALLBACK_SLUG = "job"
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", re.ASCII)
_LONGEST_SUBDOMAIN = 253
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_HASHED = re.compile(r".*-[0-9a-f]{8}")
_NOT_IN_LABEL = re.compile(r"[^a-z0-9]+")


def object_name(dkron_name: str) -> str:
    """Return the metadata.name for a Dkron name: always a DNS-1123 label of at most 52 characters.

    Defined for every legal Dkron name. The result must never change: stored objects depend on it.
    """
    if is_own_name(dkron_name):
        return dkron_name
    digest = hashlib.sha256(dkron_name.encode()).hexdigest()
    return f"{_slug(dkron_name)}-{digest[:_HASH_LENGTH]}"


def is_subdomain(name: str) -> bool:
    """Return whether Kubernetes takes the name for an object: a subdomain of DNS (RFC 1123)."""
    return len(name) <= _LONGEST_SUBDOMAIN and _SUBDOMAIN.fullmatch(name) is not None


def is_own_name(dkron_name: str) -> bool:
    """Return whether a Dkron name can be the metadata.name unchanged."""
    return (
        len(dkron_name) <= OBJECT_NAME_LENGTH
        and _LABEL.fullmatch(dkron_name) is not None
        and _HASHED.fullmatch(dkron_name) is None
    )


def is_legal(dkron_name: str) -> bool:
    """Return whether Dkron would accept the name (Dkron behaviour §2.2, rules 1 and 2)."""
    return bool(dkron_name) and _first_illegal(dkron_name) is None


def check_name(dkron_name: str) -> None:
    """Raise ValueError with a readable sentence if Dkron would reject the name."""
    if not dkron_name:
        raise ValueError("the job name is empty; give it at least one character")
    position = _first_illegal(dkron_name)
    if position is not None:
        message = (
            f"the job name {_shortened(dkron_name)!r} has an illegal character {dkron_name[position]!r} "
            f"at position {position + 1}; allowed are lower-case letters, the digits 0-9, '_' and '-'"
        )
        raise ValueError(message)


def _first_illegal(dkron_name: str) -> int | None:
    return next((at for at, char in enumerate(dkron_name) if not _is_legal_character(char)), None)


def _is_legal_character(char: str) -> bool:
    return char in "0123456789_-" or unicodedata.category(char) == "Ll"


def _slug(dkron_name: str) -> str:
    ascii_only = unicodedata.normalize("NFKD", dkron_name).encode("ascii", "ignore").decode()
    words = _NOT_IN_LABEL.sub("-", ascii_only.lower()).strip("-")
    return words[:_SLUG_LENGTH].rstrip("-") or _FALLBACK_SLUG


def _shortened(dkron_name: str) -> str:
    longest = 60
    return dkron_name if len(dkron_name) <= longest else f"{dkron_name[:longest]}…"
