"""Whether the process is alive, and whether it is ready: one sentence each about what is wrong. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from dkron_operator.watch.liveness import LastSign

HANG = 5.0
"""Seconds that work may have to wait in the event loop. A process that exceeds this again and again hangs."""
SILENCE = 150.0
"""Seconds that a watch may be silent; a healthy one is heard from every minute."""
FAILURE = 15.0
"""Seconds that a watch may fail to start again: as long as a Lease lives."""


class Phase(StrEnum):
    """The lifecycle phase of a process."""

    STARTING = "starting"
    WORKING = "working"
    LEFT = "left"
    STOPPING = "stopping"


def unhealthy(*, lag: float, ended: Sequence[str], troubles: Sequence[str] = ()) -> str:
    """Why the process should be restarted; empty if it should not. `ended` are tasks that should be alive, `troubles`
    parts that ended and are being restarted."""
    if ended or troubles:
        return f"a part of the operator has ended: {', '.join((*ended, *troubles))}"
    if lag > HANG:
        return f"the event loop is blocked: work waits for {lag:.1f} s, more than the {HANG:.0f} s allowed"
    return ""


@dataclass(frozen=True, slots=True)
class Readiness:
    """What readiness depends on."""

    phase: Phase
    now: float
    """The current moment of the monotonic clock."""

    watches: Mapping[str, LastSign] = field(default_factory=dict)
    """The state of the watches, by resource."""

    troubles: Sequence[str] = ()
    """Parts that ended and are being restarted."""

    lacking: str = ""
    """Why the REST API in the same pod lacks a token; empty if it has one, or there is none."""


def unready(state: Readiness) -> str:
    """Why the operator does not do its work yet; empty if it does."""
    match state.phase:
        case Phase.STARTING:
            return "the operator is still reading the existing jobs from the API server"
        case Phase.LEFT:
            return "this replica was asked to leave: it fires nothing until it is restarted"
        case Phase.STOPPING:
            return "the operator is stopping"
        case Phase.WORKING:
            ended = (f"a part of the operator has ended: {trouble}" for trouble in state.troubles)
            wrong = (_wrong(resource, sign, state.now) for resource, sign in state.watches.items())
            return "; ".join(sentence for sentence in (*ended, *wrong, state.lacking) if sentence)


def _wrong(resource: str, sign: LastSign, now: float) -> str:
    if sign.failing is not None and now - sign.failing > FAILURE:
        failing = f"the watch of {resource} has failed for {now - sign.failing:.0f} s"
        return f"{failing}: the API server does not answer, or refuses"
    if sign.seen is None:
        return f"the watch of {resource} has not started yet"
    if now - sign.seen > SILENCE:
        return f"the watch of {resource} has received nothing for {now - sign.seen:.0f} s"
    return ""
