"""The pages for operators name all that the code can say, and the rights that it needs."""

import re
from datetime import timedelta
from pathlib import Path

from dkron_crds.job import ReadyReason, SkipReason, SuspendedReason
from dkron_crds.status import MAX_ENDED
from dkron_operator.plan.steps.conditions import NEEDS_A_PERSON
from dkron_operator.plan.steps.dependents import PATIENCE, most_shown
from tests.support.manifests import shown
from tests.support.rights import LEAST

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
SOURCES = sorted((ROOT / "operator/dkron_operator").rglob("*.py"))
EVENT = re.compile(r'(?:\b(?:warn|report|tell)\(|Severity\.\w+, |return (?:TRUE, )?|PodProblem\()"([A-Z][a-zA-Z]+)", ')


def unnamed(words: set[str]) -> list[str]:
    return sorted(word for word in words if f"`{word}`" not in PAGE)


def test_each_reason_of_a_condition_is_explained() -> None:
    assert unnamed({*ReadyReason, *SuspendedReason, *NEEDS_A_PERSON, *SkipReason}) == []


def test_each_event_is_explained() -> None:
    found = {event for source in SOURCES for event in EVENT.findall(source.read_text(encoding="utf-8"))}
    assert found >= {"ExecutionFailed", "SlotSkipped", "NotDelivered", "NameTaken", "NoReceiver", "StatusRebuilt"}
    assert unnamed(found) == []


def test_limit_of_ended_runs_is_documented_consistently() -> None:
    for page, text in {
        "docs/operations.md": "more than {} ended runs",
        "docs/dependencies.md": "A job shows {} ended runs at most",
        "docs/adr/0013-ended-runs-are-shown-until-heard.md": "The list holds {} runs",
        "crds/dkron.io_dkronjobs.yaml": "maxItems: {}\n",
    }.items():
        assert text.format(MAX_ENDED) in (ROOT / page).read_text(encoding="utf-8"), page
    assert most_shown("x" * 8) == MAX_ENDED > most_shown("x" * 9), "as docs/dependencies.md says"
    assert most_shown("x" * 52) == 190, "the same"
    assert timedelta(seconds=30) == PATIENCE, "as both pages say"


def test_the_rights_that_are_named_are_the_least() -> None:
    (role,) = [each.document for each in shown() if each.name == "docs/security.md:dkron-operator"]
    named = {
        (group, resource, *rule.get("resourceNames", ()), verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert named == {(*key, verb) for key, verbs in LEAST.items() for verb in verbs}
