"""The actions of a plan, by kind, as tests compare them."""

from dataclasses import replace
from typing import Any

from dkron_crds.conditions import Condition
from dkron_crds.job import Attempt, SkipReason
from dkron_crds.requests import RUN_PREFIX
from dkron_operator.plan.actions import (
    BeginCall,
    CancelCall,
    CreateJob,
    DeleteJob,
    ReadOutcome,
    ReadTrouble,
    RemoveAnnotation,
    Report,
    StopJob,
)
from dkron_operator.plan.advance import advance
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.situation.view import AttemptJob


def replan(plan: Plan, **fields: Any) -> Plan:
    """The next plan, once the API server has what this one writes; `fields` of the situation are others then."""
    return advance(replace(plan.situation, status=plan.status, persisted=plan.status, **fields))


def created(plan: Plan) -> CreateJob:
    assert plan.create is not None
    return plan.create


def fired(plan: Plan) -> Attempt | None:
    """The attempt whose Job is created, if any."""
    return None if plan.create is None else plan.create.entry


def skips(plan: Plan) -> tuple[int, SkipReason | None]:
    """How many slots and requests the status counts as skipped, and why the newest was."""
    skipped = plan.status.skipped
    return (0, None) if skipped is None else (skipped.count, skipped.last_reason)


def reported(plan: Plan) -> list[str]:
    """The reasons of the Events."""
    return [report.reason for report in plan.actions_of(Report)]


def messages(plan: Plan, reason: str) -> list[str]:
    """The messages of the Events of this reason."""
    return [report.message for report in plan.actions_of(Report) if report.reason == reason]


def condition(plan: Plan, kind: str) -> Condition:
    (found,) = (each for each in plan.status.conditions if each.type == kind)
    return found


def outcomes_read(plan: Plan) -> list[str]:
    return [action.job for action in plan.actions_of(ReadOutcome)]


def troubles_read(plan: Plan) -> list[str]:
    return [action.job for action in plan.actions_of(ReadTrouble)]


def jobs_stopped(plan: Plan) -> list[AttemptJob]:
    return [action.job for action in plan.actions_of(StopJob)]


def jobs_deleted(plan: Plan) -> list[AttemptJob]:
    return [action.job for action in plan.actions_of(DeleteJob)]


def calls_begun(plan: Plan) -> list[Attempt]:
    return [action.attempt for action in plan.actions_of(BeginCall)]


def calls_cancelled(plan: Plan) -> list[str]:
    return [action.job for action in plan.actions_of(CancelCall)]


def requests_removed(plan: Plan) -> list[str]:
    """The ids of requests for a run that have been dealt with."""
    keys = [action.key for action in plan.actions_of(RemoveAnnotation)]
    return [key.removeprefix(RUN_PREFIX) for key in keys if key.startswith(RUN_PREFIX)]


def answers_removed(plan: Plan) -> list[str]:
    """Other annotations that have been dealt with."""
    return [action.key for action in plan.actions_of(RemoveAnnotation) if not action.key.startswith(RUN_PREFIX)]
