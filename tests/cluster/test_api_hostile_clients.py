"""Clients that are slow, silent, greedy or gone, by the hundred: others are served, and memory stays bounded.

How long anything takes is not asked. The memory of the process is its peak, above what it took before.
"""

import contextlib
import json
import socket
from collections.abc import Callable, Iterator
from http.client import HTTPException
from pathlib import Path

import pytest

import localcluster
from tests.support.api_sites import ApiSite, api_site
from tests.support.canary import others_are_served
from tests.support.hostile import (
    MIB,
    PIECE,
    Memory,
    allow_connections,
    ask,
    assert_civil,
    connect,
    crowd,
    cut,
    endless,
    head,
    is_closed,
    narrow,
    pipeline,
    read_answer,
    request,
)
from tests.support.rest_jobs import body, save, shown
from tests.support.sites import install
from tests.support.waiting import wait_for

pytestmark = pytest.mark.cluster(nodes="none")

CROWD = 1000
FORM = "Content-Type: multipart/form-data; boundary=b"
FILE = b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
END = b"\r\n--b--\r\n"
OTHER = FILE.replace(b'"file"', b'"other"')
LARGE = 100 * MIB
MAX_RESTORE = 64 * MIB


@pytest.fixture(scope="module", autouse=True)
def many_connections() -> None:
    if not allow_connections(2 * CROWD):
        pytest.skip(f"this machine does not allow {2 * CROWD} connections")


@contextlib.contextmanager
def bounded(site: ApiSite, most: int) -> Iterator[None]:
    """Within this the process grows by so many bytes at most."""
    memory = Memory(site.api.pid)
    yield
    assert memory.growth() < most, f"it grew by {memory.growth() / MIB:.0f} MiB"


def assert_served(site: ApiSite) -> None:
    """That others can read and write."""
    answer = site.rest.get("/v1/jobs")
    assert answer.status == 200, answer
    save(site, "served")


LENGTH, CHUNKED = f"Content-Length: {LARGE}", "Transfer-Encoding: chunked"


def letters() -> Iterator[bytes]:
    """A hundred megabytes."""
    return endless(b"a" * PIECE, size=LARGE)


def letters_in_chunks() -> Iterator[bytes]:
    return endless(b"10000\r\n" + b"a" * PIECE + b"\r\n", size=LARGE)


def blank_backup() -> Iterator[bytes]:
    return _chunked(FILE, endless(b" " * PIECE, size=LARGE))


LARGE_BODIES = (
    pytest.param(("POST", "/v1/jobs", LENGTH), letters, 16, id="a job"),
    pytest.param(("POST", "/v1/jobs", CHUNKED), letters_in_chunks, 16, id="a job in chunks"),
    pytest.param(("POST", "/v1/restore", FORM, CHUNKED), blank_backup, MAX_RESTORE // MIB + 32, id="a backup"),
)


def _chunked(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield b"%x\r\n%b\r\n" % (len(first), first)
    for piece in rest:
        yield b"%x\r\n%b\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


@pytest.mark.parametrize(("first", "pieces", "most"), LARGE_BODIES)
def test_a_body_of_100_megabytes_is_413_and_not_held(
    shared_api: ApiSite, first: tuple[str, str, str], pieces: Callable[[], Iterator[bytes]], most: int
) -> None:
    with bounded(shared_api, most * MIB):
        answer = ask(shared_api.rest, _after(head(*first, "Connection: close"), pieces()))
    assert answer.status == 413, answer
    assert_civil(answer)
    assert_served(shared_api)


def _after(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def test_large_part_before_the_backup_is_not_held_in_memory(shared_api: ApiSite) -> None:
    pieces = _chunked(OTHER, endless(b" " * PIECE, size=LARGE))
    with bounded(shared_api, 32 * MIB):
        answer = ask(shared_api.rest, _after(head("POST", "/v1/restore", FORM, "Transfer-Encoding: chunked"), pieces))
    assert answer.status in {400, 413}, answer
    assert_served(shared_api)


DEAR_FILES = (
    pytest.param(b'[{"name":"x","schedule":"@daily","zz":[' + b"[]," * (5 * MIB) + b"[]]}]", id="of lists"),
    pytest.param(b'[{"name":"x","zz":"' + rb"\n" * (8 * MIB - 99) + rb'\ud83d"}]', id="of escapes"),
)


@pytest.mark.parametrize("file", DEAR_FILES)
def test_file_of_16_mb_is_held_in_memory_once(shared_api: ApiSite, file: bytes) -> None:
    with bounded(shared_api, 100 * MIB), others_are_served(shared_api):
        answer = ask(shared_api.rest, request("POST", "/v1/restore", FORM, body=FILE + file + END))
    assert answer.status == 413, answer
    assert "nothing was stored" in answer.text
    assert_civil(answer)


def test_restore_of_16_mb_takes_less_than_150_mb(own_api: ApiSite) -> None:
    payload = "\U0001f600\n" * 10_000
    jobs = [body(f"large-{number}", executor_config={"command": "true", "payload": payload}) for number in range(290)]
    file = json.dumps(jobs, ensure_ascii=False).encode()
    assert 16 * MIB < len(file) < 20 * MIB
    with bounded(own_api, 150 * MIB), others_are_served(own_api):
        answer = ask(own_api.rest, request("POST", "/v1/restore", FORM, body=FILE + file + END), seconds=120)
    assert answer.status == 200, answer
    assert answer.json() == [f"success create large-{number}" for number in range(290)]
    assert shown(own_api, "large-289")["executor_config"]["payload"] == payload


WAITING = (
    pytest.param(b"", id="that send nothing"),
    pytest.param(b"GET /v1/jobs HTTP/1.1\r\nHost: localhost\r\nX-Never", id="that do not end their headers"),
    pytest.param(head("POST", "/v1/jobs", "Content-Length: 100") + b"{", id="that do not end their job"),
    pytest.param(head("POST", "/v1/restore", FORM, "Content-Length: 999"), id="that do not begin their backup"),
    pytest.param(head("POST", "/v1/restore", FORM, "Content-Length: 999") + FILE, id="that do not end their backup"),
    pytest.param(head("GET", "/v1/busy"), id="that ask once and stay"),
)


@pytest.mark.parametrize("sent", WAITING)
def test_a_thousand_clients_do_not_stop_the_service(shared_api: ApiSite, sent: bytes) -> None:
    with bounded(shared_api, 64 * MIB), crowd(shared_api.rest, CROWD, sent):
        assert_served(shared_api)
    assert_served(shared_api)


@pytest.fixture
def patient_api(cluster: localcluster.Cluster, tmp_path: Path) -> Iterator[ApiSite]:
    """An API that lets one caller have as many open responses as the test wants."""
    install(cluster)
    options = ("--max-streams-per-caller", str(CROWD))
    with api_site(cluster.kubeconfig, *options, purpose="listeners", folder=tmp_path) as own:
        yield own
        own.api.assert_clean()


def test_thousand_event_clients_cost_little_and_end_at_shutdown(patient_api: ApiSite) -> None:
    memory = Memory(patient_api.api.pid)
    with crowd(patient_api.rest, CROWD, head("GET", "/v1/events?types=job")) as connections:
        for connection in connections:
            assert read_answer(connection).status == 200
        save(patient_api, "told")
        for connection in connections:
            assert b"told" in _until(connection, b"created")
        assert_served(patient_api)
        assert memory.growth() < 64 * MIB
        patient_api.api.stop()
        wait_for("all to be sent away", lambda: sum(map(is_closed, connections)), lambda n: n == CROWD, seconds=10)


def _until(connection: socket.socket, text: bytes) -> bytes:
    received = b""
    while text not in received:
        piece = connection.recv(PIECE)
        assert piece, received
        received += piece
    return received


def test_it_stops_in_order_whatever_clients_have_open(own_api: ApiSite) -> None:
    with contextlib.ExitStack() as stack:
        for case in WAITING:
            stack.enter_context(crowd(own_api.rest, 20, case.values[0]))  # type: ignore[arg-type]
        for path in ("/v1/events", "/v1/jobs"):
            stack.enter_context(crowd(own_api.rest, 20, head("GET", path)))
        assert_served(own_api)
        own_api.api.stop()


def test_api_survives_the_limit_of_open_connections(own_api: ApiSite) -> None:
    narrow(own_api.api.pid, room=50)
    with crowd(own_api.rest, 200):
        _is_served(own_api)
    wait_for("others to be served again", lambda: _is_served(own_api), bool, seconds=10, guard=own_api.api.check)
    assert_served(own_api)


def _is_served(site: ApiSite) -> bool:
    try:
        return site.rest.get("/v1/busy").status == 200
    except (OSError, HTTPException):
        return False


def test_a_thousand_pipelined_requests_are_answered_in_order(shared_api: ApiSite) -> None:
    count = 1000
    sent = b"".join(head("GET", "/v1/busy", f"X-Request-Id: {number}") for number in range(count - 1))
    with bounded(shared_api, 32 * MIB):
        answers = pipeline(shared_api.rest, sent + request("GET", "/v1/busy", "X-Request-Id: last"))
    # Beyond the rate they are refused, in order as well.
    assert {200} <= {answer.status for answer in answers} <= {200, 429}
    expected = [*map(str, range(count - 1)), "last"]
    assert [answer.header("X-Request-Id") for answer in answers] == expected


@pytest.fixture(scope="module")
def long_list(module_api: ApiSite) -> int:
    """Jobs that are megabytes together; how many bytes GET /v1/jobs has."""
    for number in range(100):
        save(module_api, f"large-{number}", executor_config={"command": "true", "payload": "ab\n" * 15_000})
    return len(module_api.rest.get("/v1/jobs").body)


@pytest.mark.parametrize("query", ["", "?pretty", "?q=large"])
def test_clients_that_do_not_read_their_answers_cost_little(shared_api: ApiSite, long_list: int, query: str) -> None:
    assert long_list > 4 * MIB
    count = 100
    with crowd(shared_api.rest, 5, head("GET", f"/v1/jobs{query}")):
        assert_served(shared_api)
    with bounded(shared_api, count * MIB // 2), crowd(shared_api.rest, count, head("GET", f"/v1/jobs{query}") * 4):
        answer = shared_api.rest.get("/v1/busy")
        assert answer.status == 200, answer
        save(shared_api, "served")


CUTS = (
    pytest.param(b"POST /v1/jobs HTT", 0, id="in the first line"),
    pytest.param(head("POST", "/v1/jobs", "Content-Length: 100") + b'{"name":"cut"', 0, id="in a job"),
    pytest.param(head("POST", "/v1/restore", FORM, "Content-Length: 999") + FILE + b"[{", 0, id="in a backup"),
    pytest.param(head("GET", "/v1/jobs"), 1000, id="in an answer"),
    pytest.param(head("GET", "/v1/jobs", "Accept-Encoding: gzip"), 100, id="in a packed answer"),
    pytest.param(head("GET", "/v1/busy") * 100, 100, id="in a hundred answers"),
)


@pytest.mark.parametrize(("sent", "read"), CUTS)
@pytest.mark.usefixtures("long_list")
def test_connections_that_break_are_forgotten(shared_api: ApiSite, sent: bytes, read: int) -> None:
    for _ in range(20):
        with connect(shared_api.rest) as connection:
            connection.sendall(sent)
            assert not read or connection.recv(read)
            cut(connection)
    assert_served(shared_api)
    wait_for("no request to be under way", lambda: _gauges(shared_api), lambda seen: not any(seen.values()), seconds=20)
    assert shared_api.rest.get("/v1/jobs/cut").status == 404


def _gauges(site: ApiSite) -> dict[str, float]:
    """What /metrics says is open; the request for them is not counted."""
    lines = site.rest.get("/metrics").text.splitlines()
    values = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(values[name]) - own for name, own in GAUGES.items()}


GAUGES = {"dkron_api_requests_in_flight": 1, "dkron_api_open_answers": 0, "dkron_api_sse_clients": 0}


def test_job_of_a_disconnected_client_is_stored_whole_or_not(shared_api: ApiSite) -> None:
    for number in range(30):
        job = json.dumps(body(f"gone-{number}", owner="me", retries=3)).encode()
        with connect(shared_api.rest) as connection:
            connection.sendall(request("POST", "/v1/jobs", body=job))
            cut(connection)
    assert_served(shared_api)
    for job in shared_api.rest.get("/v1/jobs?q=gone-").json():
        assert (job["owner"], job["retries"]) == ("me", 3)
