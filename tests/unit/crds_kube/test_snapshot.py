"""All objects of a kind at once, from servers that send them as a watch, in pages, or not at all."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial

import pytest
from aiohttp import web

from dkron_kube.errors import Expired, KubeError, Rejected
from dkron_kube.paths import DKRON_JOBS
from dkron_kube.snapshot import snapshot
from tests.support.kube_server import served
from tests.support.watching import added, bookmark, error, event, thing

COMPLETE = event(
    "BOOKMARK", {"metadata": {"resourceVersion": "9", "annotations": {"k8s.io/initial-events-end": "true"}}}
)
REFUSED = "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled"


@dataclass(frozen=True)
class Server:
    """Answers: to the watch its lines, or None where it is refused; to the list its pages."""

    lines: list[bytes] | None
    pages: tuple[list[dict[str, object]], ...] = ()
    told: str = ""
    raises: type[KubeError] | None = None


SERVERS = {
    "sends all, then what is not read": Server([added("a", 2), added("b", 5), COMPLETE, added("c", 10)], told="a b @9"),
    "sends all, with changes meanwhile": Server(
        [added("a", 2), bookmark(3), event("DELETED", thing("a", 4)), COMPLETE], told="a -a @9"
    ),
    "has none": Server([COMPLETE], told="@9"),
    "refuses the watch": Server(None, pages=([thing("a", 2)], [thing("b", 5)]), told="a b @7"),
    "refuses the watch, and has none": Server(None, pages=([],), told="@7"),
    "refuses both": Server(None, raises=Rejected),
    "ends before it has sent all": Server([added("a", 2)], pages=([thing("b", 5)],), told="a cut b @7"),
    "ends before it has sent all, and then refuses": Server([added("a", 2)], raises=Rejected),
    "ends with an error": Server([added("a", 2), error(410)], pages=([],), raises=Expired),
}


@pytest.mark.parametrize("server", SERVERS.values(), ids=SERVERS.keys())
async def test_snapshot_is_complete_or_fails(server: Server) -> None:
    async def answer(request: web.Request) -> web.Response:
        if "watch" in request.query:
            assert request.query["resourceVersionMatch"] == "NotOlderThan"
            if server.lines is not None:
                return web.Response(body=b"".join(server.lines))
        elif server.pages:
            number = int(request.query.get("continue", "0"))
            token = {"continue": str(number + 1)} if number + 1 < len(server.pages) else {}
            metadata = {"resourceVersion": "7", **token}
            return web.json_response({"items": server.pages[number], "metadata": metadata})
        return web.json_response({"kind": "Status", "message": REFUSED, "reason": "Invalid"}, status=422)

    told: list[str] = []
    failing: AbstractContextManager[object] = nullcontext() if server.raises is None else pytest.raises(server.raises)
    async with served(answer) as client:
        with failing:
            cut_off = partial(told.append, "cut")
            async for each in snapshot(client, DKRON_JOBS, "ns", label_selector="a=b", cut_off=cut_off):
                name = each.item.get("metadata", {}).get("name", f"@{each.version}")
                told.append(f"-{name}" if each.kind == "DELETED" else name)
    if server.raises is None:
        assert " ".join(told) == server.told
