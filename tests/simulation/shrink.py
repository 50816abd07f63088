"""Shrinks a plan that fails: drop half of its events, then a quarter, then each, as long as it still fails (delta
debugging, Zeller and Hildebrandt 2002). The rest is what the failure needs.
"""

from collections.abc import Callable
from itertools import pairwise

from tests.simulation.plans import Event, Plan


def shrink(plan: Plan, fails: Callable[[Plan], bool], *, progress: Callable[[Plan], None] = lambda _: None) -> Plan:
    """The smallest plan found that still fails."""
    events, pieces = list(plan.events), 2
    while len(events) > 1:
        smaller = _without_a_piece(plan, events, pieces, fails)
        if smaller is not None:
            events, pieces = smaller, max(pieces - 1, 2)
            progress(plan.with_events(events))
        elif pieces >= len(events):
            break
        else:
            pieces = min(pieces * 2, len(events))
    return plan.with_events(events)


def _without_a_piece(plan: Plan, events: list[Event], pieces: int, fails: Callable[[Plan], bool]) -> list[Event] | None:
    bounds = [number * len(events) // pieces for number in range(pieces + 1)]
    for begin, end in pairwise(bounds):
        rest = events[:begin] + events[end:]
        if rest and fails(plan.with_events(rest)):
            return rest
    return None
