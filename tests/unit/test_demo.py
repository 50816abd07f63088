"""The pure parts of `make demo`, and that the examples are what it expects."""

import shlex
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo import follow, last_line
from demo.expectations import EXPECTATIONS, NOTHING, fresh, known, problem, unmet
from demo.farewell import HEADER, OWN_JOB, Whereabouts, how_to_go_on
from dkron_api.translate.job import read_body
from dkron_cli.core.table import lines
from dkron_crds.base import rfc3339
from dkron_crds.job import DkronJob
from dkron_from_dkron.validate import check
from dkron_operator.plan.situation.read import read_job

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.yaml"))
HERE = "http://127.0.0.1:8080"
USUAL = Whereabouts(Path("/c/kubeconfig"), Path("/c/log"), HERE, "default", make_arguments="", kubectl_folder=None,
                    dkronctl=Path("/v/dkronctl"))  # fmt: skip
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
BAD_SCHEDULE = {
    "type": "Ready", "status": "False", "reason": "InvalidSchedule", "message": "schedule: five fields",
    "lastTransitionTime": "2026-01-01T00:00:00Z",
}  # fmt: skip
SKIPPED = {"count": 4, "lastTime": rfc3339(NOON), "lastReason": "ConcurrencyForbidden"}


def run(number: int = 1, *, success: bool = True, **fields: Any) -> dict[str, Any]:
    """Return a finished execution that ended at noon."""
    begin, end = rfc3339(NOON - timedelta(seconds=2)), rfc3339(NOON)
    return {
        "id": f"{number}-run", "job": "run", "slot": end, "trigger": "schedule", "group": 1, "attempt": 1,
        "startedAt": begin, "finishedAt": end, "state": "Succeeded" if success else "Failed",
        "exitCode": 0 if success else 3,
    } | fields  # fmt: skip


def job(name: str, *executions: dict[str, Any], schedule: str = "@hourly", **status: Any) -> DkronJob:
    """Return a job with these executions, the newest first."""
    ended = {"successCount": sum(e["state"] == "Succeeded" for e in executions)}
    ended["errorCount"] = len(executions) - ended["successCount"]
    found = {"executions": list(executions), **ended, **status}
    metadata = {"name": name, "namespace": "default"}
    return DkronJob.from_wire({"metadata": metadata, "spec": {"schedule": schedule}, "status": found})


def jobs_in(file: Path) -> list[dict[str, Any]]:
    documents = yaml.safe_load_all(file.read_text(encoding="utf-8"))
    return [document for document in documents if document["kind"] == "DkronJob"]


def test_each_example_has_one_job_of_its_name_with_expectations() -> None:
    found = {file.stem: [document["metadata"]["name"] for document in jobs_in(file)] for file in EXAMPLES}
    assert found == {name: [name] for name in sorted(EXPECTATIONS)}
    listed = (EXAMPLES[0].parent / "README.md").read_text(encoding="utf-8")
    assert [file.name for file in EXAMPLES if f"({file.name})" not in listed] == []


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: str(file.stem))
def test_operator_finds_no_problem_in_an_example(file: Path) -> None:
    document = jobs_in(file)[0]
    stored = {"uid": "u", "namespace": "default", "creationTimestamp": "2026-01-01T00:00:00Z"}
    assert read_job(document | {"metadata": document["metadata"] | stored}).problem is None


RETRIED = (
    run(3, attempt=3, output="attempt 3\n"),
    run(2, success=False, attempt=2, exitCode=1),
    run(1, success=False, attempt=1, exitCode=1),
)
ACTIVE = {
    "id": "9-run", "job": "run", "state": "Running", "uid": "u", "slot": rfc3339(NOON), "trigger": "schedule",
    "group": 9, "attempt": 1, "startedAt": rfc3339(NOON),
}  # fmt: skip
DUE = {"next": "2035-01-01T08:00:00Z"}


@pytest.mark.parametrize(
    ("seen", "met"),
    [
        pytest.param(job("hello"), False, id="a job that has not run shows nothing"),
        pytest.param(job("hello", run(output="hello, due at …\n")), True, id="a run with its output is enough"),
        pytest.param(job("hello", run(output="")), False, id="a run without its output is not"),
        pytest.param(job("hello", run(success=False, output="hello, due at …")), False, id="nor is one that failed"),
        pytest.param(job("manual", run(output="you called")), False, id="a scheduled run is no requested one"),
        pytest.param(job("manual", run(output="you called", trigger="manual")), True, id="a requested run counts"),
        pytest.param(job("failing", run(success=False, output="no space left on /backup\n")), True, id="it must fail"),
        pytest.param(job("failing", run(success=False, exitCode=1, output="no space left")), False, id="but not so"),
        pytest.param(job("retries", *RETRIED), True, id="two failures of the same run, then success"),
        pytest.param(job("retries", *RETRIED[:2]), False, id="a missing first attempt is noticed"),
        pytest.param(job("retries", RETRIED[0], run(2, success=False, attempt=2, group=2), RETRIED[2]), False,
                     id="an attempt of another run does not count"),
        pytest.param(job("forbid", run()), False, id="forbid has to skip"),
        pytest.param(job("forbid", skipped=SKIPPED), False, id="forbid has to run as well"),
        pytest.param(job("forbid", run(), skipped=SKIPPED), True, id="forbid ran and skipped"),
        pytest.param(job("forbid", run(), skipped=SKIPPED | {"lastReason": "Missed"}), False, id="for another reason"),
        pytest.param(job("once", **DUE), True, id="a slot to come is enough for a date far away"),
        pytest.param(job("once"), False, id="no slot to come is not"),
        pytest.param(job("once", **DUE, conditions=[BAD_SCHEDULE]), False, id="nor a slot of an invalid job"),
    ],
)  # fmt: skip
def test_example_has_shown_its_feature(seen: DkronJob, met: bool) -> None:
    assert (seen.metadata.name not in unmet([seen], {})) is met


def test_earlier_demo_proves_nothing() -> None:
    old = job("forbid", run(1), skipped=SKIPPED)
    before = known(old)
    newer = job("forbid", run(2), run(1), skipped=SKIPPED | {"count": 5})
    assert unmet([old], {"forbid": before}) == unmet([], {}) == tuple(EXPECTATIONS)
    assert [each.id for each in fresh(newer.status, before).executions] == ["2-run"]
    assert "forbid" not in unmet([newer], {"forbid": before})
    assert known(job("hello")) == NOTHING


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        pytest.param(BAD_SCHEDULE, "InvalidSchedule: schedule: five fields", id="not ready"),
        pytest.param(BAD_SCHEDULE | {"status": "True", "message": "a remark"}, "", id="ready with a remark"),
        pytest.param(BAD_SCHEDULE | {"type": "Degraded", "status": "True", "reason": "JobLost", "message": ""},
                     "JobLost", id="degraded without a message"),
        pytest.param(BAD_SCHEDULE | {"type": "Suspended", "status": "True"}, "", id="disabled is no problem"),
    ],
)  # fmt: skip
def test_the_operator_reports_a_problem(condition: dict[str, str], expected: str) -> None:
    assert problem(job("hello", conditions=[condition]).status) == expected


def test_demo_table_matches_dkronctl_top_and_names_pending_ones(capfd: pytest.CaptureFixture[str]) -> None:
    due = "2026-01-01T12:00:30Z"
    seen = [job("after", run(output="x"), next=due), job("retries", *RETRIED, active=[ACTIVE], next=due)]
    shown = lines(follow.table_of(seen, NOON + timedelta(seconds=9)))
    assert [line.split() for line in shown] == [
        ["NAME", "SCHEDULE", "STATE", "LAST", "RESULT", "NEXT", "ACTIVE"],
        ["retries", "@hourly", "Pending", "11s", "-", "in", "21s", "1"],
        ["after", "@hourly", "Pending", "11s", "-", "in", "21s", "0"],
    ]
    missing = follow.wait(lambda: seen, {"retries": known(seen[1])}, seconds=0)
    printed = "".join(capfd.readouterr()).splitlines()
    assert "retries" in missing
    assert "  missing: hello runs by a cron with seconds; the job is not there" in printed
    (standing,) = [line for line in printed if "have shown what they should" in line]
    assert standing == "0 of 21 examples have shown what they should (not yet: hello, timezone, every, …)"


def test_a_long_complaint_becomes_a_sentence() -> None:
    assert last_line(ValueError("E1125 retrying\nconnection refused\n")) == "connection refused"
    assert last_line(ValueError("")) == "ValueError"


@pytest.mark.parametrize(
    ("where", "line"),
    [
        pytest.param({}, "  kubectl get dkj ", id="in its own cluster"),
        pytest.param({"namespace": "dkron-demo"}, "  kubectl -n dkron-demo get dkj ", id="in a namespace"),
        pytest.param({"namespace": "dkron-demo"}, "  /v/dkronctl -n dkron-demo top ", id="live, in a namespace"),
        pytest.param({"kubectl_folder": Path("/c/bin")}, "  export PATH=/c/bin:$PATH\n", id="without kubectl"),
        pytest.param({"make_arguments": " CLUSTER=current"}, "  make demo-down CLUSTER=current ", id="as it was made"),
    ],
)
def test_the_last_words_can_be_copied(where: dict[str, Any], line: str) -> None:
    text = how_to_go_on(replace(USUAL, **where))
    assert line in text
    assert "  export KUBECONFIG=/c/kubeconfig\n" in text
    assert f"{HERE}/ui/" in text.splitlines()[0]


def test_closing_hints_use_each_route_with_an_accepted_job() -> None:
    text = how_to_go_on(replace(USUAL, make_arguments=" DEMO_NAME=other"))
    assert "  export DKRON_TOKEN=$(make -s api-token DEMO_NAME=other)" in text
    words = [shlex.split(line, comments=True) for line in text.splitlines() if "  curl " in line]
    assert all(line[1:3] == ["-H", HEADER] for line in words)
    assert [[word.removeprefix(HERE) for word in line if word.startswith(HERE)] for line in words] == [
        ["/v1/jobs"], ["/v1/jobs"], ["/v1/jobs/mine/run?wait=true"], ["/v1/jobs/mine/executions?pretty"],
        ["/v1/jobs/mine/next?count=3"], ["/v1/events"],
    ]  # fmt: skip
    check(read_body(OWN_JOB.encode()))
    assert "'" not in OWN_JOB, "it stands in single quotes"
