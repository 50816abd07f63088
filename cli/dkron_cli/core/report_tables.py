"""The tables of `explain`, `agenda`, `summary` and `top`: of the JSON of reports, from a cluster or a REST API."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from dkron_cli.core.table import Table, table
from dkron_reports.reading import Object, items, mapping, number, objects
from dkron_reports.words import ago, plural, read_time


def in_order(explanation: Object) -> list[Object]:
    """Return the slots of an explanation and the runs beside them, the earliest first."""
    found = [*objects(explanation, "slots"), *objects(explanation, "runs")]
    return sorted(found, key=lambda each: str(each.get("slot")).removesuffix("Z"))


def explained_table(slots: Sequence[Object]) -> Table:
    """Return the table of `explain`."""
    return table(("SLOT", "WHAT", "WHY"), [_texts(each, "slot", "what", "why") for each in slots])


def due_table(due: Sequence[Object], *, now: datetime, namespaces: bool) -> Table:
    """Return the table of `agenda`: a line for each slot of a job."""
    rows = []
    for each in due:
        slot, space, name = _texts(each, "due", "namespace", "job")
        rows.append((slot, ago(read_time(slot), now), space if namespaces else "", name))
    return table(("DUE", "IN", "NAMESPACE", "JOB"), rows)


def attention_table(jobs: Sequence[Object], *, namespaces: bool) -> Table:
    """Return the table of `summary`: a line for each job that needs a person."""
    rows = []
    for each in jobs:
        space, *rest = _texts(each, "namespace", "job", "kind", "why", "remedy")
        rows.append((space if namespaces else "", *rest))
    return table(("NAMESPACE", "JOB", "TROUBLE", "WHY", "REMEDY"), rows, spare=("TROUBLE",))


def summary_lines(found: Object) -> Iterator[str]:
    """Yield the lines of `summary` above its table."""
    counts, hour = mapping(found, "counts"), mapping(found, "last_hour")
    words = [f"{count} {word}" for word in counts if (count := number(counts, word))]
    yield f"{plural(number(found, 'jobs'), 'job')}: {', '.join(words) or 'none'}"
    results = [f"{count} {word}" for word in hour if word != "runs" and (count := number(hour, word))]
    yield f"last hour: {plural(number(hour, 'runs'), 'run')}{': ' if results else ''}{', '.join(results)}"
    ahead = mapping(found, "next_hour")
    more = " or more" if ahead.get("more") is True else ""
    yield f"next hour: {plural(len(items(ahead, 'slots')), 'slot')}{more}"
    late = mapping(found, "lateness_seconds")
    if number(late, "runs"):
        seconds = [
            (name, length) for name, length in late.items() if name != "runs" and isinstance(length, int | float)
        ]
        yield f"lateness: {', '.join(f'{name} {length:.1f}s' for name, length in seconds)}"
    if found.get("leader"):
        yield f"leader: {found['leader']}"
    if found.get("paused") is True:
        yield "paused: the REST API rejects new and changed jobs"


def failing_table(jobs: Sequence[Object], *, now: datetime, namespaces: bool) -> Table:
    """Return the table of `top --since`. A plus behind a number says that older runs of the period are not kept."""
    rows = []
    for each in jobs:
        space, name, latest, why = _texts(each, "namespace", "job", "latest", "why")
        failed, runs, more = number(each, "failed"), number(each, "runs"), "" if each.get("whole") is True else "+"
        share = f"{failed / runs:.0%}" if runs else ""
        rows.append(
            (space if namespaces else "", name, f"{failed}{more}", f"{runs}{more}", share, str(number(each, "retried")),
             ago(read_time(latest), now), why)
        )  # fmt: skip
    return table(
        ("NAMESPACE", "JOB", "FAILED", "RUNS", "SHARE", "RETRIED", "LATEST", "WHY"),
        rows,
        spare=("RETRIED", "SHARE", "LATEST"),
    )


def _texts(raw: Object, *keys: str) -> tuple[str, ...]:
    return tuple(str(raw.get(key) or "") for key in keys)
