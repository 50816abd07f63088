"""The API below a path of an Ingress: routes, Locations and pages hold it, rights do not."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer
from pydantic import ValidationError

from dkron_api.app import routes
from dkron_api.edge.aiohttp_fixes import serve_below
from dkron_api.routes.openapi import document
from dkron_api.settings import Settings
from dkron_kube.paths import DKRON_JOBS
from tests.support.api_app import Api, running_api
from tests.support.builders import wire_job

ROOT = "/dkron"
HTML = {"Accept": "text/html"}


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    (tmp_path / "index.html").write_text("<script>{{ .DKRON_API_URL }}</script>")
    async with running_api(routes(Settings(ui_dir=tmp_path))) as running:
        server = running.client.server
        assert isinstance(server, TestServer)
        assert server.runner is not None
        serve_below(server.runner, ROOT)
        running.know_jobs(running.kube.put(DKRON_JOBS, wire_job(name="backup")))
        yield running


@dataclass(frozen=True, slots=True)
class Ask:
    """A request, the status of its answer, and where the answer points."""

    method: str
    path: str
    status: int
    location: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(Ask("GET", "/dkron/v1/jobs/backup", 200), id="a route"),
        pytest.param(Ask("GET", "/v1/jobs/backup", 200), id="the same without the path"),
        pytest.param(Ask("GET", "/dkron/livez", 200), id="a probe"),
        pytest.param(Ask("GET", "/dkron2/v1/jobs", 404), id="another path"),
        pytest.param(Ask("GET", "/dkron/dkron/v1/jobs", 404), id="twice"),
        pytest.param(Ask("GET", "/dkron//x:y/v1", 404), id="what looks like another server"),
        pytest.param(
            Ask("POST", "/dkron/v1/jobs/backup/toggle", 200, "/dkron/v1/jobs/backup/toggle"), id="what was toggled"
        ),
        pytest.param(Ask("POST", "/v1/jobs/backup/toggle", 200, "/v1/jobs/backup/toggle"), id="without the path"),
        pytest.param(Ask("GET", "/dkron/v1/jobs/backup/?a=b", 301, "/dkron/v1/jobs/backup?a=b"), id="a slash too many"),
        pytest.param(Ask("GET", "/dkron", 303, "/dkron/ui/", HTML), id="the front door"),
        pytest.param(Ask("GET", "/dkron?x", 303, "/dkron/ui/", HTML), id="with a query"),
        pytest.param(Ask("GET", "/dkron/ui", 301, "/dkron/ui/"), id="the UI's folder"),
        pytest.param(Ask("GET", "/dkron/ui/", 200), id="the UI"),
        pytest.param(Ask("GET", "/dkron/openapi.json", 200), id="the description"),
    ],
)
async def test_routes_answer_below_the_path(api: Api, ask: Ask) -> None:
    async with api.client.request(ask.method, ask.path, headers=ask.headers, allow_redirects=False) as answer:
        assert (answer.status, answer.headers.get("Location")) == (ask.status, ask.location), await answer.text()


@pytest.mark.parametrize(("path", "server"), [("/dkron/openapi.json", "/dkron/"), ("/openapi.json", "/")])
async def test_the_description_names_the_path(api: Api, path: str, server: str) -> None:
    kept = document()
    kept["servers"][0]["url"] = server
    async with api.client.get(path) as answer:
        assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
        assert await answer.json() == kept


@pytest.mark.parametrize("path", ["dkron", "//evil.example", "/a b", "/a?b", "/a\nb"])
def test_a_path_that_is_none_is_refused(path: str) -> None:
    with pytest.raises(ValidationError, match="root_path"):
        Settings(root_path=path)
