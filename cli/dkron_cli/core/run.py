"""Runs of a job: the attempts and members of one group, merged. From a status or from Dkron's executions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby
from typing import Any

from dkron_cli.core.table import Table, table
from dkron_cli.core.words import exact_span, instant, one_line, read_time, span

Object = Mapping[str, Any]


class Result(StrEnum):
    """How a run stands, in Dkron's words."""

    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    PARTIALLY_FAILED = "partially_failed"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of one member. `finished` is None while it runs or waits. `success` is None then, too."""

    id: str
    group: int
    number: int
    started: datetime | None
    finished: datetime | None = None
    success: bool | None = None
    job: str = ""
    slot: datetime | None = None
    trigger: str = ""
    member: str = ""
    node: str = ""
    exit_code: int | None = None
    reason: str = ""
    message: str = ""
    output: str = ""
    begun: bool = True
    """False for a claim: its Job has yet to be created."""


@dataclass(frozen=True, slots=True)
class Run:
    """All attempts of one cause, in the order of their starts."""

    group: int
    attempts: tuple[Attempt, ...]

    @property
    def slot(self) -> datetime | None:
        """The scheduled time, or the time of the request."""
        return self.attempts[0].slot

    @property
    def trigger(self) -> str:
        """The cause: schedule, manual or dependent; empty if the server does not tell."""
        return self.attempts[0].trigger

    @property
    def started(self) -> datetime | None:
        """When the first attempt began."""
        return self.attempts[0].started

    @property
    def finished(self) -> datetime | None:
        """When the last attempt ended; None while one is active."""
        ends = [each.finished for each in self.attempts]
        return None if None in ends else max(end for end in ends if end is not None)

    @property
    def last_of_each(self) -> tuple[Attempt, ...]:
        """The last attempt of each member, which decides."""
        return tuple({each.member: each for each in sorted(self.attempts, key=lambda one: one.number)}.values())

    @property
    def result(self) -> Result:
        """How it ended: the last attempt of each member decides."""
        if any(each.finished is None for each in self.attempts):
            return Result.RUNNING
        good = [each.success for each in self.last_of_each]
        return Result.SUCCESS if all(good) else Result.PARTIALLY_FAILED if any(good) else Result.FAILED

    @property
    def tries(self) -> int:
        """The highest number of an attempt."""
        return max(each.number for each in self.attempts)

    @property
    def why(self) -> str:
        """Why it failed, from the last attempt that did; empty for a success."""
        bad = next((each for each in reversed(self.attempts) if each.success is False), None)
        return "" if bad is None or self.result is Result.SUCCESS else reason_of(bad)


def reason_of(attempt: Attempt) -> str:
    """Return why an attempt failed, in a few words."""
    code = "" if attempt.exit_code is None else f"exit {attempt.exit_code}"
    plain = attempt.reason in ("", "Error")
    return one_line(": ".join(filter(None, (code if plain and code else attempt.reason, attempt.message))))


def attempts_of(status: Object) -> list[Attempt]:
    """Return the active and the ended attempts that a status of a DkronJob shows."""
    active = [_attempt(each) for each in status.get("active") or () if isinstance(each, Mapping)]
    ended = [_attempt(each, ended=True) for each in status.get("executions") or () if isinstance(each, Mapping)]
    return [*active, *ended]


def attempts_of_dkron(executions: Iterable[Object]) -> list[Attempt]:
    """Return the attempts in Dkron's list of executions. Dkron names no member: the node stands for it."""
    return [
        Attempt(
            id=str(each.get("id") or ""),
            group=_whole(each.get("group")),
            number=_whole(each.get("attempt")) or 1,
            started=read_time(each.get("started_at")),
            finished=(end := read_time(each.get("finished_at"))),
            success=None if end is None else each.get("success") is True,
            node=str(each.get("node_name") or ""),
            output=str(each.get("output") or ""),
        )
        for each in executions
    ]


def runs_of(attempts: Iterable[Attempt]) -> list[Run]:
    """Return the runs, newest first."""

    def order(each: Attempt) -> tuple[int, str, int, str]:
        return each.group, "" if each.started is None else each.started.isoformat(), each.number, each.member

    grouped = groupby(sorted(attempts, key=order), key=lambda each: each.group)
    return [Run(group, tuple(members)) for group, members in grouped][::-1]


def run_table(runs: Sequence[Run], *, now: datetime, wide: bool) -> Table:
    """Return the table of `history`."""
    columns = ("STARTED", "TRIGGER", "RESULT", "ATTEMPTS", "TOOK", "LATE", "WHY")
    more = ("MEMBERS", "NODES", "EXECUTION")
    rows = []
    for run in runs:
        members = {each.member for each in run.attempts}
        end = run.finished or now
        row = (
            instant(run.started), run.trigger, run.result.value, str(run.tries),
            "" if run.started is None else exact_span(end - run.started), _late(run), run.why,
        )  # fmt: skip
        nodes = ",".join(sorted({each.node for each in run.attempts if each.node}))
        rest = (str(len(members)) if len(members) > 1 else "", nodes, run.attempts[-1].id)
        rows.append((*row, *rest) if wide else row)
    return table((*columns, *more) if wide else columns, rows)


def attempt_table(attempts: Sequence[Attempt]) -> Table:
    """Return the attempts of some runs, newest first, as `describe` shows them."""
    rows = [
        (
            instant(each.started), str(each.number), each.member or each.node,
            "running" if each.finished is None else "success" if each.success else "failed",
            "" if each.finished is None or each.started is None else exact_span(each.finished - each.started),
            "" if each.success is not False else reason_of(each), each.id,
        )
        for each in attempts
    ]  # fmt: skip
    return table(("STARTED", "ATTEMPT", "MEMBER", "RESULT", "TOOK", "WHY", "EXECUTION"), rows)


def _late(run: Run) -> str:
    """Return by how much the first attempt began after its slot, if a schedule caused it."""
    first = run.attempts[0]
    if first.trigger != "schedule" or first.slot is None or first.started is None:
        return ""
    late = first.started - first.slot
    return span(late) if late >= timedelta(seconds=1) else "0s"


def _attempt(raw: Object, *, ended: bool = False) -> Attempt:
    code = raw.get("exitCode")
    return Attempt(
        id=str(raw.get("id") or ""),
        group=_whole(raw.get("group")),
        number=_whole(raw.get("attempt")) or 1,
        started=read_time(raw.get("startedAt")),
        finished=read_time(raw.get("finishedAt")) if ended else None,
        success=raw.get("success") is True if ended else None,
        job=str(raw.get("job") or ""),
        slot=read_time(raw.get("slot")),
        trigger=str(raw.get("trigger") or ""),
        member=str(raw.get("member") or ""),
        node=str(raw.get("nodeName") or ""),
        exit_code=code if isinstance(code, int) else None,
        reason=str(raw.get("reason") or ""),
        message=str(raw.get("message") or ""),
        output=str(raw.get("output") or ""),
        begun=ended or bool(raw.get("uid")),
    )


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0
