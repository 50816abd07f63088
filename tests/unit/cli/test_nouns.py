"""`dkronctl runs` and `dkronctl backfills`, by kubeconfig and by our REST API: they say and do the same."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import typer

from dkron_api.routes import backfills as backfill_routes
from dkron_api.routes import jobs as job_routes
from dkron_api.routes import pauses as pause_routes
from dkron_api.routes import runs as run_routes
from dkron_cli.commands import backfills, pause, runs
from dkron_cli.core.pauses import Choice
from dkron_cli.errors import CliError, Code
from dkron_cli.main import main
from dkron_cli.options import Options
from dkron_crds.run import OF_BACKFILL
from dkron_kube.errors import KubeError, NotFound, Rejected
from dkron_kube.paths import DKRON_BACKFILLS, DKRON_CLUSTERS, DKRON_JOBS, DKRON_PAUSES, DKRON_RUNS, Resource
from tests.support.api_app import Api, object_of, running_api
from tests.support.builders import NAMESPACE, wire_job
from tests.support.fake_kube import FakeKube
from tests.support.opened_cluster import by_kubeconfig, call_of

Object = dict[str, Any]
Command = Callable[[Options, str], Awaitable[int | None]]
AT = "2026-03-01T11:00:00Z"
LATER = "2026-03-01T11:00:03Z"
ATTEMPT = {"id": "1-report-x", "job": "report-x", "state": "Failed", "slot": AT, "trigger": "manual", "group": 7,
           "attempt": 2, "startedAt": AT, "finishedAt": LATER, "exitCode": 3}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Case:
    """A command about an object with this status, what it ends with and says, and whether the object is there then."""

    run: Command
    spec: Object = field(default_factory=dict)
    status: Object = field(default_factory=dict)
    code: int = Code.OK
    says: tuple[str, ...]
    stays: bool = True
    spec_after: Object = field(default_factory=dict)


def ended(kind: str, reason: str) -> list[Object]:
    return [{"type": kind, "status": "True", "reason": reason, "lastTransitionTime": AT}]


def called(command: Callable[..., Awaitable[None]], **more: Any) -> Command:
    async def run(options: Options, *names: str) -> int:
        try:
            await command(call_of(options), *names, **more)
        except typer.Exit as end:
            return end.exit_code
        return Code.OK

    return run


wait_for_run, wait_for_backfill = called(runs.wait, patience="5s"), called(backfills.wait, patience="5s")
give_up = called(backfills.wait, patience="10ms")
suspend, resume = called(backfills.suspend), called(backfills.resume)
SUCCEEDED = {"phase": "Succeeded", "attemptCount": 1, "startedAt": AT, "finishedAt": LATER, "message": "done"}
FAILED = {"phase": "Failed", "attemptCount": 2, "startedAt": AT, "finishedAt": LATER, "attempts": [ATTEMPT],
          "message": "attempt 2 failed (Error, exit code 3)"}  # fmt: skip
OF_RUNS = {
    "describe": Case(
        run=called(runs.describe), status=FAILED, spec={"reason": "a repair", "requestedBy": "ann"},
        says=("Phase: Failed", "By: ann", "Reason: a repair", "Took: 3.0s", "exit 3", "report-x"),
    ),
    "describe one that is gone": Case(
        run=lambda options, _: called(runs.describe)(options, "other"), code=Code.NOT_FOUND,
        says=('there is no run "other"', "see dkronctl runs list"),
    ),
    "wait for a success": Case(run=wait_for_run, status=SUCCEEDED, says=("it: succeeded after 3.0s",)),
    "wait for a failure": Case(
        run=wait_for_run, status=FAILED, code=Code.FAILED,
        says=("it: failed after 3.0s, 2 attempts: attempt 2 failed (Error, exit code 3)",),
    ),
    "wait for a refusal": Case(
        run=wait_for_run, status={"phase": "Refused", "message": "the job is paused"}, code=Code.FAILED,
        says=("it: refused: the job is paused",),
    ),
    "cancel": Case(run=called(runs.cancel), says=("DkronRun it of report is cancelled and does not run",), stays=False),
    "cancel one that runs": Case(
        run=called(runs.cancel), status={"phase": "Running"}, code=Code.FAILED,
        says=("it has begun, or waits in line; dkronctl stop report ends or drops it",),
    ),
    "cancel one that is over": Case(
        run=called(runs.cancel), status=SUCCEEDED, code=Code.FAILED, says=("is over (Succeeded)",)
    ),
}  # fmt: skip
RANGE = {"from": "2026-03-01T00:00:00Z", "to": "2026-03-02T00:00:00Z"}
UNDER_WAY = {"plan": {"count": 9, "jobs": 1}, "succeeded": 2, "failed": 1, "active": 1, "remaining": 5,
             "message": "3 of 9 runs ended"}  # fmt: skip
FINISHED = {**UNDER_WAY, "conditions": ended("Complete", "Finished"), "message": "all succeeded"}
OF_BACKFILLS = {
    "describe": Case(
        run=called(backfills.describe), spec={"suspend": True}, status=UNDER_WAY,
        says=("Of: report", "State: suspended", "Runs: 2 succeeded, 1 failed, 1 active, 5 remaining"),
    ),
    "wait for a success": Case(run=wait_for_backfill, status=FINISHED, says=("it: all succeeded",)),
    "wait for a failure": Case(
        run=wait_for_backfill, status={**UNDER_WAY, "conditions": ended("Failed", "Stopped")}, code=Code.FAILED,
        says=("it: 3 of 9 runs ended",),
    ),
    "wait until the deadline": Case(
        run=give_up, status=UNDER_WAY, code=Code.CONFLICT,
        says=("the backfill it has not ended after 0.01s and goes on; dkronctl backfills describe it shows it",),
    ),
    "suspend": Case(run=suspend, status=UNDER_WAY, says=("it is suspended",), spec_after={"suspend": True}),
    "suspend again": Case(
        run=suspend, spec={"suspend": True}, says=("it is suspended already",), spec_after={"suspend": True}
    ),
    "resume": Case(run=resume, spec={"suspend": True}, says=("it goes on",), spec_after={"suspend": False}),
    "resume one that is over": Case(
        run=resume, status=FINISHED, code=Code.FAILED, says=("it is over (succeeded); create another one",)
    ),
    "cancel": Case(
        run=called(backfills.cancel), status=UNDER_WAY, stays=False,
        says=("it is cancelled: 5 slots will not run; 1 active run may go on, and dkronctl stop ends it",),
    ),
}  # fmt: skip
CASES = [
    pytest.param(resource, case, id=f"{resource.plural} {name}")
    for resource, cases in ((DKRON_RUNS, OF_RUNS), (DKRON_BACKFILLS, OF_BACKFILLS))
    for name, case in cases.items()
]
SPECS: dict[Resource, Object] = {DKRON_RUNS: {"job": "report"}, DKRON_BACKFILLS: {"job": "report", **RANGE}}


@pytest.fixture
async def api(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Api]:
    async with running_api(
        run_routes.ROUTES, backfill_routes.ROUTES, pause_routes.ROUTES, job_routes.ROUTES
    ) as running:
        running.know_jobs()
        by_kubeconfig(monkeypatch, running.kube)
        yield running


@pytest.fixture(params=["kubeconfig", "rest"])
def options(api: Api, request: pytest.FixtureRequest) -> Options:
    return Options(server=str(api.client.make_url("/")) if request.param == "rest" else "")


def touch(kube: FakeKube, resource: Resource) -> None:
    """Another writer writes the object."""
    kube.put(resource, kube.has(resource, "it"))


@pytest.mark.parametrize(("resource", "case"), CASES)
async def test_a_command_about_one_object(
    api: Api, options: Options, capsys: pytest.CaptureFixture[str], *, resource: Resource, case: Case
) -> None:
    spec = SPECS[resource] | case.spec
    stored = object_of("it", metadata={"creationTimestamp": AT}, spec=spec, status=case.status)
    api.kube.put(resource, stored)
    # The operator writes how far a backfill is, which must not be in the way of a change.
    api.kube.meanwhile(f"patch {resource.plural}", lambda: touch(api.kube, resource))
    try:
        code, sentence = await case.run(options, "it") or Code.OK, ""
    except CliError as error:
        code, sentence = error.code, str(error)
    said = " ".join(f"{sentence} {''.join(capsys.readouterr())}".split())
    assert (code, [each for each in case.says if each not in said]) == (case.code, []), said
    assert (api.kube.names(resource) == ["it"]) is case.stays
    if case.spec_after:
        assert api.kube.has(resource, "it")["spec"] == spec | case.spec_after


async def test_lists_have_the_newest_first(api: Api, options: Options, capsys: pytest.CaptureFixture[str]) -> None:
    for day, job in ((1, "report"), (3, "other"), (2, "report")):
        metadata = {"creationTimestamp": f"2026-02-0{day}T00:00:00Z"}
        api.kube.put(DKRON_RUNS, object_of(f"r{day}", metadata=metadata, spec={"job": job}, status=FAILED))
        spec = {**RANGE, "selector": {"team": job}}
        api.kube.put(DKRON_BACKFILLS, object_of(f"b{day}", metadata=metadata, spec=spec, status=UNDER_WAY))

    async def names(asked: Awaitable[None]) -> list[str]:
        await asked
        return [line.split()[-1] for line in capsys.readouterr().out.splitlines()]

    assert await names(runs.list_runs(call_of(options), "")) == ["RUN", "r3", "r2", "r1"]
    assert await names(runs.list_runs(call_of(options), "report")) == ["RUN", "r2", "r1"]
    assert await names(backfills.list_backfills(call_of(options))) == ["BACKFILL", "b3", "b2", "b1"]
    options.output = "name"
    assert await names(runs.list_runs(call_of(options), "other")) == ["dkronrun.dkron.io/r3"]


async def test_a_backfill_names_its_runs(api: Api, options: Options, capsys: pytest.CaptureFixture[str]) -> None:
    slots = {phase: f"2026-03-01T0{hour}:00:00Z" for hour, phase in enumerate(("Succeeded", "Failed", "Running"))}
    named = {phase: {"run": phase.lower(), "uid": "u", "job": "report", "slot": slot} for phase, slot in slots.items()}
    status = {**UNDER_WAY, "activeRuns": [named["Running"]], "failedRuns": [named["Failed"]]}
    backfill = api.kube.put(DKRON_BACKFILLS, object_of("it", spec=SPECS[DKRON_BACKFILLS], status=status))
    metadata = {"labels": {OF_BACKFILL: "it"}, "ownerReferences": [{"uid": backfill["metadata"]["uid"]}]}
    for phase, slot in slots.items():
        spec = {"job": "report", "scheduledTime": slot}
        api.kube.put(DKRON_RUNS, object_of(phase.lower(), metadata=metadata, spec=spec, status={"phase": phase}))
    await backfills.describe(call_of(options), "it")
    _, active, failed = capsys.readouterr().out.split("\n\n")
    for title, phase, text in (("Active", "Running", active), ("Failed", "Failed", failed)):
        assert text.split() == [f"{title}:", "SLOT", "JOB", "RUN", slots[phase], "report", phase.lower()]


async def test_who_resumes_hears_what_still_holds(
    api: Api, options: Options, capsys: pytest.CaptureFixture[str]
) -> None:
    why = "paused by ann: a move (DkronPause default/all)"
    suspended = {"type": "Suspended", "status": "True", "reason": "Paused", "message": why, "lastTransitionTime": AT}
    job = api.kube.put(DKRON_JOBS, wire_job(name="report") | {"status": {"conditions": [suspended]}})
    api.know_jobs(job)
    api.kube.put(DKRON_PAUSES, object_of("it", spec={"jobs": ["report"], "reason": "x"}))
    await pause._resume(options, Choice(("report",)), "")
    assert capsys.readouterr().out.splitlines() == [f"DkronPause {NAMESPACE}/it has ended", f"report stays {why}"]
    with pytest.raises(CliError, match=f"no DkronPause of report.*; report stays {re.escape(why)}; see"):
        await pause._resume(options, Choice(("report",)), "")


async def test_run_started_meanwhile_is_not_withdrawn(api: Api) -> None:
    api.kube.put(DKRON_RUNS, object_of("it", spec={"job": "report"}))

    def begin() -> None:
        api.kube.edit(DKRON_RUNS, "it", lambda it: it.update(status={"phase": "Running"}))

    api.kube.meanwhile("delete dkronruns", begin)
    with pytest.raises(CliError, match="it has begun"):
        await runs.cancel(call_of(Options()), "it")
    assert api.kube.names(DKRON_RUNS) == ["it"]


class InNamespaces(FakeKube):
    """Lists have the objects of their namespace only."""

    async def list(self, resource: Resource, namespace: str | None, **selectors: Any) -> AsyncIterator[Object]:  # type: ignore[override]
        async for each in super().list(resource, namespace, **selectors):
            if namespace in (None, each["metadata"]["namespace"]):
                yield each


def test_a_pause_is_named_as_kubectl_prints_it(monkeypatch: pytest.MonkeyPatch) -> None:
    kube = FakeKube()
    kube.put(DKRON_PAUSES, object_of("p", metadata={"namespace": NAMESPACE}, spec={"reason": "x"}))
    by_kubeconfig(monkeypatch, kube)
    with pytest.raises(SystemExit) as ended:
        main(["resume", "--name", "dkronpause.dkron.io/p"])
    assert (ended.value.code, kube.names(DKRON_PAUSES)) == (Code.OK, [])


NOT_FOUND, FORBIDDEN = NotFound('dkronclusters "dkron" not found'), Rejected("forbidden", status=403)


@pytest.mark.parametrize(
    ("answers", "named"),
    [
        pytest.param({"get dkronclusters": NOT_FOUND}, ["mine", "of-all"], id="allowed"),
        pytest.param({"get dkronclusters": FORBIDDEN}, ["mine"], id="without the right to find the operator"),
        pytest.param({"get dkronclusters": NOT_FOUND, "list dkronclusters": FORBIDDEN}, ["mine"], id="or to look"),
    ],
)
async def test_pauses_of_all_namespaces_are_listed(
    answers: dict[str, KubeError], named: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kube = InNamespaces()
    kube.put(DKRON_CLUSTERS, object_of("dkron", metadata={"namespace": "ops"}))
    everywhere = {"allNamespaces": True}
    for name, where, spec in (("mine", NAMESPACE, {}), ("of-all", "ops", everywhere), ("theirs", "ops", {})):
        kube.put(DKRON_PAUSES, object_of(name, metadata={"namespace": where}, spec=spec))
    for call, error in answers.items():
        kube.fail(call, error)
    by_kubeconfig(monkeypatch, kube)
    await pause.pauses(call_of(Options(output="name")))
    said = capsys.readouterr()
    assert said.out.split() == named
    assert ("pauses of all namespaces are not shown" in said.err) is ("of-all" not in named)


async def test_a_pause_of_all_namespaces_is_in_the_operators(monkeypatch: pytest.MonkeyPatch) -> None:
    kube = InNamespaces()
    kube.fail("get dkronclusters", NOT_FOUND)
    by_kubeconfig(monkeypatch, kube)

    async def pause_all() -> None:
        choice, options = Choice(everywhere=True), Options(all_namespaces=True)
        await pause._pause(options, choice, reason="x", end=None, drop=False, by="ann")

    with pytest.raises(CliError, match="the namespace of the operator is not known; name it with -n"):
        await pause_all()
    kube.put(DKRON_CLUSTERS, object_of("dkron", metadata={"namespace": "ops"}))
    await pause_all()
    (made,) = (kube.has(DKRON_PAUSES, name) for name in kube.names(DKRON_PAUSES))
    assert (made["metadata"]["namespace"], made["spec"]["allNamespaces"]) == ("ops", True)
