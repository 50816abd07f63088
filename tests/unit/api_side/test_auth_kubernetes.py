"""Tokens and rights that the API server is asked about."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dkron_api.auth import kubernetes
from dkron_api.auth.caller import Caller, Need, Owner, Right, key_of
from dkron_api.auth.kubernetes import (
    AGAIN,
    ALLOWED_SECONDS,
    DENIED_SECONDS,
    FIRST,
    KNOWN_SECONDS,
    RIGHTS,
    UNKNOWN_SECONDS,
    Bounds,
    KubernetesScheme,
    ReviewQueue,
    Rights,
    access_review,
    read_token_review,
)
from dkron_api.cache.expiring import Kept
from dkron_api.settings import AuthMode
from dkron_crds.policy import Capability
from dkron_kube.client import KubeClient
from dkron_kube.errors import Unavailable
from dkron_kube.paths import Resource

Object = dict[str, Any]
CI = Caller("system:serviceaccount:team:ci", AuthMode.KUBERNETES, groups=("system:authenticated",), uid="u1")
USER = {"username": CI.name, "groups": list(CI.groups), "uid": "u1"}


@dataclass
class Reviewer:
    """An API server that answers reviews with these statuses, one after the other."""

    statuses: list[Object | Exception]
    asked: list[Object] = field(default_factory=list)
    now: float = 0.0

    async def create(self, _: Resource, namespace: str | None, body: Object) -> Object:
        assert namespace is None
        self.asked.append(body["spec"])
        await asyncio.sleep(0)
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if isinstance(status, Exception):
            raise status
        return {**body, "status": status}

    def clock(self) -> float:
        return self.now

    @property
    def kube(self) -> KubeClient:
        return cast("KubeClient", self)


@pytest.mark.parametrize(
    ("status", "audiences", "expected"),
    [
        pytest.param({"authenticated": True, "user": USER}, (), CI, id="a user"),
        pytest.param({"authenticated": True, "user": USER, "audiences": ["dkron"]}, ("dkron",), CI, id="for us"),
        pytest.param({"authenticated": True, "user": USER, "audiences": ["x"]}, ("dkron",), None, id="for others"),
        pytest.param({"authenticated": True, "user": USER}, ("dkron",), None, id="a server that ignores audiences"),
        pytest.param({"authenticated": False, "user": USER}, (), None, id="not authenticated"),
        pytest.param({"authenticated": "true", "user": USER}, (), None, id="a text is no truth"),
        pytest.param({"authenticated": True, "user": {}}, (), None, id="a user without a name"),
        pytest.param({}, (), None, id="nothing"),
    ],
)
def test_token_belongs_to_the_reviewed_user(
    status: Object, audiences: tuple[str, ...], expected: Caller | None
) -> None:
    assert read_token_review({"status": status}, audiences) == expected


@pytest.mark.parametrize(
    ("right", "expected"),
    [
        pytest.param(
            Right("create", "dkronjobs/run", name="a", namespace="team"),
            {
                "resourceAttributes": {
                    "verb": "create", "group": "dkron.io", "resource": "dkronjobs", "subresource": "run", "name": "a",
                    "namespace": "team",
                }
            },
            id="a job",
        ),
        pytest.param(
            Right("get", "secrets", name="db", namespace="team", group=""),
            {
                "resourceAttributes": {
                    "verb": "get", "group": "", "resource": "secrets", "name": "db", "namespace": "team",
                }
            },
            id="a Secret",
        ),
        pytest.param(
            Right("get", path="/metrics"), {"nonResourceAttributes": {"verb": "get", "path": "/metrics"}}, id="a path"
        ),
    ],
)  # fmt: skip
def test_a_review_asks_for_exactly_this_right(right: Right, expected: Object) -> None:
    spec = access_review(CI, right)["spec"]
    assert spec == {"user": CI.name, "groups": list(CI.groups), "uid": "u1", **expected}


def _scheme(server: Reviewer) -> KubernetesScheme:
    return KubernetesScheme(server.kube, Rights(server.kube, clock=server.clock), (), clock=server.clock)


async def test_a_token_is_asked_about_once_a_minute() -> None:
    server = Reviewer([{"authenticated": True, "user": USER}])
    tokens = _scheme(server)
    assert await asyncio.gather(*(tokens.caller("t") for _ in range(20))) == [CI] * 20
    server.now = KNOWN_SECONDS - 1
    assert (tokens.recall(key_of("t")), await tokens.caller("t"), len(server.asked)) == (CI, CI, 1)
    server.now, server.statuses = KNOWN_SECONDS + 1, [{"authenticated": False}]
    assert tokens.recall(key_of("t")) is None
    assert (await tokens.caller("t"), len(server.asked)) == (None, 2)
    server.now += UNKNOWN_SECONDS + 1
    assert (await tokens.caller("t"), len(server.asked)) == (None, 3)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"name": "x"}, id="name"),
        pytest.param({"how": AuthMode.OIDC}, id="scheme"),
        pytest.param({"groups": ("system:masters",)}, id="groups"),
        pytest.param({"uid": "u2"}, id="uid"),
        pytest.param({"extra": {"authentication.kubernetes.io/credential-id": ("JTI=2",)}}, id="extra"),
        pytest.param({"policies": ("p",)}, id="policies"),
        pytest.param({"management": True}, id="management"),
    ],
)
def test_callers_share_answers_only_if_indistinguishable(change: dict[str, Any]) -> None:
    assert (replace(CI).key, replace(CI, **change).key == CI.key) == (CI.key, False)


async def test_an_answer_is_about_one_caller_and_one_right() -> None:
    server = Reviewer([{"allowed": True}, {"allowed": False}, {"allowed": False}])
    rights, right = Rights(server.kube, clock=server.clock), Right("list", "dkronjobs", namespace="team")
    asked = [(CI, right), (replace(CI, uid="u2"), right), (CI, right._replace(namespace="other")), (CI, right)]
    assert [await rights.allows(*each) for each in asked] == [True, False, False, True]
    assert len(server.asked) == 3


async def test_granted_or_revoked_right_takes_effect_soon() -> None:
    server = Reviewer([{"allowed": False}, {"allowed": True}, {"allowed": True, "denied": True}])
    rights, right = Rights(server.kube, clock=server.clock), Right("list", "dkronjobs", namespace="team")
    assert not await rights.allows(CI, right)
    server.now += DENIED_SECONDS + 1
    assert await rights.allows(CI, right)
    server.now += ALLOWED_SECONDS + 1
    assert not await rights.allows(CI, right), "an authorizer denies it"


async def test_failed_review_is_not_cached() -> None:
    server = Reviewer([Unavailable("away"), {"allowed": True}])
    rights, right = Rights(server.kube, clock=server.clock), Right("list", "dkronjobs", namespace="team")
    with pytest.raises(Unavailable):
        await rights.allows(CI, right)
    assert await rights.allows(CI, right)


MOST, FRESH = 4, 30
KEYS = st.integers(0, 7)


@given(st.lists(st.tuples(st.sampled_from(("get", "put", "drop")), KEYS, st.sampled_from((0, 0, 1, FRESH)))))
def test_cache_answers_only_fresh_entries_of_the_same_key(
    steps: list[tuple[str, int, int]],
) -> None:
    now, put = 0, dict[int, tuple[int, int]]()
    kept: Kept[int, int] = Kept(most=MOST, seconds=lambda _: FRESH, clock=lambda: now)
    for number, (step, key, seconds) in enumerate(steps):
        now += seconds
        if step == "put":
            kept.put(key, number)
            put[key] = number, now
        elif step == "drop":
            kept.drop(key)
            put.pop(key, None)
        elif (answer := kept.get(key)) is not None:
            assert (answer, now < put[key][1] + FRESH) == (put[key][0], True)
        assert len(kept) <= MOST


def test_a_flood_of_answers_leaves_one_that_is_in_use() -> None:
    kept: Kept[int, int] = Kept(most=3, seconds=lambda _: 60.0, clock=lambda: 0.0)
    for key in (0, 1):
        kept.put(key, key)
    for key in range(2, 100):
        assert (kept.get(0), len(kept)) == (0, min(key, 3))
        kept.put(key, key)
    assert kept.get(1) is None


@given(st.lists(st.tuples(st.sampled_from(("get", "put", "drop")), st.sampled_from("abc"), KEYS)))
def test_answers_of_one_group_stay_few(steps: list[tuple[str, str, int]]) -> None:
    kept: Kept[int, bool] = Kept(most=MOST, of_group=2, seconds=lambda _: 1.0, clock=lambda: 0.0)
    for step, group, key in steps:
        if step == "put":
            kept.put(key, True, group)
        elif step == "get":
            kept.get(key)
        else:
            kept.drop(key)
        assert sorted(kept._kept) == sorted(key for own in kept._groups.values() for key in own)
        assert len(kept) <= MOST
        assert all(0 < len(own) <= 2 for own in kept._groups.values())


def account(number: int, namespace: str = "greedy") -> Caller:
    """A service account."""
    return replace(CI, name=f"system:serviceaccount:{namespace}:a{number}", uid=f"u-{number}-of-{namespace}")


async def test_accounts_of_a_namespace_keep_the_rights_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubernetes, "MOST_RIGHTS", 64)
    server = Reviewer([{"allowed": True}])
    rights, right = Rights(server.kube, clock=server.clock), Right("get", "dkronjobs", namespace="team")
    await rights.allows(CI, right)
    for number in range(200):
        await rights.allows(account(number % 8), right._replace(name=f"random-{number}"))
    assert rights.recall(CI, Need(right, "", Capability.READ)) is True


async def test_tokens_of_a_namespace_keep_the_tokens_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubernetes, "MOST_TOKENS", 64)
    greedy = {"username": account(0).name, "uid": "u"}
    server = Reviewer([{"authenticated": True, "user": USER}, {"authenticated": True, "user": greedy}])
    tokens = _scheme(server)
    assert await tokens.caller("t") == CI
    for number in range(200):
        await tokens.caller(f"t{number}")
    assert (tokens.recall(key_of("t")), len(tokens._known)) == (CI, 1 + 16)


async def test_cancelled_caller_does_not_cancel_the_shared_review() -> None:
    server = Reviewer([{"authenticated": True, "user": USER}])
    tokens = _scheme(server)
    first, second = asyncio.create_task(tokens.caller("t")), asyncio.create_task(tokens.caller("t"))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second, len(server.asked)) == (CI, 1)


@dataclass
class BusyServer(Reviewer):
    """Knows only the token `good`, and takes its time. `most` is how many reviews it has had at once."""

    busy: int = 0
    most: int = 0

    async def create(self, _: Resource, namespace: str | None, body: Object) -> Object:
        assert namespace is None
        self.asked.append(body["spec"])
        self.busy += 1
        self.most = max(self.most, self.busy)
        for _turn in range(3):
            await asyncio.sleep(0)
        self.busy -= 1
        good = body["spec"].get("token") == "good"
        return {**body, "status": {"authenticated": True, "user": USER} if good else {"authenticated": False}}


@pytest.mark.parametrize("addresses", [pytest.param(1, id="from one address"), pytest.param(500, id="from many")])
async def test_flood_of_wrong_tokens_does_not_delay_a_known_token(addresses: int) -> None:
    server = BusyServer([{}])
    tokens = _scheme(server)
    assert await tokens.caller("good", "a0") == CI
    flood: list[asyncio.Task[Caller | None]] = []
    for _ in range(20):
        numbers = range(len(flood), len(flood) + 500)
        flood += [asyncio.create_task(tokens.caller(f"t{n}", f"a{n % addresses}")) for n in numbers]
        for _turn in range(2):
            await asyncio.sleep(0)
        server.now += KNOWN_SECONDS
        before = len(server.asked)
        assert await tokens.caller("good", "a0") == CI
        turn = [spec["token"] for spec in server.asked[before:]].index("good")
        assert turn == 0, "the good one waits for the flood"
        assert await tokens.caller("good", "a0") == CI
    answers = await asyncio.gather(*flood, return_exceptions=True)
    assert {type(answer) for answer in answers} == {type(None), Unavailable}
    assert server.most <= FIRST.running + 1
    assert (sum("good" in spec.values() for spec in server.asked), len(tokens._known)) == (1 + 20, 1)


async def test_unknown_token_waits_its_turn_among_addresses() -> None:
    server = BusyServer([{}])
    tokens = _scheme(server)
    flood = [asyncio.create_task(tokens.caller(f"t{n}", f"a{n % 4}")) for n in range(FIRST.running + 4 * 20)]
    await asyncio.sleep(0)
    assert await tokens.caller("good", "elsewhere") == CI
    turn = [spec["token"] for spec in server.asked].index("good")
    assert turn <= FIRST.running + 4, "it was behind more than one of each address"
    await asyncio.gather(*flood)


async def test_known_token_passes_known_tokens_of_another_namespace() -> None:
    server = BusyServer([{}])
    tokens = _scheme(server)
    assert await tokens.caller("good") == CI
    for number in range(1000):
        tokens._known.put(key_of(f"t{number}"), account(0), account(0).group)
    server.now += KNOWN_SECONDS
    flood = [asyncio.create_task(tokens.caller(f"t{number}")) for number in range(1000)]
    await asyncio.sleep(0)
    assert await tokens.caller("good") == CI
    assert len(server.asked) <= 4 * AGAIN.running_of_group, "it waited for them"
    await asyncio.gather(*flood)


@dataclass(frozen=True)
class Greedy:
    """So many accounts of a namespace that ask for rights at once, and how many reviews they get."""

    accounts: int
    most: int


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Greedy(accounts=1, most=RIGHTS.most_of_caller), id="one account"),
        pytest.param(Greedy(accounts=20, most=RIGHTS.most_of_group), id="twenty accounts"),
    ],
)
async def test_access_reviews_queue_by_namespace_up_to_a_limit(case: Greedy) -> None:
    server = BusyServer([{}])
    rights = Rights(server.kube, clock=server.clock)

    def ask(caller: Caller, number: int) -> "asyncio.Task[bool]":
        return asyncio.create_task(
            rights.allows(caller, Right("get", "dkronjobs", name=f"j{number}", namespace="team"))
        )

    greedy = [ask(account(number % case.accounts), number) for number in range(1000)]
    await asyncio.sleep(0)
    assert await ask(CI, 0) is False
    assert len(server.asked) <= 4 * RIGHTS.running_of_group, "the other waited for the greedy ones"
    answers = await asyncio.gather(*greedy, return_exceptions=True)
    refused = sum(isinstance(answer, Unavailable) for answer in answers)
    assert (refused, server.most) == (1000 - case.most, RIGHTS.running_of_group + 1)


OWNERS = [Owner("a", "x"), Owner("a", "y"), Owner("b", "x"), Owner("c", "x")]
STEPS = st.tuples(st.sampled_from(OWNERS), st.sampled_from(("enter", "leave", "cancel")))


@given(st.lists(STEPS, max_size=40))
def test_a_queue_keeps_its_bounds_and_strands_no_one(steps: list[tuple[Owner, str]]) -> None:
    bounds = Bounds(running=3, running_of_group=2, most=9, most_of_group=5, most_of_caller=3)

    async def play() -> None:
        queue, inside = ReviewQueue(bounds), Counter[str]()
        tasks: dict[Owner, list[asyncio.Task[None]]] = {owner: [] for owner in OWNERS}
        doors: dict[asyncio.Task[None], asyncio.Event] = {}

        async def hold(owner: Owner, door: asyncio.Event) -> None:
            async with queue.place(owner):
                inside[owner.group] += 1
                assert inside.total() <= bounds.running
                assert inside[owner.group] <= bounds.running_of_group
                assert queue._asked[""] <= bounds.most
                assert queue._asked[owner.group] <= bounds.most_of_group
                assert queue._asked[owner] <= bounds.most_of_caller
                try:
                    await door.wait()
                finally:
                    inside[owner.group] -= 1

        for owner, step in steps:
            if step == "enter":
                door = asyncio.Event()
                tasks[owner].append(task := asyncio.create_task(hold(owner, door)))
                doors[task] = door
            elif tasks[owner]:
                task = tasks[owner].pop(0)
                task.cancel() if step == "cancel" else doors[task].set()
            await asyncio.sleep(0)
        for door in doors.values():
            door.set()
        async with asyncio.timeout(5):
            answers = await asyncio.gather(*doors, return_exceptions=True)
        assert all(isinstance(each, Unavailable | asyncio.CancelledError | None) for each in answers), answers
        assert (queue._asked, queue._turns._free) == ({}, bounds.running), "places are lost"

    asyncio.run(play())
