"""Specs that cannot run: each is told in a condition and an Event, fixed without running in retrospect, and no other
job notices.
"""

from datetime import datetime, timedelta
from typing import Any

import pytest

from dkron_kube.paths import DKRON_JOBS
from tests.support import ledger
from tests.support.jobs import KEEP_ALL, at, dkron_job, pod_template
from tests.support.kube import condition, finished, is_ready, marked_after
from tests.support.sites import Site

pytestmark = pytest.mark.cluster(nodes="kwok")

GOOD = {
    "schedule": "@every 1s",
    "timezone": "",
    "executor": "shell",
    "executorConfig": {"command": "true"},
    "jobTemplate": None,
    "parameters": None,
    "tags": None,
    "unchecked": None,
}
DAY = {"name": "day"}
PATTERN = {**DAY, "pattern": "("}


def bad(name: str, reason: str, *words: str, **spec: Any) -> Any:
    return pytest.param(name, spec, reason, words, id=name.replace("-", " "))


BAD = (
    bad("schedule-that-is-none", "InvalidSchedule", "61", schedule="61 * * * * *"),
    bad("unknown-zone", "InvalidTimezone", "Mars/Olympus", timezone="Mars/Olympus"),
    bad("unknown-executor", "UnknownExecutor", "teleport", "kubernetes", "shell", executor="teleport"),
    bad(
        "missing-command",
        "InvalidExecutorConfig",
        "command",
        "missing",
        executorConfig={"command": None},
        unchecked=True,
    ),
    bad("restarting-pod", "InvalidTemplate", "restartPolicy", jobTemplate=pod_template(restartPolicy="Always")),
    bad("negative-number", "InvalidTemplate", "parallelism", jobTemplate={"spec": {"parallelism": -1}}),
    bad("word-for-a-number", "InvalidTemplate", "backoffLimit", jobTemplate={"spec": {"backoffLimit": "many"}}),
    bad("unknown-field", "InvalidTemplate", "paralelism", jobTemplate={"spec": {"paralelism": 1}}),
    bad("pattern", "InvalidParameters", 'parameter "day"', "not a regular expression", parameters=[PATTERN]),
    bad("no-value", "ParameterRequired", 'parameter "day"', "no default", parameters=[{**DAY, "required": True}]),
    bad("no-count", "InvalidTags", "tags.dc", tags={"dc": "eu:x"}, unchecked=True),
)


@pytest.fixture(scope="module", autouse=True)
def everything(module_site: Site) -> None:
    jobs = [dkron_job("bystander", schedule="@every 1s", history=KEEP_ALL)]
    for name, spec, _, _ in (case.values for case in BAD):
        job = dkron_job(str(name), schedule="@every 1s")
        config = {**job["spec"]["executorConfig"], **spec.get("executorConfig", {})}
        job["spec"] |= {**spec, "executorConfig": {key: value for key, value in config.items() if value is not None}}
        jobs.append(job)
    module_site.kube.apply(*jobs)


@pytest.mark.parametrize(("name", "_", "reason", "words"), BAD)
def test_spec_that_cannot_run_is_reported(
    shared_site: Site, *, name: str, _: object, reason: str, words: tuple[str, ...]
) -> None:
    kube = shared_site.kube
    status = kube.wait_status(name, "a verdict", lambda s: condition(s, "Ready").get("status") == "False")
    ready = condition(status, "Ready")
    assert ready["reason"] == reason
    assert [word for word in words if word not in ready["message"]] == [], ready["message"]
    assert status.get("next") is None
    kube.wait_for("an Event", lambda: kube.events_of(name, reason), bool)
    assert kube.jobs_of(name) == []


@pytest.fixture(scope="module")
def fixed(module_site: Site) -> dict[str, datetime]:
    """When each job was fixed; all are at once, so that the tests wait together."""
    kube = module_site.kube
    times = {}
    for name, spec, *_ in (case.values for case in BAD):
        kube.wait_status(str(name), "a verdict", lambda s: condition(s, "Ready").get("status") == "False")
        edited = kube.edit(str(name), **{key: GOOD[key] for key in spec})
        times[str(name)] = at(max(entry["time"] for entry in edited["metadata"]["managedFields"]))
    return times


@pytest.mark.parametrize("name", [pytest.param(case.values[0], id=case.id) for case in BAD])
def test_repaired_spec_runs_from_then_on(shared_site: Site, fixed: dict[str, datetime], name: str) -> None:
    kube = shared_site.kube
    kube.wait_status(name, "to be ready", is_ready)
    slots = kube.wait_for("slots to fire", lambda: kube.slots_of(name), lambda slots: len(slots) >= 2)
    assert min(at(slot) for slot in slots) >= fixed[name], "nothing runs in retrospect"
    kube.wait_for("an Event", lambda: kube.events_of(name, "Scheduled"), bool, seconds=5)
    kube.delete(DKRON_JOBS, name)


def test_a_job_that_was_in_order_and_is_broken_stops(shared_site: Site) -> None:
    kube = shared_site.kube
    kube.apply(dkron_job("broken-later", schedule="@every 1s"))
    kube.wait_status("broken-later", "a run", finished(1))
    kube.edit("broken-later", schedule="61 * * * * *")
    status = kube.wait_status("broken-later", "a verdict", lambda s: condition(s, "Ready").get("status") == "False")
    decided = at(kube.status("bystander")["lastScheduleTime"])
    kube.wait_status("bystander", "more slots", marked_after(decided + timedelta(seconds=2)))
    after = [slot for slot in kube.slots_of("broken-later") if at(slot) > at(status["since"])]
    assert after == []


@pytest.mark.promise
def test_every_other_job_keeps_its_time(shared_site: Site) -> None:
    shared_site.kube.wait_status("bystander", "five runs", finished(5))
    account = ledger.close(shared_site.kube, "bystander", every=1)
    account.assert_balanced()
    assert account.skipped == 0
