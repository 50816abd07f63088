"""The world as an observer sees it, for the checker; and what must not be seen at any moment."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from dkron_crds.job import JobStatus
from dkron_crds.job_metadata import QUEUED_AT
from dkron_crds.requests import RUN_PREFIX
from dkron_crds.run import DkronRun
from dkron_crds.stops import STOP_PREFIX
from dkron_kube.errors import NotFound
from dkron_kube.paths import DKRON_BACKFILLS, DKRON_JOBS, DKRON_RUNS, JOBS
from tests.chaos.history import Record, Seen, Since
from tests.chaos.request_sightings import RequestSightings
from tests.support.world import Event, Object, World


class Sights:
    """A watch that no fault touches. `wrong` are sentences about what it should never have seen, `requested` what it
    has seen of DkronRuns and DkronBackfills."""

    def __init__(self, world: World, clock: Callable[[], datetime], wrong: list[str]) -> None:
        self._world = world
        self._clock = clock
        self._wrong = wrong
        self._sinces: dict[tuple[str, str, datetime], None] = {}
        self._statuses: list[Seen] = []
        self._replacing: set[str] = set()
        self.requested = RequestSightings()
        self._begun: set[str] = set()
        self._members: dict[tuple[str, int], set[str]] = {}
        world.heard.append(self._hear)

    @property
    def sinces(self) -> tuple[Since, ...]:
        """Each moment from which slots counted."""
        return tuple(Since(job=job, uid=uid, since=since) for job, uid, since in self._sinces)

    @property
    def statuses(self) -> tuple[Seen, ...]:
        """What each status has accounted for."""
        return tuple(self._statuses)

    def records(self) -> tuple[Record, ...]:
        """All statuses, as they are now."""
        return tuple(
            Record(
                job=body["metadata"]["name"],
                uid=body["metadata"]["uid"],
                read=self._clock(),
                status=JobStatus.from_wire(body.get("status") or {}),
            )
            for body in self._world.list(DKRON_JOBS, None)
        )

    def look_for_wishes(self) -> None:
        """In the end each run and each stop that was asked for has had its answer, if its job is there."""
        jobs = self._world.list(DKRON_JOBS, None)
        there = {body["metadata"]["name"] for body in jobs}
        active = {entry["group"] for body in jobs for entry in (body.get("status") or {}).get("active", ())}
        for body in jobs:
            for key in body["metadata"].get("annotations") or ():
                if key.startswith((RUN_PREFIX, STOP_PREFIX)):
                    self._wrong.append(f"NO ANSWER: {body['metadata']['name']} has the annotation {key} in the end")

        for body in self._world.list(DKRON_RUNS, None):
            status, name = body.get("status") or {}, body["spec"]["job"]
            phase, waits = status.get("phase"), name not in there and "dkronJob" not in status
            if phase not in ("Succeeded", "Failed", "Refused") and not waits and status.get("group") not in active:
                self._wrong.append(f"NO ANSWER: DkronRun {body['metadata']['name']} has the phase {phase} in the end")

    def runs(self) -> tuple[DkronRun, ...]:
        """All DkronRuns, as they are now."""
        return tuple(map(DkronRun.from_wire, self._world.list(DKRON_RUNS, None)))

    def forgive(self, name: str) -> None:
        """This Job was deleted by a hand."""
        self._wrong[:] = [text for text in self._wrong if not text.startswith(f"TOO SOON: Job {name} ")]

    def _hear(self, event: Event) -> None:
        if event.plural == DKRON_RUNS.plural:
            upsert = self.requested.lost_run if event.kind == "DELETED" else self.requested.run
            upsert(event.body, self._clock())
        if event.plural == DKRON_BACKFILLS.plural:
            self.requested.backfill(event.body)
        if event.plural == JOBS.plural and event.kind == "ADDED":
            self._check_creation(event.body)
        if event.plural == JOBS.plural and event.kind == "DELETED":
            self._check_deletion(event.body)
        if event.plural == DKRON_JOBS.plural and event.body["spec"]["concurrency"] == "replace":
            self._replacing.add(event.body["metadata"]["uid"])
        if event.plural == DKRON_JOBS.plural:
            self._see(event.body)
            self._check_members(event.body)

    def _see(self, body: Object) -> None:
        metadata, status = body["metadata"], body.get("status") or {}
        since, mark = _instant(status.get("since")), _instant(status.get("lastScheduleTime"))
        if since is not None:
            self._sinces[metadata["name"], metadata["uid"], since] = None
        self._begun |= {entry["job"] for entry in status.get("active", ()) if entry["state"] != "Waiting"}
        claims = (
            entry["slot"]
            for entry in status.get("active", ())
            if entry["state"] in ("Waiting", "Claimed")
            and entry["trigger"] == "schedule"
            and entry.get("attempt", 1) == 1
        )
        deferred = (
            (_instant(each.get("after")), datetime.fromisoformat(each["until"])) for each in status.get("deferred", ())
        )
        seen = Seen(
            job=metadata["name"], uid=metadata["uid"], at=self._clock(), since=since, mark=mark,
            fingerprint=status.get("fingerprint", ""), skipped=(status.get("skipped") or {}).get("count", 0),
            claims=tuple(map(datetime.fromisoformat, claims)),
            deferred=tuple(deferred),
        )  # fmt: skip
        if not self._statuses or replace(self._statuses[-1], at=seen.at) != seen:
            self._statuses.append(seen)

    def _check_members(self, job: Object) -> None:
        """Who the members of a run are is decided once, by the write that claims them."""
        uid, claimed = job["metadata"]["uid"], dict[int, set[str]]()
        for entry in (job.get("status") or {}).get("active", ()):
            if entry.get("member"):
                claimed.setdefault(entry["group"], set()).add(entry["member"])
        for group, names in claimed.items():
            if not names <= self._members.setdefault((uid, group), names):
                self._wrong.append(f"MORE MEMBERS: run {group} had {self._members[uid, group]}, and has {names}")

    def _check_creation(self, run: Object) -> None:
        """No slot fires before a status says from when on slots count, and no run that waits in line begins before a
        status says that it has left it."""
        metadata, job = run["metadata"], self._owner(run)
        if job is not None and QUEUED_AT in metadata["annotations"] and metadata["name"] not in self._begun:
            self._wrong.append(f"TOO SOON: Job {metadata['name']} was created while its run was in line")
        if job is None or metadata["annotations"].get("dkron.io/trigger") != "schedule":
            return
        if not any(uid == job["metadata"]["uid"] for _, uid, _ in self._sinces):
            self._wrong.append(f"TOO SOON: Job {metadata['name']} was created before its slots counted")

    def _owner(self, run: Object) -> Object | None:
        """The DkronJob that it belongs to, if that is still there."""
        owner = next(iter(run["metadata"].get("ownerReferences") or ()), None)
        if owner is None:
            return None
        try:
            job = self._world.get(DKRON_JOBS, run["metadata"]["namespace"], owner["name"])
        except NotFound:
            return None
        return job if job["metadata"]["uid"] == owner["uid"] else None

    def _check_deletion(self, run: Object) -> None:
        """A Job that is over is kept until its record is written. One that is replaced may end while it goes, whatever
        the spec says by then."""
        job = self._owner(run) if (run.get("status") or {}).get("conditions") else None
        if job is None:
            return
        status, name = job.get("status") or {}, run["metadata"]["name"]
        told = {*status.get("counted", ()), *(each["job"] for each in status.get("executions", ()))}
        if job["metadata"]["uid"] not in self._replacing and name not in told:
            self._wrong.append(f"TOO SOON: Job {name} was deleted at {self._clock()}, before its record was written")


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
