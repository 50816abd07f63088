"""What people see: tables at the widths of terminals, times, and descriptions."""

from dataclasses import replace
from datetime import timedelta
from textwrap import dedent
from typing import Any

import pytest

from dkron_cli.core.checks import Check, archive, check_table, clock, jobs_in_trouble, lease, rights
from dkron_cli.core.executions import Listed, execution_table, is_run, ran_in, state_of
from dkron_cli.core.job import described, description, from_dkron, job_table
from dkron_cli.core.moments import EVER, Period
from dkron_cli.core.report_tables import attention_table, failing_table
from dkron_cli.core.requested_runs import run_facts
from dkron_cli.core.run import attempt_table, attempts_of_dkron, run_json, run_table
from dkron_cli.core.table import hung, lines, safe, table
from dkron_cli.edge.terminal import colored
from dkron_crds.job import AttemptState, Condition, JobStatus
from dkron_reports.failing import failing, latest_failure
from dkron_reports.job import Job, from_object
from dkron_reports.run import attempts_of, runs_of
from dkron_reports.slices import at_once
from dkron_reports.words import read_moment, read_span, span
from tests.support.builders import NOON, after, claim, execution, wire_job

DAILY = "0 30 2 * * *"


def condition(kind: str, status: str, reason: str, message: str = "") -> Condition:
    return Condition(type=kind, status=status, reason=reason, message=message, last_transition_time=NOON)


def ready(**fields: Any) -> JobStatus:
    return JobStatus(conditions=(condition("Ready", "True", "Scheduled"),), since=NOON, observed_generation=1, **fields)


def jobs() -> list[Job]:
    bad = execution(success=False, exit_code=3, reason="Error")
    failed = ready(executions=(bad,), error_count=1, status="failed", next=after(hours=14.5))
    wrong = JobStatus(conditions=(condition("Ready", "False", "InvalidSchedule", 'schedule: "x"\x1b[2J is wrong'),))
    return [
        from_object(wire_job(name="backup", schedule=DAILY, timezone="Europe/Madrid", status=failed)),
        from_object(wire_job(name="mail", schedule="", parentJob="backup", status=ready())),
        from_object(wire_job(name="new")),
        from_object(wire_job(name="off", disabled=True, status=ready())),
        from_object(wire_job(name="wrong", schedule="x", status=wrong)),
    ]


@pytest.mark.parametrize(
    ("width", "wide", "golden"),
    [
        pytest.param(
            60,
            False,
            """\
            NAME     SCHEDULE       STATE             RESULT   NEXT
            backup   0 30 2 * * *   Scheduled         failed   in 13h
            """,
            id="60 columns",
        ),
        pytest.param(
            60,
            True,
            """\
            NAME     STATE             PROBLEM
            backup   Scheduled         -
            """,
            id="60 columns, wide",
        ),
    ],
)
def test_the_list_fits_the_terminal(width: int, wide: bool, golden: str) -> None:
    shown = lines(job_table(jobs(), now=after(hours=1), wide=wide, namespaces=False), width=width)
    expected = dedent(golden).splitlines()
    assert shown[: len(expected)] == expected
    assert all(len(line) <= width and line.isprintable() for line in shown)


def test_a_table_without_a_width_is_whole() -> None:
    assert lines(table(("A", "B", "EMPTY"), [("x" * 300, "b", "")])) == [f"{'A':300}   B", f"{'x' * 300}   b"]


def test_sentences_wrap_and_copied_columns_stay_whole() -> None:
    why = table(("SLOT", "WHY"), [("s" * 40, "an earlier run was active, and it is forbidden"), ("t", "")])
    assert lines(why, width=60, wrap=True) == [
        f"SLOT{'':27}WHY",
        f"{'s' * 27}…   an earlier run was active,",
        f"{'':31}and it is forbidden",
        f"t{'':30}-",
    ]
    ids = table(("STARTED", "EXECUTION"), [("s" * 40, "x" * 40), ("t", "")])
    assert lines(ids, width=90, wrap=True)[1:] == [f"{'s' * 40}   {'x' * 40}", f"t{'':39}   -"]
    assert lines(ids, width=40, wrap=True) == ["STARTED", "  EXECUTION", "s" * 40, f"  {'x' * 40}", "t"]


def test_command_to_copy_is_whole_in_a_narrow_terminal() -> None:
    job = {"job": "nightly-report-of-sales", "kind": "failing", "why": "3 runs in a row failed: exit 1"}
    shown = lines(attention_table([{**job, "remedy": f"dkronctl logs {job['job']} --failed"}], namespaces=False),
                  width=60, wrap=True)  # fmt: skip
    assert shown == [
        "JOB                       WHY",
        "  REMEDY",
        "nightly-report-of-sales   3 runs in a row failed: exit 1",
        "  dkronctl logs nightly-report-of-sales --failed",
    ]
    assert hung("  command: ", "backup --all --to s3://bucket/of/all/backups", 40) == [
        "  command: backup --all --to",
        "           s3://bucket/of/all/backups",
    ]


def test_json_of_runs_matches_its_page() -> None:
    bad = execution(claim(after(0)), success=False, exit_code=3, reason="Error")
    (run,) = runs_of(attempts_of(JobStatus(executions=(bad,)).to_wire()))
    shown = dict(run_json(run, namespace="ns", job="backup"))
    (attempt,) = shown.pop("attempts")
    assert shown == {
        "namespace": "ns", "job": "backup", "group": str(run.group), "slot": "2026-03-01T12:00:00Z",
        "trigger": "schedule", "result": "failed", "startedAt": "2026-03-01T12:00:00Z",
        "finishedAt": attempt["finishedAt"],
    }  # fmt: skip
    assert run.group > 2**53
    assert (attempt["exitCode"], attempt["success"], attempt["finishedAt"][-1]) == (3, False, "Z")


def test_description_escapes_control_characters() -> None:
    described = dict(description(jobs()[-1], now=NOON))
    assert described["Problem"] == 'schedule: "x" [2J is wrong'
    assert described["  command"] == "true"
    assert "Skipped" not in described


def test_a_job_is_described_with_its_parameters() -> None:
    parameters = [
        {"name": "day", "type": "integer", "minimum": "1", "maximum": "31", "required": True, "description": "which"},
        {"name": "region", "type": "enum", "values": ["eu", "us"], "default": "eu"},
        {"name": "token", "secret": True, "default": "secretRef:api/token"},
    ]
    described = dict(description(from_object(wire_job(parameters=parameters)), now=NOON))
    assert {title: text for title, text in described.items() if title.startswith("Parameter")} == {
        "Parameter day": "integer of 1 to 31 required (which)",
        "Parameter region": "eu | us default eu",
        "Parameter token": "secret default secretRef:api/token",
    }


def test_attempts_and_members_merge_into_runs() -> None:
    late = claim(member="a", at=after(3))
    status = JobStatus(
        active=(claim(after(60)),),
        executions=(
            execution(claim(member="b", at=after(9), attempt=2), exit_code=0),
            execution(claim(member="b", at=after(3)), success=False, exit_code=7, reason="Error"),
            execution(late, success=False, reason="OOMKilled", message="too large", node_name="n1"),
        ),
    ).to_wire()
    shown = lines(run_table(runs_of(attempts_of(status)), now=after(90), wide=False), width=140)
    assert shown == [
        "SLOT                   STARTED                TRIGGER    RESULT             ATTEMPTS   TOOK   LATE   WHY",
        "2026-03-01T12:01:00Z   2026-03-01T12:01:00Z   schedule   running            1          30s    0s     -",
        "2026-03-01T12:00:00Z   2026-03-01T12:00:03Z   schedule   partially_failed   2          11s    3s     exit 7",
    ]


def test_executions_of_a_dkron_are_read() -> None:
    (run,) = runs_of(
        attempts_of_dkron(
            [
                {"group": 5, "attempt": 1, "started_at": "2026-03-01T12:00:00.123456789Z", "success": False,
                 "finished_at": "2026-03-01T12:00:01Z", "node_name": "n1", "id": "1-n1"},
                {"group": 5, "attempt": 2, "started_at": "2026-03-01T12:00:02Z", "success": True,
                 "finished_at": "2026-03-01T12:00:03Z", "node_name": "n1", "id": "2-n1"},
            ]
        )
    )  # fmt: skip
    assert (run.result, run.tries) == ("success", 2)
    assert lines(run_table([run], now=NOON, wide=False), width=60)[0].split()[:2] == ["STARTED", "RESULT"]
    assert from_dkron({"name": "a", "next": "1970-01-01T00:00:00Z", "parent_job": "b"}).next is None
    assert from_dkron({"name": "a", "next": "0001-01-01T00:00:00Z", "last_error": None}).next is None


def test_run_that_waits_by_rest_has_its_place_and_no_start() -> None:
    waiting = {"group": 5, "attempt": 1, "started_at": "0001-01-01T00:00:00Z", "success": False, "id": "1-a",
               "finished_at": "0001-01-01T00:00:00Z", "node_name": "", "queued_at": "2026-03-01T11:55:00Z",
               "queued_for": 300, "place": 2}  # fmt: skip
    (attempt,) = attempts_of_dkron([waiting])
    (run,) = runs_of([attempt])
    assert (run.result, run.place, attempt.begun, state_of(attempt)) == ("waiting", 2, False, "waiting")
    told = run_json(run, namespace="", job="a")["attempts"][0]
    assert (told["queuedAt"], told["place"], told["startedAt"]) == ("2026-03-01T11:55:00Z", 2, None)
    shown = lines(attempt_table([attempt], now=NOON), width=140)
    assert shown == [
        "STARTED   ATTEMPT   RESULT    WHY                       EXECUTION",
        "-         1         waiting   place 2 in line, for 5m   1-a",
    ]


def test_run_that_was_stopped_in_line_has_no_start() -> None:
    stopped = {"group": 5, "attempt": 1, "started_at": "2026-03-01T11:57:00Z", "success": False, "id": "1-a",
               "finished_at": "2026-03-01T11:57:00Z", "node_name": "", "queued_at": "2026-03-01T11:55:00Z",
               "details": {"reason": "Stopped", "message": "asked for by ann", "slot": "2026-03-01T11:55:00Z",
                           "trigger": "schedule"}}  # fmt: skip
    (attempt,) = attempts_of_dkron([stopped])
    why = "stopped by ann before it began"
    (run,) = runs_of([attempt])
    shown = lines(run_table([run], now=NOON, wide=False), width=200)
    assert shown == [
        "SLOT                   STARTED   TRIGGER    RESULT    ATTEMPTS   LATE   WAITED   WHY",
        f"2026-03-01T11:55:00Z   -         schedule   stopped   1          0s     2m       {why}",
    ]
    assert lines(attempt_table([attempt], now=NOON), width=200)[1] == f"-         1         stopped   {why}   1-a"
    told = run_json(run, namespace="", job="a")
    assert (told["result"], told["startedAt"], told["attempts"][0]["startedAt"]) == ("stopped", None, None)
    assert is_run(run, EVER, "failed", NOON), "it counts as failed"
    (row,) = lines(execution_table([Listed("", "a", attempt)], now=NOON, namespaces=False), width=200)[1:]
    assert row.split()[:5] == ["a", "-", "schedule", "1", "stopped"]
    minute = Period(after(minutes=-3), after(minutes=-2))
    assert [ran_in(each, minute) for each in (attempt, replace(attempt, state=AttemptState.FAILED))] == [False, True]
    attempts = [{"attempt": 1, "startedAt": stopped["started_at"], "finishedAt": stopped["finished_at"],
                 "state": "Cancelled", "reason": "Stopped"}]  # fmt: skip
    status = {"phase": "Failed", "startedAt": stopped["started_at"], "attempts": attempts}
    assert "Started" not in dict(run_facts({"status": status}, now=NOON))
    ran = {**status, "attempts": [{**attempts[0], "state": "Failed", "exitCode": 143}]}
    assert "Started" in dict(run_facts({"status": ran}, now=NOON))


def test_run_that_waits_for_a_pool_by_rest_has_its_place_there() -> None:
    waiting = {"group": 5, "attempt": 1, "started_at": "0001-01-01T00:00:00Z", "success": False, "id": "1-a",
               "finished_at": "0001-01-01T00:00:00Z", "node_name": "", "queued_at": "2026-03-01T11:55:00Z",
               "place": 1, "pools": [{"name": "db", "place": 3, "waiting": 12}, {"name": "lock", "waiting": 40}],
               }  # fmt: skip
    (attempt,) = attempts_of_dkron([waiting])
    words = "3rd of 12 for pool db, not among the first ten of 40 for pool lock"
    (run,) = runs_of([attempt])
    assert lines(run_table([run], now=NOON, wide=False), width=200)[1].endswith(words)
    assert f"{words}, for 5m" in lines(attempt_table([attempt], now=NOON), width=200)[1]
    assert run_json(run, namespace="", job="a")["attempts"][0]["pools"] == waiting["pools"]


@pytest.mark.parametrize(
    ("spec", "pools"),
    [
        pytest.param({"pools": ["db", "lock"], "priority": -3}, "db, lock, with priority -3", id="both"),
        pytest.param({"pools": ["db"]}, "db", id="no priority"),
        pytest.param({"priority": 3}, None, id="no pools"),
    ],
)
def test_pools_are_described(spec: dict[str, Any], pools: str | None) -> None:
    facts = dict(description(from_object({"spec": spec}), now=NOON))
    assert facts.get("Pools") == pools
    assert ("Queue" in facts) is (pools is not None), "queue.max holds for them, too"


@pytest.mark.parametrize(
    ("raw", "queue"),
    [
        pytest.param({"spec": {"concurrency": "queue"}}, "at most 10 runs, the oldest first", id="the default"),
        pytest.param(
            {"spec": {"concurrency": "queue", "queue": {"max": 1, "expires": "1h", "order": "newest"}}},
            "at most 1 run, each for 1h, the newest first", id="all of it"),
        pytest.param({"spec": {"concurrency": "forbid", "queue": {"max": 1}}}, None, id="without effect"),
        pytest.param({"name": "a", "concurrency": "forbid", "queue": {"max": 2}}, "at most 2 runs, the oldest first",
                     id="by REST"),
        pytest.param({"name": "a", "concurrency": "forbid"}, None, id="by REST, none"),
        pytest.param({"spec": {"pools": ["db"], "queue": {"max": 2}}}, "at most 2 runs, the oldest first", id="pools"),
        pytest.param({"spec": {"pools": ["db"], "concurrency": "forbid", "queue": {"expires": "1h"}}},
                     "at most 1 run, each for 1h, while none is active; further ones are skipped",
                     id="pools, and one run at once"),
        pytest.param({"spec": {"pools": ["db"], "concurrency": "replace"}},
                     "at most 1 run, and a newer one takes its place", id="pools, and the newest run"),
    ],
)  # fmt: skip
def test_queue_is_described_where_runs_wait(raw: dict[str, Any], queue: str | None) -> None:
    job = from_object(raw) if "spec" in raw else described(from_dkron(raw), {})
    assert dict(description(job, now=NOON)).get("Queue") == queue


def test_failure_rate_is_counted_by_runs() -> None:
    def tries(number: int, *, good: bool) -> Any:
        slot = after(hours=-number)
        return execution(claim(slot, at=slot), success=good, exit_code=None if good else 1)

    flaky = ready(executions=(tries(1, good=True), tries(2, good=False)), success_count=1, error_count=8)
    bad = ready(executions=(tries(1, good=False), tries(30, good=False)), error_count=5)
    found = [from_object(wire_job(name=name, status=status)) for name, status in (("flaky", flaky), ("bad", bad))]
    start = after(hours=-24)
    told = at_once(failing(found, start=start, now=NOON, most=2))
    assert lines(failing_table(told["jobs"], now=NOON, namespaces=False)) == [
        "JOB     FAILED   RUNS   SHARE   RETRIED   LATEST   WHY",
        "bad     1        1      100%    0         1h       exit 1",
        "flaky   1+       2+     50%     0         2h       exit 1",
    ]
    failures = {job.name: latest_failure(attempts_of(job.raw["status"]), start) for job in found}
    assert [name for name, failure in failures.items() if failure] == ["bad"]


def test_findings_have_a_remedy_and_problems_come_first() -> None:
    renewed: dict[str, Any] = {"spec": {"holderIdentity": "a", "renewTime": "2026-03-01T11:59:00.000000Z"}}
    for list_, run, word in ((True, True, "ok"), (True, False, "warning"), (False, False, "problem")):
        assert [each.word for each in rights({"list": list_, "run": run})] == [word]
    found = [*clock(after(-30), NOON), *lease(renewed, NOON), *jobs_in_trouble(jobs()[:1] + jobs()[4:], NOON)]
    shown = lines(check_table(found))
    assert [line.split()[0] for line in shown] == ["RESULT", "problem", "problem", "warning"]
    assert "not looked at" not in shown[2]
    assert all(each.remedy for each in found)
    assert [each.word for each in jobs_in_trouble([], NOON)] == ["ok"]
    renewed["spec"]["leaseDurationSeconds"] = 60
    assert [each.word for each in lease(renewed, NOON)] == ["ok"], "a Lease lasts for as long as it says"
    stuck = ready(active=(claim(after(minutes=-5)), claim(after(minutes=-4))), next=after(minutes=-3))
    words = [each.found for each in jobs_in_trouble([from_object(wire_job(status=stuck))], NOON)]
    assert words == [
        "1 job due for more than a minute and not started: backup",
        "1 job claimed, but without a Job for more than a minute: backup",
    ]
    assert Check("ok", "x").remedy == ""


def owing(*, lost: int = 0) -> Job:
    """Return a job whose executions the archive does not have, but for the newest."""
    ended = tuple(execution(claim(at, at=at)) for at in (after(minutes=-each) for each in (1, 2, 90)))
    raw = wire_job(status=ready(executions=ended))
    owed = [*(each.job for each in ended[1:]), "gone"]
    raw["status"]["outbox"] = [{"job": job, "to": ["Archive"]} for job in owed]
    raw["status"]["outbox"].append({"job": ended[0].job, "to": ["Delivery"]})
    raw["status"]["unarchived"] = {"skipped": [], "lost": lost}
    return from_object(raw)


@pytest.mark.parametrize(
    ("condition", "jobs", "found"),
    [
        pytest.param({}, [owing(lost=3)], [], id="no archive"),
        pytest.param({"status": "True"}, [owing()], ["ok: the archive takes records"], id="reachable"),
        pytest.param(
            {"status": "True"}, [owing(lost=3), owing(lost=1)],
            ["warning: the archive never got 4 records, because it was away: backup, backup",
             "ok: the archive takes records"],
            id="it was away for too long",
        ),
        pytest.param(
            {"status": "False", "reason": "Unreachable", "message": "The disk is full."}, [owing(), owing()],
            ["problem: the archive takes no records (The disk is full); at most 4 executions wait for it"],
            id="full",
        ),
        pytest.param(
            {"status": "False", "reason": "Unreachable"}, [],
            ["problem: the archive takes no records (Unreachable)"], id="no job waits for it",
        ),
    ],
)  # fmt: skip
def test_archive_is_checked(condition: dict[str, str], jobs: list[Job], found: list[str]) -> None:
    conditions = [{"type": "Archives", **condition}] if condition else []
    checks = list(archive({"status": {"conditions": conditions}}, jobs))
    assert [f"{each.word}: {each.found}" for each in checks] == found
    assert all(each.remedy for each in checks if each.word != "ok")


@pytest.mark.parametrize(
    ("length", "text"),
    [(0, "0s"), (119, "119s"), (120, "2m"), (200, "3m20s"), (3600, "1h"), (9000, "2h30m"), (40 * 86400, "40d")],
)
def test_lengths_of_time(length: int, text: str) -> None:
    assert span(timedelta(seconds=length)) == text


def test_times_as_users_write_them() -> None:
    assert read_span("--since", "7d") == timedelta(days=7)
    assert read_moment("--at", "2h", NOON) == after(hours=-2)
    assert read_moment("--at", "2026-03-01 13:00:00+01:00", NOON) == NOON
    assert read_moment("--at", "999999999d", NOON).year == 1
    for wrong in ("", "-1h", "0s", "1", "yesterday", "9" * 30 + "d", "9" * 5000 + "d", "\N{FULLWIDTH DIGIT ONE}d"):
        with pytest.raises(ValueError, match="--at"):
            read_moment("--at", wrong, NOON)


@pytest.mark.parametrize(
    ("output", "shown"),
    [
        pytest.param("a\x1b[31mred\x1b[0m\x1b[2J\n\tb\x07", "a\x1b[31mred\x1b[0m\ufffd[2J\n\tb\ufffd", id="cursor"),
        pytest.param("\x9b2Ja\x85", "\ufffd2Ja\ufffd", id="controls of one byte"),
        pytest.param("\x1b[8mhidden", "hidden", id="hidden text"),
        pytest.param("\x1b[1;08;31mred", "\x1b[1;31mred\x1b[0m", id="hidden in red, with a zero"),
        pytest.param("\x1b[38;5;8mgrey\x1b[m", "\x1b[38;5;8mgrey\x1b[m\x1b[0m", id="the eighth color"),
        pytest.param("\x1b[48;2;8;8;8;8mdark\x1b[0m", "\x1b[48;2;8;8;8mdark\x1b[0m", id="hidden behind a color"),
        pytest.param("\x1b[38;2;8mx", "\x1b[38;2mx\x1b[0m", id="half a color"),
        pytest.param("\x1b[38;8mx", "\x1b[38mx\x1b[0m", id="no color at all"),
        pytest.param("\x1b[32mgreen\n", "\x1b[32mgreen\n\x1b[0m", id="a color without an end"),
    ],
)
def test_output_keeps_its_colors_and_nothing_else(output: str, shown: str) -> None:
    assert safe(output) == shown


def test_only_whole_words_have_a_colour() -> None:
    (line,) = colored(["14:00 ran  success, took 1.0s by failed-report"])
    assert [line.plain[span.start : span.end] for span in line.spans] == ["ran", "success"]
