"""What `run` asks for and what `--wait` hears: with few rights, of a run whose job is gone, or has forgotten it; and
names that were not quite typed."""

import json
import re
from dataclasses import dataclass
from typing import Any

import pytest

from dkron_cli.commands.run import Request, _run
from dkron_cli.core.order import Order, read_order
from dkron_cli.edge import progress
from dkron_cli.edge.backend import Asked, job_to_run
from dkron_cli.edge.cluster import Cluster
from dkron_cli.edge.reviews import SELF
from dkron_cli.errors import CliError, Code
from dkron_cli.options import Options
from dkron_crds.base import rfc3339
from dkron_crds.requests import OVERRULED
from dkron_kube.errors import KubeError, Rejected, Unavailable
from dkron_kube.paths import DKRON_JOBS, DKRON_RUNS, Resource
from dkron_reports.job import Job, from_object
from dkron_reports.run import Attempt
from tests.support.builders import NAME, NAMESPACE, NOON, wire_job
from tests.support.fake_kube import FakeKube
from tests.support.opened_cluster import by_kubeconfig

GROUP = 1_800_000_000_123_456_789
ENDED = {"job": f"{NAME}-1", "attempt": 1, "startedAt": rfc3339(NOON), "finishedAt": rfc3339(NOON), "state": "Failed"}
NO_RIGHT = Rejected("forbidden", status=403)
OF_A_DAY = read_order(["day=3"], "", "")


class Kube(FakeKube):
    """An API server that knows the user by this name; it does not tell without one."""

    user = "ann"

    async def create(
        self, resource: Resource, _namespace: str | None, body: dict[str, Any], *, dry_run: bool = False
    ) -> dict[str, Any]:
        if resource != SELF:
            return await super().create(resource, _namespace, body, dry_run=dry_run)
        if not self.user:
            raise NO_RIGHT
        return {"status": {"userInfo": {"username": self.user}}}


class Wait:
    """A cluster with a job, and a DkronRun of it that is waited for, with this status. `reads` is whether the user may
    read the job."""

    def __init__(self, run: dict[str, Any] | None, *, reads: bool = True) -> None:
        self.kube = Kube()
        self.cluster = Cluster(self.kube, NAMESPACE, everywhere=False)  # type: ignore[arg-type]
        job = from_object(self.kube.put(DKRON_JOBS, wire_job()))
        if not reads:
            job = Job(name=NAME, schedule="", raw={}, namespace=NAMESPACE, object_name=NAME)
        self.asked = Asked(job, GROUP, object_name="r")
        if run is not None:
            self.kube.put(DKRON_RUNS, {"metadata": {"name": "r", "uid": "u"}, "spec": {"job": NAME}, "status": run})

    async def hear(self) -> tuple[str, str]:
        """Code and sentence, or result and reason."""
        try:
            run = await self.cluster.progress(self.asked)
        except CliError as error:
            return error.code.name, str(error)
        return ("", "") if run is None else (run.result, run.why)


@pytest.mark.parametrize(
    ("run", "job", "heard"),
    [
        pytest.param({}, "deleted", ("", ""), id="the operator has not seen that the job is gone"),
        pytest.param(
            {"phase": "Running", "attempts": [{**ENDED, "finishedAt": None}]}, "deleted", ("running", ""), id="yet"
        ),
        pytest.param(
            {"phase": "Failed", "group": GROUP, "attempts": [{**ENDED, "reason": "JobDeleted"}]}, "deleted",
            ("failed", "JobDeleted"), id="deleted while an attempt was active",
        ),
        pytest.param(
            {"phase": "Failed", "message": "the run left no record (JobDeleted)"}, "made again",
            (Code.FAILED.name, f'the run of "{NAME}" failed: the run left no record (JobDeleted)'),
            id="deleted before it began, and not run by a namesake",
        ),
        pytest.param(
            {"phase": "Succeeded", "group": GROUP, "attempts": [{**ENDED, "state": "Succeeded"}]}, "there",
            ("success", ""), id="its executions were cleared",
        ),
        pytest.param(
            {"phase": "Refused", "message": "the job is paused"}, "there",
            (Code.FAILED.name, f'the operator did not run "{NAME}": the job is paused'), id="refused",
        ),
    ],
)  # fmt: skip
async def test_a_run_that_its_job_does_not_show(run: dict[str, Any] | None, job: str, heard: tuple[str, str]) -> None:
    wait = Wait(run)
    if job != "there":
        wait.kube.remove(DKRON_JOBS, NAME)
    if job == "made again":
        wait.kube.put(DKRON_JOBS, wire_job(uid="another"))
    assert await wait.hear() == heard


async def test_only_run_can_force_a_disabled_job() -> None:
    wait = Wait(None)
    job = from_object(wire_job(disabled=True))
    way = f"is disabled (spec.disabled) and refuses runs; dkronctl enable {NAME}"
    with pytest.raises(CliError, match=rf"{re.escape(way)}, or add --force to run it anyway$"):
        await wait.cluster.run(job, force=False, wait=None)
    attempt = Attempt(id="1-a", group=GROUP, number=1, started=NOON)
    with pytest.raises(CliError, match=rf"{re.escape(way)}$"):
        await wait.cluster.repeat(job, attempt, dry_run=False)
    assert wait.kube.names(DKRON_RUNS) == []


ANYWAY = "; add --force to run it anyway"
ENFORCED = "the job is paused, enforced; force does not override this pause"


@pytest.mark.parametrize(
    ("reason", "message", "forced", "heard"),
    [
        pytest.param("ConcurrencyForbidden", "it is running", False, f"it is running{ANYWAY}", id="forbid"),
        pytest.param("Disabled", "it is disabled", False, f"it is disabled{ANYWAY}", id="disabled"),
        pytest.param("QueueFull", "10 runs wait", False, f"10 runs wait{ANYWAY}", id="a full line"),
        pytest.param("QueueFull", "100 forced runs wait", True, "100 forced runs wait", id="it was forced"),
        pytest.param("Paused", f"it is paused; {OVERRULED}", False, f"it is paused{ANYWAY}", id="paused"),
        pytest.param("Paused", ENFORCED, False, ENFORCED, id="an enforced pause"),
        pytest.param("NotReady", "no command", False, "no command", id="force does not help"),
    ],
)
async def test_refusal_names_force_where_it_helps(reason: str, message: str, heard: str, *, forced: bool) -> None:
    failed = {"type": "Failed", "status": "True", "reason": reason, "message": message}
    wait = Wait({"phase": "Refused", "message": message, "conditions": [failed]})
    wait.kube.has(DKRON_RUNS, "r")["spec"]["force"] = forced
    assert await wait.hear() == (Code.FAILED.name, f'the operator did not run "{NAME}": {heard}')


ACTIVE = {**ENDED, "attempt": 2, "finishedAt": None}
ABSENT = f'the namespace has no DkronJob with the name "{NAME}"; it is refused at 12:10'


@pytest.mark.parametrize(
    ("status", "heard"),
    [
        pytest.param({"phase": "Pending"}, ("", ""), id="not decided yet"),
        pytest.param(
            {"phase": "Pending", "message": ABSENT}, ("NOT_FOUND", f"the DkronRun r waits: {ABSENT}"), id="no such job"
        ),
        pytest.param({"phase": "Running", "attempts": [ENDED]}, ("", ""), id="between two attempts"),
        pytest.param({"phase": "Running", "attempts": [ACTIVE, ENDED]}, ("running", ""), id="the second one"),
        pytest.param({"phase": "Failed", "attempts": [{**ENDED, "exitCode": 3}]}, ("failed", "exit 3"), id="over"),
        pytest.param(
            {"phase": "Refused", "message": "the job is disabled"},
            ("FAILED", f'the operator did not run "{NAME}": the job is disabled'), id="disabled",
        ),
    ],
)  # fmt: skip
async def test_wait_works_without_the_right_to_read_jobs(status: dict[str, Any], heard: tuple[str, str]) -> None:
    wait = Wait(status, reads=False)
    assert await wait.hear() == heard
    assert wait.kube.calls == ["get dkronruns r"]


async def test_missing_right_to_read_dkronruns_is_explained() -> None:
    wait = Wait({})
    wait.kube.fail("get dkronruns", NO_RIGHT)
    code, sentence = await wait.hear()
    assert code == "FORBIDDEN"
    assert f"the permission to get dkronruns.dkron.io in namespace {NAMESPACE}; " in sentence
    assert sentence.endswith(f"; dkronctl history {NAME} -n {NAMESPACE} shows it")


@pytest.mark.parametrize(
    ("job", "order", "force", "refused"),
    [
        pytest.param({}, Order(), False, "", id="plain"),
        pytest.param({}, OF_A_DAY, False, 'parameter "day"', id="a value that fits none"),
        pytest.param({"disabled": True}, Order(), False, "is disabled (spec.disabled) and refuses", id="disabled"),
        pytest.param({"disabled": True}, Order(), True, "", id="disabled, and forced"),
        pytest.param(None, OF_A_DAY, False, "", id="the job cannot be read"),
    ],
)
async def test_a_run_is_a_dkronrun(job: dict[str, Any] | None, order: Order, force: bool, refused: str) -> None:
    wait = Wait(None)
    if job is None:
        wait.kube.fail("get dkronjobs", NO_RIGHT)
    else:
        wait.kube.put(DKRON_JOBS, wire_job(**job))
    found = await job_to_run(wait.cluster, NAME)
    if refused:
        with pytest.raises(CliError, match=re.escape(refused)):
            await wait.cluster.run(found, force=force, wait=None, order=order)
        assert wait.kube.names(DKRON_RUNS) == []
        return
    asked = await wait.cluster.run(found, force=force, wait=None, order=order)
    spec = wait.kube.has(DKRON_RUNS, asked.object_name)["spec"]
    assert spec.pop("requestedBy") == "ann"
    given = {"parameters": dict(order.parameters)} if order.parameters else {}
    assert spec == {"job": NAME, **given, **({"force": True} if force else {})}
    assert [call.split()[0] for call in wait.kube.calls] == ["get", "create"]


@pytest.mark.parametrize(
    ("user", "told"),
    [
        pytest.param("ann", "^ann$", id="as the API server knows the user"),
        pytest.param("a" * 300, "^a{256}$", id="as much as a spec takes"),
        pytest.param("", r" \(dkronctl\)$", id="as this machine does"),
    ],
)
async def test_requester_name_follows_one_rule(user: str, told: str) -> None:
    wait = Wait(None)
    wait.kube.user = user
    assert re.search(told, await wait.cluster.user())


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The status of the DkronRun of a `run` without --wait, and how the command ends."""

    status: dict[str, Any] | None
    reads: bool = True
    error: KubeError | None = None
    code: Code = Code.OK
    says: str


DECISIONS = {
    "accepted": Decision(
        status={"phase": "Running", "attempts": [{**ENDED, "finishedAt": None}]}, says="runs describe r -n"
    ),
    "refused": Decision(
        status={"phase": "Refused", "message": "the job is paused"}, code=Code.FAILED, says="the job is paused"
    ),
    "no such job": Decision(
        status={"phase": "Pending", "message": "no DkronJob"}, reads=False, code=Code.NOT_FOUND, says="waits: no Dkron"
    ),
    "no operator": Decision(status={}, says="requested"),
    "no right to read it": Decision(
        status={}, error=NO_RIGHT, says=f"DkronRun r; dkronctl history {NAME} -n {NAMESPACE} shows it"
    ),
    "no right to read anything": Decision(
        status={}, reads=False, error=NO_RIGHT, says="; you may read neither it nor its job, and a user who may get"
    ),
    "no answer": Decision(status={}, error=Unavailable("no answer"), says="requested"),
}


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in DECISIONS.items()])
async def test_a_run_waits_a_moment_for_its_refusal(
    case: Decision, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "PATIENCE", 0.1)
    wait = Wait(case.status, reads=case.reads)
    if case.error is not None:
        wait.kube.fail("get dkronruns", case.error)

    async def asked(*_: Any, **__: Any) -> Asked:
        return wait.asked

    monkeypatch.setattr(Cluster, "run", asked)
    by_kubeconfig(monkeypatch, wait.kube)
    request = Request(NAME, wait=False, follow=False, seconds=None, force=False, order=Order())
    try:
        code, said = await _run(Options(), request), capsys.readouterr().out
    except CliError as error:
        code, said = error.code, str(error)
    assert (code, case.says in said) == (case.code, True), said


@pytest.mark.parametrize(("wait", "shown"), [(False, {"kind": "DkronRun"}), (True, {"job": NAME, "result": "success"})])
async def test_a_run_is_printed_for_programs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, wait: bool, shown: dict[str, Any]
) -> None:
    known = Wait({"phase": "Succeeded", "group": GROUP, "attempts": [{**ENDED, "state": "Succeeded"}]})
    by_kubeconfig(monkeypatch, known.kube)
    monkeypatch.setattr("dkron_cli.edge.cluster.secrets.token_hex", lambda _: "0")

    def decide() -> None:
        status = known.kube.has(DKRON_RUNS, "r")["status"]
        known.kube.put(DKRON_RUNS, {**known.kube.has(DKRON_RUNS, f"{NAME}-0"), "status": status})

    known.kube.meanwhile("get dkronruns", decide)
    request = Request(NAME, wait=wait, follow=False, seconds=None, force=False, order=Order())
    assert await _run(Options(output="json"), request) == Code.OK
    assert json.loads(capsys.readouterr().out).items() >= shown.items()


async def test_decision_is_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "INTERVAL", 0)
    looks = iter([None, None, "planned", "over"])

    async def look() -> str | None:
        return next(looks)

    assert (await progress.decided(look), next(looks)) == ("planned", "over")


async def test_a_dkronrun_that_was_deleted_is_not_waited_for() -> None:
    wait = Wait(None)
    assert await wait.hear() == (
        "NOT_FOUND", f"the DkronRun r was deleted; dkronctl history {NAME} shows whether it began"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "advice"),
    [
        pytest.param(NAME[:-1], f'did you mean "{NAME}"?', id="a letter is missing"),
        pytest.param("zzz", "see dkronctl get", id="nothing like it"),
    ],
)
async def test_a_name_that_does_not_exist(typed: str, advice: str) -> None:
    with pytest.raises(CliError, match="there is no job") as missing:
        await Wait(None).cluster.job(typed)
    assert str(missing.value).endswith(advice)
