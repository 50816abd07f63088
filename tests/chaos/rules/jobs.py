"""One cause, one Job: the same attempt of the same member of a slot is never made twice, even if both do no harm."""

from collections import defaultdict
from collections.abc import Iterator

from tests.chaos.case import Case
from tests.chaos.history import Run
from tests.chaos.objections import Kind, Objection


def check(case: Case) -> Iterator[Objection]:
    """Look for causes that have several runs."""
    found: dict[object, list[Run]] = defaultdict(list)
    for run in case.life.runs:
        found[run.cause].append(run)
    for runs in found.values():
        for run in runs[1:]:
            of_one = run.name and run.name == runs[0].name
            whose = (
                "two pods of it ran, which is not our doing but the Job controller's" if of_one else f"so did {runs[0]}"
            )
            yield case.object_to(Kind.DOUBLE, run.began, f"{run} ran, and {whose}: one attempt has one Job")
