"""The programs beside the demo's cluster: started, found again, watched and stopped, and the port of one of them."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from demo import DemoError, programs
from demo.detached import Detached, last_words, parse_pid_file
from demo.programs import HOST, Programs, choose_port, read_port
from localcluster.processes import Identity, alive, marked, stop


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param([], "it has written nothing", id="an empty log"),
        pytest.param(['{"level": "ERROR", "msg": "no rights"}', '{"level": "INFO", "msg": "stopped"}'], "no rights",
                     id="a complaint before the orderly end"),
        pytest.param(['{"level": "ERROR", "msg": "broken", "exc_info": "Traceback\\n  line\\nOSError: disk"}'],
                     "broken: OSError: disk", id="the cause without its traceback"),
        pytest.param(['{"level": "INFO", "msg": "ready"}', "No module named x", ""], "No module named x",
                     id="a line that is no JSON"),
        pytest.param(["[1]"], "[1]", id="JSON that is no log line"),
    ],
)  # fmt: skip
def test_final_log_lines_of_the_operator_say_why_it_ended(lines: list[str], expected: str) -> None:
    assert last_words(lines) == expected


def test_a_pid_file_holds_pid_and_start_time() -> None:
    assert parse_pid_file("12 345\n") == Identity(pid=12, started=345)
    assert [parse_pid_file(text) for text in ("12\n", "", "a b\n")] == [None] * 3, "a pid by itself proves nothing"


RUNS = "echo ready with 0 jobs; exec sleep 60"
"""A program that becomes ready and stays."""


def script(text: str) -> tuple[str, ...]:
    return ("/bin/sh", "-c", text)


@pytest.fixture
def operator(tmp_path: Path) -> Iterator[Callable[[str], Detached]]:
    """Start a program in the operator's place; it is stopped in the end, whatever its pid file says."""

    def start(text: str) -> Detached:
        process = Programs(tmp_path).operator
        process.start(script(text))
        return process

    yield start
    stop(marked(tmp_path), grace=0)


def test_restarted_demo_stops_its_operator_and_no_recycled_pid(
    operator: Callable[[str], Detached],
) -> None:
    process = operator(RUNS)
    identity = Programs(process.folder).operator.running()
    assert identity is not None
    content = process.pid_file.read_text(encoding="utf-8")
    process.pid_file.write_text(f"{identity.pid} {identity.started + 1}\n", encoding="utf-8")
    assert not process.stop()
    assert alive(identity)
    process.pid_file.write_text(content, encoding="utf-8")
    assert process.stop()
    assert not alive(identity)
    assert not process.stop()


def test_operator_that_exits_at_once_is_reported_with_its_error(operator: Callable[[str], Detached]) -> None:
    with pytest.raises(DemoError, match="the operator has ended: the API server does not answer"):
        operator("""echo '{"level": "ERROR", "msg": "the API server does not answer"}'; exit 1""")


def test_readiness_of_an_earlier_operator_does_not_count(operator: Callable[[str], Detached]) -> None:
    operator(RUNS).stop()
    with pytest.raises(DemoError, match="the operator has ended"):
        operator("exit 1")


def test_both_programs_are_watched_and_stopped(operator: Callable[[str], Detached]) -> None:
    programs = Programs(operator(RUNS).folder)
    with pytest.raises(DemoError, match="the REST API has ended"):
        programs.check()
    number = choose_port(programs.folder / "api.port")
    with pytest.raises(DemoError, match="the REST API of the demo does not run; `make demo` starts it"):
        assert programs.api_url
    programs.api.start(script(RUNS))
    programs.check()
    assert programs.api_url == f"http://127.0.0.1:{number}"
    assert {file.name for file in (programs.folder / "logs").iterdir()} == {"operator.log", "api.log"}
    assert programs.stop()
    assert (programs.operator.running(), programs.api.running()) == (None, None)
    assert not programs.stop()


@pytest.fixture
def busy() -> Iterator[int]:
    """A port on which a program listens."""
    with socket.create_server((HOST, 0)) as server:
        yield int(server.getsockname()[1])


@pytest.fixture
def free() -> int:
    """A port on which no program listens."""
    with socket.create_server((HOST, 0)) as server:
        return int(server.getsockname()[1])


def test_the_usual_port_is_taken_and_kept(tmp_path: Path, free: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "USUAL", free)
    assert choose_port(tmp_path / "new" / "api.port") == free
    monkeypatch.setattr(programs, "USUAL", 1)
    assert choose_port(tmp_path / "new" / "api.port") == free


def test_busy_port_gives_way_to_another_that_is_remembered(
    tmp_path: Path, busy: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "api.port"
    file.write_text(f"{busy}\n", encoding="utf-8")
    monkeypatch.setattr(programs, "USUAL", busy)
    chosen = choose_port(file)
    assert chosen != busy
    assert choose_port(file) == chosen == read_port(file)


def test_requested_port_comes_first_and_must_be_free(tmp_path: Path, free: int, busy: int) -> None:
    file = tmp_path / "api.port"
    with pytest.raises(DemoError, match=f"something else listens on port {busy}"):
        choose_port(file, wanted=str(busy))
    assert read_port(file) is None
    choose_port(file)
    assert choose_port(file, wanted=str(free)) == free == choose_port(file)


@pytest.mark.parametrize("wanted", ["http", "0", "65536", "99999999999999999999", "-1", "8080 "])
def test_invalid_port_is_refused(tmp_path: Path, wanted: str) -> None:
    with pytest.raises(DemoError, match=f"DKRON_API_PORT: '{wanted}' is no port; use a number from 1 to 65535"):
        choose_port(tmp_path / "api.port", wanted=wanted)


@pytest.mark.parametrize("text", ["", "http", "70000", "٨٠٨٠"])
def test_a_file_without_a_port_counts_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "api.port").write_text(text, encoding="utf-8")
    assert read_port(tmp_path / "api.port") is None
