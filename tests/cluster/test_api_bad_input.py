"""Requests that are wrong in every way: each gets an answer, and nothing is stored but what was answered with 201.

`shared_api` sees to it that the process lives on and that its log has no error.
"""

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, unquote

import pytest
from hypothesis import Phase, assume, event, example, given, settings
from hypothesis import strategies as st

from dkron_kube.paths import DKRON_JOBS
from tests.support.api_sites import ApiSite
from tests.support.examples import examples
from tests.support.hostile import ask, assert_civil, pipeline, request
from tests.support.odd_requests import as_go_reads, bodies, forms, headers, jobs, names, segments, whole_texts

pytestmark = pytest.mark.cluster(nodes="none")

JOB = b'{"name":"x","schedule":"@daily"}'
STORED_AS_SENT = (
    *("name", "displayname", "timezone", "schedule", "owner", "owner_email", "disabled", "retries", "parent_job"),
    *("tags", "metadata", "executor_config", "ephemeral"),
)
Taken = dict[str, Any]


def many(count: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """So many examples by night. One that fails is shown as it is: to make it smaller would take thousands of further
    requests."""
    phases = (Phase.explicit, Phase.reuse, Phase.generate)
    return settings(max_examples=examples(count), phases=phases)


@contextlib.contextmanager
def nothing_else_stored(site: ApiSite) -> Iterator[Taken]:
    """In the end there are the jobs of the beginning, and those that were put in here by name, as their echoes say."""
    before, taken = stored(site), Taken()
    yield taken
    assert stored(site) == before | taken.keys()
    shown = {job["name"]: job for job in site.rest.get("/v1/jobs").json()}
    assert {name: known(shown[name]) for name in taken} == {name: known(echo) for name, echo in taken.items()}


def stored(site: ApiSite) -> set[str]:
    """The Dkron names of the objects in the namespace."""
    return {each["spec"].get("name") or each["metadata"]["name"] for each in site.kube.all(DKRON_JOBS)}


def known(job: Any) -> dict[str, Any]:
    """The fields that are stored as they were sent; an empty map counts as none."""
    return {field: job[field] or None for field in STORED_AS_SENT}


def test_every_text_comes_back_as_it_was_sent(shared_api: ApiSite) -> None:
    short = whole_texts.filter(lambda text: len(text) < 200)
    maps = st.dictionaries(short, short, max_size=8)

    @many(100)
    @given(fields=st.fixed_dictionaries({"displayname": short, "owner": short, "metadata": maps, "tags": maps}))
    def comes_back(fields: dict[str, Any]) -> None:
        sent = {"name": "texts", "schedule": "@daily", **fields}
        answer = shared_api.rest.post("/v1/jobs", json.dumps(sent))
        assert answer.status == 201, answer
        shown = shared_api.rest.get("/v1/jobs/texts").json()
        for field in ("displayname", "owner"):
            assert shown[field] == answer.json()[field] == as_go_reads(fields[field])
        for field in ("metadata", "tags"):
            expected = {as_go_reads(key): as_go_reads(value) for key, value in fields[field].items()}
            assert (shown[field] or {}) == (answer.json()[field] or {}) == expected

    comes_back()


ROUTES = (
    ("GET", "/v1/jobs/{}"), ("GET", "/v1/jobs/{}/"), ("DELETE", "/v1/jobs/{}"), ("PUT", "/v1/jobs/{}"),
    ("POST", "/v1/jobs/{}"), ("POST", "/v1/jobs/{}/run"), ("POST", "/v1/jobs/{}/toggle"), ("POST", "/v1/jobs/{}/"),
    ("GET", "/v1/jobs/{}/executions"), ("DELETE", "/v1/jobs/{}/executions"), ("GET", "/v1/executions/{}"),
    ("GET", "/v1/jobs/there/executions/{}"), ("GET", "/v1/jobs/there/executions/{}/log"), ("GET", "/v1/jobs/{}/next"),
    ("GET", "/v1/acl/policies/{}"), ("POST", "/v1/acl/policies/{}"), ("DELETE", "/v1/acl/policies/{}"),
    ("GET", "/{}"), ("GET", "/{}/"), ("GET", "/v1/{}"), ("POST", "/v1/{}"),
)  # fmt: skip


def test_no_name_in_a_path_leads_where_nothing_is(shared_api: ApiSite) -> None:
    assert shared_api.rest.post("/v1/jobs", {"name": "there", "schedule": "@daily"}).status == 201
    elsewhere = {"", "pause", "v1", "health", "metrics"} | stored(shared_api)
    with nothing_else_stored(shared_api):

        @many(400)
        @given(st.sampled_from(ROUTES), segments())
        def leads_nowhere(route: tuple[str, str], segment: str) -> None:
            method, path = route[0], route[1].format(segment)
            assume(unquote(segment) not in elsewhere)
            body = JOB if method == "PUT" else b'{"Rules":"{}"}' if method == "POST" and "acl" in path else b""
            answer = ask(shared_api.rest, request(method, path, body=body))
            assert_civil(answer, path)
            event(f"answered with {answer.status}")
            assert answer.status >= 301, f"{path}\n{answer}"

        leads_nowhere()


NAMES = st.text(st.sampled_from("abcxyz019-_ßñéłαжﬁ𝒶"), min_size=1, max_size=60)


def test_every_legal_name_is_found_on_every_route(shared_api: ApiSite) -> None:
    @many(50)
    @given(NAMES | st.sampled_from(("-", "_", "0", "run", "toggle", "executions", "a" * 8192, "ñ" * 3000)))
    def is_found(name: str) -> None:
        created = shared_api.rest.post("/v1/jobs", {"name": name, "schedule": "@daily"})
        assert created.status == 201, created
        path = f"/v1/jobs/{quote(name)}"
        assert created.header("Location") == path
        for method, way, status in (
            *(("GET", "", 200), ("GET", "/executions", 200), ("GET", "/next", 200), ("POST", "/toggle", 200)),
            *(("POST", "/toggle", 200), ("POST", "/run", 202), ("DELETE", "/executions", 200)),
        ):
            answer = shared_api.rest.request(method, path + way)
            assert answer.status == status, f"{method} {way}\n{answer}"
        replaced = shared_api.rest.put(path, {"name": name, "schedule": "@hourly"})
        assert replaced.status == 201, replaced
        assert shared_api.rest.get(path).json()["schedule"] == "@hourly"
        assert shared_api.rest.delete(path).status == 200
        assert shared_api.rest.get(path).status == 404

    is_found()


def test_no_header_breaks_a_request(shared_api: ApiSite) -> None:
    routes = (
        ("GET", "/v1/jobs", b""), ("GET", "/v1/jobs/x", b""), ("POST", "/v1/jobs", JOB), ("PUT", "/v1/jobs/x", JOB),
        ("POST", "/v1/jobs/x/toggle", b""), ("GET", "/openapi.json", b""), ("GET", "/nope", b""),
        ("POST", "/v1/acl/policies/x", b'{"Rules":"{}"}'), ("DELETE", "/v1/jobs/nope", b""),
        ("POST", "/v1/restore", JOB),
        ("GET", "/v1/events", b""), ("GET", "/health", b""), ("GET", "/metrics", b""),
    )  # fmt: skip
    assert shared_api.rest.post("/v1/jobs", JOB).status == 201
    with nothing_else_stored(shared_api):

        @many(300)
        @given(st.sampled_from(routes), headers())
        @example(("GET", "/nope", b""), ["Expect: \xfe"])
        def is_answered(route: tuple[str, str, bytes], lines: list[str]) -> None:
            method, path, body = route
            answer = ask(shared_api.rest, request(method, path, *lines, body=body))
            event(f"answered with {answer.status}")
            assert_civil(answer, (route, lines))

        is_answered()


def test_no_form_breaks_a_restore(shared_api: ApiSite) -> None:
    before = stored(shared_api)
    reported = set[str]()

    @many(300)
    @given(forms())
    def is_answered(form: bytes) -> None:
        answer = ask(
            shared_api.rest, request("POST", "/v1/restore", "Content-Type: multipart/form-data; boundary=b", body=form)
        )
        event(f"answered with {answer.status}")
        assert_civil(answer, form)
        if answer.status == 200:
            lines = [line for line in answer.json() if line.startswith("success create ")]
            reported.update(line.removeprefix("success create ") for line in lines)

    is_answered()
    assert stored(shared_api) == before | reported


def test_no_policy_breaks_anything(shared_api: ApiSite) -> None:
    rules = bodies(st.one_of(jobs(), names.map(lambda name: json.dumps({"path": {name: {"capabilities": ["read"]}}}))))

    @many(200)
    @given(rules, st.booleans())
    def is_answered(data: bytes, wrapped: bool) -> None:
        body = json.dumps({"Rules": data.decode("utf-8", "replace")}).encode() if wrapped else data
        answer = ask(shared_api.rest, request("POST", "/v1/acl/policies/odd", body=body))
        event(f"answered with {answer.status}")
        assert_civil(answer, body)

    is_answered()


POST = "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = f"{POST}Transfer-Encoding: chunked\r\n\r\n"
MALFORMED = (
    pytest.param(f"{POST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", id="two ways to end"),
    pytest.param(f"{POST}Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", id="two lengths"),
    pytest.param(f"{POST}Content-Length: -5\r\n\r\n", id="a negative length"),
    pytest.param(f"{POST}Content-Length: 5, 5\r\n\r\nabcde", id="a list of lengths"),
    pytest.param(f"{POST}Content-Length: {'9' * 30}\r\n\r\n", id="a length beyond all"),
    pytest.param(f"{POST}Transfer-Encoding: weird\r\n\r\nabc", id="an unknown transfer encoding"),
    pytest.param(f"{CHUNKED}zz\r\nabc\r\n0\r\n\r\n", id="a chunk without a size"),
    pytest.param(f"{CHUNKED}-3\r\nabc\r\n0\r\n\r\n", id="a chunk of negative size"),
    pytest.param(f"{CHUNKED}{'f' * 20}\r\nabc\r\n0\r\n\r\n", id="a chunk beyond all"),
    pytest.param(f"{CHUNKED}3\r\nabcd\r\n0\r\n\r\n", id="a chunk that is longer than it says"),
    pytest.param("GET /v1/jobs HTTP/1.1\r\n\r\n", id="no host"),
    pytest.param("GET /v1/jobs HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", id="two hosts"),
    pytest.param("GET /v1/jobs HTTP/9.9\r\nHost: localhost\r\n\r\n", id="a version of the future"),
    pytest.param("GET /v1/jobs\xff HTTP/1.1\r\nHost: localhost\r\n\r\n", id="a path that is not ASCII"),
    pytest.param("GET /v1/a b HTTP/1.1\r\nHost: localhost\r\n\r\n", id="a path with a space"),
    pytest.param("GET * HTTP/1.1\r\nHost: localhost\r\n\r\n", id="a star"),
    pytest.param("GET http://[::1/v1/jobs HTTP/1.1\r\nHost: localhost\r\n\r\n", id="half of an address"),
    pytest.param("GET /v1/jobs HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n", id="a zero in a header"),
    pytest.param("GET /v1/jobs HTTP/1.1\r\nHost: localhost\r\nX Y: a\r\n\r\n", id="a space in the name of a header"),
    pytest.param("GET /v1/jobs HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n\r\n", id="a folded header"),
    pytest.param("GET /v1/jobs HTTP/1.1\r\nHost: localhost\r\n" + "X: 1\r\n" * 5000 + "\r\n", id="5,000 headers"),
    pytest.param("get /v1/jobs HTTP/1.1\r\nHost: localhost\r\n\r\n", id="a method in lower case"),
    pytest.param("\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", id="TLS"),
    pytest.param("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", id="HTTP/2"),
)


@pytest.mark.parametrize("sent", MALFORMED)
def test_invalid_http_is_400_and_closes_the_connection(shared_api: ApiSite, sent: str) -> None:
    (answer,) = pipeline(shared_api.rest, sent.encode("latin-1"))
    assert answer.status == 400, answer
    assert_civil(answer, sent)
    assert answer.header("X-Request-Id")
    assert shared_api.rest.get("/v1/busy").status == 200
