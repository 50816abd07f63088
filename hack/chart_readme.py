"""Writes the chart's README.md from the comments in its values, by helm-docs.

`make generate` runs it; with `--check` it only tells whether the page is as it should be.
"""

import subprocess
import sys
from pathlib import Path

from charttools import programs
from generated_page import write_or_compare
from localcluster import build
from localcluster.errors import ClusterError

CHART = Path(__file__).parents[1] / "charts" / "dkron-operator"
SECONDS = 60


def readme() -> str:
    """The page as helm-docs makes it. Raises `ClusterError`."""
    tool = programs.helm_docs()
    build.ensure([tool])
    command = [str(tool.program("helm-docs")), "--dry-run", "--chart-search-root", str(CHART), "--log-level", "warning"]
    result = subprocess.run(
        [*command, "--sort-values-order", "file"],
        capture_output=True, text=True, timeout=SECONDS, check=False, cwd=CHART,
    )  # fmt: skip
    if result.returncode != 0 or not result.stdout.strip():
        raise ClusterError(f"helm-docs has written nothing: {result.stderr.strip()}")
    return result.stdout.strip() + "\n"


def main() -> int:
    """Write the page, or compare; the exit status."""
    try:
        wanted = readme()
    except ClusterError as exc:
        sys.stderr.write(f"{exc}\n")
        return 1
    return write_or_compare(CHART / "README.md", wanted, source="values.yaml", arguments=sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
