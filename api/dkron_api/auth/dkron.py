"""Tokens of ours, and the policies that say what they may do: patterns of paths, and the capabilities that they grant
(Dkron behaviour §7). Of the patterns that match a path, only the most specific one decides. Nothing is granted to a
path that none matches.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from dkron_api.auth.caller import Caller, Need, key_of
from dkron_api.auth.token_secrets import PREFIX, Token
from dkron_api.settings import AuthMode
from dkron_api.translate.record import Object
from dkron_crds.policy import Capability
from dkron_kube.errors import Unavailable

_ANY = {"**": ".*", "*": "[^/]*"}
_WILDCARD = re.compile(r"\*\*|\*")


class Rules:
    """The rules of one policy, the most specific first, so that the first one that matches decides."""

    def __init__(self, paths: Mapping[str, Iterable[Capability]]) -> None:
        ordered = sorted(paths, key=specificity, reverse=True)
        # In a tuple of enumeration members the identity is compared; a set would hash each by a Python function.
        self._rules = tuple((_compiled(pattern).fullmatch, tuple(paths[pattern])) for pattern in ordered)

    def grant(self, path: str, capability: Capability) -> bool:
        """Whether the policy grants this for this path."""
        for fits, capabilities in self._rules:
            if fits(path):
                return capability in capabilities
        return False


def specificity(pattern: str) -> tuple[tuple[int, ...], str]:
    """Return a key by which a more specific pattern is greater. Segments count from the left: a literal one before one
    that ends with `*`, the longer before the shorter, then `*`, then `**`. The text itself settles a tie."""
    return tuple(_weight(segment) for segment in pattern.split("/")), pattern


def _weight(segment: str) -> int:
    if segment == "**":
        return 0
    if "*" not in segment:
        return 1_000_000
    return 1 + len(_WILDCARD.sub("", segment))


def _compiled(pattern: str) -> re.Pattern[str]:
    parts, at = [], 0
    for wildcard in _WILDCARD.finditer(pattern):
        parts += [re.escape(pattern[at : wildcard.start()]), _ANY[wildcard[0]]]
        at = wildcard.end()
    return re.compile("".join([*parts, re.escape(pattern[at:])]), re.DOTALL)


ACL = "/v1/acl/"


class DkronScheme:
    """Recognizes the tokens that are cached, and reads the policies that are. Both caches follow a watch, so that a
    token that is deleted, or a policy that is changed, counts within a second. `waiting_for` says what has not been
    read yet."""

    how = AuthMode.DKRON
    audiences = ()

    def __init__(
        self,
        tokens: Callable[[bytes], Token | None],
        policy: Callable[[str], Rules | None],
        *,
        waiting_for: Callable[[], str],
        clock: Callable[[], datetime],
    ) -> None:
        self._token = tokens
        self._policy = policy
        self._waiting_for = waiting_for
        self._clock = clock
        self._all_read = False

    def takes(self, token: str) -> bool:
        """Whether it begins as our tokens do."""
        return token.startswith(PREFIX)

    def knows(self, token: str) -> bool:
        """Whether this token exists."""
        return self._token(key_of(token)) is not None

    async def caller(self, token: str, address: str = "") -> Caller | None:  # noqa: ARG002 - asks no other server
        """Return who the token belongs to; None if there is no such token, or it has expired. Raises `Unavailable`
        until all tokens and policies are known."""
        if missing := self._waiting_for():
            raise Unavailable(f"not ready yet: {missing}")
        # From now on the caches have all, or what they had before.
        self._all_read = True
        return self.recall(key_of(token))

    def recall(self, key: bytes) -> Caller | None:
        """Return who the token belongs to, if all tokens and policies are known, and this one."""
        known = self._token(key) if self._all_read else None
        return None if known is None or known.has_expired(self._clock) else known.caller

    async def allows(self, caller: Caller, need: Need) -> bool:
        """Whether it is a management token, or one of its policies grants the capability. Only management tokens have
        rights to policies."""
        return self.recall_right(caller, need)

    def recall_right(self, caller: Caller, need: Need) -> bool:
        """The same: it asks no one."""
        return caller.management or policies_allow(caller.policies, need, self._policy)


def policies_allow(names: Iterable[str], need: Need, policy: Callable[[str], Rules | None]) -> bool:
    """Whether one of these policies grants what is needed. None grants rights to policies."""
    if need.path.startswith(ACL):
        return False
    for name in names:
        rules = policy(name)
        if rules is not None and rules.grant(need.path, need.capability):
            return True
    return False


def rules_of(policy: Object) -> Rules:
    """Return the rules of a DkronPolicy."""
    paths: Mapping[str, Any] = policy["spec"]["path"]
    return Rules({path: map(Capability, rule.get("capabilities") or ()) for path, rule in paths.items()})


class TokenIndex:
    """Tokens by their keys. `changed` is a listener of the cache of Secrets."""

    def __init__(self) -> None:
        self._tokens: dict[bytes, Token] = {}
        self.get = self._tokens.get
        """Returns the token with this key; None if there is none."""

    def changed(self, before: Token | None, after: Token | None) -> None:
        """Take in a change of one token."""
        if before is not None and self._tokens.get(before.key) == before:
            del self._tokens[before.key]
        if after is not None:
            self._tokens[after.key] = after
