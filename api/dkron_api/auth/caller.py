"""Who sends a request, and what a request needs. Pure.

Each request looks up its caller and its right in caches. So what makes their keys costs little: digests, and tuples of
texts.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from dkron_api.settings import AuthMode
from dkron_crds.policy import Capability


@dataclass(frozen=True, slots=True)
class Caller:
    """The sender of a request, as a token proves it. `policies` and `management` come from a token of ours;
    `extra` is the rest of what Kubernetes knows."""

    name: str
    how: AuthMode
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    policies: tuple[str, ...] = ()
    management: bool = False
    key: bytes = field(init=False, repr=False, compare=False)
    """A digest of all of this: equal for equal callers, and for no others."""

    def __post_init__(self) -> None:
        extra = sorted(self.extra.items())
        known = (self.name, str(self.how), self.groups, self.uid, extra, self.policies, self.management)
        object.__setattr__(self, "key", hashlib.sha256(repr(known).encode()).digest())

    @property
    def identity(self) -> str:
        """The name by which limits count this caller, different from all others'."""
        return f"{self.how} {self.name} {self.uid}"


ANYBODY = Caller("", AuthMode.NONE)
"""Every caller of an API without authentication."""


def key_of(token: str) -> bytes:
    """Return the SHA-256 of a token, which stands for it in caches."""
    return hashlib.sha256(token.encode()).digest()


class Right(NamedTuple):
    """The attributes of a request in Kubernetes: a verb on a resource of this group in a namespace. `resource` may have
    a part, as in `dkronjobs/run`. `name` is the one object that is touched, empty for all. With `path` it is a right to
    a path that is no resource."""

    verb: str
    resource: str = ""
    name: str = ""
    namespace: str = ""
    group: str = "dkron.io"
    path: str = ""

    def __str__(self) -> str:
        if self.path:
            return f"{self.verb} {self.path}"
        named = f' "{self.name}"' if self.name else ""
        return f"{self.verb} {self.resource}{named} in namespace {self.namespace}"


class Need(NamedTuple):
    """The need of a request: a right of Kubernetes, and a capability for a path, which Dkron's policies grant."""

    right: Right
    path: str
    capability: Capability
    words: str = ""
    """How a refusal names the right, where the right itself tells what the caller must not learn."""
