"""`make matrix`: the tests at a control plane on several versions of Kubernetes, and their table in docs/support.md.

    python hack/matrix.py [1.33 1.37]

Without arguments: the oldest and the newest of those that are supported. Each version is built and tried by the targets
that CI runs. A row of the table stays until its version is tried again.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

from generate.page import with_part
from localcluster import versions
from localcluster.errors import ClusterError

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "support.md"
BEGIN = "<!-- matrix: make matrix writes what is between these lines -->\n"
END = "<!-- /matrix -->\n"
TARGETS = ("test-cluster", "test-storm")
HEAD = "| Kubernetes | tests | result | minutes | tried on |\n| --- | --- | --- | --- | --- |"
ROW = re.compile(r"^\| (1\.\d+\.\d+) \|.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of the tests on one version."""

    kubernetes: str
    tests: int
    failed: int
    seconds: float
    day: str

    def row(self) -> str:
        """A row of the table."""
        result = (
            "all pass"
            if self.tests and not self.failed
            else f"**{self.failed} fail**"
            if self.tests
            else "**none ran**"
        )
        return f"| {self.kubernetes} | {self.tests:,} | {result} | {self.seconds / 60:.0f} | {self.day} |"


def read(reports: Iterable[str], *, kubernetes: str, day: str) -> Trial:
    """Read reports in JUnit's format, as pytest writes them; skipped tests are not counted."""
    suites = [suite for report in reports for suite in ET.fromstring(report).iter("testsuite")]  # noqa: S314 - pytest's

    def total(key: str) -> int:
        return sum(int(suite.get(key, 0)) for suite in suites)

    failed = total("failures") + total("errors")
    seconds = sum(float(suite.get("time", 0)) for suite in suites)
    return Trial(kubernetes, total("tests") - total("skipped"), failed, seconds, day)


def table(page: str, trials: Mapping[str, Trial]) -> str:
    """The table of these trials and of what else the page has, the newest version first."""
    rows = {match[1]: match[0] for match in ROW.finditer(page)} | {name: each.row() for name, each in trials.items()}
    newest_first = sorted(rows, key=lambda name: [int(part) for part in name.split(".")], reverse=True)
    return "\n".join((HEAD, *(rows[name] for name in newest_first)))


def attempt(kubernetes: str, folder: Path) -> Trial:
    """Run the tests on this version; they print what they do, and write their reports into the folder."""
    folder.mkdir()
    reports = [folder / f"{target}.xml" for target in TARGETS]
    for target, report in zip(TARGETS, reports, strict=True):
        options = f"{os.environ.get('PYTEST_ADDOPTS', '')} --junitxml={report}".strip()
        environment = {**os.environ, "K8S": kubernetes, "CLUSTER": "local", "PYTEST_ADDOPTS": options}
        subprocess.run(["make", "--no-print-directory", target], cwd=ROOT, env=environment, check=False)
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    if not all(report.exists() for report in reports):
        return Trial(kubernetes, tests=0, failed=0, seconds=0, day=day)
    return read((report.read_text(encoding="utf-8") for report in reports), kubernetes=kubernetes, day=day)


def main(arguments: list[str]) -> int:
    """Try each version; the exit status is 1 if anything failed on any of them."""
    trials: dict[str, Trial] = {}
    with tempfile.TemporaryDirectory() as folder:
        for kubernetes in dict.fromkeys(versions.resolve(each) for each in arguments or versions.SUPPORTED):
            print(f"== Kubernetes {kubernetes}", flush=True)
            trials[kubernetes] = attempt(kubernetes, Path(folder) / kubernetes)
            page = PAGE.read_text(encoding="utf-8")
            PAGE.write_text(with_part(page, begin=BEGIN, end=END, part=table(page, trials)), encoding="utf-8")
    print("\n".join(each.row() for each in trials.values()))
    return int(any(each.failed or not each.tests for each in trials.values()))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except ClusterError as exc:
        sys.exit(f"matrix: {exc}")
