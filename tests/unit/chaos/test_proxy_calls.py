"""Which call a path is, and which rules strike."""

import pytest

from tests.chaos.proxy.call import WRITES, Call, read
from tests.chaos.proxy.rules import Answer, Delay, DropAfter, DropBefore, FreezeWatch, Rule, Ruling

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
