"""Jobs, their pods and their DkronJobs that a witness has seen, as facts. Pure.

The Jobs of a DkronJob say what they are for; of a stock CronJob each scheduled time is a slot. The first sight of a Job
stays: another writer may cut its annotations later.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from dkron_crds.job import Trigger
from dkron_crds.job_metadata import OF_RUN
from tests.chaos.history import Run, Since

Object = Mapping[str, Any]

OWNERS = frozenset({"DkronJob", "CronJob"})
CRON_SLOT = "batch.kubernetes.io/cronjob-scheduled-timestamp"
TOLD = timedelta(seconds=1)
"""The API server tells the second in which something was made, without its fraction."""
CONTAINER = "job"
ENDS = frozenset({"Complete", "Failed"})


@dataclass
class Sightings:
    """All that was seen, by uid. `seen` is the witness' own clock, which tells more than whole seconds."""

    _jobs: dict[str, Run] = field(default_factory=dict)
    _over: dict[str, datetime] = field(default_factory=dict)
    _pods: dict[str, dict[str, Object]] = field(default_factory=dict)
    _sinces: dict[Since, None] = field(default_factory=dict)

    def job(self, body: Object, seen: datetime) -> None:
        """A Job is there."""
        uid = body["metadata"]["uid"]
        if uid not in self._jobs and (run := _run(body, seen)) is not None:
            self._jobs[uid] = run
        if (told := _finished(body)) is not None:
            self._over.setdefault(uid, _between(told, seen))

    def lost_job(self, body: Object, seen: datetime) -> None:
        """A Job is gone; this is how it was last."""
        self.job(body, seen)
        self._over.setdefault(body["metadata"]["uid"], seen)

    def pod(self, body: Object) -> None:
        """A pod is there. How it went does not change any more once it has ended."""
        metadata = body["metadata"]
        owner = _owner(metadata, frozenset({"Job"}))
        if owner is None:
            return
        known = self._pods.setdefault(owner["uid"], {})
        if not _terminated(known.get(metadata["uid"], {})):
            known[metadata["uid"]] = body

    def dkron_job(self, body: Object) -> None:
        """A DkronJob is there; its status may say from when on slots count."""
        since = (body.get("status") or {}).get("since")
        if since:
            job = body["metadata"]
            self._sinces[Since(job=job["name"], uid=job["uid"], since=_instant(since))] = None

    def runs(self, until: datetime) -> Iterator[Run]:
        """One for each pod that began, and one for each Job without any. What came after `until` is left out."""
        for uid, run in self._jobs.items():
            if run.began <= until:
                run = replace(run, over=min(self._over.get(uid, until), until))  # noqa: PLW2901 - the same, as known now
                began = [ran for pod in self._pods.get(uid, {}).values() if (ran := _ran(run, pod, until)).start]
                yield from began or (run,)

    def sinces(self) -> Iterator[Since]:
        """Each beginning of slots that a status has told."""
        yield from self._sinces


def _run(body: Object, seen: datetime) -> Run | None:
    metadata = body["metadata"]
    owner, notes = _owner(metadata, OWNERS), metadata.get("annotations") or {}
    if owner is None:
        return None
    made = _instant(metadata["creationTimestamp"])
    run = Run(
        job=owner["name"],
        uid=owner["uid"],
        name=metadata["name"],
        slot=_instant(notes.get("dkron.io/slot") or notes.get(CRON_SLOT) or metadata["creationTimestamp"]),
        created=_between(made, seen),
    )
    if owner["kind"] == "CronJob":
        return run
    return replace(
        run,
        trigger=Trigger(notes["dkron.io/trigger"]),
        group=int(notes["dkron.io/group"]),
        attempt=int(notes["dkron.io/attempt"]),
        member=notes.get("dkron.io/member", ""),
        asked=notes.get(OF_RUN, ""),
    )


def _finished(body: Object) -> datetime | None:
    conditions = (body.get("status") or {}).get("conditions") or ()
    ends = (it["lastTransitionTime"] for it in conditions if it["type"] in ENDS and it["status"] == "True")
    return next((_instant(end) for end in ends), None)


def _between(told: datetime, seen: datetime) -> datetime:
    """When it was, in the second that was told: as it was seen, if that was at once."""
    return min(max(told, seen), told + TOLD)


def _ran(run: Run, pod: Object, until: datetime) -> Run:
    """The run with what its pod tells of its beginning and its end."""
    ended, state = _terminated(pod), _state(pod)
    start = (ended or state.get("running") or {}).get("startedAt")
    if not start or _instant(start) > until:
        return run
    end = _instant(ended["finishedAt"]) if ended else None
    if end is None or end > until:
        return replace(run, start=_instant(start))
    return replace(run, start=_instant(start), end=end, success=ended["exitCode"] == 0)


def _owner(metadata: Object, kinds: frozenset[str]) -> Object | None:
    owners = metadata.get("ownerReferences") or ()
    return next((owner for owner in owners if owner.get("controller") and owner["kind"] in kinds), None)


def _terminated(pod: Object) -> Object:
    told: Object = _state(pod).get("terminated") or {}
    return told


def _state(pod: Object) -> Object:
    """The state of the container that counts: `job`, or the first one."""
    known = {status["name"]: status for status in (pod.get("status") or {}).get("containerStatuses") or ()}
    states = [known[CONTAINER]] if CONTAINER in known else [*known.values()][:1]
    return next((status.get("state") or {} for status in states), {})


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
