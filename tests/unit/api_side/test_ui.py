"""A user's own build of Dkron's UI: what a path names, and what its index is filled with (Dkron behaviour §10.1)."""

import asyncio
import json
import re
import socket
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dkron_api.edge.keys import LEASES
from dkron_api.routes.ui import accepts_html, fill, inline_scripts, page_values, routes
from dkron_api.settings import Settings, UnusableOption
from dkron_api.translate.record import Job
from dkron_crds.base import rfc3339
from tests.support.api_app import Api, object_of, running_api
from tests.support.builders import NOON, wire_job

INDEX = "<script>window.DKRON_LEADER={{ .DKRON_LEADER }};window.DKRON_TOTAL_JOBS={{.DKRON_TOTAL_JOBS}}</script>"


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """A build as npm leaves it, beside a file that must stay secret."""
    (tmp_path / "secret.txt").write_text("secret")
    folder = tmp_path / "build"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(INDEX)
    (folder / "assets" / "index-1a2b.js").write_text("run()")
    (folder / "assets" / "index.html").write_text("not the index")
    (folder / "stolen.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "linked.js").symlink_to(folder / "assets" / "index-1a2b.js")
    return folder


def of(folder: Path | None, **given: Any) -> Settings:
    return Settings.model_construct(ui_dir=folder, **given)


# --- pure ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        pytest.param("a={{.N}};", "a=5;", id="a number"),
        pytest.param("a={{ .N }};", "a=5;", id="a mark with spaces"),
        pytest.param("a={{- .N -}};", "a=5;", id="a mark that trims"),
        pytest.param("a={{.S}};", 'a="x";', id="a text"),
        pytest.param('a="{{.S}}";', 'a="x";', id="a text in quotes"),
        pytest.param("a='{{ .S }}';", 'a="x";', id="a text in single quotes"),
        pytest.param("a='{{.N}}';", 'a="5";', id="a number in quotes"),
        pytest.param('a="{{.B}}";', 'a="false";', id="a boolean in quotes"),
        pytest.param("'{{.N}}\"", "'5\"", id="a mark between quotes that do not belong together"),
        pytest.param("a={{.NEW}};", "a=null;", id="an unknown mark"),
        pytest.param('a="{{.NEW}}";', 'a="";', id="an unknown mark in quotes"),
        pytest.param("{{ S }} {{}} {.N}", "{{ S }} {{}} {.N}", id="what only looks like a mark"),
    ],
)
def test_a_template_is_filled_with(template: str, filled: str) -> None:
    assert fill(template, {"N": 5, "S": "x", "B": False}) == filled


@given(text=st.text(st.characters(exclude_categories=["Cs"])))
@example(text="</script><script>alert(1)</script>")
@example(text="<!--<script>")
@example(text="\u2028\u2029\"'\\")
@example(text="{{ .S }}")
def test_no_text_ends_the_script_or_its_string(text: str) -> None:
    filled = fill("{{ .S }}", {"S": text})
    assert json.loads(filled) == text
    assert not re.search("[<>&\u2028\u2029\n\r]", filled)
    assert fill('"{{ .S }}"', {"S": text}) == filled


def test_page_counts_jobs_by_status_as_dkron_does() -> None:
    states = ["success", "success", "failed", "partially_failed", "", None]
    jobs = [Job({**wire_job(), "status": {} if state is None else {"status": state}}) for state in states]
    assert page_values(jobs, leading="n1") == {
        "DKRON_API_URL": "../v1",
        "DKRON_LEADER": "n1",
        "DKRON_TOTAL_JOBS": 6,
        "DKRON_SUCCESSFUL_JOBS": 2,
        "DKRON_FAILED_JOBS": 1,
        "DKRON_UNTRIGGERED_JOBS": 2,
        "DKRON_ACL_ENABLED": False,
    }
    assert page_values([], leading="")["DKRON_LEADER"] == "no leader"


@pytest.mark.parametrize(
    ("accept", "html"),
    [
        pytest.param(None, True, id="nothing"),
        pytest.param("*/*", True, id="everything"),
        pytest.param("text/html", True, id="pages"),
        pytest.param("text/*;q=0.3", True, id="any text"),
        pytest.param("application/xml, text/html;q=0.9", True, id="pages at last"),
        pytest.param("application/json", False, id="data"),
        pytest.param("text/htmlx", False, id="something like pages"),
        pytest.param("text/html;q=0, application/json", False, id="no pages"),
        pytest.param("text/html; q=0.000", False, id="no pages, with digits"),
    ],
)
def test_client_accepts_html(accept: str | None, html: bool) -> None:
    assert accepts_html(accept) is html


@pytest.mark.parametrize(
    ("page", "scripts"),
    [
        pytest.param("<script>a()</script><p><SCRIPT type='x'>\nb()\n</SCRIPT >", ["a()", "\nb()\n"], id="inline"),
        pytest.param('<script type="module" crossorigin src="./a.js"></script>', [], id="a file"),
        pytest.param("<script\nsrc = a.js></script><script>a()</script>", ["a()"], id="a file on two lines"),
        pytest.param("<script data-x='>' data-src=b>a()</script>", ["a()"], id="odd attributes"),
        pytest.param("<scripts>a()</scripts><p>script", [], id="none"),
        pytest.param("<script>a()", [], id="without an end"),
    ],
)
def test_the_scripts_of_a_page_are(page: str, scripts: list[str]) -> None:
    assert inline_scripts(page) == scripts


# --- over HTTP -----------------------------------------------------------------------------------------------------


async def told(api: Api, path: str, **headers: str) -> tuple[int, str]:
    """Status, and where to go."""
    answer = await api.client.get(path, headers=headers, allow_redirects=False)
    return answer.status, answer.headers.get("Location", "")


async def test_without_a_build_people_are_led_to_the_description(tmp_path: Path) -> None:
    async with running_api(routes(of(None), build=tmp_path)) as api:
        assert await told(api, "/", Accept="text/html") == (303, "/openapi.json")
        assert await told(api, "/", Accept="application/json") == (404, "")
        for path in ("/ui", "/ui/", "/ui/index.html"):
            answer = await api.client.get(path)
            assert (answer.status, await answer.text()) == (404, "404 page not found")


@pytest.mark.parametrize("path", ["/ui/", "/ui/index.html", "/ui/jobs/a/show", "/ui/assets/", "/ui/a.js", "/ui//"])
async def test_whatever_is_no_file_is_the_filled_index(build: Path, path: str) -> None:
    async with running_api(routes(of(build))) as api:
        api.know_jobs(wire_job())
        api.know(LEASES, object_of("dkron", spec={"holderIdentity": "n</1", "renewTime": rfc3339(NOON)}))
        answer = await api.client.get(path)
        assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert answer.headers["Cache-Control"] == "no-store"
        assert await answer.text() == (
            r'<script>window.DKRON_LEADER="n\u003c/1";window.DKRON_TOTAL_JOBS=1</script>'
        )  # fmt: skip


async def test_page_with_authentication_reveals_no_job_count(build: Path) -> None:
    script = "<script>[{{ .DKRON_ACL_ENABLED }}, {{ .DKRON_TOTAL_JOBS }}, {{ .DKRON_LEADER }}]</script>"
    (build / "index.html").write_text(script)
    async with running_api(routes(of(build, auth=["kubernetes"]))) as api:
        api.know_jobs(wire_job())
        api.know(LEASES, object_of("dkron", spec={"holderIdentity": "node", "renewTime": rfc3339(NOON)}))
        answer = await api.client.get("/ui/")
        assert await answer.text() == '<script>[true, 0, "no leader"]</script>'


def policy_of(headers: Mapping[str, str]) -> dict[str, str]:
    return dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))


@pytest.mark.parametrize("path", ["/ui/", "/ui/jobs/a", "/ui/assets/index-1a2b.js", "/ui/assets/index.html"])
async def test_page_is_limited_to_this_server_without_frames(build: Path, path: str) -> None:
    async with running_api(routes(of(build))) as api:
        headers = (await api.client.get(path)).headers
    policy = policy_of(headers)
    scripts = policy.pop("script-src").split()
    assert (scripts[0], {each[:8] for each in scripts[1:]} <= {"'sha256-"}) == ("'self'", True)
    assert policy.pop("style-src") == "'self' 'unsafe-inline'"
    assert {policy.pop("img-src"), policy.pop("font-src")} == {"'self' data:"}
    assert [policy[name] for name in ("default-src", "base-uri", "form-action", "frame-ancestors")] == ["'none'"] * 4
    assert set(policy.values()) <= {"'self'", "'none'"}
    assert (headers["X-Frame-Options"], headers["Referrer-Policy"]) == ("DENY", "no-referrer")
    assert headers["X-Content-Type-Options"] == "nosniff"


async def test_csp_allows_exactly_the_inline_scripts_of_the_index(build: Path) -> None:
    twice = "<script src='./a.js'></script><script>global()</script><script>global()</script>"
    (build / "index.html").write_text(INDEX + twice)
    async with running_api(routes(of(build))) as api:
        api.know_jobs(wire_job())
        answer = await api.client.get("/ui/")
        filled = 'window.DKRON_LEADER="no leader";window.DKRON_TOTAL_JOBS=1'
        assert f"<script>{filled}</script>" in await answer.text()
        hashes = [b64encode(sha256(script.encode()).digest()).decode() for script in (filled, "global()")]
        assert policy_of(answer.headers)["script-src"] == f"'self' 'sha256-{hashes[0]}' 'sha256-{hashes[1]}'"
        file = await api.client.get("/ui/assets/index.html")
        assert policy_of(file.headers)["script-src"] == "'self'"


@pytest.mark.parametrize(
    ("path", "content"),
    [
        pytest.param("/ui/assets/index-1a2b.js", "run()", id="a file"),
        pytest.param("/ui/assets/index.html", "not the index", id="a page further down"),
        pytest.param("/ui/linked.js", "run()", id="a link within the build, as ConfigMaps are made of"),
    ],
)
async def test_files_are_served_as_they_are(build: Path, path: str, content: str) -> None:
    async with running_api(routes(of(build))) as api:
        answer = await api.client.get(path)
        assert (answer.status, await answer.text()) == (200, content)
        again = await api.client.get(path, headers={"If-None-Match": answer.headers["ETag"]})
        assert again.status == 304


@pytest.mark.parametrize(
    "path",
    [
        "/ui/../secret.txt", "/ui/%2e%2e/secret.txt", "/ui/..%2fsecret.txt", "/ui/assets/..%2f..%2fsecret.txt",
        "/ui/%2fetc/passwd", "/ui//etc/passwd", "/ui/..%5csecret.txt", "/ui/%252e%252e/secret.txt", "/ui/secret.txt",
        "/ui/stolen.txt", "/ui/./../secret.txt", "/ui/assets%00.js", "/ui/....//secret.txt",
    ],
)  # fmt: skip
async def test_no_path_leads_out_of_the_build(build: Path, path: str) -> None:
    async with running_api(routes(of(build))) as api:
        # A client would tidy the path before it sends it.
        answer = await _raw_get(api, path)
        assert b"secret" not in answer.partition(b"\r\n\r\n")[2], answer
        assert b"root:" not in answer, answer
        assert answer.startswith((b"HTTP/1.1 200 OK", b"HTTP/1.1 404 Not Found", b"HTTP/1.1 400 Bad Request")), answer


async def _raw_get(api: Api, path: str) -> bytes:
    reader, writer = await asyncio.open_connection(api.client.host, api.client.port, family=socket.AF_INET)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


def test_folder_without_a_build_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(UnusableOption, match=r"gone for the UI does not exist"):
        routes(of(tmp_path / "gone"))
    with pytest.raises(UnusableOption, match=r"has no index\.html"):
        routes(of(tmp_path))
    (tmp_path / "index.html").write_bytes(b"\xff")
    with pytest.raises(UnusableOption, match=r"index\.html cannot be read"):
        routes(of(tmp_path))
