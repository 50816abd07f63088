"""Which changes of a status may wait: those that the Jobs of the cluster show as well.

A Job names its slot by its own name and its annotations. An operator that finds it makes the same changes again
(`slots.plan_found_slots`, `attempts.py`), and the REST API shows it (`dkron_api.translate.beginning`). So the beginning
of an attempt that ends within some seconds needs no write of its own: mark, active entry and record go together. Of a
run that was claimed before its Job was created, only the uid of the Job waits.
"""

from collections.abc import Iterable

from dkron_crds.job import AttemptState, JobStatus, Trigger
from dkron_operator.plan.situation.cause import is_call
from dkron_operator.plan.status.changes import Change, ConditionsSet, Decided, Forgotten, Started
from dkron_operator.plan.status.outbox import is_rider


def are_beginnings(status: JobStatus, changes: Iterable[Change]) -> bool:
    """Whether the changes to this status only show first attempts whose Jobs exist, of slots that are after its mark or
    claimed. For all other attempts someone waits for the status: the caller of a requested run, or the next attempt."""
    changes = tuple(changes)
    # No Job shows the mark of an inline call.
    has_begun = any(isinstance(change, Started) for change in changes)
    claimed = frozenset(entry.job for entry in status.active if entry.is_claim)
    return has_begun and all(_is_beginning(status, claimed, change) for change in changes)


def _is_beginning(status: JobStatus, claimed: frozenset[str], change: Change) -> bool:
    match change:
        case _ if is_rider(change):
            return True
        case Decided(deferred=False) | Forgotten("counted"):
            return True
        case Started(entry):
            mark = status.last_schedule_time or status.since
            is_first = entry.trigger is Trigger.SCHEDULE and entry.attempt == 1
            has_job = not (entry.is_claim or is_call(entry))
            # Of a claimed one whose Job waits in a queue of Kueue, only the status says so.
            is_new = (
                entry.state is not AttemptState.QUEUED
                if entry.job in claimed
                else mark is not None and entry.slot > mark
            )
            return is_first and has_job and is_new
        case ConditionsSet(generation, conditions, _, runs_after):
            known = (status.observed_generation, status.runs_after)
            return known == (generation, runs_after) and set(conditions) <= set(status.conditions)
        case _:
            return False
