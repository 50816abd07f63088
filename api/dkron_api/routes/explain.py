"""GET /v1/jobs/{job}/explain: what became of each slot, as far back as the status tells, or the archive."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from aiohttp import web

from dkron_api.edge.answers import json_answer
from dkron_api.edge.keys import ARCHIVE, CLOCK, SLICES
from dkron_api.refusal import refusing
from dkron_api.routes.execution_pages import warning
from dkron_api.routes.pauses import visible_pauses
from dkron_api.routes.places import with_places
from dkron_api.routes.requests import job_of
from dkron_api.translate.past import Accepted, Part, attempt_of, needed, parts, skips_of
from dkron_api.translate.record import Job, Object
from dkron_archive.ports import ArchiveReader, ArchiveUnavailable
from dkron_archive.records import ArchivedExecution, Cursor, Query
from dkron_crds.schedule.instants import shifted
from dkron_kube.errors import KubeError
from dkron_reports.explain import Explanation, Question, explaining, read_question
from dkron_reports.job import from_object
from dkron_reports.joined import joined
from dkron_reports.past import Past
from dkron_reports.pause_times import needs_pauses
from dkron_reports.words import instant

DAY = timedelta(days=1)
PAGE, PAGES = 1000, 5
"""Executions of a page of the archive, and pages that are read for an explanation."""
BEFORE = 100
"""Executions before a moment that are read, for the slot before it."""


class Recalled(NamedTuple):
    """The archive's part of an answer, and the parts of the question."""

    past: Past
    parts: list[Part]


async def explain_slots(request: web.Request) -> web.StreamResponse:
    """Explain the slots of a job, `?from` … `?to`, or the one `?at` a moment."""
    job, now, query = job_of(request), request.app[CLOCK](), request.query
    with refusing(ValueError):
        question = read_question(at=query.get("at"), start=query.get("from"), end=query.get("to"), now=now)
    job = await with_places(request, job)
    told = from_object(job.raw)
    pauses = await _pauses(request) if needs_pauses(told) else []
    recalled, why = await _recalled(request, job, question)
    found: list[Explanation] = []
    for part in [Part(told, question)] if recalled is None else recalled.parts:
        past = None if recalled is None else replace(recalled.past, without_status=part.earlier)
        steps = explaining(part.job, part.question, now=now, pauses=pauses, past=past)
        found.append(await request.app[SLICES].run(steps))
    whole = joined(found)
    if whole.end < question.end and not question.moment:
        cut = f"too many executions to look at, so this ends {instant(whole.end)}; start the next report there"
        whole = replace(whole, remarks=(*whole.remarks, cut))
    return json_answer(request, whole.as_json(), headers=warning(why))


async def _pauses(request: web.Request) -> list[Object]:
    """Return the pauses that may have held a job; none if the service may not read them now."""
    try:
        return await visible_pauses(request)
    except KubeError:
        return []


async def _recalled(request: web.Request, job: Job, question: Question) -> tuple[Recalled | None, str]:
    """Return the archive's part of the period, and why it is missing."""
    archive = request.app[ARCHIVE]
    if archive is None:
        return None, ""
    try:
        return await archive.work(job.namespace, lambda reader: _recall(reader, job, question)), ""
    except ArchiveUnavailable as error:
        return None, str(error)


async def _recall(reader: ArchiveReader, job: Job, question: Question) -> Recalled:
    jobs = frozenset({job.name})
    oldest = await reader.page(Query(job.namespace, jobs, ascending=True, limit=1))
    if not oldest.executions:
        return Recalled(Past(question.end), parts(job, question, []))
    records, end = await _records(reader, Query(job.namespace, jobs, limit=PAGE), question)
    start = min((each.started_at for each in records), default=question.start) if question.moment else question.start
    skipped = await reader.skipped(job.namespace, shifted(start, -DAY), shifted(end, DAY), jobs=jobs)
    revisions = needed(await reader.revisions(job.namespace, job.name), job, question)
    specs = [Accepted(each.at, spec) for each in revisions if (spec := await reader.spec(each.hash)) is not None]
    own = tuple(attempt_of(each) for each in records if each.job.uid == job.uid)
    since = max(min(start, question.start), oldest.executions[0].started_at)
    past = Past(since, own, skips_of(skipped, job.uid))
    return Recalled(past, parts(job, Question(question.start, end, question.moment), specs))


async def _records(reader: ArchiveReader, query: Query, question: Question) -> tuple[list[ArchivedExecution], datetime]:
    """Return the executions that slots of the question may have caused, and up to when they are known: a run ends after
    its slot, and a long one may still have run a day after the period."""
    until = shifted(question.end, DAY)
    found = list((await reader.page(replace(query, running_at=until))).executions)
    if question.moment:
        found += (await reader.page(replace(query, end=question.start, limit=BEFORE))).executions
    after: Cursor | None = None
    for _ in range(PAGES):
        page = await reader.page(replace(query, begin=question.start, end=until, ascending=True, after=after))
        found += page.executions
        after = page.next
        if after is None:
            return found, question.end
    return found, question.end if question.moment or after is None else min(question.end, after.finished_at)
