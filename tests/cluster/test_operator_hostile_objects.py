"""Objects that a user with the rights on one namespace may write: each is told or borne, and a job beside them keeps
its time, in the operator and in the REST API, when they come and when both programs start again.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from operator import eq
from typing import Any
from urllib.request import urlopen

import pytest
from aiohttp.test_utils import unused_port

import localcluster
from dkron_crds.base import INT64_MAX
from dkron_crds.requests import RUN_PREFIX
from dkron_crds.status import MAX_REFUSED
from dkron_kube.paths import DKRON_JOBS
from dkron_operator.plan.situation.cause import requested
from tests.support.api_sites import ApiSite, api_for
from tests.support.hostile import MIB, peak_of
from tests.support.jobs import KEEP_RECORDS, dkron_job, pod_template, simulated
from tests.support.kept_time import assert_kept_time
from tests.support.kube import Kube, Object, condition, finished, is_ready, marked_after
from tests.support.scrape import read
from tests.support.sites import Site, install, site

pytestmark = pytest.mark.cluster(nodes="kwok")

PATH = "/apis/dkron.io/v1alpha1/namespaces/{}/dkronjobs"
BLOCKED = 2.0
"""Seconds that an object may block the event loop of the operator at most."""
ROOM = 512 * MIB
"""The operator's memory limit in the chart."""
LONG = 1_400_000
BIG = 7
TODAY = datetime.now(UTC).date().isoformat()
LONG_AGO = (datetime.now(UTC) - timedelta(days=100)).date().isoformat()
FAST = simulated(run_for="10ms")
ENDED: Object = {
    "slot": "2026-01-01T00:00:00Z", "trigger": "manual", "group": 1, "attempt": 1,
    "startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:00:01Z", "state": "Succeeded",
}  # fmt: skip
AT_LIMITS: Object = {
    "successCount": INT64_MAX, "errorCount": INT64_MAX,
    "days": [{"date": TODAY, "success": INT64_MAX, "failed": INT64_MAX}],
    "skipped": {"count": INT64_MAX, "lastTime": "2026-01-01T00:00:00Z", "lastReason": "Missed"},
}  # fmt: skip
ASKED_AT = datetime(2026, 1, 1, tzinfo=UTC)
MANY = {f"r{n:04}": f"{ASKED_AT:%Y-%m-%dT%H:%M:%SZ} by {'a' * 26}" for n in range(2500)}
"""Requests for runs: 170 KB of annotations."""
UNKNOWN = 150
"""How many of them no status knows."""


def asking(requests: Mapping[str, str]) -> Object:
    """A patch that asks for these runs."""
    return {"metadata": {"annotations": {RUN_PREFIX + request: text for request, text in requests.items()}}}


RUN = asking({"now": "2026-01-01T00:00:00Z by a test"})


def known(uid: str) -> Object:
    """A status that has all room for refusals taken by the newest requests, while the operator answers the oldest ones
    first, and knows runs of the others."""
    names = [requested(request, ASKED_AT).job_name(uid=uid, name="asked") for request in sorted(MANY)]
    return {"refused": names[-MAX_REFUSED:], "counted": names[UNKNOWN:-MAX_REFUSED]}


def foreign_condition(number: int) -> Object:
    """A condition that another program keeps in a status."""
    since = "2026-01-01T00:00:00Z"
    return {"type": f"Of{number}", "status": "Unknown", "reason": "Foreign", "lastTransitionTime": since}


def nested(levels: int) -> str:
    """A DkronJob as JSON; no client of ours could send it as an object."""
    job = dkron_job("nested", schedule="@every 1s", jobTemplate={"spec": {"template": {"deep": "HERE"}}})
    return json.dumps(job).replace('"HERE"', '{"a":' * levels + "1" + "}" * levels)


def annotated(name: str, annotations: dict[str, str], **spec: Any) -> Object:
    job = dkron_job(name, **spec)
    job["metadata"]["annotations"] = annotations
    return job


def ended(job: str, **fields: Any) -> Object:
    return {**ENDED, "id": f"1767225600000000000-{job}", "job": job, **fields}


def is_not_ready(reason: str, *words: str) -> Callable[[Object], bool]:
    def told(status: Object) -> bool:
        ready = condition(status, "Ready")
        said = (ready.get("status"), ready.get("reason")) == ("False", reason)
        return said and all(word in ready["message"] for word in words)

    return told


@dataclass(frozen=True, slots=True)
class Hostile:
    """An object, and how one sees that the operator has borne it. `status` is written by hand; it may be made of
    the uid. `then` is a patch after that. `event` is the reason of the Event that tells it, exactly once."""

    name: str
    body: Object | str
    borne: Callable[[Object], object]
    status: Object | Callable[[str], Object] = field(default_factory=dict)
    event: str = ""
    then: Object = field(default_factory=dict)


def big(number: int) -> Hostile:
    """Objects as large as the API server stores them: a template of 1.4 MB, or parameters of 0.5 MB."""
    name = f"big-{number}"
    job = dkron_job(name, jobTemplate={"spec": {"template": {"x": ["x" * 997] * (LONG // 1000)}}})
    if number % 2:
        values = [f"{value}{'x' * 250}" for value in range(64)]
        job = dkron_job(name, parameters=[{"name": f"p{n}", "type": "enum", "values": values} for n in range(32)])
    return Hostile(name, job, is_not_ready("Unreadable", "65536"), event="Unreadable")


CASES = (
    Hostile("nested", nested(1000), is_not_ready("Unreadable", "deeper"), event="Unreadable"),
    Hostile(
        "brackets",
        annotated("brackets", {"kubectl.kubernetes.io/last-applied-configuration": "[" * 100_000}),
        is_ready,
    ),
    *map(big, range(BIG)),
    Hostile(
        "affinity", dkron_job("affinity", jobTemplate=pod_template(affinity="x")),
        is_not_ready("InvalidTemplate", "affinity", "object"), event="InvalidTemplate",
    ),
    Hostile(
        "early", dkron_job("early", schedule="@after 1960-01-01T00:00:00Z <P100Y"),
        is_not_ready("InvalidSchedule", "1970"), event="InvalidSchedule",
    ),
    Hostile(
        "since", dkron_job("since", schedule="@at 1960-01-01T00:00:00Z", missedRuns="all"),
        lambda status: status.get("skipped", {}).get("count") == 1 and is_ready(status),
        status={"since": "0001-01-01T00:00:00Z"}, event="SlotsMissed",
    ),
    Hostile(
        "counters", dkron_job("counters", jobTemplate=FAST, history=KEEP_RECORDS),
        lambda status: finished(1)(status) and status["successCount"] == INT64_MAX and len(status["counted"]) <= 4096,
        status={**AT_LIMITS, "counted": [f"x{n}" for n in range(4096)]}, then=RUN,
    ),
    Hostile(
        "days", dkron_job("days", jobTemplate=FAST, history=KEEP_RECORDS), finished(1),
        status={"days": [{"date": TODAY, "success": INT64_MAX, "failed": INT64_MAX}]}, then=RUN,
    ),
    Hostile(
        "conditions", dkron_job("conditions", jobTemplate=FAST, history=KEEP_RECORDS), finished(1),
        status={"conditions": [foreign_condition(n) for n in range(8)]}, then=RUN,
    ),
    Hostile(
        "rebuilt", dkron_job("rebuilt", jobTemplate=FAST, history=KEEP_RECORDS),
        lambda status: finished(1)(status) and status["rebuiltAt"] < "9999",
        status={"rebuiltAt": "9999-12-31T23:59:59Z"}, then=RUN, event="ClockWasAhead",
    ),
    Hostile(
        "dates",
        dkron_job("dates", timezone="Asia/Tokyo", schedule="0 0 3 * * *", jobTemplate=FAST, history=KEEP_RECORDS),
        lambda status: any(e["id"][-6:] != "-first" and e["id"][-5:] != "-last" for e in status.get("executions", ())),
        status={
            "executions": [
                ended("last", startedAt="9999-12-31T23:59:58Z", finishedAt="9999-12-31T23:59:59Z", group=2),
                ended("first", startedAt="0001-01-01T00:00:00Z", finishedAt="0001-01-01T00:00:01Z"),
            ],
            "days": [{"date": "0001-01-01", "success": 1, "failed": 0}],
        },
        then=RUN,
    ),
    Hostile(
        "undelivered", dkron_job("undelivered", processors={"log": {}}),
        lambda status: not status.get("outbox") and is_ready(status),
        status={
            "executions": [ended(odd) for odd in ("../../pods", "a b,c=d", "é", "x?y#z")],
            "outbox": [{"job": odd, "to": ["Delivery"]} for odd in ("../../pods", "a b,c=d", "é", "x?y#z", "none")],
        },
    ),
    Hostile(
        "requests",
        annotated("requests", {f"run.dkron.io/{n}": "soon, please " + "x" * 60 for n in range(1900)}),
        is_ready,
    ),
    Hostile("asked", dkron_job("asked", disabled=True), is_ready, status=known, then=asking(MANY)),
    Hostile(
        "eloquent",
        dkron_job("eloquent", jobTemplate={"spec": {"é" * 120 + str(n): 1 for n in range(8)}}),
        is_not_ready("InvalidTemplate", "é"),
    ),
)  # fmt: skip
EPHEMERAL = Hostile(
    "ephemeral", dkron_job("ephemeral", ephemeral=True, concurrency="forbid", jobTemplate=FAST),
    lambda _: True, status={**AT_LIMITS, "counted": [f"x{n}" for n in range(1000)]},
    then={**RUN, "spec": {"schedule": "@every 1s"}},
)  # fmt: skip
"""It goes after its run: each second there is another reason to run, and its names have to be looked for."""


@pytest.fixture(scope="module")
def port() -> int:
    """The operator's own."""
    return unused_port()


@pytest.fixture(scope="module")
def scene(cluster: localcluster.Cluster, tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[Site]:
    """An operator and its namespace, in which a canary sings each second."""
    install(cluster)
    with site(cluster.kubeconfig, purpose="hostile objects", folder=tmp_path_factory.mktemp("hostile")) as scene:
        scene.operator.add("--monitoring-port", str(port)).start()
        scene.kube.apply(dkron_job("canary", schedule="@every 1s", history=KEEP_RECORDS, jobTemplate=FAST))
        scene.kube.wait_status("canary", "to sing", finished(2))
        yield scene
        scene.operator.stop()


@pytest.fixture(scope="module")
def beside(scene: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiSite]:
    """The REST API of the same namespace."""
    with api_for(scene.kube, tmp_path_factory.mktemp("beside")) as beside:
        yield beside


@pytest.fixture(scope="module", autouse=True)
def uids(scene: Site, beside: ApiSite, cluster: localcluster.Cluster, tmp_path_factory: Any) -> dict[str, str]:
    """Everything is written at once, so that the tests wait together."""
    assert beside.rest.get("/health").status == 200
    kube, folder, uids = scene.kube, tmp_path_factory.mktemp("raw"), {}
    for case in (EPHEMERAL, *CASES):
        if isinstance(case.body, str):
            file = folder / f"{case.name}.json"
            file.write_text(case.body, encoding="utf-8")
            cluster.kubectl("create", "--raw", PATH.format(kube.namespace), "-f", str(file))
        else:
            uids[case.name] = kube.create(DKRON_JOBS, case.body)["metadata"]["uid"]
    for case in (EPHEMERAL, *CASES):
        if case.status:
            # From then on the operator has nothing to write by itself.
            kube.wait_status(case.name, "to be known", is_ready)
            status = case.status(uids[case.name]) if callable(case.status) else case.status
            kube.write_status(case.name, **status)
        if case.then:
            kube.patch(DKRON_JOBS, case.name, case.then)
    return uids


@pytest.fixture(scope="module")
def lags() -> list[float]:
    """For how many seconds the event loop of the operator was blocked at most, in the minute before the end of each
    test."""
    return []


@pytest.fixture(autouse=True)
def _measured(port: int, lags: list[float], uids: dict[str, str]) -> Iterator[None]:  # noqa: ARG001 - after all is there
    yield
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        lags.append(read(answer.read().decode()).one("event_loop_lag_seconds"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_odd_object_is_reported_and_survived(scene: Site, case: Hostile) -> None:
    kube = scene.kube
    kube.wait_status(case.name, "to be borne", case.borne, seconds=40)
    if case.event:
        kube.wait_for("an Event", lambda: kube.events_of(case.name, case.event), lambda events: len(events) == 1)


@pytest.mark.parametrize("name", ["requests", "asked"])
def test_requests_without_end_are_answered(scene: Site, name: str) -> None:
    def left() -> int:
        annotations = scene.kube.get(DKRON_JOBS, name)["metadata"].get("annotations") or {}
        return sum(key.startswith(RUN_PREFIX) for key in annotations)

    scene.kube.wait_for("all requests to be refused", left, lambda count: count == 0)


def test_refused_requests_are_counted(scene: Site) -> None:
    skipped = scene.kube.status("asked")["skipped"]
    assert skipped["lastReason"] == "Disabled"
    assert skipped["count"] == UNKNOWN


@pytest.mark.promise
def test_ephemeral_job_at_its_limits_runs_once_and_is_deleted(scene: Site, uids: dict[str, str]) -> None:
    kube = scene.kube
    kube.wait_for("it to go", lambda: kube.find(DKRON_JOBS, "ephemeral"), lambda found: found is None)
    assert len(kube.born(uids["ephemeral"])) == 1


def test_the_totals_of_the_installation_go_on(scene: Site) -> None:
    kube = scene.kube

    def total(date: str) -> tuple[int, int]:
        days = {day["date"]: day for day in kube.cluster_status().get("days", ())}
        return (days[date]["success"], days[date]["failed"]) if date in days else (0, 0)

    kube.create(DKRON_JOBS, dkron_job("counted"))
    kube.wait_status("counted", "to be known", lambda status: status.get("since"))
    for success in (3, 5):
        kube.write_status("counted", days=[{"date": LONG_AGO, "success": success, "failed": 1}])
        kube.wait_for("the totals", partial(total, LONG_AGO), partial(eq, (success, 1)))
    assert total(TODAY) == (INT64_MAX, INT64_MAX)


def test_an_event_that_is_too_long_is_cut_and_sent(scene: Site) -> None:
    events = scene.kube.wait_for("it", lambda: scene.kube.events_of("eloquent", "InvalidTemplate"), bool)
    assert len(events[0].encode()) <= 1024
    assert events[0].endswith("…")


def test_unreadable_objects_are_logged_in_one_line(scene: Site) -> None:
    told = [line for line in scene.operator.lines() if "/nested" in str(line["msg"])]
    assert len(told) == 1, scene.operator.tail()


def _sings_on(kube: Kube, since: datetime) -> None:
    kube.wait_status("canary", "to sing on", marked_after(since + timedelta(seconds=3)))
    assert_kept_time(kube, since=since)


@pytest.mark.promise
def test_the_canary_has_kept_its_time(scene: Site) -> None:
    kube = scene.kube
    now = datetime.now(UTC)
    kube.wait_status("canary", "to sing on", marked_after(now))
    assert_kept_time(kube)
    assert "skipped" not in kube.status("canary")


def test_nothing_has_blocked_the_event_loop(lags: list[float]) -> None:
    assert max(lags) < BLOCKED, lags


def test_the_rest_api_goes_on(scene: Site, beside: ApiSite) -> None:
    assert beside.rest.get("/health").status == 200, beside.api.tail()
    known = beside.rest.get("/v1/jobs/canary").json()["success_count"]

    def count() -> int:
        found = {job["name"]: job for job in beside.rest.get("/v1/jobs").json()}
        return int(found["canary"]["success_count"])

    # The records of its runs wait behind thousands of names that have to be looked for in this namespace.
    scene.kube.wait_for("the list to show new runs", count, lambda seen: seen > known)
    totals = beside.rest.get("/v1/stats")
    assert totals.status == 200
    left_out = [line for line in beside.api.lines() if "left out" in str(line["msg"])]
    assert len(left_out) == 1 + BIG, beside.api.tail()


@pytest.mark.promise
def test_both_programs_start_beside_them(scene: Site, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert peak_of(scene.operator.pid) < ROOM
    scene.operator.assert_clean()
    began = datetime.now(UTC)
    scene.operator.stop()
    scene.operator.start()
    _sings_on(scene.kube, began + timedelta(seconds=10))
    assert peak_of(scene.operator.pid) < ROOM
    scene.operator.assert_clean()
    with api_for(scene.kube, tmp_path_factory.mktemp("again")) as again:
        assert "canary" in {job["name"] for job in again.rest.get("/v1/jobs").json()}
