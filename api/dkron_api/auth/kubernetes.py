"""Asks the API server who a token belongs to (TokenReview), and what that user may do (SubjectAccessReview).

So many reviews run at once, so that a flood of requests does not become one of reviews. The others wait, and take turns
by owner (an address, or a caller): an owner with many has to wait, one with a few hardly does.
"""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from dkron_api.auth.caller import Caller, Need, Right, key_of
from dkron_api.cache.expiring import Kept, KeptByOwner, Questions
from dkron_api.settings import AuthMode
from dkron_api.translate.record import Object
from dkron_kube.client import KubeClient
from dkron_kube.errors import Unavailable
from dkron_kube.paths import SUBJECT_ACCESS_REVIEWS, TOKEN_REVIEWS


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many reviews may run and wait: of all owners, and of one."""

    running: int
    running_of_one: int
    waiting: int
    waiting_of_one: int


class ReviewQueue:
    """Admits reviews within the bounds."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._running: Counter[str] = Counter()
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def place(self, owner: str) -> AsyncIterator[None]:
        """Hold a place for one review. Raises `Unavailable` if too many wait already."""
        if self._is_free_for(owner):
            self._running[owner] += 1
        else:
            await self._wait(owner)
        try:
            yield
        finally:
            self._leave(owner)

    def _is_free_for(self, owner: str) -> bool:
        bounds = self._bounds
        return self._running.total() < bounds.running and self._running[owner] < bounds.running_of_one

    async def _wait(self, owner: str) -> None:
        waiting, bounds = self._waiting.get(owner, ()), self._bounds
        if len(waiting) >= bounds.waiting_of_one or sum(map(len, self._waiting.values())) >= bounds.waiting:
            raise Unavailable("too many callers are being asked about already", retry_after=1.0)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(owner, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                # The place was given in the same moment.
                self._leave(owner)
            else:
                turns = self._waiting[owner]
                turns.remove(turn)
                if not turns:
                    del self._waiting[owner]
            raise

    def _leave(self, owner: str) -> None:
        self._running[owner] -= 1
        if not self._running[owner]:
            del self._running[owner]
        for each in list(self._waiting):
            if self._running.total() >= self._bounds.running:
                return
            if self._is_free_for(each):
                self._admit(each)

    def _admit(self, owner: str) -> None:
        turns = self._waiting.pop(owner)
        turns.popleft().set_result(None)
        self._running[owner] += 1
        if turns:
            # Behind all others that wait.
            self._waiting[owner] = turns


KNOWN_SECONDS, UNKNOWN_SECONDS = 60.0, 10.0
"""Seconds until a token that was recognized, or not, is asked about again."""
ALLOWED_SECONDS, DENIED_SECONDS = 30.0, 5.0
"""Seconds that an answer about a right is kept. A right that is given works soon; one that is taken away works no
longer than this."""
FIRST = Bounds(running=32, running_of_one=8, waiting=128, waiting_of_one=32)
"""Tokens that were never recognized, by address. They are few enough to leave places of --max-requests to others."""
AGAIN = Bounds(running=32, running_of_one=32, waiting=4096, waiting_of_one=4096)
"""Tokens that were recognized before. There are no more of them than are kept."""
RIGHTS = Bounds(running=32, running_of_one=8, waiting=1024, waiting_of_one=256)
"""Rights that are asked about, by caller."""
MOST_TOKENS, MOST_UNKNOWN, MOST_RIGHTS = 4096, 4096, 16384
"""Answers to keep, whatever callers send."""
MOST_RIGHTS_OF_ONE = 2048
"""Those about the rights of one caller."""


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
        self._known: Kept[bytes, Caller] = Kept(most=MOST_TOKENS, seconds=lambda _: KNOWN_SECONDS, clock=clock)
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
        place = self._again.place("") if key in self._known else self._first.place(address)
        async with place:
            caller = await self._review(token)
        if caller is None:
            self._known.drop(key)
            self._unknown.put(key, True)
        else:
            self._known.put(key, caller)
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
        self._kept: KeptByOwner[bytes, Right, bool] = KeptByOwner(
            most=MOST_RIGHTS,
            most_of_one=MOST_RIGHTS_OF_ONE,
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
        async with self._queue.place(caller.identity):
            answer = await self._kube.create(SUBJECT_ACCESS_REVIEWS, None, access_review(caller, right))
        status = answer.get("status") or {}
        allowed = status.get("allowed") is True and status.get("denied") is not True
        self._kept.put((caller.key, right), allowed)
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
