"""Merges the executions of the status with the archive's into one list, each execution once. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo

from dkron_api.translate.execution import InLine, details, shown, with_flag
from dkron_api.translate.execution_filter import Filter, Place
from dkron_api.translate.record import Job, Object
from dkron_archive.records import ArchivedExecution, ArchivedOutput, JobKey, Page
from dkron_crds.base import rfc3339
from dkron_crds.job import Attempt, AttemptState, History, Trigger
from dkron_crds.stops import Stop
from dkron_reports.reading import mapping
from dkron_reports.run import end_state

Identity = tuple[str, str]
"""Identifies an attempt for good: the uid of its job, and the name of its Kubernetes Job."""


@dataclass(frozen=True, slots=True)
class Found:
    """An execution of a list: from the status, from the archive, or from both. `live` says that the status has it."""

    job: JobKey
    run: Attempt
    live: bool = True
    archived: ArchivedExecution | None = None
    stop: Stop | None = None
    line: InLine | None = None
    """Where it waits; None unless it does."""

    @property
    def identity(self) -> Identity:
        """What identifies it."""
        return self.job.uid, self.run.job

    @property
    def place(self) -> Place:
        """Its place in a list by ends."""
        run = self.run
        at = run.queued_at if run.waits else run.ended_at
        return Place(not run.ended, at or run.started_at, run.id)

    def lacks_output(self, size: int) -> bool:
        """Whether the archive may have more of the last `size` bytes of its output."""
        run = self.run
        if not run.ended:
            return False
        # A record without an output may have kept none, and does not say then whether there was any.
        cut = run.output_truncated or not run.output
        return not self.live or (cut and len(run.output.encode()) < size)

    def with_output(self, output: ArchivedOutput, size: int) -> "Found":
        """Return it with the last `size` bytes of an output of the archive."""
        told = {
            "output": last(output.content, size).decode("utf-8", "replace"),
            "output_truncated": output.truncated or len(output.content) > size,
        }
        return replace(self, run=self.run.model_copy(update=told))


def last(content: bytes, size: int) -> bytes:
    """Return the last `size` bytes; 0 for none."""
    return content[max(0, len(content) - size) :]


def record_bytes(job: Job | None, uid: str) -> int:
    """Return how many bytes of an output the records of a job keep: none if it is not the job with this uid, which is
    gone with its records."""
    if job is None or job.uid != uid:
        return 0
    # Parsing the whole spec takes too long for each job of a list.
    kept = mapping(job.raw["spec"], "history").get("outputBytes")
    return kept if isinstance(kept, int) else History().output_bytes


def from_archive(record: ArchivedExecution) -> Found:
    """Return an archived execution, without its output."""
    run = Attempt.model_construct(
        id=record.id, job=record.attempt_job, state=state_of(record), slot=record.slot, trigger=trigger_of(record),
        group=record.group, attempt=record.attempt, started_at=record.started_at, finished_at=record.finished_at,
        exit_code=record.exit_code, reason=record.reason, message=record.message, node_name=record.node_name,
        member=record.member, queued_at=record.queued_at,
    )  # fmt: skip
    return Found(record.job, run, live=False, archived=record)


def state_of(record: ArchivedExecution) -> AttemptState:
    """Return how an archived attempt ended."""
    return end_state(
        success=record.success, reason=record.reason, exit_code=record.exit_code, started=record.started_at,
        finished=record.finished_at,
    )  # fmt: skip


def trigger_of(record: ArchivedExecution) -> Trigger:
    """Return the cause of an archived run. A later version may know further ones."""
    return Trigger(record.trigger) if record.trigger in set(Trigger) else Trigger.MANUAL


@dataclass(frozen=True, slots=True)
class Live:
    """The executions of the status that a page may show, in any order, and how many run that the filter takes."""

    items: Sequence[Found]
    running: int


@dataclass(frozen=True, slots=True)
class Merged:
    """A page of a list. `next` is the place after which the next page begins; None if this is the last. `complete` is
    as in the page of the archive. `fresh` is how many executions of the status the archive does not have."""

    items: tuple[Found, ...]
    next: Place | None = None
    complete: bool = True
    fresh: int = 0


def merged(live: Live, page: Page, wanted: Filter) -> Merged:
    """Return a page. An execution of the status beyond the end of the archive's page waits for the next one."""
    covered = None if page.next is None else Place(runs=False, at=page.next.finished_at, id=page.next.id)
    archived = {each.identity: each for each in map(from_archive, page.executions)}
    found: dict[Identity, Found] = {}
    running = live.running
    for each in live.items:
        known, runs = archived.get(each.identity), not each.run.ended
        if known is not None:
            # An attempt that has ended in the archive has ended, whatever an older version of the job says.
            found[each.identity] = known if runs else replace(each, archived=known.archived)
            running -= runs
        elif wanted.comes_after(each.place) and (covered is None or _within(each.place, covered, wanted)):
            found[each.identity] = each
    fresh = running + sum(each.archived is None and each.run.ended for each in found.values())
    items = sorted({**archived, **found}.values(), key=lambda each: each.place, reverse=not wanted.ascending)
    shown_items = tuple(items[: wanted.limit])
    cut = len(items) > len(shown_items)
    return Merged(shown_items, shown_items[-1].place if cut else covered, page.complete, fresh)


def _within(place: Place, covered: Place, wanted: Filter) -> bool:
    return place <= covered if wanted.ascending else place >= covered


def rendered(
    found: Found,
    *,
    now: datetime,
    size: int,
    zone: tzinfo = UTC,
    nodes: Mapping[str, str] | None = None,
    detailed: bool = False,
) -> Object:
    """Return an execution of a list, with at most `size` bytes of its output, all of them if it is negative."""
    run = found.run
    if nodes and not run.node_name:
        run = run.model_copy(update={"node_name": nodes.get(run.job, "")})
    item = with_flag(shown(found.job, run, zone=zone, place=found.line, now=now), run, size)
    return item | {"details": all_details(found)} if detailed else item


def all_details(found: Found) -> Object:
    """Return the facts without a field in Dkron's execution, with facts that only the archive has."""
    return details(found.run, stop=found.stop) | archived_details(found.archived)


def archived_details(record: ArchivedExecution | None) -> Object:
    """Return the facts that only the archive has."""
    if record is None:
        return {}
    told = {
        "trigger": record.trigger,
        "cause": record.cause,
        "revision": record.revision,
        "created_at": "" if record.created_at is None else rfc3339(record.created_at),
    }
    return {key: text for key, text in told.items() if text}


def unplaced_in(items: Sequence[Found]) -> list[str]:
    """Return the Jobs of those that run and whose node the status does not show."""
    return [each.run.job for each in items if _has_job(each.run) and not each.run.node_name]


def _has_job(run: Attempt) -> bool:
    return run.state in (AttemptState.QUEUED, AttemptState.RUNNING)
