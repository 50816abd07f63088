"""From `status.executions` and `status.active` to Dkron's executions (Dkron behaviour §1.7)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, tzinfo
from typing import Any

from dkron_api.translate.numbers import whole
from dkron_api.translate.record import Job
from dkron_api.translate.times import ZERO, in_zone
from dkron_crds.job import Active, Concurrency, Execution, Trigger
from dkron_crds.schedule import TimezoneError
from dkron_crds.schedule.zones import load_zone

JSON = dict[str, Any]
NOWHERE: Mapping[str, str] = {}
"""Nothing is known about where anything runs."""
_SORTS = {"finished_at": "finished_at", "attempt": "attempt"}


def listed(
    job: Job, query: Mapping[str, str], *, coming: Sequence[Active] = (), nodes: Mapping[str, str] = NOWHERE
) -> list[JSON]:
    """All executions that are kept, newest first unless asked otherwise, times in the job's zone.

    `coming` are those that were asked for and are still to begin; `nodes` tells by its Job where one runs.
    """
    zone = _zone(job.spec.timezone)
    limit = _limit(query.get("output_size_limit"))
    runs = sorted(every(job, coming=coming, nodes=nodes), key=_order(query.get("_sort", "")))
    if query.get("_order", "").upper() != "ASC":
        runs.reverse()
    return [_with_flag(shown(job, run, zone=zone), run, limit) for run in runs]


def single(job: Job, execution_id: str) -> JSON | None:
    """One execution with all of the output that is kept, in UTC; None if it is not there (any more)."""
    run = found(job, execution_id)
    return None if run is None else shown(job, run)


def found(job: Job, execution_id: str, *, coming: Sequence[Active] = ()) -> Execution | Active | None:
    """What a client may see of the attempt with this id; None if it is not there (any more)."""
    return _named(job, every(job, coming=coming), execution_id)


def with_output(run: Execution, data: bytes) -> Execution:
    """The attempt with more of its output than the status keeps."""
    return run.model_copy(update={"output": data.decode("utf-8", "replace")})


def attempt(job: Job, execution_id: str) -> Execution | Active | None:
    """The attempt with this id, finished, running, or waiting for its time; None if it is not there (any more)."""
    runs: list[Execution | Active] = [*job.status.executions, *job.status.active]
    return _named(job, runs, execution_id)


def every(job: Job, *, coming: Sequence[Active] = (), nodes: Mapping[str, str] = NOWHERE) -> list[Execution | Active]:
    """All attempts that are kept, that run, or that are to come; see `listed`. A claim without a Job has not begun, but
    one of a run that was asked for is shown: who asked has its id."""
    return [*job.status.executions, *_active(job, nodes), *_asked(job), *coming]


def unplaced(job: Job) -> list[str]:
    """The Jobs that run, and of which the status does not say where."""
    return [active.job for active in _active(job) if not active.node_name]


def _named(job: Job, runs: Iterable[Execution | Active], execution_id: str) -> Execution | Active | None:
    """The one with this id. Of a job that keeps only its newest run the start in an id may differ from what was shown
    before it began; the Job in it is the same."""
    moment, _, name = execution_id.partition("-")
    by_job = moment.isdigit() and job.spec.concurrency is Concurrency.REPLACE
    return next((run for run in runs if run.id == execution_id or (by_job and run.job == name)), None)


def running(
    jobs: Iterable[Job],
    nodes: Mapping[str, str] = NOWHERE,
    *,
    failed: Callable[[Job, Exception], object] = lambda *_: None,
) -> list[JSON]:
    """What runs now in all jobs, the oldest first. `failed` is told of a job of which that cannot be said."""
    busy = []
    for job in jobs:
        try:
            busy += [(run.started_at, job.name, shown(job, run)) for run in _active(job, nodes)] if job.busy else []
        except Exception as exc:  # noqa: BLE001 - what is odd about one job keeps nobody from the others
            failed(job, exc)
    busy.sort(key=lambda entry: entry[:2])
    return [entry[2] for entry in busy]


def shown(job: Job, run: Execution | Active, *, zone: tzinfo = UTC, so_far: str = "") -> JSON:
    """One execution in Dkron's order of fields; one that still runs has the zero time as its end. `so_far` is what that
    has written by now."""
    output = _output(run) if isinstance(run, Execution) else so_far
    return {
        "id": run.id,
        "job_name": job.name,
        "started_at": in_zone(run.started_at, zone),
        "finished_at": in_zone(run.finished_at, zone) if isinstance(run, Execution) else ZERO,
        "success": isinstance(run, Execution) and run.success,
        **({"output": output} if output else {}),
        "node_name": run.node_name,
        **({"group": run.group} if run.group else {}),
        "attempt": run.attempt,
    }


def _active(job: Job, nodes: Mapping[str, str] = NOWHERE) -> list[Active]:
    """Attempts that have begun."""
    begun = [active for active in job.status.active if active.uid]
    if not nodes:
        return begun
    return [
        active if active.node_name else active.model_copy(update={"node_name": nodes.get(active.job, "")})
        for active in begun
    ]


def _asked(job: Job) -> list[Active]:
    """First attempts of runs that were asked for, claimed, and without a Job yet."""
    return [
        active
        for active in job.status.active
        if not active.uid and active.trigger is Trigger.MANUAL and active.attempt == 1
    ]


def _output(run: Execution) -> str:
    """The executor's error text stands before the output, as in Dkron (behaviour §4.4)."""
    if run.success:
        return run.output
    if run.exit_code is not None and run.reason in ("", "Error"):
        # What a container says about its own end says more than its exit code, and may stand in the output already.
        error = run.message or f"exit status {run.exit_code}"
        return run.output if run.message and run.output.startswith(error) else f"{error}\n{run.output}"
    why = ": ".join(filter(None, (run.reason, run.message)))
    return f"{why}\n{run.output}" if why else run.output


def _with_flag(item: JSON, run: Execution | Active, limit: int | None) -> JSON:
    cut = isinstance(run, Execution) and run.output_truncated
    output = item.get("output", "").encode()
    if limit is not None and len(output) > limit:
        cut = True
        kept = output[len(output) - limit :].decode("utf-8", "replace")
        item = {key: kept if key == "output" else value for key, value in item.items() if key != "output" or kept}
    return {**item, "output_truncated": cut}


def _limit(text: str | None) -> int | None:
    limit = whole(text or "", otherwise=-1)
    return None if limit < 0 else limit


def _order(field: str) -> Any:  # noqa: ANN401 - a key for sorted()
    def started(run: Execution | Active) -> tuple[Any, ...]:
        return run.started_at, run.id

    match _SORTS.get(field):
        case "finished_at":
            return lambda run: (isinstance(run, Active), getattr(run, "finished_at", run.started_at), run.id)
        case "attempt":
            return lambda run: (run.attempt, *started(run))
        case _:
            return started


def _zone(name: str) -> tzinfo:
    try:
        return load_zone(name).info
    except TimezoneError:
        return UTC
