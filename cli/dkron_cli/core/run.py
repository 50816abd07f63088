"""Runs as the command line shows them, and how it reads attempts in Dkron's list of executions."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from dkron_cli.core.table import Table, table
from dkron_crds.attempt_state import AttemptState
from dkron_crds.schedule.instants import rfc3339
from dkron_reports.line import missing_pool_in
from dkron_reports.pools import PoolPlace
from dkron_reports.reading import Object, mapping, number, objects, whole
from dkron_reports.run import NEVER_BEGAN, SECOND, Attempt, Run, end_state, reason_of
from dkron_reports.words import exact_span, instant, read_time, span


def attempts_of_dkron(executions: Iterable[Object], *, problem: str = "") -> list[Attempt]:
    """Return the attempts in Dkron's list of executions. Only ours tells the `details`. `problem` is why their job does
    not run by itself, if that is known: those that wait name the pool that it lacks."""
    no_pool = missing_pool_in(problem)
    found = [_attempt(each, mapping(each, "details")) for each in executions]
    return [replace(each, no_pool=no_pool) if each.waits else each for each in found] if no_pool else found


def _attempt(raw: Object, details: Object) -> Attempt:
    queued, started = read_time(raw.get("queued_at")), read_time(raw.get("started_at"))
    end, code = read_time(raw.get("finished_at")), details.get("exit_code")
    queue, evictions = str(details.get("local_queue") or ""), whole(details.get("evictions"))
    return Attempt(
        id=str(raw.get("id") or ""),
        group=whole(raw.get("group")),
        number=whole(raw.get("attempt")) or 1,
        started=started,
        finished=end,
        state=_state(raw, details),
        job=str(details.get("job") or ""),
        slot=read_time(details.get("slot")),
        trigger=str(details.get("trigger") or ""),
        member=str(details.get("member") or ""),
        node=str(raw.get("node_name") or ""),
        exit_code=code if isinstance(code, int) else None,
        reason=str(details.get("reason") or ""),
        message=str(details.get("message") or ""),
        output=str(raw.get("output") or ""),
        queued=queued,
        place=whole(raw.get("place")),
        queue=queue,
        evictions=evictions,
        admitted=_first_admitted(queued, raw) if evictions else None,
        pools=tuple(
            PoolPlace(str(each.get("name") or ""), number(each, "place"), number(each, "waiting"))
            for each in objects(raw, "pools")
        ),
    )


def _state(raw: Object, details: Object) -> AttemptState:
    queued, started, end = (read_time(raw.get(name)) for name in ("queued_at", "started_at", "finished_at"))
    if end is None:
        waits = AttemptState.QUEUED if details.get("local_queue") else AttemptState.WAITING
        return AttemptState.RUNNING if queued is None or started is not None else waits
    code, reason = details.get("exit_code"), str(details.get("reason") or "")
    exit_code = code if isinstance(code, int) else None
    return end_state(
        success=raw.get("success") is True, reason=reason, exit_code=exit_code, started=started, finished=end
    )


def _first_admitted(queued: datetime | None, raw: Object) -> datetime | None:
    """Return when an attempt that waits again was first admitted: `queued_for` is how long it waited before."""
    seconds = raw.get("queued_for")
    if queued is None or not isinstance(seconds, int | float):
        return None
    try:
        return queued + timedelta(seconds=seconds)
    except OverflowError:
        return None


def run_table(runs: Sequence[Run], *, now: datetime, wide: bool, jobs: Sequence[str] | None = None) -> Table:
    """Return the table of `history`; `jobs` are the names of their jobs, if these are several. A narrow terminal has no
    room for the start, which is so LATE after the SLOT."""
    columns = ("JOB", "SLOT", "STARTED", "TRIGGER", "RESULT", "ATTEMPTS", "TOOK", "LATE", "WAITED")
    more = ("MEMBERS", "NODES")
    rows = []
    for run, job in zip(runs, jobs or [""] * len(runs), strict=True):
        members = {each.member for each in run.attempts}
        row = (
            job, "" if run.slot is None else instant(run.slot), started_of(run), run.trigger, run.word,
            str(run.tries), took_of(run, now), _late(run), waited_of(run, now),
        )  # fmt: skip
        nodes = ",".join(sorted({each.node for each in run.attempts if each.node}))
        why = run.why or run.where
        rest = (str(len(members)) if len(members) > 1 else "", nodes, why, run.attempts[-1].id)
        rows.append((*row, *rest) if wide else (*row, why))
    spare = (
        "STARTED" if all(run.slot for run in runs) else "",
        "MEMBERS",
        "NODES",
        "ATTEMPTS",
        "LATE",
        "WAITED",
        "TRIGGER",
        "TOOK",
    )
    return table((*columns, *more, "WHY", "EXECUTION") if wide else (*columns, "WHY"), rows, spare=spare)


def run_json(run: Run, *, namespace: str, job: str) -> Object:
    """Return a run as `history -o json` has it. docs/cli.md says that it does not change."""
    return {
        "namespace": namespace, "job": job, "group": str(run.group), "slot": time_json(run.slot),
        "trigger": run.trigger, "result": run.word, "startedAt": _start_json(run),
        "finishedAt": time_json(run.finished), "attempts": [attempt_json(each) for each in run.attempts],
    }  # fmt: skip


def attempt_json(each: Attempt) -> Object:
    """Return an attempt, as lists of runs and of executions have it."""
    return {
        "id": each.id, "number": each.number, "member": each.member, "node": each.node, "jobName": each.job,
        "queuedAt": time_json(each.queued), "place": each.place or None,
        "pools": [pool.as_json() for pool in each.pools] or None, "startedAt": _start_json(each),
        "finishedAt": time_json(each.finished), "success": each.success, "exitCode": each.exit_code,
        "reason": each.reason, "message": each.message, "output": each.output,
    }  # fmt: skip


def started_of(each: Attempt | Run) -> str:
    """Return when it began; `-` if it did not."""
    return instant(None if each.never_began else each.started)


def took_of(each: Attempt | Run, now: datetime) -> str:
    """Return how long it ran; empty if it did not begin."""
    return "" if (took := each.took(now)) is None else exact_span(took)


def waited_of(each: Attempt | Run, now: datetime) -> str:
    """Return how long it waited in line; empty if it did not wait."""
    return "" if (waited := each.waited(now)) is None else span(waited)


def time_json(at: datetime | None) -> str | None:
    """Return a time in JSON."""
    return None if at is None else rfc3339(at)


def _start_json(each: Attempt | Run) -> str | None:
    return time_json(None if each.never_began else each.started)


def result_of(each: Attempt) -> str:
    """Return how an attempt stands, in one word."""
    if each.finished is None:
        return "waiting" if each.waits else "running"
    return NEVER_BEGAN if each.never_began else "success" if each.success else "failed"


def wait_of(run: Run) -> str:
    """Return that a run waits and where, without its subject; empty if an attempt of it is active, or if it is over."""
    going = [each for each in run.attempts if each.finished is None]
    if not going or not all(each.waits for each in going):
        return ""
    first = next((each for each in going if each.where), going[0])
    if first.queue:
        return f"waits {first.where}"
    return first.message or ", ".join(filter(None, ("waits in line", first.where.replace(" in line", ""))))


def why_of(each: Attempt, now: datetime) -> str:
    """Return why an attempt failed, or since when it waits; empty for another one."""
    if each.waits and each.queued is not None:
        return ", ".join(filter(None, (each.where, "" if each.evictions else f"for {span(now - each.queued)}")))
    return reason_of(each) if each.success is False else ""


def attempt_table(attempts: Sequence[Attempt], *, now: datetime) -> Table:
    """Return the attempts of some runs, newest first, as `describe` shows them."""
    rows = [
        (
            started_of(each), str(each.number), each.member or each.node,
            result_of(each),
            "" if each.finished is None else took_of(each, now), why_of(each, now), each.id,
        )
        for each in attempts
    ]  # fmt: skip
    return table(
        ("STARTED", "ATTEMPT", "MEMBER", "RESULT", "TOOK", "WHY", "EXECUTION"),
        rows,
        spare=("ATTEMPT", "MEMBER", "TOOK"),
    )


def _late(run: Run) -> str:
    slot, began = run.stands_for, run.queued or (None if run.never_began else run.started)
    if slot is None or began is None:
        return ""
    return span(late) if (late := began - slot) >= SECOND else "0s"
