"""The command line against a real API server, operator and REST API: each command, as a user calls it."""

import json
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from dkron_kube.paths import DKRON_BACKFILLS, DKRON_JOBS, DKRON_PAUSES, DKRON_POOLS, DKRON_RUNS
from tests.support.api_sites import ApiSite
from tests.support.command_line import CommandLine, command_line
from tests.support.jobs import dkron_job, dkron_pool, simulated
from tests.support.kube import Kube, finished, is_ready
from tests.support.rights import Rules, limited_access
from tests.support.sites import Site, namespace
from tests.support.waiting import wait_for

pytestmark = pytest.mark.cluster(nodes="kwok")

OK, FAILED, USAGE, NOT_FOUND, FORBIDDEN, UNREACHABLE, CONFLICT, INTERRUPTED = 0, 1, 2, 3, 4, 5, 6, 130
RUN = {"apiVersion": "dkron.io/v1alpha1", "kind": "DkronRun"}
BACKOFF = {"initial": "0s", "factor": 1, "max": "0s"}


@dataclass(frozen=True, slots=True)
class Seat:
    """A user with jobs that can be run."""

    kube: Kube
    cli: CommandLine
    rest: CommandLine


@pytest.fixture(scope="module")
def seat(module_site: Site, api_beside: ApiSite) -> Seat:
    kube = module_site.kube
    kube.apply(
        dkron_job("good", jobTemplate=simulated(), schedule="0 30 2 * * *", timezone="Europe/Madrid"),
        dkron_job("bad", jobTemplate=simulated(exit_code=3), retries=1, retryBackoff=BACKOFF),
        dkron_job("long", jobTemplate=simulated(run_for="1h")),
        dkron_job("after", schedule="", parentJob="good", jobTemplate=simulated()),
        dkron_job("off", disabled=True),
        dkron_job("wrong", schedule="61 * * * * *"),
    )
    for name in ("good", "bad", "long", "after"):
        kube.wait_status(name, "to be understood", is_ready)
    server = {"DKRON_SERVER": f"http://{api_beside.rest.host}:{api_beside.rest.port}", "TERM": "dumb"}
    return Seat(kube, command_line(kube.kubeconfig, kube.namespace), CommandLine(server))


def test_a_job_is_run_looked_at_and_run_again(seat: Seat) -> None:
    assert "good: success" in seat.cli("run", "good", "--wait", "--timeout", "30s").errors
    assert "bad: failed" in (said := seat.cli("run", "bad", "--wait", code=FAILED).errors)
    assert "2 attempts: exit 3" in said
    history = seat.cli("history", "bad", "--failed").lines
    assert history[0].split()[:5] == ["SLOT", "STARTED", "TRIGGER", "RESULT", "ATTEMPTS"]
    assert history[1].split()[2:5] == ["manual", "failed", "2"]
    (run,) = json.loads(seat.cli("history", "bad", "-o", "json").output)
    assert [each["number"] for each in run["attempts"]] == [1, 2]
    explained = seat.cli("explain", "bad").output
    assert "it runs only on request (@manually)" in explained
    assert "on request: failed" in explained
    assert "executor" in seat.cli("describe", "bad").output.lower()
    assert "bad" in seat.cli("top", "--since", "24h").lines[1]
    assert "requested a run of bad" in seat.cli("retry", "--failed", "--since", "1h").output
    seat.kube.wait_status("bad", "to have been retried", finished(4))
    execution = run["attempts"][-1]["id"]
    assert "requested a run of bad" in seat.cli("retry", "bad", execution).output
    seat.kube.wait_status("bad", "to have been retried again", finished(6))


def test_right_to_create_dkronruns_is_enough_to_run(seat: Seat, tmp_path: Path) -> None:
    only: Rules = {("dkron.io", "dkronruns"): ("create",)}
    runner = command_line(limited_access(seat.kube, only, folder=tmp_path, name="creates"), seat.kube.namespace)
    assert runner("can", "run", "good").output == "yes\n"
    assert "the permission to patch dkronjobs.dkron.io" in runner("can", "stop", "good", code=FORBIDDEN).output
    said = runner("run", "good").output
    name = said.partition("DkronRun ")[2].partition(";")[0]
    assert said == (
        f"requested a run of good: DkronRun {name}; you may read neither it nor its job, and a user who may get "
        f"dkronruns.dkron.io sees it by dkronctl runs describe {name} -n {seat.kube.namespace}\n"
    )
    seat.kube.wait_for("its success", lambda: seat.kube.get(DKRON_RUNS, name).get("status") or {},
                       lambda status: status.get("phase") == "Succeeded")  # fmt: skip
    said = runner("run", "good", "--wait", code=FORBIDDEN).errors
    assert "waiting for this needs the permission to get dkronruns.dkron.io" in said

    reads: Rules = {("dkron.io", "dkronruns"): ("create", "get")}
    runner = command_line(limited_access(seat.kube, reads, folder=tmp_path, name="reads"), seat.kube.namespace)
    assert "good: success" in runner("run", "good", "--wait").errors
    assert "2 attempts: exit 3" in runner("run", "bad", "--wait", code=FAILED).errors
    made = json.loads(runner("run", "good", "-o", "json").output)
    assert (made["kind"], made["spec"]["job"]) == ("DkronRun", "good")
    assert "shows it" in runner("run", "good").output
    assert "is disabled" in runner("run", "off", "--wait", code=FAILED).errors
    assert 'no DkronJob with the name "none"' in runner("run", "none", "--wait", code=NOT_FOUND).errors


def test_retry_reuses_the_values_or_reports_them_gone(seat: Seat) -> None:
    declared = [{"name": "day", "type": "integer"}, {"name": "token", "secret": True}]
    seat.kube.apply(dkron_job("given", jobTemplate=simulated(exit_code=3), parameters=declared))
    values = {"day": "7", "token": "secretRef:api/token"}
    words = [word for name, value in values.items() for word in ("-p", f"{name}={value}")]
    seat.cli("run", "given", *words, "--at", "2026-01-31T00:00:00Z", "--wait", code=FAILED)
    said = seat.cli("retry", "given", _latest(seat, "given")).output
    assert said == "requested a run of given with its day, token, for the slot 2026-01-31T00:00:00Z\n"
    execution = _latest(seat, "given")
    assert seat.rest("retry", "given", execution).output == f"requested a run of given that repeats {execution}\n"
    runs = [each for each in seat.kube.all(DKRON_RUNS) if each["spec"]["job"] == "given"]
    specs = [(each["spec"]["parameters"], each["spec"]["scheduledTime"]) for each in runs]
    assert specs == [(values, "2026-01-31T00:00:00Z")] * 3
    seat.kube.wait_status("given", "to have been retried", finished(3))
    for each in seat.kube.all(DKRON_RUNS):
        seat.kube.delete(DKRON_RUNS, each["metadata"]["name"])
    assert "its DkronRun is gone" in seat.cli("retry", "given", _latest(seat, "given"), code=FAILED).errors
    for retry in (seat.cli, seat.rest):
        assert "given skipped: the parameter values of" in retry("retry", "given", "--failed").output
    assert (
        "it has no DkronRun, or no longer has one"
        in seat.rest("retry", "given", _latest(seat, "given"), code=FAILED).errors
    )
    seat.kube.delete(DKRON_JOBS, "given")


def _latest(seat: Seat, job: str) -> str:
    return str(json.loads(seat.cli("history", job, "-o", "json").output)[0]["attempts"][-1]["id"])


def test_jobs_are_paused_and_resumed(seat: Seat) -> None:
    said = seat.cli("pause", "long", "after", "--reason", "a move", "--until", "2h").output
    assert f"DkronPause {seat.kube.namespace}/pause-" in said
    assert "pauses long, after until 20" in said
    seat.kube.wait_status("long", "to be paused", lambda status: status.get("paused"))
    for each in (seat.cli, seat.rest):
        assert "a move (DkronPause" in each("describe", "long").output
        (line,) = [line for line in each("get", "-o", "wide").lines if line.startswith("long")]
        assert "Paused" in line
        assert "a move (DkronPause" in line
    for words in (("run", "long"), ("run", "long", "--wait")):
        for each in (seat.cli, seat.rest):
            said = each(*words, code=FAILED).errors
            assert "a move (DkronPause" in said
            assert "; add --force to run it anyway" in said
    (pause,) = seat.kube.all(DKRON_PAUSES)
    asked = {run["spec"]["requestedBy"] for run in seat.kube.all(DKRON_RUNS) if run["spec"]["job"] == "long"}
    assert asked == {pause["spec"]["pausedBy"]}
    assert "missedRuns  " in seat.cli("pauses").output
    seat.cli("pause", "--reason", "an upgrade", "--by", "bob")
    first, *others = seat.cli("resume", "after").lines
    assert first.endswith("goes on for long")
    assert [line.partition(" (")[0] for line in others] == ["after stays paused by bob: an upgrade"]
    assert seat.cli("resume", "long").lines[1].startswith("long stays paused by")
    missing = seat.cli("resume", "long", code=NOT_FOUND).errors
    assert "there is no DkronPause of long in namespace" in missing
    assert "; long stays paused by" in missing
    seat.kube.wait_status("off", "to be paused", lambda status: status.get("paused"))
    assert "off is paused (DkronPause pause-" in seat.cli("enable", "off").output
    seat.cli("disable", "off")
    assert seat.cli("resume").lines[1:] == []
    seat.kube.wait_status("long", "to go on", lambda status: not status.get("paused"))


def test_a_backfill_that_is_refused_is_no_success(seat: Seat) -> None:
    for each in (seat.cli, seat.rest):
        said = each("backfill", "good", "--from", "2000-01-01T00:00:00Z", code=FAILED).errors
        assert "slots, more than spec.maxRuns (1000)" in said
        assert "the range has no slot to run" in each("backfill", "good", "--from", "1s").output


def test_runs_are_followed_and_withdrawn(seat: Seat) -> None:
    for by, cli in (("me", seat.cli), ("rest", seat.rest)):
        cli("run", "bad", "--reason", f"a repair by {by}")
        name = wait_for("the run", partial(_requested, cli, f"a repair by {by}"), bool, seconds=30)
        assert f"{name}: failed after" in cli("runs", "wait", name, "--timeout", "30s", code=FAILED).errors
        said = cli("runs", "describe", name).output
        assert all(word in said for word in ("a repair", "Failed", "exit 3")), said
        assert "is over (Failed)" in cli("runs", "cancel", name, code=FAILED).errors
        seat.kube.create(DKRON_RUNS, {**RUN, "metadata": {"name": "later"}, "spec": {"job": "not-there-yet"}})
        assert "goes on; dkronctl runs" in cli("runs", "wait", "later", "--timeout", "1s", code=CONFLICT).errors
        assert "is cancelled and does not run" in cli("runs", "cancel", "later").output
        assert 'there is no run "later"' in cli("runs", "cancel", "later", code=NOT_FOUND).errors


def _requested(cli: CommandLine, reason: str) -> str:
    """Return the name of the DkronRun with this reason; empty without one."""
    found = json.loads(cli("runs", "list", "bad", "-o", "json").output)["items"]
    return next((str(each["metadata"]["name"]) for each in found if each["spec"].get("reason") == reason), "")


def test_backfills_are_followed_suspended_and_cancelled(seat: Seat) -> None:
    seat.kube.apply(dkron_job("slow", schedule="@daily", jobTemplate=simulated(run_for="1h")))
    seat.kube.wait_status("slow", "to be understood", is_ready)
    days = ("--from", "2026-01-01T02:00:00Z", "--to", "2026-01-04T02:00:00Z", "-o", "name")
    for cli in (seat.cli, seat.rest):
        name = cli("backfill", "good", *days).output.strip().rpartition("/")[2]
        cli("backfills", "wait", name, "--timeout", "50s")
        assert "succeeded" in cli("backfills", "describe", name).output
        assert "is over (succeeded)" in cli("backfills", "suspend", name, code=FAILED).errors
        name = cli("backfill", "slow", *days).output.strip().rpartition("/")[2]
        assert "goes on; dkronctl backfills" in cli("backfills", "wait", name, "--timeout", "2s", code=CONFLICT).errors
        assert cli("backfills", "suspend", name).output == f"{name} is suspended\n"
        assert [line.split()[1] for line in cli("backfills", "list").lines if line.endswith(name)] == ["suspended"]
        assert cli("backfills", "resume", name).output == f"{name} goes on\n"
        assert f"{name} is cancelled" in cli("backfills", "cancel", name).output
        assert seat.kube.find(DKRON_BACKFILLS, name) is None
    seat.kube.delete(DKRON_JOBS, "slow")


def test_list_is_plain_in_a_pipe_and_colored_in_a_terminal(seat: Seat) -> None:
    piped = seat.cli("get")
    assert [line.split()[0] for line in piped.lines] == ["NAME", "after", "bad", "good", "long", "off", "wrong"]
    assert "\x1b" not in piped.output
    assert "after good" in piped.output
    assert "InvalidSchedule" in piped.output
    shown = seat.cli.in_terminal("get")
    assert "\x1b[" in shown
    assert all(len(line) < 80 + 40 for line in shown.splitlines())
    assert "\x1b[" not in seat.cli.in_terminal("get", "--no-color")
    assert seat.cli("get", "good", "-o", "name").output == "dkronjob.dkron.io/good\n"
    assert yaml.safe_load(seat.cli("get", "good", "-o", "yaml").output)["kind"] == "DkronJob"
    assert 'second: "61" is not allowed' in seat.cli("get", "wrong", "-o", "wide").output


def test_live_table_is_redrawn_until_ctrl_c(seat: Seat) -> None:
    shown = seat.cli.in_terminal(
        "top", code=INTERRUPTED, when=lambda text: text.count("Ctrl-C ends this table") > 2, send="\x03"
    )
    assert shown.count("InvalidSchedule") > 2
    assert len(seat.cli("top", "-c", "3").lines) == 4
    shown = seat.cli.in_terminal(
        "get", "-w", code=INTERRUPTED, when=lambda text: text.count("6 jobs; Ctrl-C") > 1, send="\x03"
    )
    assert shown.count("InvalidSchedule") > 1


def test_long_run_is_detached_abandoned_and_stopped(seat: Seat) -> None:
    said = seat.cli("run", "long", "--wait", "--timeout", "2s", code=CONFLICT)
    assert "goes on" in said.errors
    said = seat.rest("run", "long", "--wait", "--timeout", "2s", code=CONFLICT)
    assert "the run of long may still be active; dkronctl history long shows it" in said.errors
    shown = seat.cli.in_terminal(
        "run", "long", "--wait", code=INTERRUPTED, when=lambda text: "requested" in text, send="\x03"
    )
    assert "detached: the run goes on" in shown
    seat.kube.wait_status("long", "to run three times", lambda status: len(status["active"]) == 3)
    assert "give --all" in seat.cli("stop", "long", code=USAGE).errors
    assert seat.cli("stop", "long", "--all").output.count("requested a stop of") == 3
    status = seat.kube.wait_status("long", "to be stopped", finished(3))
    assert {each["reason"] for each in status["executions"]} == {"Stopped"}
    user = json.loads(seat.cli("whoami", "-o", "json").output)["user"]
    assert status["executions"][0]["message"].endswith(f"by {user}")
    assert seat.cli("stop", "long").output == "long: nothing runs\n"


def test_run_that_waits_for_a_pool_tells_its_place(seat: Seat) -> None:
    kube = seat.kube
    kube.create(DKRON_POOLS, dkron_pool("db", 1))
    kube.apply(dkron_job("holder", run=["a"], pools=["db"], jobTemplate=simulated(run_for="1h")))
    kube.wait_status("holder", "to have the place", lambda status: status.get("active"))
    kube.apply(dkron_job("waiter", pools=["db"], priority=7, jobTemplate=simulated()))
    kube.wait_status("waiter", "to be understood", is_ready)

    def gets_a_place(text: str) -> bool:
        waits = "waiter: waits in line, 1st of 1 for pool db" in text
        if waits:
            kube.patch(DKRON_POOLS, "db", {"spec": {"size": 2}})
        return waits

    for each in (seat.cli, seat.rest):
        kube.patch(DKRON_POOLS, "db", {"spec": {"size": 1}})
        shown = each.in_terminal("run", "waiter", "--wait", when=gets_a_place)
        places = [shown.index(words) for words in ("requested a run", "1st of 1", "waiter: begins", "waiter: success")]
        assert places == sorted(places), shown
        assert shown.count("1st of 1") == 1, shown
        facts = each("describe", "waiter").lines
        assert ["Pools:", "db, with priority 7"] in [line.split(maxsplit=1) for line in facts]
    for name in ("holder", "waiter"):
        kube.delete(DKRON_JOBS, name)
    kube.delete(DKRON_POOLS, "db")


def test_active_runs_and_reasons_agree_between_both(seat: Seat) -> None:
    kube = seat.kube
    kube.create(DKRON_POOLS, dkron_pool("one", 1))
    kube.apply(dkron_job("holder", run=["a"], pools=["one"], concurrency="forbid", jobTemplate=simulated(run_for="1h")))
    kube.wait_status("holder", "to have the place", lambda status: status.get("active"))
    kube.apply(dkron_job("waiter", run=["a"], pools=["one"], jobTemplate=simulated()))
    kube.apply(dkron_job("poolless", pools=["gone"], jobTemplate=simulated()))
    kube.wait_status("waiter", "to wait", lambda status: status.get("active"))
    kube.wait_status("poolless", "to lack its pool", lambda status: "PoolNotFound" in str(status.get("conditions")))
    expected = {"holder": ["Scheduled", "-", "1"], "waiter": ["Scheduled", "-", "0, 1 waiting"],
                "poolless": ["PoolNotFound", "-", "0"]}  # fmt: skip
    for cli in (seat.cli, seat.rest):
        wait_for("all that both tell", partial(_told, cli, *expected), lambda told: told == expected, seconds=30)
        for state, job in (("running", "holder"), ("waiting", "waiter"), ("poolnotfound", "poolless")):
            assert cli("get", *expected, "--state", state, "-o", "name").lines[0].endswith(job)
        assert cli("top").lines[1].startswith("holder  ")
        assert "Active:" in cli("describe", "waiter").output
        said = cli("run", "holder", code=FAILED).errors
        assert "concurrency is forbid; add --force to run it anyway" in said
    for name in expected:
        kube.delete(DKRON_JOBS, name)
    kube.delete(DKRON_POOLS, "one")


def _told(cli: CommandLine, *jobs: str) -> dict[str, list[str]]:
    """Return STATE, RESULT and ACTIVE of these jobs."""
    head, *rows = [re.split(r" {3,}", line) for line in cli("get", *jobs).lines]
    return {row[0]: [row[head.index(column)] for column in ("STATE", "RESULT", "ACTIVE")] for row in rows}


def test_reports_agree_between_kubeconfig_and_rest(seat: Seat) -> None:
    seat.kube.apply(dkron_job("often", schedule="* * * * * *", jobTemplate=simulated(), history={"executions": 100}))
    ran = seat.kube.wait_status("often", "to have run", finished(2))["executions"]
    period = ("--from", min(each["slot"] for each in ran), "--to", max(each["slot"] for each in ran))
    slots = _same(seat, "explain", "often", *period)
    assert [each["what"] for each in slots if each["slot"] in period] == ["ran", "ran"]
    seat.kube.delete(DKRON_JOBS, "often")
    assert "good" in {each["job"] for each in _same(seat, "agenda", "--within", "2d")}
    assert "bad" in {each["job"] for each in _same(seat, "top", "--since", "1d")}
    summary = _same(seat, "summary")
    assert [each["kind"] for each in summary["attention"]["jobs"] if each["job"] == "wrong"] == ["invalid"]
    assert summary["leader"]


def _same(seat: Seat, *words: str) -> Any:
    """What both answer, as soon as it is the same; without what depends on the moment of the call."""

    def asked() -> list[Any]:
        found = [json.loads(each(*words, "-o", "json").output) for each in (seat.cli, seat.rest)]
        return [_without(each, "now") if isinstance(each, dict) else each for each in found]

    return wait_for(f"the same answers to {words}", asked, lambda both: both[0] == both[1], seconds=30)[0]


def _without(answer: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != key}


def test_export_with_every_feature_imports_elsewhere(seat: Seat, tmp_path: Path) -> None:
    seat.kube.apply(_rich())
    exported = tmp_path / "jobs.yaml"
    exported.write_text(seat.cli("export").output, encoding="utf-8")
    assert seat.cli("lint", str(exported), code=FAILED).output.count("error") == 0
    with namespace(seat.kube.kubeconfig, "imported") as other:
        there = command_line(other.kubeconfig, other.namespace)
        refused = there("import", str(exported), code=FAILED)
        assert "wrong: cannot be imported: " in refused.errors
        before = there("import", str(exported), "--skip-broken", "--dry-run")
        assert before.output.count("would be created") == 6
        assert other.all(DKRON_JOBS) == []
        # As if it had been interrupted: one job is there already, parents come first.
        order = [line.split()[0].partition("/")[2] for line in before.lines]
        assert order.index("good") < order.index("after")
        there("import", str(exported), "--skip-broken")
        other.delete(DKRON_JOBS, "rich")
        again = there("import", str(exported), "--skip-broken")
        assert again.output.splitlines() == [f"{other.namespace}/rich created"]
        assert "5 unchanged" in again.errors
        assert _spec(other, "rich") == _spec(seat.kube, "rich")
        assert "6 unchanged" in there("import", str(exported), "--skip-broken").errors
        exported.write_text(
            "\n---\n".join(
                each for each in exported.read_text(encoding="utf-8").split("---\n") if "name: 'off'" not in each
            ),
            encoding="utf-8",
        )
        assert "off deleted" in there("import", str(exported), "--skip-broken", "--prune").output
    seat.kube.delete(DKRON_JOBS, "rich")


def test_backup_brings_its_history_into_another_namespace(seat: Seat, tmp_path: Path) -> None:
    seat.cli("run", "good", "--wait")
    file = tmp_path / "backup.json"
    file.write_text(seat.cli("backup").output, encoding="utf-8")
    with namespace(seat.kube.kubeconfig, "restored") as other:
        there = command_line(other.kubeconfig, other.namespace)
        assert "would be created" in there("restore", str(file), "--disabled", "--dry-run").output
        there("restore", str(file), "--disabled")
        assert "good" in there("history", "good", "-o", "wide").output
        assert _spec(other, "good")["disabled"] is True
        assert "unchanged" in there("restore", str(file), "--disabled").errors


def test_the_installation_is_checked(seat: Seat) -> None:
    said = seat.cli("doctor", code=FAILED).output
    assert "not ready (InvalidSchedule): wrong" in said
    assert "leads" in said
    assert "clock agrees" in said
    assert "user:" in seat.cli("whoami").output
    assert seat.cli("can", "run", "good").output == "yes\n"
    assert "example" in seat.cli("secrets", "--uses", "example").errors


def _spec(kube: Kube, name: str) -> Any:
    return kube.get(DKRON_JOBS, name)["spec"]


def _rich() -> dict[str, Any]:
    """A job with every feature."""
    return dkron_job(
        "rich",
        schedule="@manually",
        displayName="Rich",
        owner="me",
        ownerEmail="me@example.org",
        concurrency="forbid",
        retries=2,
        retryBackoff={"initial": "2s", "factor": 3, "max": "1m"},
        tags={"kind": "web:2"},
        metadata={"team": "a"},
        parameters=[{"name": "day"}, {"name": "region", "type": "enum", "values": ["eu", "us"], "default": "eu"}],
        processors={"log": {"forward": "true"}},
        startsAt="2026-01-01T00:00:00Z",
        expiresAt="2027-01-01T00:00:00Z",
        missedRuns="all",
        startingDeadlineSeconds=60,
        history={"executions": 5, "successfulJobs": 2, "failedJobs": 2, "outputBytes": 10},
        jobTemplate=simulated(),
    )
