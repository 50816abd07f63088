"""The records of an archive, as explanations of slots read them. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby, pairwise
from typing import Any, NamedTuple

from dkron_api.translate.found import state_of
from dkron_api.translate.record import Job
from dkron_archive.records import ArchivedExecution, Revision, SkippedSlots
from dkron_crds.packed import plain_object
from dkron_crds.schedule.instants import shifted
from dkron_crds.schedule.timeline import TICK
from dkron_reports.explain import Question
from dkron_reports.job import Job as ReportedJob
from dkron_reports.job import from_object
from dkron_reports.past import Skip, as_of
from dkron_reports.run import Attempt
from dkron_reports.slots import read_timing

_DECIDE_SLOTS = ("schedule", "timezone", "startsAt", "expiresAt", "disabled", "parentJob", "dependsOn")
"""Fields of a spec that decide when a job is due."""


class Accepted(NamedTuple):
    """A spec, and when it was accepted."""

    at: datetime
    spec: Mapping[str, Any]


class Part(NamedTuple):
    """A part of a question, and the job as it was then; `earlier` if that is not as it is now."""

    job: ReportedJob
    question: Question
    earlier: bool = False


def attempt_of(record: ArchivedExecution) -> Attempt:
    """Return an archived execution as reports read it, without its output."""
    return Attempt(
        id=record.id, group=record.group, number=record.attempt, started=record.started_at,
        finished=record.finished_at, state=state_of(record), job=record.attempt_job, slot=record.slot,
        trigger=record.trigger, member=record.member, node=record.node_name, exit_code=record.exit_code,
        reason=record.reason, message=record.message, queued=record.queued_at,
    )  # fmt: skip


def skips_of(found: Iterable[SkippedSlots], uid: str) -> tuple[Skip, ...]:
    """Return the skipped slots of a job."""
    return tuple(
        Skip(each.first, each.last, each.count, each.reason, each.message) for each in found if each.job.uid == uid
    )


def needed(revisions: Iterable[Revision], job: Job, question: Question) -> list[Revision]:
    """Return the revisions that were in force before the present schedule, up to the end of the question, the earliest
    first."""
    end = min(question.end, read_timing(from_object(job.raw)).since)
    found = [each for each in revisions if each.job.uid == job.uid and each.at < end]
    return sorted(found, key=lambda each: each.at)


def parts(job: Job, question: Question, earlier: Sequence[Accepted]) -> list[Part]:
    """Return the question in parts, the earliest first: one for each schedule that was in force. `earlier` are specs
    that were in force before the present schedule, the earliest first."""
    now = from_object(job.raw)
    since = read_timing(now).since
    begun = [next(same) for _, same in groupby(earlier, key=lambda each: [each.spec.get(key) for key in _DECIDE_SLOTS])]
    found = []
    for each, end in pairwise([*begun, Accepted(since, {})]):
        was = from_object(as_of(plain_object(job.raw), each.spec, since=each.at, until=_mark(each, end.at)))
        part = _within(question, each.at, shifted(end.at, -TICK))
        found += [Part(was, part, earlier=True)] if part is not None else []
    rest = _within(question, since, question.end)
    if not found or rest is not None:
        # Without a known revision, the present spec has to do for the time before it, too.
        found.append(Part(now, rest if found and rest is not None else question))
    return found


def _mark(accepted: Accepted, end: datetime) -> datetime:
    """Return up to when the operator decided about slots: a disabled job has none."""
    return accepted.at if accepted.spec.get("disabled") else end


def _within(question: Question, begin: datetime, end: datetime) -> Question | None:
    start, last = max(question.start, begin), min(question.end, end)
    return Question(start, last, question.moment) if start <= last else None
