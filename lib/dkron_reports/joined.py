"""Explanations of periods that follow one another as one: a job may have had another schedule in each of them."""

from collections.abc import Sequence
from dataclasses import replace

from dkron_reports.explain import MOST, Explanation, What


def joined(parts: Sequence[Explanation]) -> Explanation:
    """Return the explanations of periods that follow one another as one. Each sentence is told once."""
    slots = tuple(slot for part in parts for slot in part.slots)
    # A run of one period may be one of a slot of another.
    told = {(each.run.trigger, each.run.group) for each in slots if each.run is not None}
    runs = {
        (each.slot, each.why): each
        for part in parts
        for each in part.runs
        if each.run is None or (each.run.trigger, each.run.group) not in told
    }
    remarks = dict.fromkeys(remark for part in parts for remark in part.remarks)
    first, last = parts[0], parts[-1]
    lacking = (part for part in reversed(parts) if any(each.what is What.UNKNOWN for each in part.slots))
    return replace(
        first, end=last.end, slots=slots[:MOST], runs=tuple(sorted(runs.values(), key=lambda each: each.slot)),
        remarks=tuple(remarks), known_since=next(lacking, first).known_since,
    )  # fmt: skip
