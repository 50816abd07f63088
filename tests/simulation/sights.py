"""What is seen of the world from outside, for the checker; and what must not be seen at any moment."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from dkron_crds.job import JobStatus
from dkron_kube.errors import NotFound
from dkron_kube.paths import DKRON_JOBS, JOBS
from tests.chaos.history import Record, Seen, Since
from tests.simulation.clients import NAMESPACE
from tests.simulation.world import Event, Object, World


class Sights:
    """A watch that no fault touches. `wrong` are sentences about what it should never have seen."""

    def __init__(self, world: World, clock: Callable[[], datetime], wrong: list[str]) -> None:
        self._world = world
        self._clock = clock
        self._wrong = wrong
        self._sinces: dict[tuple[str, str, datetime], None] = {}
        self._statuses: list[Seen] = []
        self._replacing: set[str] = set()
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

    def forgive(self, name: str) -> None:
        """This Job was deleted by a hand."""
        self._wrong[:] = [text for text in self._wrong if not text.startswith(f"TOO SOON: Job {name} ")]

    def _hear(self, event: Event) -> None:
        if event.plural == JOBS.plural and event.kind == "DELETED":
            self._check_deletion(event.body)
        if event.plural == DKRON_JOBS.plural and event.body["spec"]["concurrency"] == "replace":
            self._replacing.add(event.body["metadata"]["uid"])
        if event.plural == DKRON_JOBS.plural:
            self._see(event.body)

    def _see(self, body: Object) -> None:
        metadata, status = body["metadata"], body.get("status") or {}
        since, mark = _instant(status.get("since")), _instant(status.get("lastScheduleTime"))
        if since is not None:
            self._sinces[metadata["name"], metadata["uid"], since] = None
        claims = (
            entry["slot"]
            for entry in status.get("active", ())
            if not entry.get("uid") and entry["trigger"] == "schedule" and entry.get("attempt", 1) == 1
        )
        seen = Seen(
            job=metadata["name"], uid=metadata["uid"], at=self._clock(), since=since, mark=mark,
            fingerprint=status.get("fingerprint", ""), skipped=(status.get("skipped") or {}).get("count", 0),
            claims=tuple(map(datetime.fromisoformat, claims)),
        )  # fmt: skip
        if not self._statuses or replace(self._statuses[-1], at=seen.at) != seen:
            self._statuses.append(seen)

    def _check_deletion(self, run: Object) -> None:
        """A Job that is over is kept until its record is written. One that is replaced may end while it goes, whatever
        the spec says by then."""
        owner = next(iter(run["metadata"].get("ownerReferences") or ()), None)
        if owner is None or not (run.get("status") or {}).get("conditions"):
            return
        try:
            job = self._world.get(DKRON_JOBS, NAMESPACE, owner["name"])
        except NotFound:
            return
        status, name = job.get("status") or {}, run["metadata"]["name"]
        told = {*status.get("counted", ()), *(each["job"] for each in status.get("executions", ()))}
        ours = job["metadata"]["uid"] == owner["uid"]
        if ours and owner["uid"] not in self._replacing and name not in told:
            self._wrong.append(f"TOO SOON: Job {name} was deleted at {self._clock()}, before its record was written")


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
