"""The numbers of the dashboard as Prometheus evaluates them: with two replicas each job is counted once."""

import json
import re
from pathlib import Path

import yaml

from tests.alerts.promtool import promtool

DASHBOARD = Path(__file__).parents[2] / "charts" / "dkron-operator" / "files" / "dashboard.json"
GAUGES = {
    'dkron_operator_jobs{state="scheduled",': 5,
    'dkron_operator_jobs{state="suspended",': 2,
    "dkron_operator_jobs_failing{": 3,
    "dkron_operator_jobs_stale{": 1,
    "dkron_operator_active_executions{": 4,
}
"""What each replica of one installation says of the jobs; another has one of each, and none that is suspended."""
NUMBERS = {"Leaders": 2, "Jobs": 8, "Failing jobs": 4, "Stale jobs": 2, "Active executions": 5}


def queries() -> dict[str, str]:
    """What each number asks, by its title, with everything chosen at the top."""
    return {
        panel["title"]: re.sub(r"\$\w+", ".*", panel["targets"][0]["expr"])
        for panel in json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
        if panel["type"] == "stat" and panel["title"] in NUMBERS
    }


def series() -> dict[str, int]:
    """The samples of two installations, of which the first has two replicas."""
    replicas = {
        'namespace="one", instance="a"': 1,
        'namespace="one", instance="b"': 0,
        'namespace="two", instance="c"': 1,
    }
    leads = {f"dkron_operator_leader{{{where}}}": leader for where, leader in replicas.items()}
    knows = {
        f"{gauge}{where}}}": value if "one" in where else int("suspended" not in gauge)
        for gauge, value in GAUGES.items()
        for where in replicas
    }
    return {f'{name[:-1]}, job="dkron"}}': value for name, value in (leads | knows).items()}


def test_two_replicas_are_not_twice_as_many_jobs(tmp_path: Path) -> None:
    checks = [
        {"expr": query, "eval_time": "1m", "exp_samples": [{"labels": "{}", "value": NUMBERS[title]}]}
        for title, query in queries().items()
    ]
    assert len(checks) == len(NUMBERS)
    given = [{"series": name, "values": f"{value}x3"} for name, value in series().items()]
    path = tmp_path / "numbers.yaml"
    case = {"interval": "1m", "input_series": given, "promql_expr_test": checks}
    path.write_text(yaml.safe_dump({"tests": [case]}), encoding="utf-8")
    promtool("test", "rules", path)
