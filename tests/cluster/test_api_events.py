"""The events of a running API: each change once and in order, from any writer, and nothing missed on coming back."""

import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import localcluster
from dkron_crds.base import rfc3339
from dkron_crds.job import Attempt, AttemptState
from dkron_from_dkron.moments import ZERO
from dkron_kube.paths import DKRON_JOBS, JOBS
from dkron_operator.plan.job.build import build_job
from dkron_operator.plan.situation.cause import scheduled
from dkron_operator.plan.situation.read import read_job
from dkron_pods.images import Images
from localcluster.cluster import LocalCluster
from tests.support.api_rights import FOR_BEGINNINGS, LEAST_API, limited_api
from tests.support.api_sites import ApiSite, api_for
from tests.support.builders import NOON, after, claim, execution, seen
from tests.support.jobs import dkron_job
from tests.support.kube import Kube, Object
from tests.support.rest_jobs import body, save, shown
from tests.support.rights import Rules, change_rights, limited_access
from tests.support.sse import Listener, Told

pytestmark = pytest.mark.cluster(nodes="none")

READ = ("get", "list", "watch")
NO_JOBS: Rules = {("dkron.io", "dkronclusters"): READ, ("coordination.k8s.io", "leases"): READ}
TO_READ: Rules = {("dkron.io", "dkronjobs"): READ, **NO_JOBS}
SEED = 20261125


def listening(site: ApiSite, query: str = "", **options: Any) -> Listener:
    """A client that hears of everything that happens from now on."""
    return Listener(site.rest, query, **options).wait_begun()


def texts(events: Sequence[Told]) -> list[str]:
    return [str(told) for told in events]


def place(told: Told) -> tuple[int, ...]:
    return tuple(map(int, told.id.split("-")))


def about(events: Sequence[Told], *names: str) -> list[Told]:
    return [told for told in events if told.type in ("job", "execution") and told.name in names]


def _at_least(count: int) -> Callable[[list[Told]], bool]:
    return lambda events: len(events) >= count


def save_all(site: ApiSite, *names: str) -> None:
    for name in names:
        save(site, name)


def held(events: Sequence[Told]) -> dict[str, Any]:
    """The jobs of a client that believes the events; it is strict about their order."""
    jobs: dict[str, Any] = {}
    for told in events:
        if told.type != "job":
            continue
        match told.data["action"]:
            case "created":
                assert told.name not in jobs, f"{told.id}: {told.name} is created twice"
                jobs[told.name] = told.data["job"]
            case "updated":
                assert told.name in jobs, f"{told.id}: {told.name} is updated before it is created"
                jobs[told.name] = told.data["job"]
            case "deleted":
                del jobs[told.name]
    return jobs


# --- order ---------------------------------------------------------------------------------------------------------


def test_life_of_a_job_is_streamed_in_order_from_any_writer(shared_api: ApiSite) -> None:
    run = seen(claim(name="life"))
    with listening(shared_api, "?job=life&types=job,execution") as listener:
        save(shared_api, "life")
        save(shared_api, "life", owner="rest")
        shared_api.kube.edit("life", owner="kubectl")
        shared_api.write_status("life", active=[run.to_wire()])
        ended = execution(run, output="hello\n").to_wire()
        shared_api.write_status("life", active=[], executions=[ended], successCount=1, status="success")
        executions = shared_api.rest.get("/v1/jobs/life/executions").json()
        last = shown(shared_api, "life")
        assert shared_api.rest.delete("/v1/jobs/life?force=true").status == 200
        events = listener.wait("the end of the job", lambda events: "job deleted life" in texts(events))
    assert texts(events) == [
        "job created life",
        "job updated life",
        "job updated life",
        "execution started life",
        "job updated life",
        "execution finished life",
        "job deleted life",
    ]
    assert [told.data["job"]["owner"] for told in events[:3]] == ["", "rest", "kubectl"]
    assert events[4].data["job"] == last
    assert [events[5].data["execution"]] == executions
    places = list(map(place, events))
    assert places == sorted(set(places))
    assert events[-1].data == {"action": "deleted", "job": {"name": "life"}}


def first_attempt(site: ApiSite, name: str) -> tuple[Attempt, Object]:
    """A stored DkronJob's first attempt of a slot, and its Job, which is yet to be created."""
    view = read_job(site.store(dkron_job(name), {"since": rfc3339(after(-60))}))
    entry = scheduled(NOON).entry(uid=view.uid, name=view.name, at=after(1))
    job = build_job(view, entry, images=Images("busybox", "dkron"))
    job["spec"]["suspend"] = True
    return entry, job


def test_run_that_only_its_job_shows_is_streamed_and_busy(shared_api: ApiSite) -> None:
    """As the operator does it: first the Job, and the status five seconds later or with the end."""
    kube = shared_api.kube
    entry, job = first_attempt(shared_api, "begun")
    with listening(shared_api, "?job=begun&types=execution") as listener:
        kube.create(JOBS, job)
        (started,) = listener.wait("the start", _at_least(1))
        (busy,) = shared_api.rest.get("/v1/busy").json()
        kube.delete(JOBS, entry.job)
        shared_api.write_status("begun", lastScheduleTime=rfc3339(NOON), executions=[execution(entry).to_wire()])
        _, finished = listener.wait("the end", _at_least(2))
    assert (str(started), str(finished)) == ("execution started begun", "execution finished begun")
    assert place(started) < place(finished), "without an id of its own, the client keeps its place"
    assert (busy["id"], busy["started_at"], busy["finished_at"]) == (entry.id, rfc3339(after(1)), ZERO)
    assert "begun" not in [each["job_name"] for each in shared_api.rest.get("/v1/busy").json()]


def test_run_is_busy_by_its_status_without_right_to_jobs(kube: Kube, tmp_path: Path) -> None:
    rules = {key: verbs for key, verbs in LEAST_API.items() if key not in FOR_BEGINNINGS}
    with limited_api(kube, rules, tmp_path, "--no-watch-jobs") as site:
        site.wait_all_read()
        entry, job = first_attempt(site, "begun")
        uid = kube.create(JOBS, job)["metadata"]["uid"]
        site.store(dkron_job("later"))
        assert site.rest.get("/v1/busy").json() == []
        known = entry.model_copy(update={"state": AttemptState.RUNNING, "uid": uid})
        site.write_status("begun", lastScheduleTime=rfc3339(NOON), active=[known.to_wire()])
        (busy,) = site.rest.get("/v1/busy").json()
        assert (busy["id"], busy["job_name"], busy["finished_at"]) == (entry.id, "begun", ZERO)
        assert "cannot watch jobs" not in site.api.text()


def test_event_stream_reproduces_the_list(shared_api: ApiSite) -> None:
    """Many write at once, through REST and beside it: what is told adds up to what is there, each change once."""
    names = [f"many-{number}" for number in range(12)]

    def write(worker: int) -> None:
        chance = random.Random(SEED + worker)  # noqa: S311 - no secret
        for step in range(40):
            name = names[worker * 3 + chance.randrange(3)]
            if chance.random() < 0.2:
                shared_api.rest.delete(f"/v1/jobs/{name}?force=true")
            elif chance.random() < 0.3 and shared_api.kube.find(DKRON_JOBS, name) is not None:
                shared_api.kube.edit(name, owner=f"kubectl-{worker}-{step}")
            else:
                job = body(name, owner=f"rest-{worker}-{step}")
                assert shared_api.rest.post("/v1/jobs?force=true", job).status == 201

    with listening(shared_api, "?types=job") as listener:
        with ThreadPoolExecutor(4) as workers:
            list(workers.map(write, range(4)))
        save(shared_api, "last")
        events = listener.wait("the last job", lambda events: "job created last" in texts(events))
    ours = about(events, *names)
    places = list(map(place, ours))
    assert places == sorted(set(places))
    assert len(ours) > 100
    there = {job["name"]: job for job in shared_api.rest.get("/v1/jobs?q=many-").json()}
    assert held(ours) == there


# --- coming back ---------------------------------------------------------------------------------------------------


def test_an_id_of_one_replica_works_at_another(own_api: ApiSite, tmp_path: Path) -> None:
    names = [f"job-{number}" for number in range(9)]
    (tmp_path / "other").mkdir()
    with api_for(own_api.kube, tmp_path / "other") as other, listening(own_api, "?types=job") as here:
        save_all(own_api, *names[:6])
        told = here.wait("six jobs", lambda events: len(events) == 6)
        for known in range(6):
            missed = [event.id for event in told[known + 1 :]]
            with listening(other, "?types=job", last_id=told[known].id) as there:
                rest = there.wait(f"{len(missed)} events", _at_least(len(missed)))
            assert texts(rest) == [f"job created {name}" for name in names[known + 1 : 6]]
            assert [event.id for event in rest] == missed


def test_api_restart_ends_streams_and_asks_clients_to_resync(own_api: ApiSite) -> None:
    save(own_api, "before")
    with listening(own_api, "?types=job") as listener:
        own_api.api.stop()
        listener.wait_ended()
    assert listener.trouble == "", "the stream was cut instead of ended"
    own_api.kube.apply(dkron_job("meanwhile"))
    own_api.api.start()
    site = ApiSite(own_api.kube, own_api.api, own_api.api.rest)
    with listening(site, "?types=job", last_id=listener.last_id) as back:
        save(site, "after")
        events = back.wait("the job", lambda events: "job created after" in texts(events))
    assert texts(events) == ["resync", "job created after"]
    with listening(site, "?types=job", last_id=events[0].id) as again:
        told = again.wait("what follows the resync", bool)
    assert texts(told) == ["job created after"]
    assert {job["name"] for job in site.rest.get("/v1/jobs").json()} == {"before", "meanwhile", "after"}


def test_relist_streams_the_changes_a_broken_watch_missed(
    kube: Kube, cluster: localcluster.Cluster, tmp_path: Path
) -> None:
    if not isinstance(cluster, LocalCluster):
        pytest.skip("the components of this cluster cannot be restarted")
    access = limited_access(kube, TO_READ, folder=tmp_path)
    kube.apply(dkron_job("gone"), dkron_job("changed"), dkron_job("same"), dkron_job("again"))
    with api_for(kube, tmp_path, kubeconfig=access) as site, listening(site, "?types=job,execution") as listener:
        change_rights(kube, NO_JOBS)
        # A watch that is open stays so; one that has to be opened again is refused, and then nothing is resumed.
        cluster.restart("apiserver")
        site.api.wait_for_line("forbidden")
        kube.delete(DKRON_JOBS, "gone")
        kube.delete(DKRON_JOBS, "again")
        kube.edit("changed", owner="another")
        kube.apply(dkron_job("new"), dkron_job("again"))
        run = execution(seen(claim(after(60), name="new")))
        kube.write_status("new", executions=[run.to_wire()], successCount=1)
        assert listener.events == []
        before = listener.last_id
        change_rights(kube, TO_READ)
        events = listener.wait("the new job", lambda events: "execution finished new" in texts(events), seconds=60)
        assert texts(events) == [
            "job deleted again",
            "job deleted gone",
            "job updated changed",
            "job created again",
            "job created new",
            "execution finished new",
        ]
        places = list(map(place, events))
        assert places == sorted(set(places))
        with listening(site, "?types=job,execution", last_id=before) as late:
            assert texts(late.wait("the same", lambda told: len(told) == len(events))) == texts(events)
        with listening(site, "?types=job,execution", last_id=events[2].id) as late:
            assert texts(late.wait("the rest", lambda told: len(told) == 3)) == texts(events[3:])
