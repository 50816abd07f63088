"""Findings of a spec, made when a plan first asks for them: a check takes as long as reading the whole job, and a start
reads many jobs before it fires the first slot."""

from dataclasses import dataclass

from dkron_checks.checks import of_settings, remarks, unprompted
from dkron_crds.job import JobSpec, ReadyReason
from dkron_crds.schedule import Schedule
from dkron_operator.plan.packed_spec import plain_spec
from dkron_pods.problem import MOST_MESSAGE, Problem


@dataclass(frozen=True, slots=True)
class Findings:
    """What a spec that could be read leads to."""

    problem: Problem | None = None
    """Why the job cannot run; None if nothing is wrong."""

    remarks: str = ""
    """What is legal and may surprise its author; empty if nothing is."""

    unprompted: Problem | None = None
    """Why the job runs only on request: a required parameter has no default; None if it runs by itself."""


NONE = Findings()


class SpecCheck:
    """The check of a spec. It is made once."""

    __slots__ = ("_found", "_schedule", "_spec")

    def __init__(self, spec: JobSpec, schedule: Schedule | None) -> None:
        self._spec, self._schedule = spec, schedule
        self._found: Findings | None = None

    @property
    def found(self) -> Findings:
        """The findings."""
        if self._found is None:
            self._found = _findings(plain_spec(self._spec), self._schedule)
        return self._found


UNCHECKED = SpecCheck(JobSpec(), None)
"""Of a job whose spec cannot be read."""


def _findings(spec: JobSpec, schedule: Schedule | None) -> Findings:
    try:
        problem = next(of_settings(spec), None)
        told = "" if problem else "; ".join(remarks(spec, schedule))[:MOST_MESSAGE]
        found = Findings(problem, told, unprompted(spec, schedule))
    except Exception as exc:  # noqa: BLE001 - concerns only this job, and the same spec fails again
        why = f"the job cannot be read: the operator cannot check it ({type(exc).__name__})"
        return Findings(Problem(ReadyReason.UNREADABLE, why))
    return NONE if found == NONE else found
