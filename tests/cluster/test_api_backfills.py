"""Backfills and pauses over REST at a real API server: what the definitions refuse is refused with their sentences, and
an operator carries out what it takes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dkron_crds.rules import BACKFILL_IS_IMMUTABLE, FROM_BEFORE_TO, JOB_OR_SELECTOR, JOBS_OR_SELECTOR
from tests.support.api_sites import ApiSite, api_for
from tests.support.jobs import KEEP_ALL, dkron_job, simulated
from tests.support.rest import Answer
from tests.support.sites import Site
from tests.support.waiting import wait_for

pytestmark = pytest.mark.cluster(nodes="kwok")

FROM, TO = "2026-01-01T00:00:00Z", "2026-01-01T00:00:30Z"
PERIOD = {"from": FROM, "to": TO}


@pytest.mark.parametrize(
    ("path", "body", "sentence"),
    [
        pytest.param("backfills", PERIOD, JOB_OR_SELECTOR.message, id="of no job"),
        pytest.param("backfills", {"job": "a", "from": TO, "to": FROM}, FROM_BEFORE_TO.message, id="backwards"),
        pytest.param("backfills", {"job": "a", **PERIOD, "parallelism": 65}, "parallelism: ", id="too many at once"),
        pytest.param("backfills", {"job": "a", "from": FROM}, "to: Required value", id="without an end"),
        pytest.param("backfills", {"job": "a", **PERIOD, "runs": "some"}, "runs: Unsupported value", id="of a kind"),
        pytest.param("backfills", {"job": "a", **PERIOD, "name": "A b"}, "metadata.name: ", id="of no name"),
        pytest.param("pauses", {"jobs": ["a"], "selector": {"b": "c"}}, JOBS_OR_SELECTOR.message, id="of both"),
        pytest.param("pauses", {"until": "tomorrow"}, "until: ", id="until a time that is none"),
    ],
)
def test_crd_refusal_reaches_the_client_with_its_sentence(
    shared_api: ApiSite, path: str, body: dict[str, Any], sentence: str
) -> None:
    answer = shared_api.rest.post(f"/v1/{path}", body)
    assert (answer.status, sentence in answer.text) == (422, True), answer


def test_backfill_and_pause_change_as_the_crd_allows(shared_api: ApiSite) -> None:
    rest = shared_api.rest
    made = rest.post("/v1/backfills", {"name": "changed", "job": "none", **PERIOD, "suspend": True})
    assert (made.status, made.json()["state"]) == (201, "suspended"), made
    assert rest.post("/v1/backfills", {"name": "changed", "job": "none", **PERIOD}).status == 409
    assert rest.request("PATCH", "/v1/backfills/changed", {"parallelism": 3}).json()["parallelism"] == 3
    fixed = rest.request("PATCH", "/v1/backfills/changed", {"max_runs": 3})
    assert (fixed.status, BACKFILL_IS_IMMUTABLE.message in fixed.text) == (422, True), fixed
    assert rest.delete("/v1/backfills/changed").status == 200
    paused = rest.post("/v1/pauses", {"name": "changed", "selector": {"a": "b"}, "reason": "why"})
    assert paused.status == 201, paused
    changed = rest.request("PATCH", "/v1/pauses/changed", {"selector": {"c": "d"}, "reason": None})
    assert (changed.json()["selector"], changed.json()["reason"]) == ({"c": "d"}, "")
    assert rest.delete("/v1/pauses/changed", headers={"If-Match": paused.header("ETag") or ""}).status == 412
    assert rest.delete("/v1/pauses/changed", headers={"If-Match": changed.header("ETag") or ""}).status == 200


def test_operator_executes_backfills_and_pauses_of_rest(shared_site: Site, tmp_path: Path) -> None:
    with api_for(shared_site.kube, tmp_path) as api:
        rest = api.rest
        # Nothing of the schedule runs meanwhile.
        job = dkron_job("report", schedule="*/10 * * * * *", disabled=True, history=KEEP_ALL, jobTemplate=simulated())
        api.store(job)
        rest.post("/v1/backfills", {"name": "plan", "job": "report", **PERIOD, "dry_run": True})
        planned = until(api, "/v1/backfills/plan", lambda found: found["state"] == "planned")
        assert planned["status"]["plan"] == {"count": 3, "jobs": 1, "first": FROM, "last": "2026-01-01T00:00:20Z"}
        rest.post("/v1/backfills", {"name": "again", "job": "report", **PERIOD, "parallelism": 3})
        done = until(api, "/v1/backfills/again", lambda found: found["state"] == "succeeded")
        assert done["status"]["succeeded"] == 3
        slots = rest.get("/v1/backfills/again/slots").json()
        assert [each["state"] for each in slots] == ["succeeded"] * 3
        ids = {each["id"] for each in rest.get("/v1/jobs/report/executions").json()}
        assert {each["execution"] for each in slots} == ids
        rest.post("/v1/pauses", {"name": "moves", "jobs": ["report"], "reason": "why", "paused_by": "ann"})
        until(api, "/v1/pauses/moves", lambda found: (found["state"], found["status"]["jobs"]) == ("holds", 1))
        assert rest.delete("/v1/pauses/moves").status == 200


def until(api: ApiSite, path: str, reached: Callable[[Any], bool]) -> dict[str, Any]:
    """What GET answers once that is reached."""

    def read() -> Answer:
        return api.rest.get(path)

    found = wait_for(
        f"{path} to be so", read, lambda answer: answer.status == 200 and reached(answer.json()), seconds=30
    )
    return dict(found.json())
