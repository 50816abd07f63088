"""The line of a job by REST: the queue that a client sends is stored and kept, and who waits is told everywhere."""

from typing import Any

import pytest

from dkron_crds.attempt_state import AttemptState
from dkron_crds.base import rfc3339
from dkron_from_dkron.moments import ZERO
from dkron_kube.paths import DKRON_JOBS
from tests.support.api_sites import ApiSite
from tests.support.builders import after, execution, request_claim, seen
from tests.support.jobs import dkron_job
from tests.support.rest_jobs import body, save, shown
from tests.support.sse import Listener

pytestmark = pytest.mark.cluster(nodes="none")

QUEUE = {"max": 3, "expires": "1h", "order": "newest"}
DEFAULT = {"max": 10, "expires": None, "order": "oldest"}


def stored(site: ApiSite, name: str) -> tuple[str, dict[str, Any]]:
    spec = site.kube.get(DKRON_JOBS, name)["spec"]
    return spec["concurrency"], {"expires": None, **spec["queue"]}


def generation(site: ApiSite, name: str) -> int:
    found: int = site.kube.get(DKRON_JOBS, name)["metadata"]["generation"]
    return found


def test_queue_is_stored_shown_and_kept(shared_api: ApiSite) -> None:
    save(shared_api, "line", concurrency="forbid", queue=QUEUE)
    assert stored(shared_api, "line") == ("queue", QUEUE)
    read = shown(shared_api, "line")
    assert (read["concurrency"], read["queue"]) == ("forbid", QUEUE)
    before = generation(shared_api, "line")
    for sent in (read, {key: value for key, value in read.items() if key != "queue"}):
        answer = shared_api.rest.put("/v1/jobs/line", sent)
        assert (answer.status, answer.json()["queue"]) == (201, QUEUE)
    assert (stored(shared_api, "line"), generation(shared_api, "line")) == (("queue", QUEUE), before)
    assert shared_api.rest.put("/v1/jobs/line", {**read, "queue": {}}).status == 201
    assert stored(shared_api, "line") == ("queue", DEFAULT)
    assert shared_api.rest.put("/v1/jobs/line", {**read, "queue": None}).status == 201
    assert stored(shared_api, "line") == ("forbid", DEFAULT)
    assert "queue" not in shown(shared_api, "line")


def test_queue_of_a_manifest_is_no_change_when_it_comes_back(shared_api: ApiSite) -> None:
    shared_api.store(dkron_job("applied", concurrency="queue"))
    before = generation(shared_api, "applied")
    read = shown(shared_api, "applied")
    assert (read["concurrency"], read["queue"]) == ("forbid", DEFAULT)
    answer = shared_api.rest.put("/v1/jobs/applied", read)
    assert (answer.status, generation(shared_api, "applied")) == (201, before), answer


@pytest.mark.parametrize(
    ("fields", "status", "sentence"),
    [
        pytest.param({"queue": QUEUE}, 400, "only with concurrency", id="none waits"),
        pytest.param({"concurrency": "queue"}, 400, "with forbid and a queue", id="the word of a DkronJob"),
        pytest.param({"concurrency": "forbid", "queue": {"max": "3"}}, 400, "queue: max", id="a text"),
        pytest.param({"concurrency": "forbid", "queue": {"max": 101}}, 422, "queue.max", id="too many"),
        pytest.param({"concurrency": "forbid", "queue": {"expires": "soon"}}, 422, "queue.expires", id="no duration"),
        pytest.param({"concurrency": "forbid", "queue": {"expires": "0s"}}, 422, "from 1s to 292 years", id="no time"),
        pytest.param({"concurrency": "forbid", "queue": {"expires": "99999999h"}}, 422, "from 1s to 292 years",
                     id="ten thousand years"),
        pytest.param({"concurrency": "forbid", "queue": {"order": "random"}}, 422, "queue.order", id="no order"),
    ],
)  # fmt: skip
def test_impossible_queue_is_refused(shared_api: ApiSite, fields: dict[str, Any], status: int, sentence: str) -> None:
    answer = shared_api.rest.post("/v1/jobs", body("impossible", **fields))
    assert (answer.status, sentence in answer.text) == (status, True), answer


def test_run_in_line_is_told_until_it_has_run(shared_api: ApiSite) -> None:
    """The status as the operator writes it: a claim, then its Job, then its record; and one that leaves the line."""
    running = seen(request_claim("running", after(0)))
    waiting, dropped = (
        request_claim(name, after(seconds)).model_copy(
            update={"state": AttemptState.WAITING, "queued_at": after(seconds)}
        )
        for name, seconds in (("waiting", 60), ("dropped", 120))
    )
    begun = seen(waiting).model_copy(update={"started_at": after(300), "id": f"9-{waiting.job}"})
    save(shared_api, "told", concurrency="forbid", queue={})
    path = "/v1/jobs/told/executions"
    with Listener(shared_api.rest, "?job=told&types=execution").wait_begun() as listener:
        shared_api.write_status("told", active=[each.to_wire() for each in (running, waiting, dropped)])
        rows = {each["id"]: each for each in shared_api.rest.get(path).json()}
        assert {key: each.get("place") for key, each in rows.items()} == {
            running.id: None,
            waiting.id: 1,
            dropped.id: 2,
        }
        one = shared_api.rest.get(f"{path}/{dropped.id}").json()
        assert (one["started_at"], one["queued_at"], one["place"]) == (ZERO, rfc3339(after(120)), 2)
        assert one["queued_for"] > 0
        in_line = shared_api.rest.get("/v1/executions?state=waiting&job=told").json()
        assert {each["id"] for each in in_line} == {waiting.id, dropped.id}
        assert [each["id"] for each in shared_api.rest.get("/v1/busy").json() if each["job_name"] == "told"] == [
            running.id
        ]
        jobs = shared_api.rest.get("/v1/jobs?state=waiting&fields=name,states").json()
        (states,) = [each["states"] for each in jobs if each["name"] == "told"]
        assert {"running", "waiting"} < {*states}
        shared_api.write_status("told", active=[begun.to_wire()], executions=[execution(running).to_wire()])
        found = shared_api.rest.get(f"{path}/{waiting.id}").json()
        assert (found["id"], found["queued_for"], found.get("place")) == (begun.id, 240.0, None)
        ended = [execution(each).to_wire() for each in (begun, running)]
        shared_api.write_status("told", active=[], executions=ended)
        listener.wait("the end", lambda events: len(events) == EVENTS)
        events = listener.events
    assert [(each.data["action"], each.data["execution"]["id"]) for each in events if each.type == "execution"] == [
        ("queued", waiting.id), ("queued", dropped.id), ("started", running.id), ("started", begun.id),
        ("finished", running.id), ("dropped", dropped.id), ("finished", begun.id),
    ]  # fmt: skip
    assert [row.get("queued_for") for row in shared_api.rest.get(path).json()] == [240.0, None]


EVENTS = 7


def test_full_line_refuses_a_run_unless_it_is_forced(shared_api: ApiSite) -> None:
    save(shared_api, "full", concurrency="forbid", queue={"max": 1})
    line = (
        seen(request_claim("running")),
        request_claim("a").model_copy(update={"state": AttemptState.WAITING, "queued_at": after(0)}),
    )
    shared_api.write_status("full", active=[each.to_wire() for each in line])
    refused = shared_api.rest.post("/v1/jobs/full/run")
    assert (refused.status, "queue.max is 1" in refused.text) == (409, True), refused
    assert shared_api.rest.post("/v1/jobs/full/run?force=true").status == 202


def test_full_line_for_a_pool_takes_only_a_forced_dkronrun(shared_api: ApiSite) -> None:
    """An annotation is gone when the run gets its place, so the operator would count it like any other."""
    shared_api.store(dkron_job("pooled", pools=["database"], queue={"max": 1}))
    line = request_claim("a").model_copy(update={"state": AttemptState.WAITING, "queued_at": after(0)})
    shared_api.write_status("pooled", active=[line.to_wire()])
    path = "/v1/jobs/pooled/run"
    refused = [shared_api.rest.post(f"{path}{query}") for query in ("", "?force=true")]
    assert [(each.status, 'send {"force": true}' in each.text) for each in refused] == [(409, True)] * 2
    assert shared_api.rest.post(path, {"force": True}).status == 202
