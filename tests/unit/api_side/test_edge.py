"""Error bodies, CORS, compression: what every request passes."""

import asyncio
import json
import sys
from http import HTTPStatus

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from aiohttp.web_urldispatcher import UrlMappingMatchInfo

from dkron_api.edge import access, cors
from dkron_api.edge.aiohttp_fixes import SEGMENTS, bound_paths
from dkron_api.edge.answers import takes_gzip
from dkron_api.edge.keys import GATE
from dkron_api.edge.middleware import NOT_A_ROUTE, WRONG_HOST, body_of
from dkron_api.refusal import ApiError, refusal_of
from dkron_api.routes import reports
from dkron_api.routes.requests import terms_of
from dkron_kube.errors import AlreadyExists, Cause, Conflict, Expired, KubeError, NotFound, Rejected, Unavailable
from tests.support.api_app import running_api


@pytest.mark.parametrize(
    ("error", "status", "reason", "retry_after"),
    [
        pytest.param(Unavailable("slow down", status=429, retry_after=2.2), 429, "slow down", "3", id="throttled"),
        pytest.param(
            Unavailable("Unauthorized", status=401), 503,
            "the API server rejects the credentials of this service: Unauthorized", "1", id="no credentials",
        ),
        pytest.param(Unavailable("no answer"), 503, "no answer", "1", id="no answer"),
        pytest.param(Unavailable("broken", status=500, retry_after=7), 503, "broken", "7", id="server error"),
        pytest.param(NotFound("namespaces x not found"), 404, "namespaces x not found", None, id="missing namespace"),
        pytest.param(AlreadyExists("there already"), 409, "there already", None, id="exists"),
        pytest.param(Conflict("changed"), 409, "changed", None, id="conflict"),
        pytest.param(Rejected("forbidden: no", status=403), 403, "forbidden: no", None, id="no rights"),
        pytest.param(Rejected("too big", status=413), 413, "too big", None, id="too big"),
        pytest.param(
            Rejected("invalid", status=422, causes=(Cause("spec.executorConfig", "Too many"), Cause("", "and so on"))),
            422, "executor_config: Too many", None, id="invalid fields by their names in JSON",
        ),
        pytest.param(Rejected("invalid", status=422), 422, "invalid", None, id="invalid as a whole"),
        pytest.param(Expired("gone"), 503, "gone", "1", id="expired"),
    ],
)  # fmt: skip
def test_kubernetes_error_maps_to_a_response(
    error: KubeError, status: int, reason: str, retry_after: str | None
) -> None:
    refusal = refusal_of(error)
    assert (refusal.status, refusal.reason, refusal.headers.get("Retry-After")) == (status, reason, retry_after)


def test_error_is_plain_text_unless_a_problem_is_accepted() -> None:
    refusal = ApiError(409, 'the job "a" is busy', {"Retry-After": "1"})
    body, headers = body_of(refusal, accept="*/*", path="/v1/jobs/a")
    assert body == b'the job "a" is busy'
    assert headers == {"Retry-After": "1", "Content-Type": "text/plain; charset=utf-8"}
    body, headers = body_of(refusal, accept="application/problem+json", path="/v1/jobs/a")
    assert body == (
        b'{"type":"about:blank","title":"Conflict","status":409,"detail":"the job \\"a\\" is busy",'
        b'"instance":"/v1/jobs/a"}'
    )
    assert headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("origin", "origins", "expected"),
    [
        pytest.param("https://a.example", [], "", id="off"),
        pytest.param("", ["*"], "", id="no origin"),
        pytest.param("https://a.example", ["*"], "*", id="anybody"),
        pytest.param("https://a.example", ["https://a.example"], "https://a.example", id="named"),
        pytest.param("https://b.example", ["https://a.example"], "", id="another"),
    ],
)
def test_origins(origin: str, origins: list[str], expected: str) -> None:
    assert cors.allowed(origin, origins) == expected


EVIL, OWN, TLS = "https://evil.example", "http://d.example", "https://d.example"


@pytest.mark.parametrize(
    ("method", "headers", "origins", "expected"),
    [
        pytest.param("POST", {}, [], False, id="no browser"),
        pytest.param("POST", {"Origin": EVIL, "Host": "dkron:8080"}, [], True, id="a foreign page"),
        pytest.param("GET", {"Origin": EVIL, "Host": "dkron:8080"}, [], False, id="reading changes nothing"),
        pytest.param("POST", {"Origin": "http://dkron:8080", "Host": "dkron:8080"}, [], False, id="our own page"),
        pytest.param(
            "POST", {"Origin": OWN, "Host": "10.0.0.7:8080", "X-Forwarded-Host": "d.example"}, [], False, id="a proxy"
        ),
        pytest.param(
            "POST",
            {"Origin": TLS, "Host": "x", "X-Forwarded-Host": "d.example:443, inner"},
            [],
            False,
            id="two proxies",
        ),
        pytest.param("POST", {"Origin": EVIL, "Host": "x", "X-Forwarded-Host": "d.example"}, [], True, id="foreign"),
        pytest.param(
            "POST", {"Origin": OWN, "Host": "x", "Forwarded": "for=1.1.1.1;host=d.example"}, [], False, id="RFC 7239"
        ),
        pytest.param(
            "POST",
            {"Origin": TLS, "Host": "x", "Forwarded": 'Host="d.example:443", for=1.1.1.1;host=inner'},
            [],
            False,
            id="RFC 7239 with two proxies",
        ),
        pytest.param(
            "POST",
            {"Origin": EVIL, "Host": "x", "Forwarded": "by=evil.example;host=d.example"},
            [],
            True,
            id="RFC 7239, foreign",
        ),
        pytest.param("POST", {"Origin": "http://dkron:80", "Host": "dkron:8080"}, [], True, id="another port"),
        pytest.param("DELETE", {"Origin": EVIL, "Host": "d"}, [EVIL], False, id="a page that was named"),
        pytest.param("PUT", {"Origin": EVIL, "Host": "d"}, ["*"], False, id="anybody"),
        pytest.param("POST", {"Origin": "null", "Host": "d"}, [], True, id="a sandboxed page"),
        pytest.param("POST", {"Origin": "http://[", "Host": "d"}, [], True, id="nonsense"),
        pytest.param("POST", {"Origin": EVIL, "Host": "d", "Sec-Fetch-Site": "cross-site"}, [], True, id="it says so"),
        pytest.param("POST", {"Origin": TLS, "Host": "d", "Sec-Fetch-Site": "same-origin"}, [], False, id="proxy"),
    ],
)
def test_pages_of_others_may_not_change_anything(
    method: str, headers: dict[str, str], origins: list[str], expected: bool
) -> None:
    assert cors.is_foreign(method, headers, origins) is expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        pytest.param("", False, id="nothing"),
        pytest.param("gzip", True, id="gzip"),
        pytest.param("deflate, gzip;q=0.5, br", True, id="among others"),
        pytest.param("gzip;q=0", False, id="refused"),
        pytest.param("gzip; q=0.000, *", False, id="refused although all else is taken"),
        pytest.param("*", True, id="anything"),
        pytest.param("*;q=0", False, id="nothing at all"),
        pytest.param("GZIP", True, id="in upper case"),
        pytest.param("notgzip", False, id="another word"),
    ],
)
def test_compression_is_weighed(header: str, expected: bool) -> None:
    assert takes_gzip(header) is expected


ODD = (
    pytest.param("a\nb\r\tc\x1b[31m\x85\u202e\ud800", r"a\nb\r\tc\x1b[31m\x85\u202e\ud800", id="what does not print"),
    pytest.param("ñ 日本 \U0001f600 “x”…", "ñ 日本 \U0001f600 “x”…", id="what can"),
    pytest.param("a" * 901, "a" * 900 + "…", id="what is too long"),
)


@pytest.mark.parametrize(("reason", "expected"), ODD)
@pytest.mark.parametrize("accept", ["", "application/problem+json"])
def test_quoted_values_in_errors_are_printable(reason: str, expected: str, accept: str) -> None:
    body, _ = body_of(ApiError(412, reason), accept=accept, path="/")
    assert (json.loads(body)["detail"] if accept else body.decode()) == expected


@pytest.mark.parametrize(
    ("tag", "version"),
    [
        pytest.param('"1"', "1", id="a version"),
        pytest.param('"18446744073709551615-0a1b2c3d"', "18446744073709551615", id="the greatest, of a parent"),
        pytest.param("*", "*", id="any"),
        pytest.param('"18446744073709551616"', None, id="2^64"),
        pytest.param('"99999999999999999999"', None, id="twenty digits"),
        pytest.param("\x85", None, id="a control character"),
    ],
)
def test_etag_is_a_resource_version_or_a_mismatch(tag: str, version: str | None) -> None:
    request = make_mocked_request("PUT", "/v1/jobs/a", headers={"If-Match": tag})
    if version is not None:
        assert terms_of(request).match == version
        return
    with pytest.raises(ApiError, match="is not an ETag of this server; read the object again") as refused:
        terms_of(request)
    assert refused.value.status == 412
    assert refused.value.reason.isprintable()


async def test_unknown_paths_pass_the_gate_too() -> None:
    async with running_api(reports.ROUTES) as api:
        api.app[GATE].working = 100
        for path in ("/nowhere", "/v1/stats/", "/v1/stats"):
            answer = await api.client.get(path)
            assert answer.status == 503, path


async def test_path_with_too_many_segments_is_not_resolved() -> None:
    app = web.Application()
    looked: list[str] = []
    resolve = app.router.resolve

    async def looking(request: web.Request) -> UrlMappingMatchInfo:
        looked.append(request.path)
        return await resolve(request)

    app.router.resolve = looking  # type: ignore[method-assign]
    bound_paths(app)
    for path, status in (("/a" * SEGMENTS, 404), ("/a" * (SEGMENTS + 1), 414), ("/" * 60_000, 414)):
        match = await app.router.resolve(make_mocked_request("GET", path))
        assert match.http_exception is not None
        assert match.http_exception.status == status
    assert looked == ["/a" * SEGMENTS]


def test_access_log_is_json_as_the_library_writes_it(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", access.LOGGER)
    message = 'GET /"\\\n\x7fü\U0001f600\ud800 200'
    fields = {"agent": message, "bytes": None, "port": 7, "status": HTTPStatus.OK, "seconds": 0.00001}
    access.AccessLog("json").write(message, {**fields, "long": "ü" * access.LONGEST})
    line = capsys.readouterr().err
    read = json.loads(line)
    assert read == {**read, "level": "INFO", "logger": access.LOGGER, "msg": message, **fields}
    assert read["long"] == "\\u00fc" * (access.LONGEST // 6) + "\\u" + "..."
    assert line == json.dumps(read) + "\n"


async def test_access_lines_of_one_turn_are_written_together(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", access.LOGGER)
    written: list[str] = []
    monkeypatch.setattr(sys.stderr, "write", written.append)
    log = access.AccessLog("json", together=True)
    for turn in ("first", "second"):
        for message in ("a", "b", "c"):
            log.write(message, {"turn": turn})
        await asyncio.sleep(0)
        lines = [json.loads(line) for line in written.pop().splitlines()]
        assert [(line["turn"], line["msg"]) for line in lines] == [(turn, "a"), (turn, "b"), (turn, "c")]
        assert not written


@pytest.mark.parametrize(
    ("refusal", "path", "headers"),
    [
        pytest.param(NOT_A_ROUTE, "/v1/nothing", {}, id="no route"),
        pytest.param(WRONG_HOST, "/v1/jobs", {"Host": "evil.example"}, id="another name"),
    ],
)
async def test_refused_request_does_not_stay_in_memory(refusal: ApiError, path: str, headers: dict[str, str]) -> None:
    async with running_api() as api, api.client.get(path, headers=headers) as answer:
        assert answer.status == refusal.status
    assert refusal.__traceback__ is None
