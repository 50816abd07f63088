"""`backfill`: run the slots of a period again, by a DkronBackfill."""

import asyncio
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

import typer

from dkron_cli.commands.arguments import refusing, usage
from dkron_cli.complete import job_names
from dkron_cli.core.backfill import Progress, backfill_body, backfill_name, progress
from dkron_cli.core.selection import read_selector
from dkron_cli.edge.backend import BACKFILL, Objects, Server
from dkron_cli.edge.connect import connected
from dkron_cli.edge.progress import Show, decided, shown_progress
from dkron_cli.edge.terminal import remark, say, structured
from dkron_cli.edge.terminal import run as run_async
from dkron_cli.errors import CliError, Code, Interrupted
from dkron_cli.options import Options, options_of
from dkron_crds.backfill import BackfillOrder, BackfillRuns, OnFailure
from dkron_crds.base import rfc3339
from dkron_reports.words import read_moment

Object = dict[str, Any]
PAUSE = 0.5
PATIENCE = 30.0
"""Seconds in which the operator should have made a plan."""
KEPT = 300
"""Seconds after which the operator deletes a dry run that the command could not."""


def backfill(  # noqa: PLR0913 - the options, one by one
    ctx: typer.Context,
    start: Annotated[str, typer.Option("--from", help="Start of the period: RFC 3339, or 7d for a week ago.")],
    job: Annotated[str, typer.Argument(metavar="[JOB]", help="Name of the job.", autocompletion=job_names)] = "",
    end: Annotated[str, typer.Option("--to", help="End of the period, exclusive.")] = "now",
    selector: Annotated[
        str | None,
        typer.Option("--selector", "-l", help="Jobs with these labels instead of JOB: team=data; '' for all.",
                     show_default=False),
    ] = None,
    runs: Annotated[BackfillRuns, typer.Option("--runs", help="All slots, or only failed ones.")] = BackfillRuns.ALL,
    parallelism: Annotated[int, typer.Option("--parallelism", help="Maximum number of active runs.", min=1)] = 1,
    order: Annotated[BackfillOrder, typer.Option("--order", help="Which slots run first.")] = (
        BackfillOrder.OLDEST_FIRST
    ),
    on_failure: Annotated[OnFailure, typer.Option("--on-failure", help="Action after a failed run.")] = (
        OnFailure.STOP
    ),
    max_runs: Annotated[int, typer.Option("--max-runs", help="Refuse if there are more slots.", min=1)] = 1000,
    reason: Annotated[str, typer.Option("--reason", help="Reason: free text for people.", show_default=False)] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list the slots that would run.")] = False,
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Wait for the end; the exit code is the result.")] = False,
) -> None:  # fmt: skip
    """Run the slots of a period again.

    It creates a DkronBackfill, and the operator runs each slot once, with the time of the slot. The exit code is 1 if
    the operator refuses the backfill, as for too many slots; with --wait, 0 if all runs succeeded, 1 if one failed.
    After Ctrl-C the backfill goes on; dkronctl backfills cancel ends it.
    """
    options = options_of(ctx)
    if bool(job) == (selector is not None):
        raise usage("name a job, or give --selector for several; --selector '' takes all jobs of the namespace")
    if options.all_namespaces:
        raise usage("a backfill belongs to one namespace; name it with -n instead of -A")
    spec = {
        **_slots(job, selector, start, end),
        "runs": runs.value, "order": order.value, "parallelism": parallelism, "onFailure": on_failure.value,
        "maxRuns": max_runs, "reason": reason or None, "dryRun": dry_run or None,
        "ttlSecondsAfterFinished": KEPT if dry_run else None,
    }  # fmt: skip
    asked = Asked(backfill_body(backfill_name(job, int(time.time()), secrets.token_hex(2)), spec))
    try:
        result = run_async(_dry_run(options, asked) if dry_run else _run(options, asked, wait=wait))
    except Interrupted:
        if asked.sent and not dry_run:
            see, cancel = _show_command(asked.name), f"dkronctl backfills cancel {asked.name} cancels it"
            remark(f"\ndetached: the backfill goes on; {see}, {cancel}")
        raise
    raise typer.Exit(result)


def _slots(job: str, selector: str | None, start: str, end: str) -> Object:
    """Return the fields of the spec that say whose slots, and of which period."""
    now = datetime.now(UTC)
    with refusing():
        first, last = read_moment("--from", start, now), read_moment("--to", end, now)
        labels = None if selector is None else dict(read_selector(selector))
    if first >= last:
        raise usage("--from must be before --to")
    return {"job": job or None, "selector": labels, "from": rfc3339(first), "to": rfc3339(last)}


@dataclass(slots=True)
class Asked:
    """The object to create. `sent` is whether the server may know of it."""

    body: Object
    sent: bool = False

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.body["metadata"]["name"])


async def _run(options: Options, asked: Asked, *, wait: bool) -> int:
    async with connected(options) as server:
        backfills = server.objects(BACKFILL)
        created = await _create(server, backfills, asked)
        if not wait:
            found = await decided(partial(_planned, backfills, asked.name))
            if found is not None and found.refused:
                raise CliError(Code.FAILED, f"the backfill {asked.name} does not run: {found.message}")
            if not structured(options, [created], names=lambda: [asked.name], one=True):
                told = f": {found.message}" if found is not None and found.over else ""
                say(f"created the backfill {asked.name}{told}; {_show_command(asked.name)}")
            return Code.OK
        remark(f"created the backfill {asked.name}")
        with shown_progress(options) as show:
            found = await until_over(backfills, asked.name, show)
    return report(found, asked.name)


async def _dry_run(options: Options, asked: Asked) -> int:
    """Have the operator plan, print the plan, and delete the object."""
    async with connected(options) as server:
        backfills = server.objects(BACKFILL)
        created = await _create(server, backfills, asked)
        try:
            async with asyncio.timeout(PATIENCE):
                found = await until_over(backfills, asked.name, lambda *_: None)
        except TimeoutError:
            text = f"no operator made a plan within {PATIENCE:.0f}s; dkronctl doctor says why"
            raise CliError(Code.CONFLICT, text) from None
        finally:
            await backfills.delete(created)
    if not found.good:
        raise CliError(Code.FAILED, found.message)
    say(found.message)
    return Code.OK


async def _planned(backfills: Objects, name: str) -> Progress | None:
    """Return how far a backfill has got, once the operator has planned or refused it, or if it cannot be read."""
    try:
        read = await backfills.find(name)
    except CliError:
        read = None
    found = progress(read or {})
    return found if read is None or found.over or found.planned is not None else None


async def until_over(backfills: Objects, name: str, show: Show) -> Progress:
    """Return how a backfill has ended, once it has; `show` is given how far it is. Raises `CliError`."""
    while True:
        read = await backfills.find(name)
        if read is None:
            raise CliError(Code.NOT_FOUND, f"the backfill {name} was deleted, which cancels it")
        found = progress(read)
        show(found.done, found.planned, "" if found.over else found.message)
        if found.over:
            return found
        await asyncio.sleep(PAUSE)


async def _create(server: Server, backfills: Objects, asked: Asked) -> Object:
    if job := asked.body["spec"].get("job"):
        # It may be given by the name of its object, and one that does not exist is better said at once.
        asked.body["spec"]["job"] = (await server.job(job)).name
    asked.sent = True
    return await backfills.create(asked.body)


def _show_command(name: str) -> str:
    return f"dkronctl backfills describe {name} shows it"


def report(found: Progress, name: str) -> int:
    """Say how a backfill has ended, and return the exit code for that."""
    for line in found.failed:
        remark(line)
    remark(f"{name}: {found.message}")
    return Code.OK if found.good else Code.FAILED
