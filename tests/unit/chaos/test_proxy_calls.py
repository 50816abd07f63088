"""What a path asks for, which rules strike, and how rules are said."""

import re

import pytest

from tests.chaos.proxy.call import WRITES, Call, read
from tests.chaos.proxy.rules import Answer, CutWatch, Delay, DropAfter, DropBefore, FreezeWatch, Rule, Ruling
from tests.chaos.proxy.wording import MANUAL, parse

JOBS = "/apis/batch/v1/namespaces/here/jobs"
DKRON_JOBS = "/apis/dkron.io/v1alpha1/namespaces/here/dkronjobs"
A_JOB = Call(verb="create", resource="jobs", namespace="here")


@pytest.mark.parametrize(
    ("method", "path", "query", "told"),
    [
        ("GET", JOBS, {}, "list jobs in here"),
        ("GET", JOBS, {"watch": "true"}, "watch jobs in here"),
        ("GET", JOBS, {"watch": "1"}, "watch jobs in here"),
        ("GET", f"{JOBS}/a", {}, "get jobs a in here"),
        ("POST", JOBS, {}, "create jobs in here"),
        ("PUT", f"{JOBS}/a", {}, "update jobs a in here"),
        ("DELETE", f"{JOBS}/a", {}, "delete jobs a in here"),
        ("DELETE", JOBS, {}, "deletecollection jobs in here"),
        ("PATCH", f"{DKRON_JOBS}/a/status", {}, "patch dkronjobs/status a in here"),
        ("GET", "/apis/dkron.io/v1alpha1/dkronjobs", {}, "list dkronjobs"),
        ("GET", "/api/v1/nodes", {}, "list nodes"),
        ("GET", "/api/v1/namespaces", {}, "list namespaces"),
        ("PATCH", "/api/v1/namespaces/here", {}, "patch namespaces here"),
        ("PUT", "/api/v1/namespaces/here/finalize", {}, "update namespaces/finalize here"),
        ("GET", "/api/v1/namespaces/here/pods/p/log", {"follow": "true"}, "get pods/log p in here"),
        ("GET", f"/k8s/clusters/c-1{JOBS}", {}, "list jobs in here"),
        ("GET", "/version", {}, "get no resource"),
        ("GET", "/apis", {}, "get no resource"),
        ("GET", "/apis/batch/v1", {}, "get no resource"),
        ("GET", "/openapi/v3/apis/dkron.io/v1alpha1", {}, "get no resource"),
    ],
    ids=lambda value: value.rpartition("/here/")[2] if isinstance(value, str) else " ".join(value),
)
def test_path_becomes_a_call(method: str, path: str, query: dict[str, str], told: str) -> None:
    call = read(method, path, query)
    assert str(call) == told
    assert call.is_write == (told.split(maxsplit=1)[0] in WRITES)


@pytest.mark.parametrize(
    ("rule", "strikes"),
    [
        (Rule(fault=DropBefore()), True),
        (Rule(fault=DropBefore(), verb="create", resource="jobs"), True),
        (Rule(fault=DropBefore(), verb="patch"), False),
        (Rule(fault=DropBefore(), resource="jobs/status"), False),
        (Rule(fault=DropBefore(), resource="*jobs*"), True),
        (Rule(fault=DropBefore(), name="other"), False),
    ],
)
def test_which_calls_a_rule_befalls(rule: Rule, *, strikes: bool) -> None:
    assert bool(Ruling([rule]).on(A_JOB)) is strikes


def test_dry_run_and_non_resource_calls_are_no_writes() -> None:
    assert not read("POST", JOBS, {"dryRun": "All"}).is_write
    assert not Ruling([Rule(fault=DropBefore())]).on(read("GET", "/version", {}))


def test_a_rule_spares_the_first_and_is_used_up() -> None:
    ruling = Ruling([Rule(fault=DropBefore(), skip=1, times=2)])
    assert [bool(ruling.on(A_JOB)) for _ in range(5)] == [False, True, True, False, False]
    assert ruling.hits == [2]


def test_chance_is_the_same_with_the_same_seed() -> None:
    def struck(seed: int) -> list[bool]:
        ruling = Ruling([Rule(fault=DropBefore(), chance=0.5)], seed=seed)
        return [bool(ruling.on(A_JOB)) for _ in range(50)]

    assert struck(1) == struck(1)
    assert struck(1) != struck(2)
    assert 10 < sum(struck(1)) < 40


def test_delays_come_first_and_one_other_fault_follows() -> None:
    rules = [Rule(fault=each) for each in (DropAfter(), Delay(1), Answer(500), Delay(2))]
    assert Ruling(rules).on(A_JOB) == (Delay(1), Delay(2), DropAfter())


def test_faults_of_open_watches_are_no_faults_of_calls() -> None:
    watch = Call(verb="watch", resource="jobs")
    ruling = Ruling([Rule(fault=FreezeWatch()), Rule(fault=DropBefore())])
    assert ruling.on(watch) == (DropBefore(),)
    assert ruling.on_stream(watch) == FreezeWatch()


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("create jobs: drop-after, chance=0.3", Rule(fault=DropAfter(), verb="create", resource="jobs", chance=0.3)),
        ("* *: answer=429, retry-after=5", Rule(fault=Answer(429, 5))),
        ("patch dkronjobs/status a*: delay=1.5, skip=2, times=3",
         Rule(fault=Delay(1.5), verb="patch", resource="dkronjobs/status", name="a*", skip=2, times=3)),
        ("watch jobs: cut", Rule(fault=CutWatch(), verb="watch", resource="jobs")),
        ("watch jobs: cut=3", Rule(fault=CutWatch(3), verb="watch", resource="jobs")),
        ("watch jobs: freeze", Rule(fault=FreezeWatch(), verb="watch", resource="jobs")),
    ],
)  # fmt: skip
def test_rules_as_text(text: str, rule: Rule) -> None:
    assert parse(text) == rule


def test_every_documented_fault_and_example_parses() -> None:
    faults, examples = MANUAL.partition("faults\n")[2].split("examples\n")
    for example in examples.splitlines():
        parse(example)
    for word in re.findall(r"^  ([a-z-]+)", faults.partition("options\n")[0], flags=re.MULTILINE):
        parse(f"* *: {word}=410" if word in ("delay", "answer") else f"* *: {word}")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("jobs", "say VERB RESOURCE"),
        ("create jobs", "say VERB RESOURCE"),
        ("create jobs: explode", "no fault 'explode'"),
        ("create jobs: delay", "could not convert"),
        ("create jobs: drop-after, often=1", "no option often"),
    ],
)
def test_invalid_rule_is_reported(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse(text)
