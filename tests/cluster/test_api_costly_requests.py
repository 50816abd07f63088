"""Requests that are small and would be dear: what the process computes and holds for them is bounded, and others are
served meanwhile. How long they take is not asked, but how much of the processor they need."""

import contextlib
import json
import socket
import zlib
from collections.abc import Iterator

import pytest

from tests.support.api_sites import ApiSite
from tests.support.canary import others_are_served
from tests.support.hostile import MIB, Cpu, Memory, answers_in, ask, assert_civil, connect, head, request
from tests.support.rest_jobs import body, save, shown

pytestmark = pytest.mark.cluster(nodes="none")

FORM = "Content-Type: multipart/form-data; boundary=b"
FILE = b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
END = b"\r\n--b--\r\n"
PART = b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n\r\n'
TIMES = 5


@contextlib.contextmanager
def cheap(site: ApiSite, most: float) -> Iterator[None]:
    """Within this the process computes for so many seconds at most, and serves others."""
    cpu = Cpu(site.api.pid)
    with others_are_served(site):
        yield
    assert cpu.seconds() < most, f"it computed for {cpu.seconds():.2f} s"


PATHS = (
    pytest.param("/" * 60_000, id="slashes"),
    pytest.param("/v1/jobs" + "/" * 60_000, id="slashes behind a route"),
    pytest.param("/.." * 20_000, id="dots"),
    pytest.param("/v1/jobs/a/" + "b/" * 40, id="more segments than any route"),
)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_path_of_many_segments_is_414_before_routing(shared_api: ApiSite, method: str, path: str) -> None:
    with cheap(shared_api, 0.5):
        for _ in range(TIMES):
            answer = ask(shared_api.rest, request(method, path))
            assert (answer.status, answer.text) == (414, "the path has more than 32 segments")


FORMS = (
    pytest.param(PART * 100_000 + END, 413, "more than 64 parts", id="empty parts"),
    pytest.param(b"--b\r\n\r\n\r\n" * 100_000 + END, 413, "more than 64 parts", id="parts without headers"),
    pytest.param((b"--b\r\n" + b"X: y\r\n" * 120 + b"\r\n\r\n") * 2000, 413, "more than 64 parts", id="headers"),
    pytest.param(
        b"\r\n" * 2_000_000 + FILE + b"[]" + END, 400, "does not begin with the boundary", id="lines before it"
    ),
    pytest.param(FILE + b"\r\n--a" * 1_000_000 + END, 400, "the file cannot be parsed", id="what is nearly a boundary"),
)


@pytest.mark.parametrize(("form", "status", "words"), FORMS)
def test_form_costs_no_more_than_its_bytes(shared_api: ApiSite, form: bytes, status: int, words: str) -> None:
    with cheap(shared_api, 0.7):
        answer = ask(shared_api.rest, request("POST", "/v1/restore", FORM, body=form))
        assert answer.status == status, answer
        assert words in answer.text
        assert_civil(answer)


def test_form_in_one_byte_chunks_costs_no_more_than_its_bytes(shared_api: ApiSite) -> None:
    chunks = b"1\r\n \r\n" * 200_000 + b"0\r\n\r\n"
    with cheap(shared_api, 1.0):
        sent = head("POST", "/v1/restore", FORM, "Transfer-Encoding: chunked", "Connection: close") + chunks
        answer = ask(shared_api.rest, sent)
        assert answer.status == 400, answer


@pytest.fixture(scope="module")
def bomb() -> bytes:
    """A megabyte that unpacks to a thousand."""
    packer, blank = zlib.compressobj(9, zlib.DEFLATED, 31), b" " * MIB
    return b"".join(packer.compress(blank) for _ in range(1000)) + packer.flush()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v1/jobs", 415),
        ("POST", "/nowhere", 404),
        ("GET", "/v1/busy", 415),
        ("GET", "/livez", 200),
    ],
)
def test_a_packed_body_is_not_unpacked(
    shared_api: ApiSite, bomb: bytes, *, method: str, path: str, status: int
) -> None:
    # A thousand megabytes take two seconds.
    with cheap(shared_api, 0.7):
        sent = head(method, path, "Content-Encoding: gzip", f"Content-Length: {len(bomb)}") + bomb
        answer = ask(shared_api.rest, sent)
        assert answer.status == status, answer
        if status >= 400:
            assert_civil(answer)
        save(shared_api, "served")


DEAR_FILES = (
    pytest.param(b'[{"name":"x","schedule":"@daily","zz":[' + b"[]," * (5 * MIB) + b"[]]}]", id="of lists"),
    pytest.param(b'[{"name":"x","zz":"' + rb"\n" * (8 * MIB - 99) + rb'\ud83d"}]', id="of escapes"),
)


@pytest.mark.parametrize("file", DEAR_FILES)
def test_file_of_16_mb_is_held_in_memory_once(shared_api: ApiSite, file: bytes) -> None:
    memory, sent = Memory(shared_api.api.pid), request("POST", "/v1/restore", FORM, body=FILE + file + END)
    with others_are_served(shared_api):
        answer = ask(shared_api.rest, sent)
    assert answer.status == 413, answer
    assert "nothing was stored" in answer.text
    assert_civil(answer)
    assert memory.growth() < 100 * MIB, f"it grew by {memory.growth() / MIB:.0f} MiB"


def test_restore_of_16_mb_takes_less_than_150_mb(own_api: ApiSite) -> None:
    payload = "\U0001f600\n" * 16_000
    jobs = [body(f"large-{number}", executor_config={"command": "true", "payload": payload}) for number in range(210)]
    file = json.dumps(jobs, ensure_ascii=False).encode()
    assert 16 * MIB < len(file) < 20 * MIB
    memory, sent = Memory(own_api.api.pid), request("POST", "/v1/restore", FORM, body=FILE + file + END)
    with others_are_served(own_api):
        answer = ask(own_api.rest, sent, seconds=120)
    assert answer.status == 200, answer
    assert answer.json() == [f"success create large-{number}" for number in range(210)]
    assert memory.growth() < 150 * MIB, f"it grew by {memory.growth() / MIB:.0f} MiB"
    assert shown(own_api, "large-209")["executor_config"]["payload"] == payload


HALF_CLOSED = (
    pytest.param(request("POST", "/v1/jobs", body=json.dumps(body("half")).encode()), [201], id="a POST"),
    pytest.param(head("GET", "/v1/jobs/half") * 3, [200] * 3, id="three at once"),
    pytest.param(head("POST", "/v1/jobs", "Content-Length: 99") + b"{", [400], id="a body that is cut"),
    pytest.param(head("POST", "/v1/restore", FORM, "Content-Length: 999") + FILE, [400], id="a form that is cut"),
)


@pytest.mark.parametrize(("sent", "statuses"), HALF_CLOSED)
def test_half_closed_client_gets_the_answer(shared_api: ApiSite, sent: bytes, statuses: list[int]) -> None:
    save(shared_api, "half")
    with others_are_served(shared_api), connect(shared_api.rest) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    assert [answer.status for answer in answers_in(received)] == statuses, received


TAGGED = json.dumps(body("tagged")).encode()
POLICY = b'{"Rules": "{\\"path\\": {}}"}'


@pytest.mark.parametrize(
    ("method", "path", "sent", "tag", "shown_as"),
    [
        ("PUT", "/v1/jobs/tagged", TAGGED, '"18446744073709551616"', '""18446744073709551616""'),
        ("POST", "/v1/jobs/tagged/toggle", b"", '"99999999999999999999"', '""99999999999999999999""'),
        ("DELETE", "/v1/jobs/tagged", b"", "\x85\xa0x", '"\\udc85\\udca0x"'),
        ("POST", "/v1/acl/policies/tagged", POLICY, "a\tb", '"a\\tb"'),
    ],
    ids=["2^64", "twenty digits", "control characters", "a tab"],
)
def test_foreign_etag_is_412_and_echoed_escaped(
    shared_api: ApiSite, *, method: str, path: str, sent: bytes, tag: str, shown_as: str
) -> None:
    save(shared_api, "tagged")
    answer = ask(shared_api.rest, request(method, path, f"If-Match: {tag}", body=sent))
    assert (answer.status, answer.text) == (
        412,
        f"If-Match: {shown_as} is not an ETag of this server; read the object again",
    )
    assert_civil(answer)
