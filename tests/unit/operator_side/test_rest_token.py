"""The token of the REST API in the operator's pod: written at once, renewed long before its end; its lack is told."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from dkron_kube.client import KubeClient
from dkron_kube.errors import KubeError, Rejected, Unavailable
from dkron_operator.cluster.rest_token import LEAST_LEFT, LIFE, RestAccount, RestToken
from dkron_operator.kit.clock import Clock
from tests.support.builders import NAMESPACE, NOON

pytestmark = pytest.mark.looptime

FORBIDDEN = Rejected("serviceaccounts/token is forbidden", status=403)
SILENT = Unavailable("no answer")
Object = dict[str, Any]


@dataclass
class Tokens:
    """An API server that issues tokens, or fails. `at` are the moments of the requests."""

    file: Path
    answer: Callable[[int], Object | KubeError]
    at: list[float] = field(default_factory=list)

    async def request_token(self, namespace: str, account: str, *, seconds: int) -> Object:
        assert (namespace, account, seconds) == (NAMESPACE, "dkron-api", LIFE)
        self.at.append(round(asyncio.get_running_loop().time()))
        answer = self.answer(len(self.at))
        if isinstance(answer, KubeError):
            raise answer
        return answer


def issued(number: int, *, seconds: int = LIFE) -> Object:
    return {"spec": {"expirationSeconds": seconds}, "status": {"token": f"token-{number}"}}


@asynccontextmanager
async def kept(tokens: Tokens, *, jump: timedelta = timedelta()) -> AsyncIterator[RestToken]:
    """Keep a token in the file. The wall clock has jumped by so much after ten minutes."""
    loop = asyncio.get_running_loop()

    def now() -> Any:
        return NOON + timedelta(seconds=loop.time()) + (jump if loop.time() > 600 else timedelta())

    clock = Clock(now=now, monotonic=loop.time)
    account = RestAccount("dkron-api", tokens.file)
    token = RestToken(cast("KubeClient", tokens), account, namespace=NAMESPACE, clock=clock)
    task = asyncio.create_task(token.run())
    await asyncio.sleep(0)
    yield token
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(
    ("seconds", "jump", "requests"),
    [
        pytest.param(LIFE, timedelta(), list(range(0, 3601, 300)), id="after five minutes"),
        pytest.param(3600, timedelta(), [0, 1800, 3600], id="later, if the API server gives more"),
        pytest.param(3600, timedelta(hours=8), [0, 630, 2430], id="after the machine was suspended"),
        pytest.param(LIFE, timedelta(hours=-8), list(range(0, 3601, 300)), id="in time if the clock was set back"),
    ],
)
async def test_a_token_is_renewed_after_half_its_life(
    seconds: int, jump: timedelta, requests: list[int], tmp_path: Path
) -> None:
    tokens = Tokens(tmp_path / "token", lambda number: issued(number, seconds=seconds))
    async with kept(tokens, jump=jump) as token:
        assert (tokens.file.read_text("ascii"), token.trouble) == ("token-1", "")
        assert tokens.file.stat().st_mode & 0o777 == 0o640
        await asyncio.sleep(3605)
    assert tokens.at == requests
    assert tokens.file.read_text("ascii") == f"token-{len(requests)}"
    assert os.listdir(tmp_path) == ["token"]  # noqa: PTH208


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        pytest.param(FORBIDDEN, f"its account {NAMESPACE}/dkron-api: serviceaccounts/token is forbidden", id="a right"),
        pytest.param(SILENT, "no answer", id="the API server"),
        pytest.param({"status": {}}, "the API server's answer to a TokenRequest has no token", id="an odd answer"),
    ],
)
async def test_it_tries_until_there_is_a_token(failure: Object | KubeError, words: str, tmp_path: Path) -> None:
    tokens = Tokens(tmp_path / "token", lambda number: failure if number < 12 else issued(number))
    async with kept(tokens) as token:
        await asyncio.sleep(60)
        assert words in token.trouble
        assert not tokens.file.exists()
        await asyncio.sleep(400)
        assert (tokens.file.read_text("ascii"), token.trouble) == ("token-12", "")
    pauses = [later - sooner for sooner, later in zip(tokens.at, tokens.at[1:], strict=False)]
    assert pauses[0] <= 1 < pauses[3]
    assert max(pauses) <= 60


async def test_a_token_that_is_valid_for_long_is_no_trouble(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path / "token", lambda number: issued(number) if number == 1 else SILENT)
    async with kept(tokens) as token:
        await asyncio.sleep(LIFE - LEAST_LEFT - 10)
        assert token.trouble == ""
        await asyncio.sleep(20)
        assert token.trouble.endswith("no answer")
    assert tokens.file.read_text("ascii") == "token-1"
