"""Alerts, what is written about them, and the metrics they ask for stay in step."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from localcluster.quiet import run_quietly

ROOT = Path(__file__).parents[2]
RULES = ROOT / "charts" / "dkron-operator" / "files" / "alerts.yaml"
RUNBOOKS = ROOT / "docs" / "runbooks"
SITE = "https://dkron-operator.github.io/dkron-operator/runbooks"
OVERVIEW = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
COMMANDS = re.compile(r"^```console\n(.+?)^```$", re.MULTILINE | re.DOTALL)
HEADINGS = ("Meaning", "Impact", "Diagnosis", "Mitigation")
SELECTED = re.compile(r"\bdkron_\w+(.{0,18})", re.DOTALL)
THRESHOLD = re.compile(r"> ([0-9.]+)\s*\Z")
"""The number that the chart replaces, see templates/prometheusrule.yaml."""

ALERTS: list[dict[str, Any]] = [
    rule for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]
]
every_alert = pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: str(rule["alert"]))


def test_each_alert_has_a_page_and_each_page_an_alert() -> None:
    assert sorted(page.stem for page in RUNBOOKS.glob("*.md")) == sorted(rule["alert"] for rule in ALERTS)


@every_alert
def test_alert_has_a_summary_and_a_runbook(rule: dict[str, Any]) -> None:
    assert set(rule) - {"for"} == {"alert", "expr", "labels", "annotations"}
    assert rule["labels"].keys() == {"severity"}
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    notes = rule["annotations"]
    assert notes.keys() == {"summary", "description", "runbook_url"}
    assert notes["runbook_url"] == f"{SITE}/{rule['alert']}/"
    assert "{{" not in notes["summary"], "a summary is the same for all alerts that are grouped under it"
    assert notes["summary"].endswith(".")
    bare = [found.group(0) for found in SELECTED.finditer(rule["expr"]) if 'namespace=~".*"' not in found.group(1)]
    assert bare == [], "the chart could not tell its release from others"


@every_alert
def test_runbook_has_its_required_sections(rule: dict[str, Any]) -> None:
    page = (RUNBOOKS / f"{rule['alert']}.md").read_text(encoding="utf-8")
    assert page.startswith(f"# {rule['alert']}\n\n**{rule['labels']['severity'].capitalize()}.**")
    assert re.findall(r"^## (.+)$", page, re.MULTILINE) == list(HEADINGS)
    assert COMMANDS.search(page.partition("## Diagnosis")[2].partition("## Mitigation")[0]), "no command to begin with"
    for commands in COMMANDS.findall(page):
        done = run_quietly(["bash", "-n", "-c", commands], seconds=10)
        assert done.returncode == 0, done.stdout
        assert "<" not in commands, "a gap to fill in is a redirection to a shell: give a variable instead"


@every_alert
def test_overview_has_the_threshold_and_delay_of_each_alert(rule: dict[str, Any]) -> None:
    row = next((line for line in OVERVIEW.splitlines() if line.startswith(f"| [{rule['alert']}]")), "")
    _, _, severity, _, threshold, patience, _ = [cell.strip() for cell in row.split("|")]
    found = THRESHOLD.search(rule["expr"])
    assert (severity, threshold, patience) == (
        rule["labels"]["severity"],
        found.group(1) if found else "",
        rule.get("for", "at once"),
    )
