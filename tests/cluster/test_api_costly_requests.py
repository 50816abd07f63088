"""Requests that are small and would be dear: what the process computes and holds for them is bounded, and others are
served meanwhile. How long they take is not asked, but how much of the processor they need."""

import contextlib
import json
import zlib
from collections.abc import Iterator

import pytest

from tests.support.api_sites import ApiSite
from tests.support.canary import others_are_served
from tests.support.hostile import MIB, Cpu, Memory, ask, assert_civil, head, request
from tests.support.rest_jobs import body, save, shown

pytestmark = pytest.mark.cluster(nodes="kwok")

FORM = "Content-Type: multipart/form-data; boundary=b"
FILE = b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
END = b"\r\n--b--\r\n"


@contextlib.contextmanager
def cheap(site: ApiSite, most: float) -> Iterator[None]:
    """Within this the process computes for so many seconds at most, and serves others."""
    cpu = Cpu(site.api.pid)
    with others_are_served(site):
        yield
    assert cpu.seconds() < most, f"it computed for {cpu.seconds():.2f} s"


@pytest.fixture(scope="module")
def bomb() -> bytes:
    """A megabyte that unpacks to a thousand."""
    packer, blank = zlib.compressobj(9, zlib.DEFLATED, 31), b" " * MIB
    return b"".join(packer.compress(blank) for _ in range(1000)) + packer.flush()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("POST", "/v1/jobs", 415), ("POST", "/nowhere", 404), ("GET", "/v1/busy", 415), ("GET", "/livez", 200)],
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
