"""The past by a REST API: executions in pages, and the specs that a job had."""

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

from dkron_cli.core.executions import Filter, Listed, listed_of_dkron
from dkron_cli.core.job import GONE
from dkron_cli.core.revisions import Spec
from dkron_cli.core.run import attempts_of_dkron
from dkron_cli.edge.rest_calls import RestCalls
from dkron_cli.edge.terminal import remark
from dkron_cli.errors import CliError, Code
from dkron_reports.job import Job
from dkron_reports.reading import Object, mapping
from dkron_reports.run import Attempt

SLOW = "the search takes longer than one request may, and goes on; --from and --to shorten it"
_WARNINGS = re.compile(r'"((?:[^"\\]|\\.)*)"')


class RestHistory(RestCalls):
    """Reads from the archive of the server, where it has one. A Dkron has only the executions of one job."""

    def __init__(self, address: str, token: str) -> None:
        super().__init__(address, token)
        self._said: set[str] = set()

    async def executions(self, wanted: Filter, job: Job | None = None) -> AsyncIterator[list[Listed]]:
        """Yield the executions of a job, or of all jobs, in pages, the newest first."""
        path, query, now = _list_of(job), [("details", "true"), *wanted.query()], datetime.now(UTC)
        what = "search outputs" if wanted.text else "list executions of all jobs"
        if job is not None and (wanted.text or job.state == GONE):
            # A Dkron has no such route, and would ignore the text.
            path, query = _list_of(None), [("job", job.name), *query]
        problem, after = "" if job is None else job.problem, ""
        while True:
            page = urlencode([*query, *([("after", after)] if after else [])])
            raw, headers = await self.answer("GET", f"{path}?{page}", job="" if job is None else job.name, what=what)
            self._say_warnings(headers)
            with self.as_ours_does():
                found = [each for each in listed_of_dkron(raw, problem=problem) if wanted.takes(each.attempt, now)]
            yield found
            before, after = after, headers.get("X-Next-After", "")
            if not after or after == before:
                return
            if headers.get("X-Search-Complete") == "false":
                self._say_once(SLOW)

    async def execution(self, job: Job, execution: str) -> Attempt | None:
        """Return one execution; None if there is none of this id."""
        path = f"{_list_of(job)}/{quote(execution, safe='')}?details=true"
        try:
            raw = await self.call("GET", path, job=job.name)
        except CliError as error:
            if error.code is not Code.NOT_FOUND:
                raise
            return None
        with self.as_ours_does():
            return attempts_of_dkron([raw])[0]

    async def is_past(self, name: str) -> bool:
        """Whether a job that is gone has executions in the archive."""
        query = urlencode({"job": name, "limit": 1})
        try:
            return bool(await self.call("GET", f"/v1/executions?{query}", what="list executions of all jobs"))
        except CliError as error:
            if error.code is Code.UNREACHABLE:
                raise
            return False

    async def revisions(self, name: str) -> list[Object]:
        """Return the specs that a job had, the newest first, without the specs."""
        with _of_an_archive():
            found = await self.call("GET", _revisions(name), job=name, what="show revisions")
        if not isinstance(found, list):
            raise self.no_dkron()
        return [each for each in found if isinstance(each, Mapping)]

    async def revision(self, name: str, which: str) -> Object:
        """Return one, by its number or its time, with the job as it was and the differences to the one before."""
        with _of_an_archive():
            found = await self.call(
                "GET", f"{_revisions(name)}/{quote(which, safe=':')}", job=name, what="show revisions"
            )
        if not isinstance(found, Mapping):
            raise self.no_dkron()
        return found

    async def current(self, name: str) -> Spec:
        """Return the job as it is."""
        try:
            raw, headers = await self.answer("GET", _path(name), job=name)
            details = await self.call("GET", f"{_path(name)}/details", job=name)
        except CliError as error:
            if error.code is not Code.NOT_FOUND:
                raise
            return Spec({}, {}, "")
        if not isinstance(raw, Mapping) or not isinstance(details, Mapping):
            raise self.no_dkron()
        return Spec(raw, mapping(mapping(details, "manifest"), "spec"), headers.get("ETag", ""))

    async def replace(self, name: str, wanted: Object, version: str) -> None:
        """Write the fields of a job, unless it has changed since this version. Without a version it is created."""
        headers = {"If-Match": version} if version else {"If-None-Match": "*"}
        _, told = await self.answer("PUT", _path(name), job=name, body=dict(wanted), headers=headers)
        self._say_warnings(told)

    def _say_warnings(self, headers: Mapping[str, str]) -> None:
        for text in _WARNINGS.findall(headers.get("Warning", "")):
            self._say_once("warning: " + re.sub(r"\\(.)", r"\1", text))

    def _say_once(self, sentence: str) -> None:
        if sentence not in self._said:
            self._said.add(sentence)
            remark(sentence)


@contextmanager
def _of_an_archive() -> Iterator[None]:
    """Turn the refusal of a server without the route into a sentence: a kubeconfig would not help."""
    try:
        yield
    except CliError as error:
        if error.code is not Code.USAGE:
            raise
        text = "this server keeps no revisions of jobs; the REST API of dkron-operator does, with an archive"
        raise CliError(Code.USAGE, text) from None


def path_of(job: Job) -> str:
    """Return the path of a job."""
    return _path(job.name)


def _path(name: str) -> str:
    return f"/v1/jobs/{quote(name, safe='')}"


def _list_of(job: Job | None) -> str:
    return "/v1/executions" if job is None else f"{path_of(job)}/executions"


def _revisions(name: str) -> str:
    return f"{_path(name)}/revisions"
