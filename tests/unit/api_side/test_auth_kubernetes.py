"""Tokens and rights that the API server is asked about."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from dkron_api.auth.caller import Caller, Right
from dkron_api.auth.expiring import ExpiringCache
from dkron_api.auth.kubernetes import (
    ALLOWED_SECONDS,
    DENIED_SECONDS,
    KNOWN_SECONDS,
    MOST_REVIEWS,
    UNKNOWN_SECONDS,
    Rights,
    Tokens,
    access_review,
    read_token_review,
)
from dkron_api.settings import AuthMode
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
        pytest.param({"authenticated": True, "user": {}}, (), None, id="nobody"),
        pytest.param({"authenticated": True}, (), None, id="no user"),
        pytest.param({"error": "expired"}, (), None, id="an error"),
        pytest.param({}, (), None, id="nothing"),
    ],
)
def test_a_token_belongs_to_whom_the_review_names(
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


async def test_a_token_is_asked_about_once_a_minute() -> None:
    server = Reviewer([{"authenticated": True, "user": USER}])
    tokens = Tokens(server.kube, (), clock=server.clock)
    assert await asyncio.gather(*(tokens.caller("t") for _ in range(20))) == [CI] * 20
    server.now = KNOWN_SECONDS - 1
    assert (await tokens.caller("t"), len(server.asked)) == (CI, 1)
    server.now, server.statuses = KNOWN_SECONDS + 1, [{"authenticated": False}]
    assert (await tokens.caller("t"), len(server.asked)) == (None, 2)
    server.now += UNKNOWN_SECONDS + 1
    assert (await tokens.caller("t"), len(server.asked)) == (None, 3)


async def test_a_right_that_is_given_or_taken_away_counts_soon() -> None:
    server = Reviewer([{"allowed": False}, {"allowed": True}, {"allowed": True, "denied": True}])
    rights, right = Rights(server.kube, clock=server.clock), Right("list", "dkronjobs", namespace="team")
    assert not await rights.allows(CI, right)
    server.now += DENIED_SECONDS + 1
    assert await rights.allows(CI, right)
    server.now += ALLOWED_SECONDS + 1
    assert not await rights.allows(CI, right), "an authorizer denies it"


async def test_what_could_not_be_found_out_is_not_kept() -> None:
    server = Reviewer([Unavailable("away"), {"allowed": True}])
    rights, right = Rights(server.kube, clock=server.clock), Right("list", "dkronjobs", namespace="team")
    with pytest.raises(Unavailable):
        await rights.allows(CI, right)
    assert await rights.allows(CI, right)


async def test_the_cache_is_bounded_and_the_oldest_goes_first() -> None:
    cache: ExpiringCache[int, int] = ExpiringCache(most=3, seconds=lambda _: 60.0, clock=lambda: 0.0)
    asked: list[int] = []

    async def ask(key: int) -> int:
        asked.append(key)
        return key

    for key in (1, 2, 3, 4, 2, 1):
        assert await cache.get(key, lambda key=key: ask(key)) == key  # type: ignore[misc]
    assert (asked, len(cache)) == ([1, 2, 3, 4, 1], 3)


async def test_a_client_that_leaves_takes_no_answer_from_the_others() -> None:
    server = Reviewer([{"authenticated": True, "user": USER}])
    tokens = Tokens(server.kube, (), clock=server.clock)
    first, second = asyncio.create_task(tokens.caller("t")), asyncio.create_task(tokens.caller("t"))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second, len(server.asked)) == (CI, 1)


async def test_a_flood_of_tokens_is_not_passed_on() -> None:
    server = Reviewer([{"authenticated": False}])
    tokens = Tokens(server.kube, (), clock=server.clock)
    answers = await asyncio.gather(*(tokens.caller(f"t{n}") for n in range(MOST_REVIEWS * 3)), return_exceptions=True)
    assert len(server.asked) == MOST_REVIEWS
    assert sum(isinstance(answer, Unavailable) for answer in answers) == MOST_REVIEWS * 2
