"""`make test`: all stages run, and the table at the end says what became of each."""

import os
from base64 import b64encode
from pathlib import Path

import pytest

import stages
from stages import MARK, Stage, counted, lines_with_secrets, table

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("lines", "counts"),
    [
        pytest.param(["================ 5 passed in 3.21s ================"], {"passed": 5}, id="all passed"),
        pytest.param(
            ["= 2 failed, 2019 passed, 3 skipped, 1 error, 4 rerun in 1023.00s (0:17:03) ="],
            {"failed": 2, "passed": 2019, "skipped": 3, "error": 1, "rerun": 4}, id="of everything",
        ),
        pytest.param(["4 passed in 1.00s", "= 2 passed, 2 errors in 3.00s ="], {"passed": 6, "error": 2}, id="two"),
        pytest.param(["5 passed the ball in 3 s", "in 3.21s"], {}, id="other lines"),
    ],
)  # fmt: skip
def test_the_closing_lines_of_pytest_are_counted(lines: list[str], counts: dict[str, int]) -> None:
    assert {what: number for what, number in counted(lines).items() if number} == counts


def test_table_has_a_line_for_each_stage_and_what_was_left_out() -> None:
    left_out = "left out: 6 tests: there is no apt-get"
    good = Stage("test-unit", 0, {"passed": 6815}, 183.4)
    bad = Stage("test-cluster", 2, {"passed": 2019, "failed": 2, "rerun": 1}, 1020.0, (left_out, left_out))
    assert [line.split() for line in table([good, bad])] == [
        ["stage", "passed", "failed", "error", "rerun", "skipped", "time"],
        ["test-unit", "passed", "6815", "-", "-", "-", "-", "3:03"],
        ["test-cluster", "FAILED", "2019", "2", "-", "1", "-", "17:00"],
        left_out.split(),
    ]


TOKEN = f"dkron_{'aB3-' * 10}xyz"


@pytest.mark.parametrize(
    ("printed", "secret"),
    [
        pytest.param(f"Bearer {MARK}-token", MARK, id="the mark"),
        *(
            pytest.param(f"data: {b64encode(b'x' * n + MARK.encode() + b'yz').decode()}", "", id=f"base64, from {n}")
            for n in range(3)
        ),
        pytest.param(f"token {TOKEN}, kept", TOKEN, id="a token of ours"),
        pytest.param("eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhYmMifQ.c2lnbmF0dXJl", "eyJ", id="a token of the cluster"),
    ],
)
def test_stage_that_prints_a_secret_fails_and_says_where(printed: str, secret: str) -> None:
    (line,) = lines_with_secrets(f"before\n{printed}\nafter\n")
    assert "***" in line
    assert not secret or secret not in line
    stage = Stage("test-unit", 0, {"passed": 1}, 1.0, secrets=(line,))
    assert stage.outcome == "FAILED"
    assert [*table([stage])][-1] == f"test-unit printed a secret: {line}"


def test_lookalike_is_no_secret() -> None:
    assert lines_with_secrets("dkron_operator_slots_skipped_total_by_reason_and_namespace secretRef:a/b eyJ.") == []


def test_all_stages_run_though_one_fails(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    (tmp_path / "Makefile").write_text(
        "one:\n\t@echo '== 1 failed, 2 passed in 1.00s =='; echo \"$(RERUNS)\" >&2; "
        "echo 'failed: tests/t.py::a: no'; exit 1\n"
        "two:\n\t@echo 'left out: all of it'; echo '3 passed in 1.00s'\n"
        "three:\n\t@echo 'a s3cr''3t'; echo '4 passed in 1.00s'\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(stages, "STAGES", {"one": "first", "two": "second"})
    assert stages.main(["RERUNS=7"]) == 1
    said = capfdbinary.readouterr().out.decode()
    assert "== 1 failed, 2 passed in 1.00s ==\n7\n" in said, "what a stage prints is shown as it is"
    end = said.partition("== all stages\n")[2].splitlines()
    assert [line.split()[:4] for line in end[1:3]] == [["one", "FAILED", "2", "1"], ["two", "passed", "3", "-"]]
    assert end[3:] == ["left out: all of it", "failed: tests/t.py::a: no"]
    monkeypatch.setattr(stages, "STAGES", {"two": "second"})
    assert stages.main([]) == 0
    monkeypatch.setattr(stages, "STAGES", {"three": "third"})
    assert stages.main([]) == 1
    assert "three printed a secret: a ***" in capfdbinary.readouterr().out.decode()


def test_stages_side_by_side_are_shown_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Each of the first two waits for the other."""
    (tmp_path / "Makefile").write_text(
        "one:\n\t@echo begin one; echo > to-two; cat to-one; echo end one\n"
        "two:\n\t@echo begin two; cat to-two; echo > to-one; echo end two; exit 1\n"
        "three:\n\t@echo begin three\n"
    )
    for name in ("to-one", "to-two"):
        os.mkfifo(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(stages, "STAGES", {"one": "first", "two": "second", "three": "third"})
    monkeypatch.setattr(stages, "SIDE_BY_SIDE", frozenset({"one", "two"}))
    assert stages.main([]) == 1
    printed = capfdbinary.readouterr().out.decode().splitlines()
    shown = [line for line in printed if line and not line.startswith("make")]
    assert shown[:3] == ["== first", "begin one", "end one"]
    assert shown[3:6] == ["== second", "begin two", "end two"]
    assert shown[6:9] == ["== third", "begin three", "== all stages"]
    assert [line.split()[:2] for line in shown[-3:]] == [["one", "passed"], ["two", "FAILED"], ["three", "passed"]]


def test_the_stages_are_targets_that_there_are() -> None:
    made = (ROOT / "Makefile").read_text("utf-8")
    assert [target for target in stages.STAGES if f"\n{target}:" not in made] == []
    assert stages.STAGES.keys() >= stages.SIDE_BY_SIDE
