"""Tokens whose hash is remembered: this changes nothing but the time that a request takes."""

import asyncio
from dataclasses import dataclass, field

from hypothesis import example, given
from hypothesis import strategies as st

from dkron_api.auth.caller import Caller, Need, key_of
from dkron_api.auth.guard import Guard
from dkron_api.auth.recent_tokens import LONGEST, RecentTokens
from dkron_api.refusal import ApiError
from dkron_api.settings import AuthMode
from tests.support.waiting import wait_for

MOST = 1
Headers = dict[str, str]


@dataclass
class Door:
    """Recognizes the tokens in `owners`, of which each may get another owner, or none, at any time."""

    owners: dict[str, str] = field(default_factory=dict)
    how = AuthMode.DKRON
    audiences = ()

    def takes(self, _: str) -> bool:
        return True

    def knows(self, token: str) -> bool:
        return token in self.owners

    def recall(self, key: bytes) -> Caller | None:
        return next((Caller(owner, self.how) for token, owner in self.owners.items() if key_of(token) == key), None)

    def recall_right(self, caller: Caller, need: Need) -> bool | None:
        raise NotImplementedError

    async def caller(self, token: str, address: str) -> Caller | None:  # noqa: ARG002 - the guard's
        return self.recall(key_of(token))

    async def allows(self, caller: Caller, need: Need) -> bool:
        raise NotImplementedError


async def owner(guard: Guard, headers: Headers) -> str:
    try:
        return (await guard.identify(headers)).name
    except ApiError as error:
        return str(error.status)


VALUES = ("Bearer a", "bearer a", "Bearer  b ", "Basic a", "Bearer", "Bearer c")
SENT: list[Headers] = [{"Authorization": value} for value in VALUES]
SENT += [{"Authorization": value, "X-Dkron-Token": token} for value in VALUES[2:5] for token in "ab"]
OWNERS = st.dictionaries(st.sampled_from("abc"), st.sampled_from(("ann", "bob")))


@example([{"Authorization": "Basic a", "X-Dkron-Token": token} for token in "ab"])
@given(st.lists(st.sampled_from(SENT) | st.sampled_from(SENT) | OWNERS.map(Door) | st.just("later"), max_size=40))
def test_callers_are_those_of_a_guard_that_remembers_nothing(steps: list[Headers | Door | str]) -> None:
    async def play() -> None:
        door, recent = Door({"a": "ann", "b": "bob", "c": "ann"}), RecentTokens(most=MOST)
        guard = Guard([door], recent)
        for step in steps:
            if isinstance(step, Door):
                door.owners = step.owners
            elif isinstance(step, str):
                recent._age()
            else:
                expected = await owner(Guard([door]), step)
                assert [await owner(guard, step), await owner(guard, step)] == [expected] * 2
                assert expected != "401" or step.get("Authorization") not in recent, "what is not valid takes a place"
            assert recent.held <= 2 * MOST

    asyncio.run(play())


async def test_a_token_is_forgotten_after_its_last_use() -> None:
    recent = RecentTokens(seconds=0.01)
    assert (await owner(Guard([Door({"a": "ann"})], recent), {"Authorization": "Bearer a"}), recent.held) == ("ann", 1)
    assert "Bearer" not in f"{recent} {recent!r}"
    await asyncio.to_thread(
        wait_for, "the token to be forgotten", lambda: recent.held, lambda held: held == 0, seconds=5
    )
    assert recent._timer is None, "nothing is left to wait for"


async def test_a_long_token_is_not_remembered() -> None:
    recent, token = RecentTokens(), "x" * LONGEST
    assert await owner(Guard([Door({token: "ann"})], recent), {"Authorization": f"Bearer {token}"}) == "ann"
    assert recent.held == 0
