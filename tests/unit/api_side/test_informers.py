"""The watches of the API are supervised: /health tells of one that has ended, and it starts again."""

import asyncio
from typing import Any, NoReturn

import pytest
from aiohttp.test_utils import TestClient, TestServer

from dkron_api.app import make_app
from dkron_api.edge.keys import TENANTS
from dkron_api.informers import BEGUN
from dkron_api.settings import AuthMode, Settings
from dkron_kube import informer
from dkron_kube.watch import Selection
from tests.support.api_rights import LEAST_API
from tests.support.builders import NOON
from tests.support.kube_server import client_of


@pytest.mark.parametrize("watch_jobs", [True, False])
async def test_singletons_are_watched_by_name(monkeypatch: pytest.MonkeyPatch, watch_jobs: bool) -> None:
    """Roles allow only that (tests/support/api_rights.py)."""
    chosen: dict[str, Selection] = {}
    all_begun = asyncio.Event()

    async def follow(_: Any, resource: Any, *__: Any, selection: Selection, **___: Any) -> NoReturn:
        chosen[resource.plural] = selection
        if len(chosen) == 5 + watch_jobs:
            all_begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(informer, "follow", follow)
    settings = Settings(namespace="default", cluster_namespace="default", node_name="me", watch_jobs=watch_jobs)
    app = make_app(settings, client_of("http://127.0.0.1:1"), clock=lambda: NOON)
    async with TestClient(TestServer(app)), asyncio.timeout(10):
        await all_begun.wait()
    allowed = {key[1]: key[2] for key in LEAST_API if len(key) == 3}
    assert allowed == {"leases": "dkron", "dkronclusters": "dkron"}
    # The API server never sends the specs of Jobs.
    assert (chosen.pop("jobs", None), BEGUN.metadata_only) == (BEGUN if watch_jobs else None, True)
    fields = {kind: each.fields.removeprefix("metadata.name=") for kind, each in chosen.items() if each.fields}
    assert fields == allowed


@pytest.mark.parametrize(("named", "watched"), [("", "home"), ("tokens", "tokens")], ids=["home", "their own"])
async def test_tokens_are_watched_in_their_namespace(named: str, watched: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def follow(_: Any, resource: Any, namespace: str, *__: Any, **___: Any) -> NoReturn:
        if resource.plural == "secrets":
            found.set_result(namespace)
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(informer, "follow", follow)
    settings = Settings(
        namespace="default", cluster_namespace="home", token_namespace=named, auth=[AuthMode.DKRON], node_name="me"
    )
    app = make_app(settings, client_of("http://127.0.0.1:1"), clock=lambda: NOON)
    async with TestClient(TestServer(app)), asyncio.timeout(10):
        assert await found == watched


async def test_ended_watch_is_logged_and_restarted(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []
    again = asyncio.Event()

    async def follow(_: Any, resource: Any, *__: Any, **___: Any) -> NoReturn:
        begun.append(resource.plural)
        if resource.plural == "dkronjobs" and begun.count("dkronjobs") == 1:
            raise ValueError("odd")
        if begun.count("dkronjobs") == 2:
            again.set()
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(informer, "follow", follow)
    settings = Settings(namespace="default", cluster_namespace="default", node_name="me")
    app = make_app(settings, client_of("http://127.0.0.1:1"), clock=lambda: NOON)
    async with TestClient(TestServer(app)) as client:
        known = app[TENANTS].own.job_index.object_cache
        known.replace([], 1)
        known.watch.listed()
        await asyncio.sleep(0.05)
        async with client.get("/health") as answer:
            assert answer.status == 503
            found = await answer.json()
        assert found["issues"] == [
            "a part of the service has stopped and is being restarted: watch of dkronjobs (ValueError: odd)"
        ]
        async with asyncio.timeout(10):
            await again.wait()
