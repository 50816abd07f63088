"""Runs as the command line shows them, and how it reads attempts in Dkron's list of executions."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from dkron_cli.core.table import Table, table
from dkron_reports.reading import Object, whole
from dkron_reports.run import SECOND, Attempt, Run, reason_of
from dkron_reports.words import exact_span, instant, read_time, span


def attempts_of_dkron(executions: Iterable[Object]) -> list[Attempt]:
    """Return the attempts in Dkron's list of executions. Dkron names no member: the node stands for it."""
    return [
        Attempt(
            id=str(each.get("id") or ""),
            group=whole(each.get("group")),
            number=whole(each.get("attempt")) or 1,
            started=read_time(each.get("started_at")),
            finished=(end := read_time(each.get("finished_at"))),
            success=None if end is None else each.get("success") is True,
            node=str(each.get("node_name") or ""),
            output=str(each.get("output") or ""),
        )
        for each in executions
    ]


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
    late = run.late
    return "" if late is None else span(late) if late >= SECOND else "0s"
