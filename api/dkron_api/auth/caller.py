"""Who sends a request, and what a request needs. Pure.

Each request looks up its caller and its right in caches. So what makes their keys costs little: digests, and tuples of
texts.
"""

import hashlib
import re
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
    group: str = field(init=False, repr=False, compare=False)
    """The `group` of the caller's `owner` before a right was granted. A service account shares it with all others of
    its namespace; only Kubernetes proves that a name is one of a service account."""

    def __post_init__(self) -> None:
        extra = sorted(self.extra.items())
        known = (self.name, str(self.how), self.groups, self.uid, extra, self.policies, self.management)
        object.__setattr__(self, "key", hashlib.sha256(repr(known).encode()).digest())
        account = _ACCOUNT.fullmatch(self.name) if self.how is AuthMode.KUBERNETES else None
        group = f"caller {self.identity}" if account is None else NAMESPACE + account[1]
        object.__setattr__(self, "group", group)

    @property
    def identity(self) -> str:
        """The name by which limits count this caller, different from all others'."""
        return f"{self.how} {self.name} {self.uid}"


_ACCOUNT = re.compile(r"system:serviceaccount:([^:]+):[^:]+")
NAMESPACE, ADDRESS = "namespace ", "address "
"""How the groups of namespaces and of addresses begin. Other callers are groups of their own."""
ANYBODY = Caller("", AuthMode.NONE)
"""Every caller of an API without authentication."""


class Owner(NamedTuple):
    """The owner of a request, as limits count it: a caller with a share of each limit, within the share of its group.
    The group is a namespace, because who has a namespace makes service accounts in it."""

    group: str
    caller: str

    @property
    def is_address(self) -> bool:
        """Whether the caller is unknown."""
        return self.group.startswith(ADDRESS)

    @property
    def is_shared(self) -> bool:
        """Whether the group may have other callers."""
        return self.group.startswith(NAMESPACE)

    @property
    def who(self) -> str:
        """Whose limit a refusal names."""
        return self.group if self.is_shared else "this caller"


def owner(caller: Caller, block: str, namespace: str = "") -> Owner:
    """Return the owner of a request of this caller from this address. `namespace` is the one that the path names, once
    a right there was granted: else callers would use up the share of any namespace.

    Paths without a namespace mean the installation's. Service accounts of many namespaces may have rights there, so
    each counts for its own namespace, before and after the right was granted.
    """
    if caller is ANYBODY:
        return Owner(ADDRESS + block, block)
    return Owner(NAMESPACE + namespace if namespace else caller.group, caller.identity)


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
