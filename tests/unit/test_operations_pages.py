"""The pages for operators name all that the code can say, and the rights that it needs."""

import re
from pathlib import Path

from dkron_crds.job import ReadyReason, SkipReason, SuspendedReason
from dkron_operator.plan.conditions import NEEDS_A_PERSON
from tests.support.manifests import shown
from tests.support.rights import LEAST

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
SOURCES = sorted((ROOT / "operator/dkron_operator").rglob("*.py"))
EVENT = re.compile(r'(?:\b(?:warn|tell)\(|Severity\.\w+, |return |Trouble\()"([A-Z][a-zA-Z]+)", ')


def unnamed(words: set[str]) -> list[str]:
    return sorted(word for word in words if f"`{word}`" not in PAGE)


def test_each_reason_of_a_condition_is_explained() -> None:
    assert unnamed({*ReadyReason, *SuspendedReason, *NEEDS_A_PERSON, *SkipReason}) == []


def test_each_event_is_explained() -> None:
    found = {event for source in SOURCES for event in EVENT.findall(source.read_text(encoding="utf-8"))}
    assert found >= {"ExecutionFailed", "SlotSkipped", "NotDelivered", "NameTaken", "NoReceiver", "StatusRebuilt"}
    assert unnamed(found) == []


def test_the_rights_that_are_named_are_the_least() -> None:
    (role,) = [each.document for each in shown() if each.name == "docs/security.md:dkron-operator"]
    named = {
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert named == {(group, resource, verb) for (group, resource), verbs in LEAST.items() for verb in verbs}
