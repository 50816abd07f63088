"""Asks the API server who a token belongs to (TokenReview), and what that user may do (SubjectAccessReview).

So many reviews run at once, so that a flood of requests does not become one of reviews. The others wait, and take turns
by the group of their owner: a namespace or an address with many has to wait, one with a few hardly does.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from dkron_api.auth.caller import ANYBODY, Caller, Need, Owner, Right, key_of, owner
from dkron_api.cache.expiring import Kept, Questions
from dkron_api.settings import AuthMode
from dkron_api.translate.record import Object
from dkron_kube.client import KubeClient
from dkron_kube.errors import Unavailable
from dkron_kube.paths import SUBJECT_ACCESS_REVIEWS, TOKEN_REVIEWS
from dkron_runtime.turns import Turns


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many reviews may run, and how many may run or wait: of all, of one group, and of one caller in it."""

    running: int
    running_of_group: int
    most: int
    most_of_group: int
    most_of_caller: int


class ReviewQueue:
    """Admits reviews within the bounds."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._turns = Turns(bounds.running, share=bounds.running_of_group)
        self._asked: Counter[Owner | str] = Counter()

    @asynccontextmanager
    async def place(self, owner: Owner) -> AsyncIterator[None]:
        """Hold a place for one review. Raises `Unavailable` if too many wait already."""
        bounds = self._bounds
        most: dict[Owner | str, int] = {
            "": bounds.most,
            owner.group: bounds.most_of_group,
            owner: bounds.most_of_caller,
        }
        if any(self._asked[each] >= bound for each, bound in most.items()):
            raise Unavailable("too many callers are being asked about already", retry_after=1.0)
        self._asked.update(most.keys())
        try:
            async with self._turns.place(owner.group):
                yield
        finally:
            for each in most:
                self._asked[each] -= 1
                if not self._asked[each]:
                    del self._asked[each]


KNOWN_SECONDS, UNKNOWN_SECONDS = 60.0, 10.0
"""Seconds until a token that was recognized, or not, is asked about again."""
ALLOWED_SECONDS, DENIED_SECONDS = 30.0, 5.0
"""Seconds that an answer about a right is kept. A right that is given works soon; one that is taken away works no
longer than this."""
FIRST = Bounds(running=32, running_of_group=8, most=160, most_of_group=40, most_of_caller=40)
"""Tokens that were never recognized, by address. They are few enough to leave places of --max-requests to others."""
AGAIN = Bounds(running=32, running_of_group=8, most=4096, most_of_group=1024, most_of_caller=1024)
"""Tokens that were recognized before, by group. There are no more of them than are kept."""
RIGHTS = Bounds(running=32, running_of_group=8, most=1056, most_of_group=264, most_of_caller=132)
"""Rights that are asked about, by group."""
MOST_TOKENS, MOST_UNKNOWN, MOST_RIGHTS = 4096, 4096, 16384
"""Answers to keep, whatever callers send. One group has a quarter of the tokens that were recognized, and of the
rights: a service account has any number of tokens, and a namespace any number of service accounts."""


class KubernetesScheme:
    """Recognizes every token that the API server does, and asks it about each right. Only a token's hash is kept.

    Tokens that were recognized have a cache and places for reviews of their own: a flood of wrong tokens neither pushes
    them out nor makes them wait.
    """

    how = AuthMode.KUBERNETES

    def __init__(
        self, kube: KubeClient, rights: "Rights", audiences: Sequence[str], *, clock: Callable[[], float]
    ) -> None:
        self._kube = kube
        self._rights = rights
        self.audiences = tuple(audiences)
        self._known: Kept[bytes, Caller] = Kept(
            most=MOST_TOKENS, of_group=MOST_TOKENS // 4, seconds=lambda _: KNOWN_SECONDS, clock=clock
        )
        self._unknown: Kept[bytes, bool] = Kept(most=MOST_UNKNOWN, seconds=lambda _: UNKNOWN_SECONDS, clock=clock)
        self._questions: Questions[bytes, Caller | None] = Questions()
        self._first, self._again = ReviewQueue(FIRST), ReviewQueue(AGAIN)
        self.recall = self._known.get
        self.recall_right = rights.recall

    def takes(self, token: str) -> bool:
        """A token that no other scheme takes may be one of the cluster."""
        return bool(token)

    def knows(self, token: str) -> bool:
        """Whether the token has been recognized."""
        return key_of(token) in self._known

    async def caller(self, token: str, address: str = "") -> Caller | None:
        """Return whose token it is; None if the API server does not know it. Raises `KubeError`."""
        key = key_of(token)
        known = self._known.get(key)
        if known is not None or self._unknown.get(key):
            return known
        return await self._questions.ask(key, partial(self._ask, key, token, address))

    async def allows(self, caller: Caller, need: Need) -> bool:
        """Whether the API server gives the caller this right. Raises `KubeError`."""
        return await self._rights.allows(caller, need.right)

    async def _ask(self, key: bytes, token: str, address: str) -> Caller | None:
        known = self._known.last(key)
        queue = self._first if known is None else self._again
        async with queue.place(owner(known or ANYBODY, address)):
            caller = await self._review(token)
        if caller is None:
            self._known.drop(key)
            self._unknown.put(key, True)
        else:
            self._known.put(key, caller, caller.group)
        return caller

    async def _review(self, token: str) -> Caller | None:
        spec: Object = {"token": token}
        if self.audiences:
            spec["audiences"] = list(self.audiences)
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec}
        answer = await self._kube.create(TOKEN_REVIEWS, None, body)
        return read_token_review(answer, self.audiences)


class Rights:
    """Answers whether a user may do something, by the cluster's own authorization."""

    def __init__(self, kube: KubeClient, *, clock: Callable[[], float]) -> None:
        self._kube = kube
        self._kept: Kept[tuple[bytes, Right], bool] = Kept(
            most=MOST_RIGHTS,
            of_group=MOST_RIGHTS // 4,
            seconds=lambda allowed: ALLOWED_SECONDS if allowed else DENIED_SECONDS,
            clock=clock,
        )
        self._questions: Questions[tuple[bytes, Right], bool] = Questions()
        self._queue = ReviewQueue(RIGHTS)

    def recall(self, caller: Caller, need: Need) -> bool | None:
        """Whether the caller has the right; None if that has to be asked for."""
        return self._kept.get((caller.key, need.right))

    async def allows(self, caller: Caller, right: Right) -> bool:
        """Whether the caller has the right. Raises `KubeError`."""
        key = caller.key, right
        known = self._kept.get(key)
        return await self._questions.ask(key, partial(self._ask, caller, right)) if known is None else known

    async def _ask(self, caller: Caller, right: Right) -> bool:
        async with self._queue.place(owner(caller, "")):
            answer = await self._kube.create(SUBJECT_ACCESS_REVIEWS, None, access_review(caller, right))
        status = answer.get("status") or {}
        allowed = status.get("allowed") is True and status.get("denied") is not True
        self._kept.put((caller.key, right), allowed, caller.group)
        return allowed


def read_token_review(answer: Object, audiences: Sequence[str]) -> Caller | None:
    """Return the user of a TokenReview that was answered. An API server that ignores audiences answers with others
    than the requested ones: that authenticates no caller."""
    status = answer.get("status") or {}
    user = status.get("user") or {}
    if status.get("authenticated") is not True or not user.get("username"):
        return None
    if audiences and not set(audiences) & set(status.get("audiences") or ()):
        return None
    extra = {str(key): tuple(map(str, values)) for key, values in (user.get("extra") or {}).items()}
    return Caller(
        name=str(user["username"]),
        how=AuthMode.KUBERNETES,
        groups=tuple(map(str, user.get("groups") or ())),
        uid=str(user.get("uid") or ""),
        extra=extra,
    )


def access_review(caller: Caller, right: Right) -> Object:
    """Return the SubjectAccessReview that asks for this right."""
    spec: Object = {"user": caller.name, "groups": list(caller.groups)}
    if caller.uid:
        spec["uid"] = caller.uid
    if caller.extra:
        spec["extra"] = {key: list(values) for key, values in caller.extra.items()}
    if right.path:
        spec["nonResourceAttributes"] = {"verb": right.verb, "path": right.path}
    else:
        resource, _, part = right.resource.partition("/")
        named = {"subresource": part, "name": right.name, "namespace": right.namespace}
        attributes = {"verb": right.verb, "group": right.group, "resource": resource, **named}
        spec["resourceAttributes"] = {key: value for key, value in attributes.items() if value or key == "group"}
    return {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
