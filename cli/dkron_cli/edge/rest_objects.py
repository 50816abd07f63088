"""Objects of one kind by the REST API."""

from typing import Any
from urllib.parse import quote

from dkron_cli.core.rest_objects import fields_to_rest, from_rest, to_rest
from dkron_cli.edge.backend import Noun
from dkron_cli.edge.rest_calls import RestCalls
from dkron_cli.errors import CliError, Code

Object = dict[str, Any]
_RUNS = {"activeRuns": ("pending", "running"), "failedRuns": ("failed", "refused", "gone")}
"""The runs that the status of a backfill names, by the states of their slots."""


def _runs_in(slots: list[Object], states: tuple[str, ...]) -> list[Object]:
    return [{key: each[key] for key in ("run", "job", "slot")} for each in slots if each["state"] in states]


class RestObjects:
    """By the routes `/v1/runs`, `/v1/backfills` or `/v1/pauses` of the REST API. A Dkron has none of them."""

    namespace = ""

    def __init__(self, rest: RestCalls, noun: Noun) -> None:
        self._rest = rest
        self._route = noun.route
        self._what = noun.what

    async def all(self) -> list[Object]:
        """Return the objects of the server's namespace."""
        return [self._read(each) for each in await self._call("GET", "")]

    async def find(self, name: str) -> Object | None:
        """Return one."""
        try:
            return self._read(await self._call("GET", name))
        except CliError as error:
            if error.code is Code.NOT_FOUND:
                return None
            raise

    async def create(self, body: Object) -> Object:
        """Create one."""
        return self._read(await self._call("POST", "", body=to_rest(body)))

    async def change(self, found: Object, spec: Object, *, unless_changed: bool = True) -> None:
        """Change these fields."""
        name = found["metadata"]["name"]
        tag = await self._version(found, ("spec",)) if unless_changed else ""
        await self._call("PATCH", name, body=fields_to_rest(spec), match=tag)

    async def delete(self, found: Object, *, unless_changed: bool = False) -> None:
        """Delete this one."""
        tag = await self._version(found, ("spec", "status")) if unless_changed else ""
        await self._call("DELETE", found["metadata"]["name"], match=tag)

    async def with_runs(self, found: Object) -> Object:
        """Return a backfill with the runs that a list of its slots tells."""
        name, status = found["metadata"]["name"], found["status"]
        told = await self._rest.call("GET", f"{self._path(name)}/slots", what=self._what)
        with self._rest.as_ours_does():
            return {**found, "status": status | {key: _runs_in(told, states) for key, states in _RUNS.items()}}

    async def _version(self, found: Object, parts: tuple[str, ...]) -> str:
        """Return the version of an object, for `match`. Raises `CliError` if these parts of it have changed."""
        name = found["metadata"]["name"]
        shown, headers = await self._rest.answer("GET", self._path(name), what=self._what)
        now = self._read(shown)
        if any(now[part] != found[part] for part in parts):
            raise CliError(Code.CONFLICT, f'another user changed "{name}" at the same time; check it, and repeat')
        return headers.get("ETag", "")

    def _path(self, name: str) -> str:
        return f"/v1/{self._route}" + (f"/{quote(name, safe='')}" if name else "")

    async def _call(self, method: str, name: str, *, body: Object | None = None, match: str = "") -> Any:  # noqa: ANN401
        headers = {"If-Match": match} if match else None
        return await self._rest.call(method, self._path(name), what=self._what, body=body, headers=headers)

    def _read(self, shown: Any) -> Object:  # noqa: ANN401 - any JSON
        with self._rest.as_ours_does():
            return from_rest(self._route, shown)
