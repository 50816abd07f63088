"""What schemathesis has to know beyond the published document: values of our formats, and rules that no schema can say.

Loaded by the programs that `tests/cluster/test_api_schemathesis.py` starts, never by pytest itself.
"""

import json
import unicodedata
from datetime import UTC, datetime
from importlib import resources
from typing import Any

import requests
import schemathesis
from hypothesis import strategies as st
from schemathesis.core.failures import Failure

from dkron_crds.base import rfc3339

Case = schemathesis.Case[Any]

SMALL_LETTERS = [chr(code) for code in range(0x250) if unicodedata.category(chr(code)) == "Ll"]
ZONES = (resources.files("tzdata") / "zones").read_text("utf-8").split()
DESCRIPTORS = ("yearly", "annually", "monthly", "weekly", "daily", "midnight", "hourly", "minutely", "manually")
BACKUP = [
    {"name": "restored", "schedule": "@daily", "executor": "shell", "executor_config": {"command": "true"}},
    {"name": "restored-child", "parent_job": "restored", "success_count": 3, "last_success": "2026-01-02T03:04:05Z"},
]

names = st.text(st.sampled_from([*"0123456789_-", *SMALL_LETTERS, *"джобωէ"]), min_size=1, max_size=60)
minutes = st.one_of(
    st.integers(0, 59).map(str), st.integers(1, 90).map("*/{}".format), st.sampled_from(["~", "?", "5-9"])
)
hours = st.one_of(st.integers(0, 23).map(str), st.sampled_from(["*", "~", "1,13"]))
days = st.one_of(st.integers(1, 31).map(str), st.sampled_from(["*", "~", "1-7/2"]))
months = st.sampled_from(["*", "~", "jan", "DEC", "1-6"])
weekdays = st.sampled_from(["*", "mon-fri", "0", "6", "Sun"])
cron = st.tuples(minutes, minutes, hours, days, months, weekdays).map(" ".join)
durations = st.builds("{}{}".format, st.integers(1, 9999), st.sampled_from(["ms", "s", "m", "h", "h30m", ".5h"]))
sizes = st.builds("{}{}".format, st.integers(1, 10**6), st.sampled_from(["", "KB", "mb", "Gb"]))
times = st.integers(0, 253_000_000_000).map(lambda seconds: rfc3339(datetime.fromtimestamp(seconds, UTC)))
schedules = st.one_of(
    cron,
    st.sampled_from(DESCRIPTORS).map("@{}".format),
    durations.map("@every {}".format),
    times.map("@at {}".format),
    times.map("@after {} <PT2H".format),
    st.builds("TZ={} {}".format, st.sampled_from(ZONES), cron),
)
rules = st.sets(st.sampled_from(["list", "read", "create", "update", "delete"])).map(
    lambda capabilities: json.dumps({"path": {"/v1/jobs/**": {"capabilities": sorted(capabilities)}}})
)

OF_TIMES = {
    "explainJob", "listExecutions", "listExecutionsByJob", "listExecutionsByOldPath", "timeline", "skippedSlots",
    "durations",
}  # fmt: skip
"""Operations about a time."""

FORMATS: dict[str, st.SearchStrategy[str]] = {
    "date-time": times,
    "dkron-name": names,
    "dkron-name-or-none": st.just("") | names,
    "dkron-rules": rules,
    "dkron-schedule": schedules,
    "dkron-size": sizes,
    "go-duration": durations,
    "timezone": st.sampled_from(["", "UTC", *ZONES]),
}
for name, values in FORMATS.items():
    schemathesis.openapi.format(name, values)


@schemathesis.hook
def before_load_schema(context: schemathesis.HookContext, raw_schema: dict[str, Any]) -> None:  # noqa: ARG001 - its form is given
    """Names are drawn only by their format: schemathesis takes `\\p{Ll}` for ranges that hold capital letters, too."""
    schemas = raw_schema["components"]["schemas"]
    for schema in (schemas["name"], schemas["job"]["properties"]["parent_job"]):
        del schema["pattern"]


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: Case, kwargs: dict[str, Any]) -> None:  # noqa: ARG001
    """Make every log finite, and legal requests legal in what a schema cannot say."""
    if operation_id(case) == "executionLog":
        case.query.pop("follow", None)
    # Only an answer has tokens of pages.
    case.query.pop("after", None)
    if case.meta is not None and case.meta.generation.mode.is_positive and isinstance(case.body, dict):
        _make_consistent(case, case.body)


@schemathesis.hook
def after_call(context: schemathesis.HookContext, case: Case, response: schemathesis.Response) -> None:  # noqa: ARG001
    """End each pause at once: the operations after it would be refused, and nothing else would be tried."""
    if operation_id(case) == "pause":
        requests.post(f"{case.operation.base_url}v1/unpause", timeout=10).raise_for_status()


@schemathesis.hook
def filter_failure(
    context: schemathesis.HookContext,  # noqa: ARG001
    failure: Failure,
    case: Case,
    response: schemathesis.Response,
) -> bool:
    """Which failures count."""
    match type(failure).__name__:
        case "UnsupportedMethodResponse":
            # Dkron never answers 405, and its clients know an unknown method by this text.
            return (response.status_code, response.text) != (404, "404 page not found")
        case "UseAfterFree":
            # Forgetting the executions of a job leaves the job, with an empty list of them.
            return not getattr(failure, "free", "").endswith("/executions")
        case "RejectedPositiveData" if operation_id(case) in OF_TIMES:
            # Each of its times is valid by itself; together they may contradict one another, or be years apart.
            return response.status_code != requests.codes.bad_request
        case "RejectedPositiveData" if isinstance(case.body, dict):
            return not (response.status_code == requests.codes.bad_request and _contradicts_itself(case.body))
        case _:
            return True


def operation_id(case: Case) -> str:
    """The name of the operation that a request is for."""
    return str(case.operation.definition.raw["operationId"])


def _make_consistent(case: Case, body: dict[str, Any]) -> None:
    """The path and the body agree, a file is a backup, and a whole number is written as one: Go refuses 2.0."""
    for field in ("retries", "count"):
        if isinstance(body.get(field), float):
            body[field] = int(body[field])
    match operation_id(case):
        case "replaceJob":
            case.path_parameters["job_name"] = body["name"]
        case "upsertPolicy" if body.get("Name"):
            body["Name"] = case.path_parameters["name"]
        case "restore":
            body["file"] = json.dumps(BACKUP)


def _contradicts_itself(job: dict[str, Any]) -> bool:
    """Whether it is its own parent, or expires before it starts."""
    starts, expires = (str(job.get(field) or "") for field in ("starts_at", "expires_at"))
    return job.get("name") == job.get("parent_job") or bool(starts and expires and starts >= expires)
