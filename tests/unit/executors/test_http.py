"""The http executor at real servers, as its pod would call it (Dkron behaviour §6.2)."""

from base64 import b64encode
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dkron_executors.handover import CONFIG, Handover
from dkron_executors.keys.http import Http
from dkron_executors.keys.model import KeyProblem
from dkron_executors.program import outcome
from dkron_executors.run.http import _address, _shown
from tests.support.kubelet import Kubelet, Ran
from tests.support.printed import MARK
from tests.support.web_server import Web, web_server


@pytest.fixture(scope="module")
def server() -> Iterator[Web]:
    with web_server() as web:
        yield web


@pytest.fixture
def web(server: Web) -> Web:
    server.asked.clear()
    return server


def get(url: str, **config: str) -> Ran:
    return Kubelet().call("http", {"method": "GET", "url": url, **config})


@pytest.mark.parametrize(
    ("path", "config", "output"),
    [
        pytest.param("/status/200/fine", {}, "fine", id="the body is the output"),
        pytest.param("/status/500/broken", {}, "broken", id="without expectCode every answer is a success"),
        pytest.param("/status/206/part", {"expectCode": "200,206"}, "part", id="one of the codes"),
        pytest.param("/status/204/", {"expectCode": "200-299"}, "", id="a range of codes"),
        pytest.param("/status/200/count-17", {"expectBody": r"\d{2}$"}, "count-17", id="the body matches somewhere"),
        pytest.param("/to/status/200/there", {"expectCode": "200"}, "there", id="redirects are followed"),
    ],
)
def test_an_answer_that_is_a_success(web: Web, path: str, config: dict[str, str], output: str) -> None:
    assert get(web.url + path, **config) == Ran(0, output)


@pytest.mark.parametrize(
    ("path", "config", "says"),
    [
        pytest.param(
            "/status/500/broken", {"expectCode": "200,206"},
            "the answer is 500 Internal Server Error, expectCode is 200,206\nbroken", id="another code",
        ),
        pytest.param(
            "/status/299/odd", {"expectCode": "200-206"}, "the answer is 299, expectCode is 200-206\nodd",
            id="a code without a name",
        ),
        pytest.param(
            "/status/200/fine", {"expectBody": "^Fine"},
            "expectBody is not in the answer, which has the status 200\nfine", id="another body",
        ),
        pytest.param("/slow", {"timeout": "1"}, "no full answer within 1 s\n", id="too slow"),
        pytest.param("/loop", {}, "gave up after 10 redirects\n", id="as many redirects as Go follows"),
    ],
)  # fmt: skip
def test_an_answer_that_is_a_failure(web: Web, path: str, config: dict[str, str], says: str) -> None:
    assert get(web.url + path, **config) == Ran(1, f"GET {web.url}{path}: {says}")
    assert len(web.asked) == (10 if path == "/loop" else 1)


def test_redirect_to_another_server_drops_credentials(web: Web) -> None:
    with web_server() as other:
        port = other.url.rpartition(":")[2]
        assert get(f"{web.url}/away/{port}", headers='["Authorization: Bearer abc"]').code == 0
        assert "Authorization" in web.asked[0].headers
        assert "Authorization" not in other.asked[0].headers


def test_without_a_server() -> None:
    ran = get("http://localhost:9/", timeout="5")
    assert ran.code == 1
    assert ran.output.startswith("GET http://localhost:9/: ")
    assert "connect" in ran.output.lower()
    assert ran.output.count("\n") == 1


def test_request_has_the_configured_parts(web: Web) -> None:
    headers = '["Referer: http://example.org/a", "X-Two: 1", "X-Two: 2", "Content-Type: text/csv"]'
    ran = get(f"{web.url}/echo?sig=a%2Fb%20c", method="POST", headers=headers, body="$(PATH) $$ ünï")
    assert ran.code == 0
    (asked,) = web.asked
    assert (asked.method, asked.path, asked.body) == ("POST", "/echo?sig=a%2Fb%20c", "$(PATH) $$ ünï".encode())
    assert asked.headers["Referer"] == "http://example.org/a"
    assert asked.headers["Content-Type"] == "text/csv"
    assert "X-Two: 1\nX-Two: 2\n" in ran.output.replace("\r", "")


@pytest.mark.parametrize(
    ("headers", "sent"),
    [
        pytest.param("", "00-of-the-run", id="of the run"),
        pytest.param('["TraceParent: 00-of-mine"]', "00-of-mine", id="of the job's own"),
    ],
)
def test_a_call_is_a_part_of_the_trace(web: Web, *, headers: str, sent: str) -> None:
    config = {"method": "GET", "url": f"{web.url}/echo", **({"headers": headers} if headers else {})}
    outcome(["http"], {CONFIG: Handover(config, {}).text(), "TRACEPARENT": "00-of-the-run"})
    (asked,) = web.asked
    found = [value for name, value in asked.headers.items() if name.lower() == "traceparent"]
    assert found == [sent]


def test_request_has_no_unrequested_parts(web: Web) -> None:
    get(f"{web.url}/echo")
    (asked,) = web.asked
    assert asked.body == b""
    assert set(asked.headers) == {"Host", "User-Agent", "Accept", "Accept-Encoding"}
    get(f"{web.url}/echo", method="POST", body="a=1")
    assert "Content-Type" not in web.asked[1].headers


def test_endless_answer_fills_neither_memory_nor_log(web: Web) -> None:
    ran = get(f"{web.url}/large/{20 * 1024 * 1024}")
    assert ran.code == 0
    assert len(ran.output) == 8 * 1024 * 1024


def test_debug_shows_the_config_without_secrets(web: Web) -> None:
    kubelet = Kubelet({"api": {"token": f"{MARK}-t0ken"}})
    url = f"{web.url}/status/200/fine"
    config = {"method": "GET", "url": url, "headers": '["X-Token: secretRef:api/token"]', "debug": "yes"}
    ran = kubelet.run("http", config)
    assert ran.output == f"debug: yes\nheaders: {config['headers']}\nmethod: GET\nurl: {url}\nfine"


WITH_SECRETS = Kubelet(
    {"api": {"token": 'qu"ote\\token', "url": "http://localhost:9/hook/s3cr3t?k=v4lue", "all": '["X: s3cr3t-x"]'}}
)


@pytest.mark.parametrize(
    ("headers", "sent", "shown"),
    [
        pytest.param(
            '["Authorization: Bearer secretRef:api/token"]', ("Authorization", 'Bearer qu"ote\\token'),
            "Authorization: Bearer ***", id="within a header",
        ),
        pytest.param("secretRef:api/all", ("X", "s3cr3t-x"), "***", id="for all headers"),
    ],
)  # fmt: skip
def test_a_secret_reaches_the_server_and_no_log(web: Web, headers: str, sent: tuple[str, str], shown: str) -> None:
    ran = WITH_SECRETS.call("http", {"method": "GET", "url": f"{web.url}/echo", "headers": headers})
    assert (ran.code, web.asked[0].headers[sent[0]]) == (0, sent[1])
    assert f"\n{shown}\n" in ran.output.replace("\r", "")
    assert sent[1] not in ran.output


def test_echoed_basic_authentication_is_masked(web: Web) -> None:
    kubelet = Kubelet({"api": {"url": f"{web.url.replace('://', '://bob:h4nd%40shake@')}/echo"}})
    output = kubelet.call("http", {"method": "GET", "url": "secretRef:api/url"}).output
    assert web.asked[-1].headers["Authorization"] == f"Basic {b64encode(b'bob:h4nd@shake').decode()}"
    assert "Authorization: Basic ***\n" in output


def test_unreachable_secret_address_is_not_logged() -> None:
    ran = WITH_SECRETS.call("http", {"method": "GET", "url": "secretRef:api/url"})
    assert ran.code == 1
    assert ran.output.startswith("GET ***: ")
    assert "s3cr3t" not in ran.output
    assert "v4lue" not in ran.output


def test_invalid_secret_timeout_is_not_logged(web: Web) -> None:
    ran = WITH_SECRETS.call("http", {"method": "GET", "url": web.url, "timeout": "secretRef:api/token"})
    assert ran == Ran(1, 'timeout: "***" is not a number of seconds from 1 to 86400\n')


@given(st.text(alphabet="ab1:/@[]%?#.-_ü\u2028", max_size=20))
@example("bücher.example/ü")
@example("u:p%40@[::1]:80/%zz?%")
def test_accepted_address_has_a_host_and_hides_its_password(rest: str) -> None:
    try:
        keys = Http.read({"method": "GET", "url": f"http://{rest}"})
    except KeyProblem:
        return
    assert _address(keys.url).host
    assert "p%40" not in _shown(keys.url)
