"""The table of versions: read from reports, and merged into the page."""

from pathlib import Path

from localcluster import versions
from matrix import BEGIN, END, PAGE, Trial, read, table

REPORT = """<?xml version="1.0"?><testsuites name="pytest tests">
<testsuite name="pytest" errors="1" failures="2" skipped="3" tests="1930" time="725.5"/></testsuites>"""


def trial(kubernetes: str, *, tests: int = 10, failed: int = 0) -> Trial:
    return Trial(kubernetes, tests, failed, 65.0, "2026-11-25")


def test_reports_are_read() -> None:
    assert read([REPORT], kubernetes="1.33.1", day="2026-11-25") == Trial("1.33.1", 1927, 3, 725.5, "2026-11-25")
    assert read([REPORT] * 2, kubernetes="1.33.1", day="2026-11-25") == Trial("1.33.1", 3854, 6, 1451.0, "2026-11-25")


def test_row_shows_the_result() -> None:
    assert trial("1.33.1").row() == "| 1.33.1 | 10 | all pass | 1 | 2026-11-25 |"
    assert trial("1.33.1", failed=2).row() == "| 1.33.1 | 10 | **2 fail** | 1 | 2026-11-25 |"
    assert trial("1.33.1", tests=0).row() == "| 1.33.1 | 0 | **none ran** | 1 | 2026-11-25 |"


def test_newest_version_comes_first_and_others_stay() -> None:
    page = f"{BEGIN}\n| 1.9.2 | 1 | all pass | 1 | 2020-01-01 |\n| 1.33.1 | old |\n\n{END}"
    rows = table(page, {"1.33.1": trial("1.33.1"), "1.37.0": trial("1.37.0")}).splitlines()[2:]
    assert [row.split()[1] for row in rows] == ["1.37.0", "1.33.1", "1.9.2"]
    assert "old" not in rows[1]


def test_page_has_the_matrix_and_both_supported_ends_are_tried() -> None:
    page = Path(PAGE).read_text(encoding="utf-8")
    assert BEGIN in page
    assert END in page
    minors = sorted(versions.KUBERNETES, key=lambda version: int(version.split(".")[1]))
    assert (minors[0], minors[-1]) == versions.SUPPORTED
