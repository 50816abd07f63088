"""An ephemeral job starts nothing from its success on, also while that is known and not recorded yet."""

from dataclasses import dataclass, replace

import pytest

from dkron_crds.job import Active, Execution, JobStatus
from dkron_operator.plan.actions import ReadOutcome
from dkron_operator.plan.advance import advance
from dkron_operator.plan.view import AttemptState
from tests.support.builders import NOON, after, claim, execution, job_view, run, seen, situation

ONE, OTHER = claim(), claim(after(30))
EAST, WEST = claim(member="east"), claim(member="west")
DONE, FAILED, RUNS = AttemptState.SUCCEEDED, AttemptState.FAILED, AttemptState.RUNNING


@dataclass(frozen=True)
class Unrecorded:
    """Attempts whose outcomes are still to be read, with the states of their Jobs, and whether a slot that is due
    starts."""

    attempts: tuple[tuple[Active, AttemptState], ...]
    starts: bool
    executions: tuple[Execution, ...] = ()
    deleting: bool = False


BOTH_DONE = Unrecorded(((EAST, DONE), (WEST, DONE)), starts=False)
ONE_RUNS = Unrecorded(((EAST, DONE), (WEST, RUNS)), starts=True)
OTHER_DONE = Unrecorded(((EAST, DONE),), starts=False, executions=(execution(WEST),))
OTHER_FAILED = Unrecorded(((EAST, DONE),), starts=True, executions=(execution(WEST, success=False),))
AFTER_A_RETRY = Unrecorded(((claim(attempt=2), DONE),), starts=False, executions=(execution(ONE, success=False),))


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Unrecorded(((ONE, DONE),), starts=False), id="it has succeeded"),
        pytest.param(Unrecorded(((ONE, FAILED),), starts=True), id="it has failed"),
        pytest.param(Unrecorded(((ONE, RUNS),), starts=True), id="it runs"),
        pytest.param(Unrecorded(((ONE, DONE), (OTHER, RUNS)), starts=False), id="another run goes on"),
        pytest.param(Unrecorded(((ONE, DONE),), starts=True, deleting=True), id="its Job is being deleted"),
        pytest.param(AFTER_A_RETRY, id="its retry has succeeded"),
        pytest.param(BOTH_DONE, id="all members have succeeded"),
        pytest.param(ONE_RUNS, id="another member runs"),
        pytest.param(OTHER_DONE, id="the other member has succeeded"),
        pytest.param(OTHER_FAILED, id="the other member has failed"),
    ],
)
def test_ephemeral_job_starts_nothing_after_a_success(case: Unrecorded) -> None:
    job = job_view(ephemeral=True)
    jobs = [replace(run(entry, state), deleting=case.deleting) for entry, state in case.attempts]
    active = tuple(seen(entry) for entry, _ in case.attempts)
    status = JobStatus(since=NOON, fingerprint=job.fingerprint, active=active, executions=case.executions)
    plan = advance(situation(job, status, now=after(60), runs=jobs))
    assert (plan.create is not None) is case.starts
    assert plan.wants(ReadOutcome) is any(run.finished for run in jobs)
