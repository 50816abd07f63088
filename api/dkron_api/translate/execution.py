"""Translates `status.executions` and `status.active` to Dkron's executions (Dkron behaviour §1.7)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, NamedTuple, Protocol

from dkron_api.translate.listing import whole
from dkron_api.translate.readiness import failure
from dkron_api.translate.record import Job, Object
from dkron_crds.base import rfc3339
from dkron_crds.job import Attempt, AttemptState, Concurrency, Trigger
from dkron_crds.schedule import TimezoneError
from dkron_crds.schedule.errors import quoted
from dkron_crds.schedule.zones import load_zone
from dkron_crds.stops import Stop, read_stop
from dkron_from_dkron.moments import ZERO
from dkron_reports.line import NEWEST, is_leaving, is_waiting, run_of, shown_line_of
from dkron_reports.line import line_of as line_in
from dkron_reports.pools import PoolPlace, places_of
from dkron_reports.reading import number, objects
from dkron_reports.slices import Steps


class InLine(NamedTuple):
    """Where an attempt waits."""

    place: int
    """Its place in the line of its job, 1 for the next one; 0 for none, as in a queue of Kueue."""
    pools: tuple[PoolPlace, ...] = ()
    """Its places in the lines of pools, as far as they are known."""


NOWHERE: Mapping[str, str] = {}
"""No known nodes."""


def listed(
    job: Job,
    query: Mapping[str, str],
    *,
    coming: Sequence[Attempt] = (),
    nodes: Mapping[str, str] = NOWHERE,
    detailed: bool = False,
    line: Mapping[str, InLine] | None = None,
    now: datetime | None = None,
) -> list[Object]:
    """Return all stored executions, newest first unless requested otherwise, with times in the job's zone.

    `coming` are requested executions that are yet to begin; `nodes` maps a Job to its node. `detailed` adds `details`.
    `line` has the places of those that wait, if the job is only a part of one, and `now` says until when they waited.
    """
    zone = zone_of(job.spec.timezone)
    limit = whole(query.get("output_size_limit", ""), otherwise=-1)
    runs = sorted(every(job, coming=coming, nodes=nodes), key=order_by(query.get("_sort", "")))
    if query.get("_order", "").upper() != "ASC":
        runs.reverse()
    places = line_of(job) if line is None else line
    items = [with_flag(shown(job, run, zone=zone, place=places.get(run.job), now=now), run, limit) for run in runs]
    if not detailed:
        return items
    return [item | {"details": details(run, stop=stop_of(job, run))} for item, run in zip(items, runs, strict=True)]


def single(job: Job, execution_id: str) -> Object | None:
    """Return one execution with its stored output, in UTC; None if it does not exist (any more)."""
    run = found(job, execution_id)
    return None if run is None else shown(job, run)


def found(job: Job, execution_id: str, *, coming: Sequence[Attempt] = ()) -> Attempt | None:
    """Return the attempt with this id as far as clients may see it; None if it does not exist (any more)."""
    return _named(job, every(job, coming=coming), execution_id)


def attempt(job: Job, execution_id: str) -> Attempt | None:
    """Return the attempt with this id, finished, running, or waiting for its time; None if there is none (any more)."""
    runs: list[Attempt] = [*job.status.executions, *job.status.active]
    return _named(job, runs, execution_id)


def every(job: Job, *, coming: Sequence[Attempt] = (), nodes: Mapping[str, str] = NOWHERE) -> list[Attempt]:
    """Return all stored, running, waiting and coming attempts; see `listed`. A claim without a Job has not begun, but
    a claim of a requested run is included, since the client has its id. So are those that wait in line, and the failure
    of a job that cannot run."""
    failed = failure(job)
    stands = [] if failed is None else [failed]
    return [*job.status.executions, *_active(job, nodes), *_claims(job), *coming, *stands]


def unplaced(job: Job) -> list[str]:
    """Return the running Jobs whose node the status does not show."""
    return [active.job for active in _active(job) if not active.node_name]


def _named(job: Job, runs: Iterable[Attempt], execution_id: str) -> Attempt | None:
    """Return the attempt with this id. With the concurrency replace, and of a run that waited in line, the start in an
    id may differ from the one shown before the run began; the Job name in it is the same."""
    moment, _, name = execution_id.partition("-")
    replaces = job.spec.concurrency is Concurrency.REPLACE

    def has_job(run: Attempt) -> bool:
        return run.job == name and moment.isdigit() and (replaces or run.queued_at is not None)

    return next((run for run in runs if run.id == execution_id or has_job(run)), None)


def line_of(job: Job) -> Mapping[str, InLine]:
    """Return where the attempts wait, by their Jobs. Members of a run share one place in line. One that has left the
    line has none, and waits for its Job."""
    active = objects(job.raw_status, "active")
    runs = shown_line_of(job.raw_status, job.raw["spec"])
    waiting = (each for each in active if is_waiting(each))
    leaving = {str(each.get("job")): InLine(0) for each in active if is_leaving(each)}
    return leaving | {
        str(each.get("job")): InLine(number(each, "place") if each.get("queue") else runs[run], places_of(each))
        for each in waiting
        if (run := run_of(each)) in runs or each.get("queue")
    }


def full_line(job: Job) -> str:
    """Return the sentence that refuses a further run if the line of the job is full; empty while there is room."""
    spec = job.spec
    queues = spec.concurrency is Concurrency.QUEUE or (spec.pools and spec.concurrency is Concurrency.ALLOW)
    if not queues or spec.queue.order == NEWEST:
        return ""
    if max(line_in(job.raw_status, job.raw["spec"]).values(), default=0) < spec.queue.max:
        return ""
    text = f"the line of the job {quoted(job.name)} is full: queue.max is {spec.queue.max}"
    # Where it has to wait for a place in a pool, only a DkronRun still tells that it was forced.
    way = 'send {"force": true}' if spec.pools else "add ?force=true"
    return f"{text}; {way} to run it anyway"


def running(
    jobs: Iterable[Job],
    nodes: Mapping[str, str] = NOWHERE,
    *,
    failed: Callable[[Job, Exception], object] = lambda *_: None,
) -> Steps[list[Object]]:
    """Return the running executions of all jobs, oldest first, in steps. `failed` is called for a job that cannot be
    read."""
    busy = []
    for job in jobs:
        try:
            for run in _active(job, nodes) if job.busy else ():
                yield
                busy.append((run.started_at, job.name, shown(job, run)))
        except Exception as exc:  # noqa: BLE001 - a problem with one job must not affect the others
            failed(job, exc)
        yield
    busy.sort(key=lambda entry: entry[:2])
    return [entry[2] for entry in busy]


class Named(Protocol):
    """A job, or an archived one."""

    @property
    def name(self) -> str:
        """Its name in the Dkron API."""


def shown(
    job: Named,
    run: Attempt,
    *,
    zone: tzinfo = UTC,
    so_far: str = "",
    place: InLine | None = None,
    now: datetime | None = None,
) -> Object:
    """Return an execution in Dkron's order of fields, and how long it waited in line. `so_far` is the output of a
    running one, whose end is zero. `place` is where one waits, whose start is zero, too; None for any other."""
    output = _output(run) if run.ended else so_far
    return {
        "id": run.id,
        "job_name": job.name,
        "started_at": _in_zone(run.started_at, zone) if place is None else ZERO,
        "finished_at": _in_zone(run.ended_at, zone) if run.ended else ZERO,
        "success": run.success,
        **({"output": output} if output else {}),
        "node_name": run.node_name,
        **({"group": run.group} if run.group else {}),
        "attempt": run.attempt,
        **_queued(run, zone, place, now),
    }


def _queued(run: Attempt, zone: tzinfo, place: InLine | None, now: datetime | None) -> Object:
    """Return our own fields about the wait in line; Dkron's clients ignore them."""
    if run.queued_at is None:
        return {}
    # A Job that waits again, because Kueue evicted it, has its first wait, which is the one that its record keeps.
    again = run.state is AttemptState.QUEUED and run.evictions
    until = run.started_at if place is None or again else now
    found: Object = {"queued_at": _in_zone(run.queued_at, zone)}
    if until is not None:
        found["queued_for"] = max((until - run.queued_at).total_seconds(), 0.0)
    if place is None:
        return found
    pools = [each.as_json() for each in place.pools]
    return found | ({"place": place.place} if place.place else {}) | ({"pools": pools} if pools else {})


def stop_of(job: Job, run: Attempt) -> Stop | None:
    """Return the request to stop an attempt that is not over yet, if there is one."""
    if run.ended:
        return None
    stops = (read_stop(key, str(text)) for key, text in job.annotations.items())
    asked = (each for each in stops if each is not None and each.at is not None)
    return next((each for each in asked if each.means(job=run.job, execution=run.id)), None)


def details(run: Attempt, *, trace: str = "", trace_url: str = "", stop: Stop | None = None, until: str = "") -> Object:
    """Return the facts without a field in Dkron's execution. `trace` is the id of its trace and `trace_url` the address
    that shows it; both are empty if they are not known. `stop` is the request to stop it, and its pod may take `until`
    then."""
    found: Object = {"job": run.job, "slot": rfc3339(run.slot), "trigger": run.trigger.value}
    if run.member:
        found["member"] = run.member
    if run.ended:
        told = {"exit_code": run.exit_code, "reason": run.reason or None, "message": run.message or None}
        found |= {key: value for key, value in told.items() if value is not None}
    elif run.state is AttemptState.QUEUED:
        found |= {"local_queue": run.queue} | ({"evictions": run.evictions} if run.evictions else {})
    if stop is not None and stop.at is not None:
        found["stopping"] = {"at": rfc3339(stop.at), "by": stop.by} | ({"until": until} if until else {})
    if trace:
        found |= {"trace_id": trace, "trace_url": trace_url}
    return found


def _active(job: Job, nodes: Mapping[str, str] = NOWHERE) -> list[Attempt]:
    begun = [active for active in job.status.active if active.state is AttemptState.RUNNING]
    if not nodes:
        return begun
    return [
        active if active.node_name else active.model_copy(update={"node_name": nodes.get(active.job, "")})
        for active in begun
    ]


def _is_requested(entry: Attempt) -> bool:
    return entry.trigger is Trigger.MANUAL and entry.attempt == 1


def _claims(job: Job) -> list[Attempt]:
    """Return the attempts that wait in line or in a queue, and the first attempts of requested runs without a Job."""
    return [active for active in job.status.active if active.waits or (_is_requested(active) and active.is_claim)]


def _output(run: Attempt) -> str:
    """Return the output, preceded by the executor's error as in Dkron (behaviour §4.4)."""
    if run.success:
        return run.output
    if run.exit_code is not None and run.reason in ("", "Error"):
        # The container's own termination message says more than its exit code, and may already be in the output.
        error = run.message or f"exit status {run.exit_code}"
        return run.output if run.message and run.output.startswith(error) else f"{error}\n{run.output}"
    why = ": ".join(filter(None, (run.reason, run.message))) + (
        ", before it began" if run.state is AttemptState.CANCELLED else ""
    )
    return f"{why}\n{run.output}" if why else run.output


def with_flag(item: Object, run: Attempt, limit: int) -> Object:
    """Return an execution of a list, with at most `limit` bytes of its output, all of them if it is negative."""
    cut = run.output_truncated
    output = item.get("output", "").encode()
    if 0 <= limit < len(output):
        cut = True
        kept = output[len(output) - limit :].decode("utf-8", "replace")
        item = {key: kept if key == "output" else value for key, value in item.items() if key != "output" or kept}
    return {**item, "output_truncated": cut}


def order_by(field: str) -> Any:  # noqa: ANN401 - a key for sorted()
    """Return the key by which a list is sorted, by the start unless the field is another one that Dkron knows."""

    def started(run: Attempt) -> tuple[Any, ...]:
        # What waits begins later than all that has begun.
        return run.waits, run.queued_at if run.waits else run.started_at, run.id

    match field:
        case "finished_at":
            return lambda run: (not run.ended, run.ended_at, run.id)
        case "attempt":
            return lambda run: (run.attempt, *started(run))
        case _:
            return started


def zone_of(name: str) -> tzinfo:
    """Return the zone of this name; UTC for one that is not known."""
    try:
        return load_zone(name).info
    except TimezoneError:
        return UTC


def _in_zone(instant: datetime, zone: tzinfo) -> str:
    """Return the time in a zone, with its offset; `Z` for an offset of zero. At the ends of the calendar, which the
    zone would exceed, return UTC."""
    try:
        local = instant.astimezone(zone)
    except OverflowError:
        return rfc3339(instant)
    offset = local.utcoffset() or timedelta(0)
    if zone is UTC or not offset:
        return rfc3339(instant)
    text = local.replace(tzinfo=None).isoformat()
    text = text.rstrip("0") if "." in text else text
    minutes = int(abs(offset).total_seconds()) // 60
    sign = "-" if offset < timedelta(0) else "+"
    return f"{text}{sign}{minutes // 60:02}:{minutes % 60:02}"
