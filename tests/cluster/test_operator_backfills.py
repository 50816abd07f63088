"""DkronBackfills at a real API server: which slots run, how they stop and go on, and the command for it."""

from functools import partial
from typing import Any

import pytest

from dkron_kube.paths import DKRON_BACKFILLS, DKRON_RUNS
from tests.support.command_line import CommandLine, command_line
from tests.support.documents import backfill as document
from tests.support.jobs import KEEP_ALL, dkron_job, simulated
from tests.support.kube import Kube, Object, condition
from tests.support.sites import Site

pytestmark = pytest.mark.cluster(nodes="kwok")

HOUR = {"from": "2026-03-01T10:00:00Z", "to": "2026-03-01T11:00:00Z"}
SLOTS = [f"2026-03-01T10:{minute}0:00Z" for minute in range(6)]
ENDS = {"from": HOUR["from"], "to": "2026-03-01T10:20:00Z"}
TEN_MINUTES = "0 */10 * * * *"


def job(kube: Kube, name: str, *, exit_code: int = 0, run_for: str = "100ms") -> None:
    """A job that is due every ten minutes. It is disabled, so that its own slots do not disturb the test."""
    template = simulated(exit_code=exit_code, run_for=run_for)
    kube.apply(dkron_job(name, schedule=TEN_MINUTES, disabled=True, history=KEEP_ALL, jobTemplate=template))


def backfill(kube: Kube, name: str, **spec: Any) -> None:
    kube.create(DKRON_BACKFILLS, document(name, **{"job": None, **HOUR, **spec}))


def status_of(kube: Kube, name: str) -> Object:
    status: Object = kube.get(DKRON_BACKFILLS, name).get("status") or {}
    return status


def wait(kube: Kube, name: str, what: str, **fields: int) -> Object:
    """Wait until the status has these values."""
    return kube.wait_for(what, lambda: status_of(kube, name), lambda now: fields.items() <= now.items())


def ended(kube: Kube, name: str) -> Object:
    return kube.wait_for(f"{name} to end", lambda: status_of(kube, name), lambda now: now.get("finishedAt"))


def runs_of(kube: Kube, name: str) -> list[str]:
    """The scheduled times of the DkronRuns of a backfill."""
    return sorted(run["spec"]["scheduledTime"] for run in kube.all(DKRON_RUNS, f"dkron.io/backfill={name}"))


@pytest.mark.promise
def test_killed_operator_backfills_each_slot_once(shared_site: Site) -> None:
    kube = shared_site.kube
    job(kube, "hour", run_for="2s")
    backfill(kube, "hour", job="hour", parallelism=3)
    status = wait(kube, "hour", "three to run at once", active=3)
    assert (status["plan"]["count"], status["remaining"], status["begun"]) == (6, 3, 3)
    shared_site.operator.kill()
    shared_site.operator.start()
    assert condition(ended(kube, "hour"), "Complete")["message"] == "all 6 runs succeeded"
    assert runs_of(kube, "hour") == SLOTS
    executions = kube.status("hour")["executions"]
    assert sorted(each["slot"] for each in executions) == SLOTS
    assert {(each["trigger"], each["state"]) for each in executions} == {("backfill", "Succeeded")}
    times = [
        each["value"] for made in kube.jobs_of("hour")
        for each in made["spec"]["template"]["spec"]["containers"][0]["env"] if each["name"] == "DKRON_SCHEDULED_TIME"
    ]  # fmt: skip
    assert sorted(times) == SLOTS
    for reason in ("BackfillBegun", "BackfillFinished"):
        kube.wait_for(reason, partial(kube.events_of, "hour", reason), bool)


def test_backfill_is_suspended_resumed_and_cancelled_by_deletion(shared_site: Site) -> None:
    kube = shared_site.kube
    job(kube, "long", run_for="1h")
    backfill(kube, "long", job="long", suspend=True, order="newestFirst")
    status = wait(kube, "long", "to be planned", remaining=6)
    assert condition(status, "Suspended")["status"] == "True"
    kube.patch(DKRON_BACKFILLS, "long", {"spec": {"suspend": False, "parallelism": 2}})
    wait(kube, "long", "two to run", active=2)
    assert runs_of(kube, "long") == SLOTS[-2:]
    kube.wait_for("their Jobs", lambda: kube.jobs_of("long"), lambda made: len(made) == 2)
    kube.delete(DKRON_BACKFILLS, "long")
    kube.wait_for("its runs to go", lambda: runs_of(kube, "long"), lambda left: not left)
    for made in kube.jobs_of("long"):
        kube.ask_stop("long", made["metadata"]["name"], "2026-03-01T12:00:00Z by a test")
    kube.wait_status("long", "the two to end", lambda now: now.get("errorCount") == 2)
    assert len(kube.status("long")["executions"]) == 2


@pytest.fixture
def cli(module_site: Site) -> CommandLine:
    return command_line(module_site.kube.kubeconfig, module_site.kube.namespace)


def test_backfill_command_previews_waits_and_detaches(shared_site: Site, cli: CommandLine) -> None:
    kube = shared_site.kube
    job(kube, "cli")
    job(kube, "cli-bad", exit_code=3)
    job(kube, "cli-long", run_for="1h")
    period = ("--from", ENDS["from"], "--to", ENDS["to"])
    said = cli("backfill", "cli", *period, "--dry-run")
    assert said.output == f"would run 2 slots, from {SLOTS[0]} to {SLOTS[1]}\n"
    century = cli("backfill", "cli", "--from", "1970-01-01T00:00:00Z", "--dry-run", code=1)
    assert "more than spec.maxRuns (1000)" in century.errors
    said = cli("backfill", "cli", *period, "--wait", "--parallelism", "2")
    assert "all 2 runs succeeded" in said.errors.splitlines()[-1]
    last = cli("backfill", "cli-bad", *period, "--wait", code=1).errors.splitlines()[-1]
    assert f"stopped by a failed run (slot {SLOTS[0]} of cli-bad: attempt 1 failed (Error, exit code 3" in last
    assert 'no job "other"' in cli("backfill", "other", *period, code=3).errors
    shown = cli.in_terminal(
        "backfill", "cli-long", *period, "--wait", code=130, when=lambda text: "1 active" in text, send="\x03"
    )
    assert "detached: the backfill goes on" in shown
    names = [found["metadata"]["name"] for found in kube.all(DKRON_BACKFILLS)]
    assert len([name for name in names if name.startswith("cli")]) == 3, "dry runs are gone"
