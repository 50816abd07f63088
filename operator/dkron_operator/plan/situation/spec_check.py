"""Findings of a spec, made when a plan first asks for them: a check takes as long as reading the whole job, and a start
reads many jobs before it fires the first slot."""

import logging
from dataclasses import dataclass

from dkron_checks.checks import of_settings, remarks, unprompted
from dkron_crds.job import JobSpec, ReadyReason
from dkron_crds.schedule import Schedule
from dkron_operator.plan.situation.packed_spec import plain_spec
from dkron_pods.problem import MOST_MESSAGE, Problem

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Findings:
    """The findings of a check."""

    problem: Problem | None = None
    """Why the job cannot run; None if nothing is wrong."""

    remarks: str = ""
    """Legal settings that may surprise the author, as sentences; empty if there are none."""

    unprompted: Problem | None = None
    """Why the job runs only on request: a required parameter has no default; None if it runs by itself."""


NONE = Findings()


class SpecCheck:
    """The check of the spec of the job of this name. It is made once."""

    __slots__ = ("_found", "_name", "_schedule", "_spec")

    def __init__(self, spec: JobSpec, schedule: Schedule | None, *, name: str) -> None:
        self._spec, self._schedule, self._name = spec, schedule, name
        self._found: Findings | None = None

    @property
    def found(self) -> Findings:
        """The findings. A check that fails affects only this job, and is logged."""
        if self._found is None:
            try:
                self._found = _findings(plain_spec(self._spec), self._schedule)
            except Exception as exc:
                log.exception("the spec of the job %s cannot be checked", self._name)
                why = f"the job cannot be read: the operator cannot check it ({type(exc).__name__})"
                self._found = Findings(Problem(ReadyReason.UNREADABLE, why))
        return self._found


UNCHECKED = SpecCheck(JobSpec(), None, name="")
"""Of a job whose spec cannot be read."""


def _findings(spec: JobSpec, schedule: Schedule | None) -> Findings:
    problem = next(of_settings(spec), None)
    told = "" if problem else "; ".join(remarks(spec, schedule))[:MOST_MESSAGE]
    found = Findings(problem, told, unprompted(spec, schedule))
    return NONE if found == NONE else found
