"""Backfills and pauses by `dkronctl --server`: against our REST API, and against a Dkron, which has none."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from dkron_api.routes import backfills, jobs, pauses
from dkron_cli.core.backfill import backfill_body, progress
from dkron_cli.core.pauses import Choice, pause_manifest, pause_table
from dkron_cli.edge.backend import BACKFILL, PAUSE
from dkron_cli.edge.rest import Rest
from dkron_cli.edge.rest_objects import RestObjects
from dkron_cli.errors import CliError, Code
from dkron_kube.paths import DKRON_BACKFILLS, DKRON_PAUSES
from tests.support.api_app import Api, running_api
from tests.support.builders import NOON

Object = dict[str, Any]
DAY: Object = {"job": "report", "from": "2026-03-01T00:00:00Z", "to": "2026-03-02T00:00:00Z"}


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with running_api(backfills.ROUTES, pauses.ROUTES) as running:
        running.know_jobs()
        yield running


@pytest.fixture
async def rest(api: Api) -> AsyncIterator[Rest]:
    opened = Rest(str(api.client.make_url("/")), "")
    yield opened
    await opened.close()


@pytest.mark.parametrize(
    ("condition", "good"),
    [(None, None), (("Complete", "Finished"), True), (("Complete", "Planned"), True), (("Failed", "Stopped"), False)],
    ids=str,
)
async def test_a_backfill_is_created_followed_and_deleted(
    api: Api, rest: Rest, condition: tuple[str, str] | None, *, good: bool | None
) -> None:
    found = RestObjects(rest, BACKFILL)
    spec = {**DAY, "maxRuns": 10, "onFailure": "continue", "reason": None, "ttlSecondsAfterFinished": 300}
    made = await found.create(backfill_body("again", spec))
    stored = api.kube.has(DKRON_BACKFILLS, "again")
    assert stored["spec"] == {key: value for key, value in spec.items() if value is not None}
    assert stored["spec"].items() <= made["spec"].items()
    ended = [{"type": condition[0], "status": "True", "reason": condition[1]}] if condition else []
    conditions = [each | {"lastTransitionTime": DAY["from"]} for each in ended]
    status = {"plan": {"count": 24, "jobs": 1}, "succeeded": 2, "failed": 1, "conditions": conditions}
    api.kube.edit(DKRON_BACKFILLS, "again", lambda it: it.update(status=status))
    read = await found.find("again")
    assert read is not None
    now = progress(read)
    assert (now.planned, now.done, now.good) == (24, 3, good)
    await found.delete(made)
    assert await found.find("again") is None


async def test_pause_is_created_listed_and_shortened_without_conflict(api: Api, rest: Rest) -> None:
    found = RestObjects(rest, PAUSE)
    body = pause_manifest(
        "moves", "", Choice(("a", "b")), reason="why", by="ann", until=NOON + timedelta(hours=2), drop=True
    )
    await found.create(body)
    assert api.kube.has(DKRON_PAUSES, "moves")["spec"] == body["spec"]
    (read,) = await found.all()
    table = str(pause_table([read], namespaces=False))
    assert all(word in table for word in ("not yet", "a, b", "14:00:00", "drop", "ann", "why")), table
    api.kube.edit(DKRON_PAUSES, "moves", lambda it: it["spec"].update(jobs=["a", "b", "c"]))
    with pytest.raises(CliError, match="another user changed") as caught:
        await found.change(read, {"jobs": ["b"]})
    assert caught.value.code is Code.CONFLICT
    changed = await found.find("moves")
    assert changed is not None
    await found.change(changed, {"jobs": ["b", "c"]})
    assert api.kube.has(DKRON_PAUSES, "moves")["spec"]["jobs"] == ["b", "c"]


async def test_a_dkron_cannot() -> None:
    async with running_api(jobs.ROUTES) as dkron:
        rest = Rest(str(dkron.client.make_url("/")), "")
        with pytest.raises(CliError, match="this server cannot pause jobs; use a kubeconfig"):
            await RestObjects(rest, PAUSE).all()
        await rest.close()
