"""The page of /docs: it comes whole from this server, and may do nothing else."""

import json
import re
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer, make_mocked_request

from dkron_api.refusal import ApiError
from dkron_api.routes import docs

Client = TestClient[web.Request, web.Application]


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    app = web.Application()
    app.add_routes(docs.ROUTES)
    async with TestClient(TestServer(app)) as client:
        yield client


async def test_the_document_is_published_as_it_is_kept_and_can_be_read_by_people(client: Client) -> None:
    answer = await client.get("/openapi.json")
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert await answer.json() == docs.document()
    text = await (await client.get("/openapi.json?pretty")).text()
    assert text.startswith('{\n    "openapi": "3.1')
    assert json.loads(text) == docs.document()


async def test_the_page_allows_nothing_but_files_of_this_server(client: Client) -> None:
    headers = (await client.get("/docs")).headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy.pop("img-src") == "'self' data:"
    assert policy.pop("default-src") == "'none'"
    assert set(policy) >= {"script-src", "style-src", "connect-src", "frame-ancestors", "base-uri", "form-action"}
    assert set(policy.values()) <= {"'self'", "'none'"}
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert (headers["X-Frame-Options"], headers["Referrer-Policy"]) == ("DENY", "no-referrer")


async def test_the_page_has_no_script_of_its_own_names_no_other_host_and_all_that_it_refers_to_is_there(
    client: Client,
) -> None:
    page = await (await client.get("/docs")).text()
    assert re.findall(r"<script(?![^>]*\bsrc=)", page) == []
    assert re.findall(r"<style|\son\w+=|//", page) == []
    named = [each for each in re.findall(r'(?:src|href)="([^"]+)"', page) if not each.startswith("data:")]
    assert {each.split("/")[0] for each in named} == {"docs", "openapi.json?pretty"}
    for each in named:
        assert (await client.get(f"/{each}")).status == 200, each


async def test_a_file_is_sent_once_and_then_only_confirmed(client: Client) -> None:
    first = await client.get("/docs/swagger-ui-bundle.js", headers={"Accept-Encoding": "gzip"})
    assert first.headers["Content-Encoding"] == "gzip"
    assert int(first.headers["Content-Length"]) < 600_000
    again = await client.get("/docs/swagger-ui-bundle.js", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status, await again.read()) == (304, b"")


async def test_a_client_that_takes_no_gzip_gets_none(client: Client) -> None:
    answer = await client.get("/docs/docs.js", headers={"Accept-Encoding": "identity, gzip;q=0"})
    assert "Content-Encoding" not in answer.headers
    assert "SwaggerUIBundle(" in await answer.text()


@pytest.mark.parametrize("name", ["nothing.js", "..", "openapi.yaml", "VERSION"])
async def test_a_file_that_is_not_for_the_page_is_not_there(name: str) -> None:
    request = make_mocked_request("GET", "/docs/x", match_info={"asset": name})
    with pytest.raises(ApiError, match="there is no file") as refused:
        await docs.asset(request)
    assert refused.value.status == 404
