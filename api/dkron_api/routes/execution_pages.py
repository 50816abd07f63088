"""Pages of executions from the status and the archive, for the lists of one job and of all jobs."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

from aiohttp import web

from dkron_api.archive.reads import REST
from dkron_api.edge.access import cut
from dkron_api.edge.admission import may_read_logs, owner_of
from dkron_api.edge.answers import in_turns
from dkron_api.edge.keys import ARCHIVE, CLOCK, GATE
from dkron_api.edge.urls import namespace_of, tenant_of
from dkron_api.refusal import ApiError, refusing, unavailable
from dkron_api.translate.execution_filter import MOST, Filter, Place, read_filter, token
from dkron_api.translate.found import Found, Identity, Live, Merged, merged, record_bytes
from dkron_api.translate.listing import whole
from dkron_api.translate.warnings import header
from dkron_archive.ports import ArchiveUnavailable
from dkron_archive.records import ArchivedOutput, Page, Query

log = logging.getLogger(__name__)

Show = Callable[[Place | None], Awaitable[Live]]
"""Returns the executions of the status that a page may show, given the end of the archive's page."""
CUT = 1024
"""Bytes of an output in a list, unless a client asks for more or less."""
LONGEST, ROOM = 256_000, 8 * 1024 * 1024
"""Bytes of an output in a list, as many as Dkron keeps, and of all outputs of an answer: each gets its share."""
TOGETHER = 256 * 1024
"""Bytes of outputs that are read at once, while the answer is sent."""
WEIGHT = 4096
"""Bytes that an execution takes until its list is sent, besides its output."""


@dataclass(frozen=True, slots=True)
class Pages:
    """Reads pages for one request: of these jobs, of all if None."""

    request: web.Request
    jobs: frozenset[str] | None
    show: Show

    async def page(self, wanted: Filter, *, least: int = 0) -> tuple[Merged, str]:
        """Return a page, and why it lacks what only the archive has; empty if it does not. `least` is how many
        executions the archive is asked for if the page has fewer. A search in outputs counts for its caller. Raises
        `ApiError`, 503, for a later page without the archive: it would look like the end of the list."""
        gate, namespace = self.request.app[GATE], namespace_of(self.request)
        search = gate.search(owner_of(self.request), namespace) if wanted.text else nullcontext()
        found, why = Page(()), ""
        with search:
            if wanted.shows_ended:
                query = wanted.query(namespace, self.jobs)
                try:
                    found = await self._ask(replace(query, limit=max(query.limit, least)))
                except ArchiveUnavailable as error:
                    if wanted.after is not None:
                        raise away(error) from error
                    why = str(error)
            floor = None if found.next is None else Place(runs=False, at=found.next.finished_at, id=found.next.id)
            return merged(await self.show(floor), found, wanted), why

    async def slice(self, wanted: Filter, start: int, end: int, *, least: int = 0) -> tuple[Merged, str]:
        """Return the executions from `start` to before `end`, both bounded by the caller, by reading all before them.
        Raises as `page`."""
        items: list[Found] = []
        passed, fresh, why = 0, 0, ""
        ahead: Filter | None = wanted
        while ahead is not None:
            page, reason = await self.page(replace(ahead, limit=min(MOST, max(end - passed, 1))), least=least)
            fresh, why = (page.fresh, reason) if ahead is wanted else (fresh, why)
            items += page.items[max(start - passed, 0) :]
            passed += len(page.items)
            ahead = replace(wanted, after=page.next) if page.next is not None and passed < end else None
        shown = tuple(items[: max(end - start, 0)])
        return Merged(shown, page.next, page.complete, fresh), why

    async def _ask(self, query: Query) -> Page:
        archive = self.request.app[ARCHIVE]
        if archive is None:
            return Page(())
        ask = archive.work if query.text else archive.read
        return await ask(query.namespace, lambda reader: reader.page(query))

    async def total(self, wanted: Filter) -> int | None:
        """Return how many executions the archive has; None if only counting them would tell."""
        archive = self.request.app[ARCHIVE]
        if archive is None or wanted.text or wanted.at is not None:
            return None
        if not wanted.shows_ended:
            return 0
        query = wanted.query(namespace_of(self.request), self.jobs)
        try:
            return await archive.read(query.namespace, lambda reader: reader.count(query))
        except ArchiveUnavailable:
            return None


async def kept_only(
    request: web.Request, items: Sequence[Found], size: int, *, each: bool = False
) -> Mapping[str, int]:
    """Return how many bytes of an output the records keep, by the uid of the job: of the jobs whose caller may see no
    more, and wants it. `each` is as for `may_read_logs`."""
    index, found = tenant_of(request).job_index, dict[str, int]()
    async for uid, name in in_turns(list({item.job.uid: item.job.name for item in items}.items())):
        kept = record_bytes(index.get(name), uid)
        if kept < size and not await may_read_logs(request, name, each=each):
            found[uid] = kept
    return found


async def with_outputs(
    request: web.Request, items: Sequence[Found], size: int, kept: Mapping[str, int]
) -> tuple[AsyncIterator[Found], str]:
    """Return the executions with the outputs that only the archive has, which are read as they are needed, and why it
    could not be read. Outputs of a job in `kept` have so many bytes at most. If it fails later, the iteration raises
    `ApiError`, 503."""
    rooms = {item.job.uid: kept.get(item.job.uid, size) for item in items}
    together = max(1, TOGETHER // max(1, size))
    shares = [items[begin : begin + together] for begin in range(0, len(items), together)]
    try:
        first = [await _read_outputs(request, share, rooms) for share in shares[:1]]
    except ArchiveUnavailable as error:
        return in_turns(items), str(error)

    async def every() -> AsyncIterator[Found]:
        for number, share in enumerate(shares):
            try:
                known = first.pop() if number == 0 else await _read_outputs(request, share, rooms)
            except ArchiveUnavailable as error:
                log.warning("%s ends without all outputs: %s", cut(request.path), error)
                raise away(error) from error
            for each in share:
                output = known.get(each.identity)
                yield each if output is None else each.with_output(output, rooms[each.job.uid])

    return every(), ""


async def _read_outputs(
    request: web.Request, items: Sequence[Found], rooms: Mapping[str, int]
) -> Mapping[Identity, ArchivedOutput]:
    archive = request.app[ARCHIVE]
    # A client that gets no bytes still learns that there are some.
    lacking = [each for each in items if each.lacks_output(rooms[each.job.uid] or 1)]
    if archive is None or not lacking:
        return {}
    keys, size = [each.identity for each in lacking], max(rooms[each.job.uid] or 1 for each in lacking)
    return await archive.read(namespace_of(request), lambda reader: reader.outputs(keys, size=size))


def filter_of(request: web.Request) -> Filter:
    """Return the filter in the query. Raises `ApiError`, 400."""
    with refusing(ValueError):
        return read_filter(tuple(request.query.items()), request.app[CLOCK]())


def size_of(query: Mapping[str, str], *, count: int, otherwise: int) -> int:
    """Return how many bytes of each output an answer with so many executions shows."""
    asked = whole(query.get("output_size_limit", ""), otherwise=-1)
    return min(asked if asked >= 0 else otherwise, LONGEST, ROOM // max(count, 1))


def headers_of(page: Merged, *, why: str, total: int | None) -> dict[str, str]:
    """Return the headers of a page."""
    found = {} if page.next is None else {"X-Next-After": token(page.next)}
    found |= {} if total is None else {"X-Total-Count": str(total)}
    found |= {} if page.complete else {"X-Search-Complete": "false"}
    return found | warning(why)


def warning(why: str) -> dict[str, str]:
    """Return the header that says that the answer lacks what only the archive has; none without a reason."""
    return header([f"{why} The answer has only what the jobs still show."] if why else ())


def away(error: ArchiveUnavailable) -> ApiError:
    """Return the answer to a request that only the archive can answer."""
    return unavailable(str(error), after=f"{REST:.0f}")
