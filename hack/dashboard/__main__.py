"""`python -m dashboard [--check]`: write the dashboard into the chart, or tell whether it is as it should be."""

import json
import sys
from pathlib import Path

from dashboard.grafana import dashboard
from dashboard.panels import ROWS
from generated_page import write_or_compare

PAGE = Path(__file__).parents[2] / "charts" / "dkron-operator" / "files" / "dashboard.json"


def main(arguments: list[str]) -> int:
    """Write the file, or compare it; the exit status."""
    wanted = json.dumps(dashboard(ROWS), indent=2) + "\n"
    return write_or_compare(PAGE, wanted, source="hack/dashboard", arguments=arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
