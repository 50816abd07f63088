"""A REST API with an archive, as `dkronctl` asks it: executions in pages with filters, and the specs that a job had."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiohttp import web

from dkron_crds.schedule.instants import rfc3339
from tests.support.builders import after

Object = dict[str, Any]
ZERO = "0001-01-01T00:00:00Z"
JOB = {
    "name": "report", "schedule": "@daily", "retries": 0, "executor": "shell", "metadata": {"team": "a"},
    "executor_config": {"command": "report\nmail\n", "cwd": "/"}, "success_count": 3, "tags": {},
}  # fmt: skip


def execution(
    start: float,
    *,
    seconds: float | None = 10,
    success: bool = True,
    job: str = "report",
    attempt: int = 1,
    group: float | None = None,
    output: str = "",
    member: str = "",
) -> Object:
    """Return one that started so many seconds after noon; with no seconds it runs."""
    name, slot = f"{job}-{start:g}-{attempt}", after(start if group is None else group)
    return {
        "id": f"1-{name}", "job_name": job, "started_at": rfc3339(after(start)), "node_name": "n1", "attempt": attempt,
        "finished_at": ZERO if seconds is None else rfc3339(after(start + seconds)), "output": output,
        "success": success and seconds is not None, "group": int(1e9 * slot.timestamp()),
        "details": {"job": name, "slot": rfc3339(slot), "trigger": "schedule", "member": member},
    }  # fmt: skip


@dataclass
class FakeArchiveApi:
    """The server. `plain` is a Dkron, which knows no filters and no archive."""

    executions: list[Object] = field(default_factory=list)
    revisions: list[Object] = field(default_factory=list)
    job: Object = field(default_factory=lambda: dict(JOB))
    plain: bool = False
    archive: bool = True
    warning: str = ""
    most: int = 1000
    """Executions of a page."""
    slow: bool = False
    """Whether a search takes a page for each execution."""
    asked: list[str] = field(default_factory=list)
    spec: Object = field(default_factory=lambda: {"parameters": [{"name": "day"}]})
    """The fields of the DkronJob that Dkron's JSON does not have."""
    gone: bool = False
    """Whether the job was deleted."""
    written: list[tuple[str, Object]] = field(default_factory=list)
    busy: bool = False
    """Whether another client changes the job before each write."""
    manager: str = ""
    """Another tool that manages a field of the job."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer a request."""
        self.asked.append(f"{request.method} {request.path_qs}")
        match request.method, request.path.removeprefix("/v1").split("/")[1:]:
            case "GET", ["jobs"]:
                return web.json_response([self.job])
            case "PUT", ["jobs", "report"]:
                return await self._write(request)
            case "GET", ["jobs", "report", *rest]:
                return self._of_job(request, rest)
            case "GET", ["executions"] if not self.plain:
                return self._page(request, frozenset(request.query.getall("job", [])))
        return web.Response(status=404, text="404 page not found")

    def _of_job(self, request: web.Request, rest: list[str]) -> web.Response:  # noqa: PLR0911 - a case for each route
        match rest:
            case [] | ["details"] | ["executions"] if self.gone:
                return web.Response(status=404, text='there is no job "report"')
            case []:
                return web.json_response(self.job, headers={"ETag": '"7"'})
            case ["details"]:
                return web.json_response({"manifest": {"spec": self.spec}})
            case ["executions"]:
                return self._page(request, frozenset({"report"}))
            case ["executions", name]:
                return self._one(name)
            case ["executions", name, "log"] if not self.plain:
                return web.Response(text=f"all of {name}\n")
            case ["revisions", *numbers] if not self.plain:
                return self._revision(numbers)
        return web.Response(status=404, text="404 page not found")

    def _page(self, request: web.Request, jobs: frozenset[str]) -> web.Response:
        query = {} if self.plain else request.query
        found = [each for each in self.executions if not jobs or each["job_name"] in jobs]
        found = sorted((each for each in found if _takes(each, query)), key=_place, reverse=True)
        begin, headers = int(query.get("after", 0)), {}
        size = 1 if self.slow else min(int(query.get("limit", 100)), self.most)
        if not self.plain and begin + size < len(found):
            headers["X-Next-After"] = str(begin + size)
        if self.slow:
            headers["X-Search-Complete"] = "false"
        if self.warning:
            headers["Warning"] = f'299 - "{self.warning}"'
        return web.json_response(found if self.plain else found[begin : begin + size], headers=headers)

    def _one(self, name: str) -> web.Response:
        found = [each for each in self.executions if each["id"] == name]
        text = f'the job "report" has no execution "{name}" (any more)'
        return web.json_response(found[0]) if found else web.Response(status=404, text=text)

    def _revision(self, rest: list[str]) -> web.Response:
        if not self.archive:
            return web.Response(status=404, text="revisions are in the archive; give dkron-api --archive")
        if not rest:
            inner = ("job", "spec", "differences")
            return web.json_response([{k: v for k, v in each.items() if k not in inner} for each in self.revisions])
        found = [each for each in self.revisions if str(each["generation"]) == rest[0]]
        text = f'the job "report" has no revision {rest[0]}'
        return web.json_response(found[0]) if found else web.Response(status=404, text=text)

    async def _write(self, request: web.Request) -> web.Response:
        body, match = await request.json(), request.headers.get("If-Match", request.headers.get("If-None-Match", ""))
        if self.busy:
            return web.Response(status=412, text="the job no longer has the version in If-Match; read it again")
        if self.manager:
            text = f'{self.manager} manages schedule of the job "report"; change it there, or add ?force=true'
            return web.Response(status=409, text=text)
        self.written.append((match, body))
        self.job |= body
        headers = {"Warning": f'299 - "{self.warning}"'} if self.warning else {}
        return web.json_response(self.job, status=201, headers=headers)


def _place(each: Object) -> tuple[bool, str]:
    runs = each["finished_at"] == ZERO
    return runs, each["started_at"] if runs else each["finished_at"]


def _takes(each: Object, query: Mapping[str, str]) -> bool:
    runs = each["finished_at"] == ZERO
    started, ended = (datetime.fromisoformat(each[key]) for key in ("started_at", "finished_at"))
    begin, end, at = (datetime.fromisoformat(query[key]) if key in query else None for key in ("from", "to", "at"))
    state = "running" if runs else "success" if each["success"] else "failed"
    return all(
        (
            query.get("state", state) == state,
            query.get("q", "") in each["output"],
            begin is None or runs or ended >= begin,
            end is None or (not runs and ended < end),
            at is None or (started <= at and (runs or at < ended)),
        )
    )
