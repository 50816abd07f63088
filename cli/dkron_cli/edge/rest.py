"""The REST API by its address: ours, or a Dkron's."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import aiohttp

from dkron_cli.core.executions import FEWEST, Filter
from dkron_cli.core.job import GONE, from_dkron, gone_job
from dkron_cli.core.order import Order
from dkron_cli.core.run import attempts_of_dkron
from dkron_cli.core.selection import ALL, Selection, has_all
from dkron_cli.edge.address import address_of, in_the_clear, token_of
from dkron_cli.edge.backend import BY_FORCE, PLAIN, Answer, Asked, Noun, Seen, Server, missing, refuse_disabled
from dkron_cli.edge.rest_calls import PATIENCE, RETRY, answered, by_force
from dkron_cli.edge.rest_details import RestDetails
from dkron_cli.edge.rest_history import path_of
from dkron_cli.edge.rest_objects import RestObjects
from dkron_cli.edge.terminal import remark
from dkron_cli.errors import CliError, Code
from dkron_cli.options import Options
from dkron_crds.schedule.instants import rfc3339
from dkron_reports.failing import MOST
from dkron_reports.job import Job
from dkron_reports.reading import mapping, objects
from dkron_reports.run import Attempt, Run, runs_of
from dkron_reports.slots import coming_by_expression

if TYPE_CHECKING:
    from dkron_cli.core.importing import Item, Step, Wanted
    from dkron_reports.explain import Question

LONGER = 5.0
"""Seconds."""
LOOK = 2.0
"""Seconds between two looks at a run, while the request for it has no answer."""
SECOND = 1_000_000_000


class Rest(RestDetails, Server):
    """The jobs of one REST API."""

    takes_faulty = True

    def none_of(self, chosen: Selection) -> str:
        """Return the sentence that no job is one of these, and what labels are here."""
        return f"there are no {chosen}{' in their metadata' if chosen.labels else ''} {self.where}"

    def objects(self, noun: Noun, *, every: bool = False) -> RestObjects:  # noqa: ARG002 - it serves one namespace
        """Return the objects of the server's namespace."""
        return RestObjects(self, noun)

    async def jobs(self, chosen: Selection = ALL) -> list[Job]:
        """Return the chosen jobs, sorted. Labels are compared with the metadata of the jobs."""
        if chosen.names:
            return [await self.job(name) for name in chosen.names]
        query = urlencode([(f"metadata[{key}]", value) for key, value in chosen.labels])
        listed = await self.call("GET", f"/v1/jobs?{query}" if query else "/v1/jobs")
        with self.as_ours_does():
            # A server that does not know the query lists all jobs.
            found = [from_dkron(raw) for raw in listed if has_all(chosen.labels, mapping(raw, "metadata"))]
        return sorted(found, key=lambda job: job.name)

    async def job(self, name: str) -> Job:
        """Return one job."""
        try:
            raw = await self.call("GET", f"/v1/jobs/{quote(name, safe='')}", job=name)
        except CliError as error:
            if error.code is not Code.NOT_FOUND or "namespace" in str(error):
                raise
            raise missing(name, self.where, await self._names()) from error
        with self.as_ours_does():
            return from_dkron(raw)

    async def past_job(self, name: str) -> Job:
        """Return one job; of one that is gone and has executions in the archive, only its name."""
        try:
            return await self.job(name)
        except CliError as error:
            if error.code is not Code.NOT_FOUND or not await self.is_past(name):
                raise
            return gone_job(name)

    async def _names(self) -> list[str]:
        """Return the names of all jobs; none if they may not be listed."""
        try:
            return [str(each["name"]) for each in await self.call("GET", "/v1/jobs?fields=name")]
        except (CliError, TypeError, KeyError):
            return []

    async def attempts(self, job: Job, *, placed: bool = False) -> list[Attempt]:  # noqa: ARG002 - it always tells
        """Return the executions that the server shows; of a job that is gone, the newest ones in the archive."""
        if job.state == GONE:
            return [each.attempt for each in await anext(self.executions(Filter(limit=FEWEST), job))]
        raw = await self.call("GET", f"{path_of(job)}/executions?details=true", job=job.name)
        with self.as_ours_does():
            return attempts_of_dkron(raw, problem=job.problem)

    async def latest_failure(self, job: Job, start: datetime) -> Run | None:
        """Ask for the executions of a job that has failed at all, and ended one since then."""
        if not job.failed or job.last is None or job.last < start:
            return None
        return await super().latest_failure(job, start)

    async def run(
        self, job: Job, *, force: bool, wait: float | None, order: Order = PLAIN, seen: Seen | None = None
    ) -> Asked:
        """Run it. Dkron answers when the run is over, ours when it is requested, or over if `wait` is not None."""
        if job.disabled and not force:
            refuse_disabled(job, force=force, otherwise=f", or {BY_FORCE}" if await self._is_ours(job) else "")
        if order:
            # Dkron would run the job without what it is given.
            await self._require_ours(job, "give a run values, a slot or a reason")
        elif job.disabled:
            await self._require_ours(job, "run a disabled job")
        # A caller who does not wait needs no right to read them.
        earlier = [] if wait is None else await self.attempts(job)
        known = frozenset(each.group for each in earlier)
        query = "&".join(filter(None, ("wait=true" if wait is not None else "", "force=true" if force else "")))
        path = f"{path_of(job)}/run" + (f"?{query}" if query else "")
        # The caller, too, waits for so long, and has more to say about it.
        limit = wait + LONGER if wait else 0
        # With a key the server makes a DkronRun, which also forces a disabled job.
        headers = {"Idempotency-Key": secrets.token_hex(16)} if force else None
        asked = Asked(job, 0, known=known)
        with by_force(f"; {BY_FORCE}"):
            async with self._looking(asked, seen if wait is not None else None):
                answer = await self.call(
                    "POST", path, job=job.name, seconds=limit, body=order.body(), headers=headers, conflict=Code.FAILED
                )
        return replace(asked, answer=answer)

    @asynccontextmanager
    async def _looking(self, asked: Asked, seen: Seen | None) -> AsyncIterator[None]:
        """Call `seen` with the run every `LOOK` seconds, until the server has answered."""
        task = None if seen is None else asyncio.create_task(self._look(asked, seen))
        try:
            yield
        finally:
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def _look(self, asked: Asked, seen: Seen) -> None:
        while True:
            await asyncio.sleep(LOOK)
            # The answer to the request itself says what is wrong.
            with suppress(CliError):
                run = await self.progress(asked)
                if run is not None:
                    seen(run)

    async def repeat(self, job: Job, attempt: Attempt, *, dry_run: bool) -> str:
        """Have the server copy the values and the slot, which it does not show."""
        # Dkron would run the job, whatever the body says.
        await self._require_ours(job, "repeat an execution")
        if not dry_run:
            # An API without this field ignores a body that has none of its fields, and refuses one that has others.
            body = {"repeat": attempt.id, "force": False}
            path = f"{path_of(job)}/run?wait=false"
            with by_force(""):
                await self.call("POST", path, job=job.name, body=body, conflict=Code.FAILED)
        return f" that repeats {attempt.id}"

    async def _require_ours(self, job: Job, what: str) -> None:
        """Raise `CliError` for a Dkron, which has no such route."""
        try:
            await self.call("GET", f"{path_of(job)}/next?count=1", what=what)
        except CliError as error:
            # A Dkron forbids nothing, so this is ours.
            if error.code is not Code.FORBIDDEN:
                raise

    async def _is_ours(self, job: Job) -> bool:
        """Whether the server is ours, and not a Dkron."""
        with suppress(CliError):
            await self._require_ours(job, "")
            return True
        return False

    async def progress(self, asked: Asked, *, placed: bool = False) -> Run | None:  # noqa: ARG002 - it always is
        """Return the run that was not there before; one on request rather than one of a slot."""
        # By now, the job may lack no pool any more.
        attempts = await self.attempts(replace(asked.job, problem=""))
        runs = [run for run in runs_of(attempts) if run.group not in asked.known]
        # The group of a slot is a whole second.
        by_request = [run for run in runs if run.group % SECOND] or runs
        return by_request[-1] if by_request else None

    async def stop(self, job: Job, attempt: Attempt) -> None:
        """Stop an execution. Dkron cannot."""
        await self.call("POST", f"{path_of(job)}/executions/{quote(attempt.id, safe='')}/stop", what="stop executions")

    async def disable(self, job: Job, *, disabled: bool) -> bool:
        """Toggle it, and toggle it back if another client was first."""
        if job.disabled is disabled:
            return False
        for _ in range(2):
            found = from_dkron(await self.call("POST", f"{path_of(job)}/toggle", job=job.name))
            if found.disabled is disabled:
                return True
        raise CliError(Code.CONFLICT, f'another client toggled "{job.name}" at the same time; check it, and repeat')

    async def pause(self, *, paused: bool) -> bool:
        """Have the API reject changes, or accept them."""
        before = await self.call("GET", "/v1/pause")
        await self.call("POST", "/v1/pause" if paused else "/v1/unpause")
        return bool(before.get("paused") if isinstance(before, dict) else before) is not paused

    async def log(
        self,
        job: Job,
        attempt: Attempt,
        *,
        follow: bool,
        asked: Asked | None = None,  # noqa: ARG002 - the server reads the run itself
    ) -> AsyncIterator[bytes]:
        """Yield the log; from a Dkron, which has no logs, the output of the execution."""
        path = f"{path_of(job)}/executions/{quote(attempt.id, safe='')}"
        with answered():
            url = f"{self._server}{path}/log" + ("?follow=true" if follow else "")
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=PATIENCE)
            async with self._session.get(url, timeout=timeout) as response:
                if response.status == HTTPStatus.OK and "html" not in response.content_type:
                    async for piece in response.content.iter_any():
                        yield piece
                    return
        found = await self.call("GET", path, job=job.name)
        yield str(found.get("output") or "").encode()

    async def slots(self, job: Job, count: int) -> list[datetime]:
        """Return the slots that ours tells. For a Dkron they are computed from the schedule."""
        try:
            told = await self.call("GET", f"{path_of(job)}/next?count={count}", job=job.name)
            return [datetime.fromisoformat(each) for each in told["next"]]
        except (CliError, KeyError, TypeError, ValueError):
            if job.disabled or job.parents:
                return []
            return list(islice(coming_by_expression(job, now=datetime.now(UTC)), count))

    async def explain(self, name: str, question: "Question") -> Answer:
        """Ask the server. A Dkron cannot tell."""
        if question.moment:
            query = {"at": rfc3339(question.start)}
        else:
            query = {"from": rfc3339(question.start), "to": rfc3339(question.end)}
        return await self._report(
            f"/v1/jobs/{quote(name, safe='')}/explain?{urlencode(query)}", "explain slots", job=name
        )

    async def import_steps(self, items: "Sequence[Item]", wanted: "Wanted") -> "list[Step]":
        """Send all jobs, which have to be in Dkron's JSON."""
        from dkron_cli.core.importing import sending  # noqa: PLC0415 - slow, and needed only here

        steps = sending(items, disabled=wanted.disabled)
        if steps is None:
            text = "with --server the source is the JSON of Dkron's /v1/jobs; manifests need a kubeconfig"
            raise CliError(Code.USAGE, text)
        return steps

    async def carry_out(self, step: "Step") -> None:
        """Create or replace the job."""
        await self.call("POST", "/v1/jobs", body=step.item.sent)

    async def agenda(self, within: str, *, most: int, least: int) -> Answer:
        """Ask the server. A Dkron cannot tell."""
        query = urlencode({"within": within, "count": most, "crowded": least})
        return await self._report(f"/v1/agenda?{query}", "tell what is due")

    async def failing(self, since: str, *, most: int, chosen: Selection = ALL) -> Answer:
        """Ask the server. A Dkron cannot tell."""
        query = urlencode({"since": since, "count": MOST if chosen.labels else most})
        found = await self._report(f"/v1/failing?{query}", "tell what fails most")
        if not chosen.labels:
            return found
        names = {job.name for job in await self.jobs(chosen)}
        jobs = [each for each in objects(found, "jobs") if each.get("job") in names]
        return {**found, "jobs": jobs[:most], "total": len(jobs)}

    async def summary(self) -> Answer:
        """Ask the server. A Dkron cannot tell."""
        return await self._report("/v1/summary", "sum up jobs")

    async def _report(self, path: str, what: str, *, job: str = "") -> Answer:
        """Return a report. Raises `CliError` also for a server without this route, as a Dkron is."""
        found = await self.call("GET", path, job=job, what=what)
        if not isinstance(found, dict):
            raise self.no_dkron()
        return found


def open_rest(options: Options) -> Rest:
    """Return the REST API that the options name, and say if others can read the token."""
    try:
        server = address_of(options.server)
    except ValueError as error:
        raise CliError(Code.USAGE, f"{error}; {RETRY}") from None
    for name, given in (("-n", options.namespace), ("-A", options.all_namespaces)):
        if given:
            raise CliError(Code.USAGE, f"{name} needs a kubeconfig: a REST API serves one namespace; leave it out")
    token = token_of(options)
    if token and in_the_clear(server):
        remark(f"warning: the token goes to {server} unencrypted, so others on the network can read it; use https://")
    return Rest(server, token)
