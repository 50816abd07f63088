"""What each example has to show before the demo counts as done. Pure: judges what was read, knows no cluster.

Each file in examples/ has exactly one line here, under the name of its job; a test compares the two.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from dkron_crds.job import Attempt, ConditionType, DkronJob, JobStatus, SkipReason, Trigger

Judgement = Callable[[JobStatus], bool]


@dataclass(frozen=True, slots=True)
class Expectation:
    """A promise about an example, in words and as a test of its status."""

    text: str
    met: Judgement


@dataclass(frozen=True, slots=True)
class Known:
    """The record of a job before the demo began: ids of executions and the number of skipped slots."""

    executions: frozenset[str] = frozenset()
    skipped: int = 0


NOTHING = Known()


def known(job: DkronJob) -> Known:
    """What this job has to show already."""
    skipped = job.status.skipped
    return Known(frozenset(run.id for run in job.status.executions), skipped.count if skipped else 0)


def fresh(status: JobStatus, before: Known) -> JobStatus:
    """The status without what was there before, so that an earlier demo's executions prove nothing."""
    skipped = status.skipped if status.skipped and status.skipped.count != before.skipped else None
    new = tuple(run for run in status.executions if run.id not in before.executions)
    return status.model_copy(update={"executions": new, "skipped": skipped})


def unmet(jobs: Iterable[DkronJob], before: Mapping[str, Known]) -> tuple[str, ...]:
    """Names of the examples that have not shown yet what they should, in their order here."""
    statuses = {job.metadata.name: fresh(job.status, before.get(job.metadata.name, NOTHING)) for job in jobs}
    return tuple(name for name, wanted in EXPECTATIONS.items() if not wanted.met(statuses.get(name, JobStatus())))


def problem(status: JobStatus) -> str:
    """Faults of a job, as the operator reports them; empty for none."""
    bad = {(ConditionType.READY, "False"), (ConditionType.DEGRADED, "True")}
    found = (each for each in status.conditions if (each.type, each.status) in bad)
    return "; ".join(f"{each.reason}: {each.message}" if each.message else each.reason for each in found)


def _printed(text: str, *, trigger: Trigger = Trigger.SCHEDULE) -> Judgement:
    def judge(status: JobStatus) -> bool:
        return any(run.success and run.trigger is trigger and text in run.output for run in status.executions)

    return judge


def _both(one: Judgement, other: Judgement) -> Judgement:
    def judge(status: JobStatus) -> bool:
        return one(status) and other(status)

    return judge


def _failed(text: str, *, exit_code: int) -> Judgement:
    def judge(status: JobStatus) -> bool:
        runs = (run for run in status.executions if not run.success)
        return any(run.exit_code == exit_code and text in run.output for run in runs)

    return judge


def _succeeded_at(attempt: int) -> Judgement:
    def judge(status: JobStatus) -> bool:
        last = [run for run in status.executions if run.success and run.attempt == attempt]
        return any(_attempts_before(run, status) == list(range(1, attempt)) for run in last)

    return judge


def _attempts_before(last: Attempt, status: JobStatus) -> list[int]:
    return sorted(run.attempt for run in status.executions if run.group == last.group and not run.success)


def _skipped_and_ran(status: JobStatus) -> bool:
    skipped = status.skipped is not None and status.skipped.last_reason is SkipReason.CONCURRENCY_FORBIDDEN
    return skipped and any(run.success for run in status.executions)


def _waited(status: JobStatus) -> bool:
    return any(run.success and run.queued_at is not None for run in status.executions)


def _is_due(status: JobStatus) -> bool:
    return status.next is not None and not problem(status)


def _is_paused(status: JobStatus) -> bool:
    return status.paused is not None and not status.executions


EXPECTATIONS: Mapping[str, Expectation] = {
    "hello": Expectation("runs by a cron with seconds", _printed("hello, due at")),
    "timezone": Expectation("is due at 02:30 in New York", _is_due),
    "every": Expectation("runs every twenty seconds", _printed("UTC")),
    "retries": Expectation("fails twice and succeeds at attempt 3", _succeeded_at(3)),
    "forbid": Expectation("runs, and skips the slots in between", _skipped_and_ran),
    "queue": Expectation("has runs that wait for each other", _waited),
    "pool": Expectation("has runs that wait for a place in a pool", _waited),
    "failing": Expectation("fails with exit code 3 and its message", _failed("no space left", exit_code=3)),
    "resources": Expectation("runs with the limits of its jobTemplate", _printed("I may use 32 MiB")),
    "every-node": Expectation("runs on every node, and names it", _printed("cleaning up on ")),
    "secret": Expectation("runs with a password from a Secret", _printed("a password of 13 letters")),
    "processors": Expectation("runs, and is in the operator's log too", _printed("in the operator's log")),
    "parameters": Expectation(
        "runs with the defaults of its parameters, and once with other values",
        _both(_printed("orders of eu at most 10"), _printed("orders of us at most 5", trigger=Trigger.MANUAL)),
    ),
    "manual": Expectation("runs because the demo asked for it", _printed("you called", trigger=Trigger.MANUAL)),
    "once": Expectation("is due once, in 2035", _is_due),
    "after": Expectation("runs after hello", _printed("hello was over", trigger=Trigger.DEPENDENT)),
    "after-both": Expectation("runs after every and retries", _printed("are over", trigger=Trigger.DEPENDENT)),
    "on-failure": Expectation("runs after a failure", _printed("should look at failing", trigger=Trigger.DEPENDENT)),
    "ephemeral": Expectation("is due once, and goes after that", _is_due),
    "missed-runs": Expectation(
        "runs, and makes up for slots of the past",
        _both(_printed("invoices up to"), _printed("invoices up to", trigger=Trigger.BACKFILL)),
    ),
    "paused": Expectation("is held by a pause", _is_paused),
}
