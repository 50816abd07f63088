"""`dkronctl backfill` without a cluster: labels, names, and how a status is read and shown."""

import re
from typing import Any

import pytest

from dkron_cli.core.backfill import Progress, backfill_name, progress, read_selector
from dkron_cli.edge.progress import shown_progress
from dkron_cli.options import Options


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        pytest.param("team=data, tier=2", {"team": "data", "tier": "2"}, id="two"),
        pytest.param("a.b/c=", {"a.b/c": ""}, id="an empty value"),
        pytest.param("", {}, id="all"),
    ],
)
def test_labels_are_read(text: str, labels: dict[str, str]) -> None:
    assert read_selector(text) == labels


@pytest.mark.parametrize("text", ["team", "team!=data", "team==data", "=data", "a in (b)"])
def test_what_is_no_label_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a list of labels"):
        read_selector(text)


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
        pytest.param({"conditions": [{"type": "Complete", "status": "True"}]}, ended(good=True), id="good"),
        pytest.param({"conditions": [{"type": "Failed", "status": "True"}]}, ended(good=False), id="bad"),
    ],
)  # fmt: skip
def test_a_status_is_read(status: dict[str, Any], found: Progress) -> None:
    assert progress({"status": status}) == found


def test_in_a_pipe_each_change_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_progress(Options()) as show:
        for sentence in ("", "1 of 2\x1b[2J", "1 of 2\x1b[2J", "2 of 2"):
            show(1, 2, sentence)
    assert capsys.readouterr().err == "1 of 2�[2J\n2 of 2\n"
