"""`dkronctl backfill` without a cluster: names, and how a status is read and shown."""

import re
from functools import partial
from typing import Any

import pytest

from dkron_cli.commands.backfill import _planned
from dkron_cli.core.backfill import Progress, backfill_name, progress
from dkron_cli.edge import progress as progress_module
from dkron_cli.edge.progress import shown_progress
from dkron_cli.errors import CliError, Code
from dkron_cli.options import Options


@pytest.mark.parametrize("job", ["report", "x" * 60, "größe_1", ""], ids=["short", "long", "other letters", "several"])
def test_the_name_fits_a_label(job: str) -> None:
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", backfill_name(job, 1795580295, "ab12"))


RUN = {"run": "a-1", "job": "a", "slot": "2026-01-01T00:00:00Z"}
FAILED = "2026-01-01T00:00:00Z of a failed: dkronctl runs describe a-1"


def ended(*, good: bool) -> Progress:
    return Progress(None, 0, good, "", ())


@pytest.mark.parametrize(
    ("status", "found"),
    [
        pytest.param({}, Progress(None, 0, None, "", ()), id="not planned"),
        pytest.param(
            {"plan": {"count": 9}, "succeeded": 2, "failed": 1, "failedRuns": [RUN], "message": "3 of 9 runs ended",
             "conditions": [{"type": "Suspended", "status": "True"}]},
            Progress(9, 3, None, "3 of 9 runs ended", (FAILED,)), id="on its way",
        ),
        pytest.param(
            {"failedRuns": [{**RUN, "message": "exit\x1b[2J 3"}]},
            Progress(None, 0, None, "", ("2026-01-01T00:00:00Z of a failed: exit [2J 3",)), id="why",
        ),
        pytest.param({"conditions": [{"type": "Complete", "status": "True"}]}, ended(good=True), id="good"),
        pytest.param({"conditions": [{"type": "Failed", "status": "True"}]}, ended(good=False), id="bad"),
    ],
)  # fmt: skip
def test_a_status_is_read(status: dict[str, Any], found: Progress) -> None:
    assert progress({"status": status}) == found


FAILS = [{"type": "Failed", "status": "True"}]


class Backfills:
    """One backfill, of which each look finds the next status; None: it may not be read."""

    def __init__(self, *statuses: dict[str, Any] | None) -> None:
        self.statuses = iter(statuses)

    async def find(self, _name: str) -> dict[str, Any]:
        status = next(self.statuses)
        if status is None:
            raise CliError(Code.FORBIDDEN, "no right")
        return {"status": status}


@pytest.mark.parametrize(
    ("statuses", "refused", "over"),
    [
        pytest.param([{}, {"plan": {"count": 9}}], False, False, id="planned"),
        pytest.param([{}, {"conditions": FAILS, "message": "too many"}], True, True, id="refused"),
        pytest.param([{"plan": {"count": 1}, "conditions": FAILS}], False, True, id="failed already"),
        pytest.param([None], False, False, id="not to be read"),
    ],
)
async def test_a_backfill_is_planned_or_refused(
    statuses: list[dict[str, Any] | None], refused: bool, over: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_module, "INTERVAL", 0)
    backfills: Any = Backfills(*statuses)
    found = await progress_module.decided(partial(_planned, backfills, "b"))
    assert found is not None
    assert (found.refused, found.over) == (refused, over)


def test_in_a_pipe_each_change_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_progress(Options()) as show:
        for sentence in ("", "1 of 2\x1b[2J", "1 of 2\x1b[2J", "2 of 2"):
            show(1, 2, sentence)
    assert capsys.readouterr().err == "1 of 2�[2J\n2 of 2\n"
