"""Attempts that only their Jobs show yet: which Jobs those are, and how the REST API shows them."""

import copy
import pickle
from typing import Any

import pytest

from dkron_api.cache.job_index import JobIndex
from dkron_api.stream.event_log import EventLog
from dkron_api.stream.feed import Feed
from dkron_api.stream.subscription import Interest
from dkron_api.translate.beginning import MOST, read_beginning
from dkron_api.translate.events import Topic
from dkron_api.translate.execution import running
from dkron_api.translate.record import Beginning
from dkron_crds.base import rfc3339
from dkron_crds.job import Attempt, AttemptState, JobStatus
from dkron_crds.job_metadata import KUEUE_QUEUE
from dkron_reports.slices import at_once
from tests.support.builders import NOON, UID, after, claim, execution, seen, wire_job
from tests.support.sse import parsed

Object = dict[str, Any]
ENTRY = seen(claim(NOON))
LABELS = {KUEUE_QUEUE: "team-a"}
WAITS = ENTRY.model_copy(update={"state": AttemptState.QUEUED, "queue": "team-a", "queued_at": NOON})


def job_of(entry: Attempt, **annotations: str) -> Object:
    """The metadata of the Job of a scheduled slot."""
    marks = {
        "dkron.io/slot": rfc3339(entry.slot), "dkron.io/trigger": "schedule", "dkron.io/execution": entry.id,
        "dkron.io/member": entry.member, "dkron.io/node": entry.node_name,
    }  # fmt: skip
    owner = {"apiVersion": "dkron.io/v1alpha1", "kind": "DkronJob", "name": "backup", "uid": UID, "controller": True}
    return {
        "metadata": {
            "name": entry.job, "namespace": "default", "uid": entry.uid, "creationTimestamp": rfc3339(entry.started_at),
            "annotations": {**marks, **annotations}, "ownerReferences": [owner],
        }
    }  # fmt: skip


def changed(entry: Attempt = ENTRY, **metadata: Any) -> Object:
    return {"metadata": {**job_of(entry)["metadata"], **metadata}}


class TestRead:
    @pytest.mark.parametrize(
        "entry",
        [pytest.param(ENTRY, id="of the job"), pytest.param(seen(claim(node="n1")), id="of a node that tags chose")],
    )
    def test_first_attempt_of_a_slot_becomes_its_entry(self, entry: Attempt) -> None:
        found = read_beginning(job_of(entry))
        assert found is not None
        assert (found.owner, found.namespace, found.slot) == (UID, "default", entry.slot)
        assert Attempt.from_wire(found.entry) == entry

    def test_kept_bytes_do_not_grow_with_the_job(self) -> None:
        env = [{"name": f"V{number}", "value": "x" * 1000} for number in range(60)]
        large = job_of(ENTRY, note="x" * 60_000) | {"spec": {"template": {"spec": {"containers": [{"env": env}]}}}}
        assert len(pickle.dumps(read_beginning(large))) == len(pickle.dumps(read_beginning(job_of(ENTRY)))) < 1024

    @pytest.mark.parametrize(
        ("metadata", "expected"),
        [
            pytest.param({"labels": LABELS, "generation": 1}, WAITS, id="as it was created: suspended"),
            pytest.param({"labels": LABELS, "generation": 2}, ENTRY, id="admitted"),
            pytest.param({"labels": {}, "generation": 1}, ENTRY, id="in no queue"),
            pytest.param({"labels": {KUEUE_QUEUE: ""}, "generation": 1}, ENTRY, id="an empty label"),
        ],
    )
    def test_job_in_a_queue_waits_until_it_is_admitted(self, metadata: Object, expected: Attempt) -> None:
        found = read_beginning(changed(**metadata))
        assert found is not None
        assert Attempt.from_wire(found.entry) == expected

    @pytest.mark.parametrize(
        "job",
        [
            pytest.param({"metadata": {"name": "a"}}, id="no annotations"),
            pytest.param(changed(ownerReferences=None), id="no owner"),
            pytest.param(
                changed(ownerReferences=[{"kind": "DkronJob", "name": "backup", "uid": UID}]), id="no control"
            ),
            pytest.param(changed(name="backup-1"), id="another name"),
            pytest.param(job_of(seen(claim(attempt=2))), id="a retry"),
            pytest.param(job_of(ENTRY, **{"dkron.io/trigger": "manual"}), id="a requested run"),
            pytest.param(job_of(ENTRY, **{"dkron.io/slot": "noon"}), id="no slot"),
            pytest.param(job_of(ENTRY, **{"dkron.io/slot": rfc3339(after(60))}), id="another slot"),
            pytest.param(job_of(ENTRY, **{"dkron.io/execution": "1-x"}), id="another execution"),
            pytest.param(job_of(ENTRY, **{"dkron.io/execution": "x"}), id="no execution"),
            pytest.param(job_of(ENTRY, **{"dkron.io/member": "m"}), id="another member"),
            pytest.param(changed(creationTimestamp=rfc3339(after(-61))), id="created long before its slot"),
        ],
    )
    def test_other_jobs_are_none(self, job: Object) -> None:
        assert read_beginning(job) is None


def stored(version: int, **status: Any) -> Object:
    return wire_job(version=version, status=JobStatus(**{"since": after(-60), **status}))


def beginning(entry: Attempt = ENTRY, **metadata: Any) -> Beginning:
    found = read_beginning(changed(entry, **metadata))
    assert found is not None
    return found


class Place:
    """A feed that knows one job, and a client that listens."""

    def __init__(self, item: Object) -> None:
        self.event_log = EventLog()
        self.job_index = JobIndex(lambda: NOON)
        self.feed = Feed(self.job_index, self.event_log, lambda: NOON)
        self.feed.replace([copy.deepcopy(item)], 100)
        self.listener = self.event_log.subscribe(Interest(frozenset({Topic.EXECUTION})))

    def busy(self) -> list[str]:
        return [each["id"] for each in at_once(running(self.job_index))]

    async def told(self) -> list[tuple[str, bool]]:
        """The events since the last call, and whether each has a place in the log."""
        data = await self.listener.take()
        texts = [piece for piece in data.split(b"\n\n") if b"event:" in piece]
        return [(str(event), b"id:" in text) for event, text in zip(parsed(data), texts, strict=True)]


NEXT = seen(claim(after(60)))


class TestShown:
    async def test_it_runs_until_the_status_says_more(self) -> None:
        place = Place(stored(90))
        await place.told()
        place.feed.begun(beginning())
        place.feed.begun(beginning())
        assert place.busy() == [ENTRY.id]
        assert await place.told() == [("execution started backup", False)]
        place.feed.upsert(stored(101, next=after(60)))
        assert place.busy() == [ENTRY.id], "the version does not say what became of the slot"
        place.feed.upsert(stored(102, last_schedule_time=NOON, executions=(execution(ENTRY),)))
        assert place.busy() == []
        assert await place.told() == [("execution finished backup", True)]

    async def test_one_in_a_queue_waits_and_then_runs(self) -> None:
        place = Place(stored(90))
        await place.told()
        for generation, busy, told in ((1, [], "queued"), (2, [ENTRY.id], "started")):
            for _ in range(2):
                place.feed.begun(beginning(labels=LABELS, generation=generation))
            assert place.busy() == busy
            assert await place.told() == [(f"execution {told} backup", False)]

    async def test_a_long_one_is_told_again_in_its_place(self) -> None:
        place = Place(stored(90))
        await place.told()
        place.feed.begun(beginning())
        await place.told()
        place.feed.upsert(stored(101, last_schedule_time=NOON, active=(ENTRY,)))
        assert await place.told() == [("execution started backup", True)]
        assert place.busy() == [ENTRY.id]

    @pytest.mark.parametrize(
        "status",
        [
            pytest.param({"last_schedule_time": NOON, "active": (ENTRY,)}, id="it shows the attempt"),
            pytest.param({"last_schedule_time": after(60)}, id="it is further"),
            pytest.param({"since": NOON}, id="the job counts from the slot"),
            pytest.param({"since": None}, id="it was wiped"),
        ],
    )
    async def test_a_slot_that_the_status_knows_shows_nothing(self, status: Object) -> None:
        place = Place(stored(90, **status))
        known = place.busy()
        place.feed.begun(beginning())
        assert place.busy() == known

    async def test_a_claim_that_has_left_the_line_runs_with_its_job(self) -> None:
        claimed = ENTRY.model_copy(
            update={"state": AttemptState.CLAIMED, "uid": "", "queued_at": NOON, "started_at": after(9)}
        )
        begun = ENTRY.model_copy(update={"state": AttemptState.RUNNING, "queued_at": NOON, "started_at": after(9)})
        place = Place(stored(90, last_schedule_time=NOON, active=(claimed,)))
        assert place.busy() == [], "a quota may refuse its Job"
        place.feed.begun(beginning())
        assert place.busy() == [ENTRY.id]
        (job,) = place.job_index
        assert job.status.active == (begun,), "what the status says of the claim stays"
        place.feed.upsert(stored(102, last_schedule_time=after(60), executions=(execution(ENTRY),)))
        assert place.busy() == []

    async def test_a_claim_whose_job_waits_in_a_queue_waits_there(self) -> None:
        place = Place(
            stored(
                90,
                last_schedule_time=NOON,
                active=(ENTRY.model_copy(update={"state": AttemptState.CLAIMED, "uid": ""}),),
            )
        )
        labels = {"kueue.x-k8s.io/queue-name": "reports"}
        found = read_beginning(changed(ENTRY, labels=labels, generation=1))
        assert found is not None
        place.feed.begun(found)
        (job,) = place.job_index
        assert [(each.queue, each.queued_at) for each in job.status.active] == [("reports", NOON)]
        assert place.busy() == []

    async def test_only_so_many_are_shown(self) -> None:
        place = Place(stored(90))
        for second in range(MOST + 9):
            place.feed.begun(beginning(seen(claim(after(second)))))
        assert len(place.busy()) == MOST
        place.feed.begun(beginning(seen(claim(NOON)), labels=LABELS, generation=1))
        assert len(place.busy()) == MOST - 1, "a known one changes all the same"

    async def test_an_unknown_job_shows_nothing(self) -> None:
        place = Place(wire_job(version=90, uid="another"))
        place.feed.begun(beginning())
        assert place.busy() == []

    async def test_other_replicas_tell_the_same_steps(self) -> None:
        """The log is a function of the versions of the DkronJobs, whenever the Jobs are seen."""
        steps = [
            stored(101, last_schedule_time=NOON, executions=(execution(ENTRY),)),
            stored(102, last_schedule_time=after(60), active=(NEXT,)),
        ]
        logs = []
        for early in (False, True):
            place = Place(stored(90))
            for entry, step in zip((ENTRY, NEXT), steps, strict=True):
                if early:
                    place.feed.begun(beginning(entry))
                place.feed.upsert(copy.deepcopy(step))
            logs.append([entry.block for entry in place.event_log._entries])
        assert logs[0] == logs[1]
