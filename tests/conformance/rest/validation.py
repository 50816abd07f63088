"""Dkron behaviour §2.2: which jobs are refused, and which are taken although they look odd.

The unit tests of schedules, sizes and the validation try every rule; a row here shows that a rule holds for a request.
"""

from typing import Any

from tests.conformance.rest import differences
from tests.conformance.rest.answers import Has, Text
from tests.conformance.rest.row import JOB, Difference, Row, get, manual, posted, row, save

INVALID = Text(r"valid.*\.$")
BAD_FIELDS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("its own parent", {"parent_job": "$job"}),
    ("neither a schedule nor a parent", {"schedule": ""}),
    ("a schedule that is no valid date", {"schedule": "@at badtime"}),
    ("a schedule of five fields", {"schedule": "* * * * *"}),
    ("an unknown descriptor", {"schedule": "@fortnightly"}),
    ("@every in days", {"schedule": "@every 1d"}),
    ("@after without the arrow", {"schedule": "@after 2099-01-01T00:00:00Z PT2H"}),
    ("a schedule with an unknown zone", {"schedule": "TZ=Nowhere/Here 0 0 0 * * *"}),
    ("a descriptor of Dkron with a zone", {"schedule": "TZ=UTC @manually"}),
    ("unknown concurrency", {"concurrency": "badvalue"}),
    ("an unknown time zone", {"timezone": "notatimezone"}),
    ("a time zone that is GMT with an offset", {"timezone": "GMT+2"}),
    ("a shell timeout that is no duration", {"executor_config": {"command": "true", "timeout": "foreverandever"}}),
    ("a shell mem_limit that is no size", {"executor_config": {"command": "true", "mem_limit": "invalid"}}),
)

DIFFERENT: tuple[tuple[str, dict[str, Any], Difference], ...] = (
    ("a zone without a schedule", {"schedule": "TZ=Europe/Madrid"}, differences.BAD_ZONE_PREFIX),
    ("retries above 4294967295", {"retries": 4294967296}, differences.RETRIES),
    ("half of a surrogate pair", {"owner": "\ud800"}, differences.HALF_A_PAIR),
)

REFUSED = (
    *(
        row(f"a job with {what} is refused", save(manual(**fields), 400, INVALID), get(JOB, status=404))
        for what, fields in BAD_FIELDS
    ),
    *(
        row(f"a job with {what} is refused", save(manual(**fields), 400), get(JOB, status=404), differs=differs)
        for what, fields, differs in DIFFERENT
    ),
    row(
        "a job that would close a circle of parents is refused",
        save(manual(parent_job="$job-grandkid"), 400, Text("circle|cycle|itself")),
        given=(posted(), posted("$job-kid", parent_job="$job"), posted("$job-grandkid", parent_job="$job-kid")),
        differs=differences.CYCLE,
    ),
    row(
        "expires_at before starts_at is refused",
        save(manual(starts_at="2027-01-01T00:00:00Z", expires_at="2026-01-01T00:00:00Z"), 400, Text("expires_?at")),
        get(JOB, status=404),
        differs=differences.TIME_ORDER,
    ),
    row(
        "the schedule is judged before concurrency and time zone",
        save(manual(schedule="nonsense", concurrency="badvalue", timezone="nowhere"), 400, Text("schedule")),
    ),
    row(
        "an existing job stays as it was when its update is refused",
        save(manual(owner="Bob", schedule="nonsense"), 400),
        get(JOB, {"owner": "Ann", "schedule": "@manually"}),
        given=posted(owner="Ann"),
    ),
    row(
        "a schedule must be legal even where it is never used",
        save(manual(parent_job="$job-parent", schedule="nonsense"), 400, INVALID),
        given=posted("$job-parent"),
    ),
)

ODD_FIELDS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("a schedule of spaces and tabs", {"schedule": "0  0\t0 * * *"}),
    ("month and day names in any case, in EST", {"schedule": "0 0 0 * Jan-mar MON,fri", "timezone": "EST"}),
    ("a step above the range", {"schedule": "*/70 * * * * *"}),
    ("a hash of its name", {"schedule": "0 ~ ~ * * *"}),
    ("the 30th of February", {"schedule": "0 0 0 30 2 *"}),
    ("an empty zone before its fields", {"schedule": "CRON_TZ= 0 0 0 * * *"}),
    ("a zone before a descriptor", {"schedule": "TZ=Europe/Madrid @daily"}),
    ("@every with nothing", {"schedule": "@every 0s"}),
    ("@at with an offset and a fraction", {"schedule": "@at 2099-01-02T15:04:00.5+06:00"}),
    ("@after", {"schedule": "@after 2099-01-01T00:00:00Z <PT2H"}),
    ("@minutely", {"schedule": "@minutely"}),
    ("a time zone that is an Etc offset", {"timezone": "Etc/GMT+2"}),
    ("an unknown executor", {"executor": "unheard-of"}),
    ("settings that its executor does not know", {"executor": "http", "executor_config": {"nonsense": "yes"}}),
    ("an invalid timeout of another executor", {"executor": "http", "executor_config": {"timeout": "30"}}),
    ("an empty shell timeout", {"executor_config": {"command": "true", "timeout": ""}}),
    ("a shell mem_limit", {"executor_config": {"command": "true", "mem_limit": "1.5GB"}}),
    ("tags with odd counts", {"tags": {"dc": "eu:many", "rack": ""}}),
    ("unknown processors", {"processors": {"unheard-of": {"a": "b"}}}),
    ("an address that is none", {"owner_email": "not an address"}),
    ("the largest retries", {"retries": 4294967295}),
    ("a displayname of any letters", {"displayname": "Ünïcödé 日本 <b>"}),
    ("both its times in the past", {"starts_at": "2020-01-01T00:00:00Z", "expires_at": "2020-01-02T00:00:00Z"}),
)

TAKEN = tuple(
    row(f"a job with {what} is taken", save(manual(**fields), body=Has(fields)), get(JOB, Has(fields)))
    for what, fields in ODD_FIELDS
)

MORE_TAKEN = (
    row(
        "a child needs no schedule, and may have one",
        save(manual(schedule="", parent_job="$job-parent"), body={"parent_job": "$job-parent", "schedule": ""}),
        save(manual(schedule="@daily", parent_job="$job-parent")),
        get(JOB, {"schedule": "@daily"}),
        given=posted("$job-parent"),
    ),
    row(
        "an executor that is absent is shell",
        save({"name": "$job", "schedule": "@manually"}, body={"executor": ""}),
        get(JOB, {"executor": "shell", "executor_config": None}),
        differs=differences.EXECUTOR,
    ),
    row(
        "replace is taken as concurrency",
        save(manual(concurrency="replace")),
        get(JOB, {"concurrency": "replace"}),
        differs=differences.REPLACE,
    ),
    row(
        "a queue is kept by clients that do not know it",
        save(manual(concurrency="forbid", queue={"max": 3})),
        get(JOB, {"concurrency": "forbid", "queue": {"max": 3, "expires": None, "order": "oldest"}}),
        save(manual(concurrency="forbid")),
        get(JOB, {"concurrency": "forbid", "queue": {"max": 3, "expires": None, "order": "oldest"}}),
        differs=differences.QUEUE,
    ),
    row(
        "the zero time as starts_at and expires_at means none",
        save(manual(starts_at="0001-01-01T00:00:00Z", expires_at="0001-01-01T00:00:00Z")),
        get(JOB, {"starts_at": None, "expires_at": None}),
        differs=differences.ZERO_LIMITS,
    ),
    row(
        "the time zone Local is taken, and is UTC",
        save(manual(schedule="@at 2099-01-01T00:00:00Z", timezone="Local")),
        get(JOB, {"timezone": "Local", "next": "2099-01-01T00:00:00Z"}),
        differs=differences.LOCAL_TIME,
    ),
    row(
        "starts_at before 1970 is refused",
        save(manual(starts_at="1960-01-01T00:00:00Z"), 422, Text("1970")),
        get(JOB, status=404),
        differs=differences.YEARS,
    ),
    row(
        "a name that is longer than a path may be is refused",
        save(manual("$job-" + "a" * 9000), 400, Text("name")),
        differs=differences.TOO_LONG,
    ),
    row(
        "a job without any node to run it on is taken",
        save(manual(tags={"nowhere": "x:1"})),
        get(JOB, {"tags": {"nowhere": "x:1"}}),
    ),
)

ROWS: tuple[Row, ...] = (*REFUSED, *TAKEN, *MORE_TAKEN)
