"""The command, and the format that it reads."""

import io
from pathlib import Path

import pytest

from tests.chaos.__main__ import main
from tests.chaos.history import Act
from tests.chaos.reading import Unreadable, read, write
from tests.chaos.verdict import judge
from tests.unit.chaos.facts import asked, broke, history, made, ran, spec, told

GOOD = history(
    made(spec(concurrency="forbid", missedRuns="all")), ran(10), ran(20), ran(30), told(ran(10), ran(20), ran(30))
)
BAD = history(
    made(spec()), asked(Act.STOP, 17, hits="none"), broke(2, 3, down=False), ran(10), ran(30), ran(35), read=40
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "history.jsonl"


def test_nothing_to_object_to(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text("".join(write(GOOD)))
    assert main([str(file)]) == 0
    told = capsys.readouterr().out
    assert told == (
        "0 objections to 1 jobs with 3 runs: of 4 slots 3 had to run, 1 did not run; 0 faults\n"
        "calm for 100.0 % of 30.0 s; the latest slot in it ran 0.5 s late (a at 2026-03-01T00:00:30Z); "
        "no slot had more than 2.0 s\n"
    )


def test_objections_are_printed_with_their_context(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(write(BAD))))
    assert main(["-"]) == 1
    summary, missing, extra = capsys.readouterr().out.strip().split("\n\n")
    assert summary.startswith("2 objections to 1 jobs with 3 runs")
    assert missing.startswith(
        "A SLOT DID NOT RUN: a (uid-a) at 2026-03-01T00:00:20Z: the slot 2026-03-01T00:00:20Z had to run by "
        "2026-03-01T00:00:22Z, and nothing ran for it. Runs near: 00:00:10.5 to 00:00:12.5 succeeded, Job a-10-"
    )
    assert "Asked for: 00:00:00.5 create (*/10 * * * * *, allow, latest) answered 00:00:00.6; " in missing
    assert missing.endswith("Broken: 00:00:02 to 00:00:03 it broke.")
    assert extra.startswith("AN UNEXPLAINED RUN: a (uid-a) at 2026-03-01T00:00:35.5Z: Job a-35-schedule-1")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("", '0 lines have "fact": "terms"', id="nothing"),
        pytest.param("nonsense", "line 1 is no JSON object", id="no JSON"),
        pytest.param('\n["fact"]', "line 2 is no JSON object", id="no object"),
        pytest.param('{"fact": "rumour"}', "line 1 is no JSON object with a", id="no fact"),
        pytest.param('{"fact": "terms", "raed": 1}', "line 1 has unknown keys: raed", id="unknown key"),
        pytest.param('{"fact": "terms", "read": "2026-01-01T00:00:00"}', "line 1, read: ", id="no zone"),
        pytest.param('{"fact": "run", "job": "a"}', "line 1, uid: ", id="something is missing"),
    ],
)
def test_invalid_history_file_is_refused(text: str, why: str, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Unreadable) as refusal:
        read(text.splitlines())
    assert why in str(refusal.value)
    file.write_text(text)
    assert main([str(file)]) == 2
    assert why in capsys.readouterr().err


def test_missing_spec_and_missing_file_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match=r'the create of "a" at .* has no spec'):
        judge(history(asked(Act.CREATE, 1), ran(10)))
    assert main(["/nowhere"]) == 2
    assert main([]) == 2
    assert "usage: python -m tests.chaos FILE" in capsys.readouterr().err


def test_written_text_reads_back() -> None:
    assert read(write(GOOD)) == GOOD
    assert read(write(BAD)) == BAD
