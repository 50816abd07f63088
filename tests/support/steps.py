"""Carries plans out at once and without a fault, in plain data: what is written is accepted, what is created exists,
and a Job that comes too late was not created before."""

from collections.abc import Iterator
from dataclasses import replace

from dkron_operator.plan.actions import AcceptJob
from dkron_operator.plan.advance import advance
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.situation.view import Situation
from dkron_operator.plan.status.changes import Started
from tests.support.builders import run, seen
from tests.support.folding import fold_all
from tests.support.plans import requests_removed


def steps(situation: Situation) -> Iterator[tuple[Situation, Plan]]:
    """Each plan with the situation after it, until one has nothing to do now."""
    while True:
        plan = advance(situation)
        after = carried_out(situation, plan)
        yield after, plan
        if after == situation:
            return
        situation = after


def settle(situation: Situation) -> tuple[Situation, Plan]:
    """The last of them."""
    *_, last = steps(situation)
    return last


def carried_out(situation: Situation, plan: Plan) -> Situation:
    """The situation after the plan."""
    status, runs, create = plan.status, situation.attempts, plan.create
    if create is not None and create.late and create.entry.job not in runs:
        status = fold_all(status, create.otherwise, situation.job.spec.history)
    elif create is not None:
        changes = (*create.before, *create.after, Started(seen(create.entry)))
        status = fold_all(status, changes, situation.job.spec.history)
        runs = {**runs, create.entry.job: run(create.entry)}
    removed = requests_removed(plan)
    job = replace(situation.job, requests=tuple(each for each in situation.job.requests if each.id not in removed))
    accepted = situation.accepted or plan.wants(AcceptJob)
    return replace(situation, job=job, status=status, persisted=status, attempts=runs, accepted=accepted)
