"""The alerts as Prometheus evaluates them: each fires, does not fire, and recovers. The files beside have the cases."""

from pathlib import Path

import pytest
import yaml

from tests.alerts.promtool import HERE, promtool

RULES = HERE.parents[1] / "charts" / "dkron-operator" / "files" / "alerts.yaml"
CASES = sorted(HERE.glob("*.yaml"))


def alerts() -> list[str]:
    return [rule["alert"] for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def test_the_file_is_one_of_rules() -> None:
    assert f"{len(alerts())} rules found" in promtool("check", "rules", "--lint=all", "--lint-fatal", RULES)


def test_each_alert_has_cases() -> None:
    assert sorted(alerts()) == [path.stem for path in CASES]


@pytest.mark.parametrize("cases", CASES, ids=lambda path: path.stem)
def test_it_fires_and_recovers(cases: Path) -> None:
    tests = yaml.safe_load(cases.read_text())["tests"]
    checks = [check for test in tests for check in test["alert_rule_test"]]
    assert {check["alertname"] for check in checks} == {cases.stem}
    assert any(check["exp_alerts"] for check in checks), "it never fires"
    assert not checks[0]["exp_alerts"], "it fires from the beginning"
    assert any(not test["alert_rule_test"][-1]["exp_alerts"] for test in tests), "it never recovers"
    promtool("test", "rules", cases)
