"""What a plan wants done, by kind, as tests compare it."""

from dkron_crds.job import Active
from dkron_crds.requests import RUN_PREFIX
from dkron_operator.plan.actions import (
    BeginCall,
    CancelCall,
    DeleteJob,
    ReadOutcome,
    ReadTrouble,
    RemoveAnnotation,
    StopJob,
)
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.view import AttemptJob


def outcomes_read(plan: Plan) -> list[str]:
    return [action.job for action in plan.of(ReadOutcome)]


def troubles_read(plan: Plan) -> list[str]:
    return [action.job for action in plan.of(ReadTrouble)]


def jobs_stopped(plan: Plan) -> list[AttemptJob]:
    return [action.job for action in plan.of(StopJob)]


def jobs_deleted(plan: Plan) -> list[AttemptJob]:
    return [action.job for action in plan.of(DeleteJob)]


def calls_begun(plan: Plan) -> list[Active]:
    return [action.attempt for action in plan.of(BeginCall)]


def calls_cancelled(plan: Plan) -> list[str]:
    return [action.job for action in plan.of(CancelCall)]


def requests_removed(plan: Plan) -> list[str]:
    """The ids of requests for a run that have been dealt with."""
    keys = [action.key for action in plan.of(RemoveAnnotation)]
    return [key.removeprefix(RUN_PREFIX) for key in keys if key.startswith(RUN_PREFIX)]


def answers_removed(plan: Plan) -> list[str]:
    """Other annotations that have been dealt with."""
    return [action.key for action in plan.of(RemoveAnnotation) if not action.key.startswith(RUN_PREFIX)]
