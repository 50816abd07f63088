"""The log of a program that is still writing it: its latest line may be half there."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support.logged_process import LoggedProcess


class Writer(LoggedProcess):
    module, what = "writer", "the writer"


@pytest.fixture(params=[None, 0], ids=["runs", "has ended"])
def writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Writer:
    process = SimpleNamespace(poll=lambda: request.param)
    monkeypatch.setattr(LoggedProcess, "launch", staticmethod(lambda _: process))
    writer = Writer(tmp_path / "log")
    writer.start(wait=False)
    return writer


LINE = b'{"level": "INFO", "msg": "ready"}\n'


def test_unfinished_line_is_judged_after_the_end(writer: Writer) -> None:
    writer.log.write_bytes(LINE + LINE[:9])
    if writer.running:
        writer.assert_clean()
        assert writer.mark() == len(LINE)
    else:
        with pytest.raises(AssertionError, match="the writer complained"):
            writer.assert_clean()


def test_whole_line_that_is_no_log_line_is_a_complaint(writer: Writer) -> None:
    writer.log.write_bytes(LINE + b"Traceback\n" + LINE)
    with pytest.raises(AssertionError, match="the writer complained"):
        writer.assert_clean()
