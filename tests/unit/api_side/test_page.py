"""Our own page at /ui/: which bytes an address gets, how long a browser keeps them, and what the page may load."""

import gzip
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dkron_api.routes.ui import routes
from dkron_api.settings import AuthMode, Settings
from tests.support.api_app import Api, running_api

INDEX = '<head><base href="/ui/" /><script src="./assets/a-1.js"></script></head>'
SCRIPT = "run()" * 400
FOR_GOOD = "public, max-age=31536000, immutable"


@pytest.fixture
def build(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text(INDEX)
    (tmp_path / "icon.svg").write_text("<svg/>")
    (tmp_path / "assets" / "a-1.js").write_text(SCRIPT)
    return tmp_path


@pytest.fixture
async def api(build: Path) -> AsyncIterator[Api]:
    async with running_api(routes(Settings(), build=build)) as running:
        yield running


@pytest.mark.parametrize(
    ("path", "base"),
    [
        pytest.param("/ui/", "./", id="the folder"),
        pytest.param("/ui/index.html", "./", id="the index itself"),
        pytest.param("/ui/jobs", "./", id="a view"),
        pytest.param("/ui/jobs/a", "../", id="a view in a folder"),
        pytest.param("/ui/jobs/a/", "../../", id="with a slash at its end"),
        pytest.param("/ui/jobs/a/executions/1-a", "../../../", id="a view deep down"),
        pytest.param("/ui/ns/team-b/jobs/a", "../../../", id="of another namespace"),
        pytest.param("/ui/jobs/a?q=/b/", "../", id="slashes of the query do not count"),
    ],
)
async def test_view_address_serves_the_index_with_a_matching_base(api: Api, path: str, base: str) -> None:
    answer = await api.client.get(path)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert await answer.text() == INDEX.replace("/ui/", base)
    assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    ("path", "content_type", "caching"),
    [
        pytest.param("/ui/assets/a-1.js", "text/javascript; charset=utf-8", FOR_GOOD, id="hashed"),
        pytest.param("/ui/icon.svg", "image/svg+xml", "no-cache", id="not hashed"),
        pytest.param("/ui/jobs/a", "text/html; charset=utf-8", "no-cache", id="the index"),
    ],
)
async def test_file_is_compressed_once_and_cached_by_its_name(
    api: Api, path: str, content_type: str, caching: str
) -> None:
    plain = await api.client.get(path, headers={"Accept-Encoding": "identity"})
    packed = await api.client.get(path, headers={"Accept-Encoding": "gzip"}, auto_decompress=False)
    assert gzip.decompress(await packed.read()) == await plain.read()
    for answer in (plain, packed):
        assert (answer.headers["Content-Type"], answer.headers["Cache-Control"]) == (content_type, caching)
        assert answer.headers["Vary"] == "Accept-Encoding"
    again = await api.client.get(path, headers={"If-None-Match": plain.headers["ETag"]})
    assert (again.status, await again.read()) == (304, b"")
    head = await api.client.head(path, headers={"Accept-Encoding": "identity"})
    assert (head.status, head.headers["Content-Length"]) == (200, plain.headers["Content-Length"])
    assert (await api.client.head("/ui", allow_redirects=False)).status == 301


@pytest.mark.parametrize("path", ["/ui/assets/a-0.js", "/ui/assets/", "/ui/assets/..%2f..%2fui.py"])
async def test_a_file_of_another_build_is_not_the_index(api: Api, path: str) -> None:
    answer = await api.client.get(path)
    assert (answer.status, "reload the page" in await answer.text()) == (404, True)


async def test_page_runs_only_its_own_files_and_in_no_frame(api: Api) -> None:
    headers = (await api.client.get("/ui/jobs")).headers
    policy = dict(part.partition(" ")[::2] for part in headers["Content-Security-Policy"].split("; "))
    assert (policy["default-src"], policy["frame-ancestors"], policy["form-action"]) == ("'none'",) * 3
    assert {policy[f"{kind}-src"] for kind in ("script", "style", "img", "connect")} == {"'self'"}
    assert (policy["require-trusted-types-for"], policy["trusted-types"]) == ("'script'", "'none'")
    assert (headers["X-Frame-Options"], headers["Referrer-Policy"]) == ("DENY", "no-referrer")


OIDC: dict[str, Any] = {"oidc_issuer": 'https://login.example.com/realms/a?b="&c', "oidc_audience": ["dkron", "ci"]}
SAID = 'data-issuer="https://login.example.com/realms/a?b=&quot;&amp;c" data-client="dkron"'


@pytest.mark.parametrize(
    ("settings", "said", "asked"),
    [
        pytest.param(Settings(), "", "'self'", id="without a token"),
        pytest.param(
            Settings(auth=[AuthMode.DKRON], **OIDC), '<meta name="sign-in" content="token" />', "'self'", id="a token"
        ),
        pytest.param(
            Settings(auth=[AuthMode.DKRON, AuthMode.OIDC], **OIDC),
            f'<meta name="sign-in" content="token" {SAID} />',
            "'self' https://login.example.com",
            id="an issuer",
        ),
    ],
)
async def test_index_says_how_to_sign_in(build: Path, settings: Settings, said: str, asked: str) -> None:
    async with running_api(routes(settings, build=build)) as api:
        answer = await api.client.get("/ui/jobs/a")
        assert await answer.text() == INDEX.replace("<base", f"{said}<base").replace("/ui/", "../")
        assert f"; connect-src {asked};" in answer.headers["Content-Security-Policy"]
        file = await api.client.get("/ui/icon.svg")
        assert file.headers["Content-Security-Policy"] == answer.headers["Content-Security-Policy"]
