"""The gate, error bodies, CORS, compression: what every request passes."""

import asyncio
import contextlib
import json
import sys
from functools import partial
from http import HTTPStatus
from math import ceil

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from aiohttp.web_urldispatcher import UrlMappingMatchInfo

from dkron_api.edge import access, cors
from dkron_api.edge.aiohttp_fixes import SEGMENTS, bound_paths
from dkron_api.edge.answers import takes_gzip
from dkron_api.edge.gate import BODY, BUCKETS, RESTORES, RESTORES_OF_ONE, UPLOADS, UPLOADS_OF_ONE, Gate
from dkron_api.edge.keys import GATE
from dkron_api.edge.middleware import body_of
from dkron_api.refusal import ApiError, refusal_of
from dkron_api.routes import reports
from dkron_api.routes.requests import terms_of
from dkron_kube.errors import AlreadyExists, Cause, Conflict, Expired, KubeError, NotFound, Rejected, Unavailable
from tests.support.api_app import running_api


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def gate(clock: Clock, **limits: float) -> Gate:
    chosen = {"requests": 100, "streams": 100, "share": 0} | limits
    counts = {name: int(chosen[name]) for name in ("requests", "streams", "share")}
    return Gate(**counts, rate=limits.get("rate", 0.0), clock=clock)


def test_no_more_requests_at_once_than_allowed() -> None:
    door = gate(Clock(), requests=2)
    door.enter()
    door.enter()
    with pytest.raises(ApiError) as refused:
        door.enter()
    assert (refused.value.status, refused.value.headers["Retry-After"]) == (503, "1")
    door.leave()
    door.enter()


def test_stream_frees_its_request_slot_and_has_its_own_limit() -> None:
    door = gate(Clock(), requests=1, streams=1)
    door.enter()
    with door.stream():
        door.enter()
        with pytest.raises(ApiError), door.stream():
            pass
        door.leave()
    assert (door.working, door.streaming) == (1, 0)


def test_a_slow_body_keeps_no_other_request_out() -> None:
    door = gate(Clock(), requests=1)
    door.enter()
    with door.upload(lambda: None):
        door.enter()
        door.leave()
    with contextlib.ExitStack() as stack:
        for number in range(RESTORES):
            stack.enter_context(door.restore(f"caller {number // RESTORES_OF_ONE}"))
            door.enter()
        with pytest.raises(ApiError, match="this caller already has 2 restores in progress"):
            stack.enter_context(door.restore("caller 0"))
        with pytest.raises(ApiError, match="the server already has 4 restores in progress"):
            stack.enter_context(door.restore("another"))


def test_one_caller_cannot_take_all_streams() -> None:
    door = gate(Clock(), streams=3, share=2)
    with contextlib.ExitStack() as stack:
        for owner in ("a", "a", "b"):
            door.enter()
            stack.enter_context(door.stream(owner))
        with pytest.raises(ApiError, match="this caller already has 2 open responses"):
            stack.enter_context(door.stream("a"))
    with door.stream("a"):
        assert door.streaming == 1


def test_address_may_burst_two_seconds_of_its_rate() -> None:
    clock = Clock()
    door = gate(clock, rate=5.0)
    for _ in range(10):
        door.spend("a")
    with pytest.raises(ApiError) as refused:
        door.spend("a")
    assert refused.value.status == 429
    for _ in range(10):
        with pytest.raises(ApiError) as again:
            door.spend("a")
    assert again.value.headers == refused.value.headers, "a refused request costs nothing"
    door.spend("b")
    door.spend("a", "a")
    clock.now += float(refused.value.headers["Retry-After"])
    door.spend("a")


def test_rate_below_one_still_allows_one_request() -> None:
    door = gate(Clock(), rate=0.1)
    door.spend("a")
    with pytest.raises(ApiError):
        door.spend("a")


@pytest.mark.parametrize("is_caller", [True, False])
def test_a_body_counts_by_its_size(is_caller: bool) -> None:
    clock = Clock()
    door = gate(clock, rate=10.0)
    charge = partial(door.charge, known=is_caller)
    spend = partial(door.spend, "a") if is_caller else door.spend
    charge("a", BODY - 1)
    spend("a")
    charge("a", 100 * BODY)
    with pytest.raises(ApiError, match="a sends more than 10 requests per second") as refused:
        spend("a")
    assert refused.value.headers["Retry-After"] == str(ceil((1 + 100 + 1 - 20) / 10))
    charge("a", -100 * BODY)
    spend("a")


def test_uploads_of_one_displace_their_own_oldest() -> None:
    door, displaced = gate(Clock(), requests=UPLOADS), list[int]()
    with contextlib.ExitStack() as stack:
        stack.enter_context(door.upload(partial(displaced.append, -1), "another"))
        for number in range(UPLOADS_OF_ONE + 2):
            stack.enter_context(door.upload(partial(displaced.append, number), "own"))
        assert displaced == [0, 1]
        assert door.uploading == UPLOADS_OF_ONE + 1
    assert (door.uploading, door.working, door._uploads_of) == (0, 0, {})


def test_buckets_of_addresses_are_bounded_and_callers_kept() -> None:
    door = gate(Clock(), rate=0.5)
    door.spend("ci", "ci")
    for number in range(3 * BUCKETS):
        door.spend(str(number))
    assert (len(door._addresses), len(door._callers)) == (BUCKETS, 1)
    with pytest.raises(ApiError, match="ci sends more"):
        door.spend("ci", "ci")


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
