"""The operator reads the time of day in one place, so that a test which moves its `Clock` moves all of it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FOLDERS = ("operator", "crds", "lib")
READERS = re.compile(
    r"\b(?:datetime|date)\.(?:now|utcnow|today)\b"
    r"|\btime\.(?:time|time_ns|gmtime|localtime|strftime|ctime|asctime|clock_gettime)\b"
    r"|\bfrom time import\b.*\b(?:time|time_ns|gmtime|localtime|strftime)\b"
    r"|\b(?:formatdate|localtime)\("
)


@pytest.mark.parametrize(
    ("line", "reads"),
    [
        pytest.param("return datetime.now(UTC)", True, id="now"),
        pytest.param("default_factory=datetime.utcnow", True, id="a reader as a value"),
        pytest.param("born = time.time()", True, id="seconds"),
        pytest.param("from time import perf_counter, time", True, id="by its own name"),
        pytest.param("from time import perf_counter", False, id="a duration"),
        pytest.param("began = time.monotonic()", False, id="monotonic"),
        pytest.param("now = self._clock.now()", False, id="the clock"),
    ],
)
def test_readers_are_recognized(line: str, reads: bool) -> None:
    assert bool(READERS.search(line)) is reads


def test_only_the_clock_reads_the_time_of_day() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
        for line in path.read_text("utf-8").splitlines()
        if READERS.search(line)
    }
    assert found == {"operator/dkron_operator/kit/clock.py: return datetime.now(UTC)"}
