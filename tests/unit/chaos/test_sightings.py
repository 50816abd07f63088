"""The facts that a witness makes of the objects that it sees."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from dkron_crds.job import Trigger
from tests.chaos.history import BackfillObject, Run, RunObject
from tests.chaos.request_sightings import RequestSightings
from tests.chaos.sightings import Sightings

Object = dict[str, Any]
NOON = datetime.fromisoformat("2026-01-01T12:00:00+00:00")
LATER = NOON + timedelta(hours=1)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def text(seconds: float) -> str:
    return after(seconds).isoformat().replace("+00:00", "Z")


def job(uid: str = "j", *, kind: str = "DkronJob", done: float | None = None, **notes: str) -> Object:
    ours = {"slot": text(0), "trigger": "schedule", "group": "7", "attempt": "2", **notes}
    ended = [{"type": "Complete", "status": "True", "lastTransitionTime": text(done)}] if done is not None else []
    return {
        "metadata": {
            "name": f"job-{uid}",
            "uid": uid,
            "creationTimestamp": text(1),
            "annotations": {f"dkron.io/{key}": value for key, value in ours.items()},
            "ownerReferences": [{"kind": kind, "name": "a", "uid": "owner", "controller": True}],
        },
        "status": {"conditions": ended},
    }


def pod(uid: str = "p", *, of: str = "j", code: int | None = None, name: str = "job") -> Object:
    running = {"running": {"startedAt": text(2)}}
    ended = {"terminated": {"startedAt": text(2), "finishedAt": text(5), "exitCode": code}}
    states = [{"name": name, "state": running if code is None else ended}]
    owners = [{"kind": "Job", "name": f"job-{of}", "uid": of, "controller": True}]
    return {"metadata": {"name": uid, "uid": uid, "ownerReferences": owners}, "status": {"containerStatuses": states}}


RUN = Run(
    job="a", uid="owner", name="job-j", slot=NOON, trigger=Trigger.SCHEDULE, group=7, attempt=2, created=after(1.5),
    start=after(2), end=after(5), over=after(6.25), success=True,
)  # fmt: skip


def seen(*bodies: Object, until: datetime = LATER) -> list[Run]:
    sightings = Sightings()
    for body in bodies:
        if "containerStatuses" in body["status"]:
            sightings.pod(body)
        else:
            sightings.job(body, after(6.25) if body["status"]["conditions"] else after(1.5))
    return list(sightings.runs(until))


def test_run_follows_from_its_job_and_pod() -> None:
    assert seen(job(), pod(), pod(code=0), job(done=6)) == [RUN]
    assert seen(job(), pod(code=3), job(done=6)) == [replace(RUN, success=False)]
    assert seen(pod(code=0), job(), job(done=6)) == [RUN], "in whichever order they are seen"


def test_annotations_that_are_cut_later_do_not_matter() -> None:
    cut = job(done=6)
    cut["metadata"]["annotations"] = {}
    assert seen(job(), pod(code=0), cut) == [RUN]


def test_a_pod_that_has_ended_stays_as_it_was() -> None:
    assert seen(job(), pod(code=0), pod(), job(done=6)) == [RUN]


def test_a_job_without_a_pod_is_a_run_without_a_start() -> None:
    assert seen(job(), until=after(20)) == [replace(RUN, start=None, end=None, over=after(20), success=None)]


def test_two_pods_of_one_job_are_two_runs() -> None:
    assert [run.name for run in seen(job(), pod("p", code=0), pod("q", code=0))] == ["job-j", "job-j"]


def test_events_after_the_last_look_are_ignored() -> None:
    assert seen(job(), pod(code=0), job(done=6), until=after(4)) == [
        replace(RUN, end=None, over=after(4), success=None)
    ]
    assert seen(job(), pod(code=0), until=after(1)) == []


def test_when_a_job_is_gone_is_when_it_was_over() -> None:
    sightings = Sightings()
    sightings.job(job(), after(1.5))
    sightings.lost_job(job(), after(4))
    assert [run.over for run in sightings.runs(LATER)] == [after(4)]


def test_job_of_a_cronjob_has_its_scheduled_time_as_slot() -> None:
    body = job(kind="CronJob")
    body["metadata"]["annotations"] = {"batch.kubernetes.io/cronjob-scheduled-timestamp": "2026-01-01T13:00:00+01:00"}
    (run,) = seen(body)
    assert (run.job, run.slot, run.attempt, run.trigger) == ("a", NOON, 1, Trigger.SCHEDULE)


def test_jobs_of_others_are_not_seen() -> None:
    assert seen(job(kind="Workflow")) == []


def test_since_is_recorded_once() -> None:
    sightings = Sightings()
    for _ in range(2):
        sightings.dkron_job({"metadata": {"name": "a", "uid": "u"}, "status": {"since": text(0)}})
    assert [fact.since for fact in sightings.sinces()] == [NOON]


def test_request_has_its_last_state_and_backfill_all_decisions() -> None:
    sightings = RequestSightings()
    about = {"uid": "u", "creationTimestamp": text(1), "labels": {"dkron.io/backfill": "b"}}
    run = {"metadata": {"name": "r", **about}, "spec": {"job": "a"}}
    sightings.run(run, after(1.5))
    sightings.lost_run(run | {"status": {"phase": "Running"}}, after(4))
    spec = {"job": "a", "from": text(0), "to": text(9)}
    for slots in ([text(2)], [text(2)], [], [text(2), text(3)]):
        status = {"targets": [{"job": "a", "uid": "u", "slots": slots}] if slots else [], "begun": len(slots)}
        sightings.backfill({"metadata": {"name": "b", "uid": "v"}, "spec": spec, "status": status})
    told, backfill = sightings.facts(LATER)
    assert isinstance(told, RunObject)
    assert (told.seen, told.gone, told.status.phase, told.backfill) == (after(1.5), after(4), "Running", "b")
    assert isinstance(backfill, BackfillObject)
    assert [len(decided[0].slots) for decided in backfill.decided] == [1, 2]
    assert backfill.status.begun == 2
    assert [fact.name for fact in sightings.facts(after(1))] == ["b"], "what came after the last look is left out"
