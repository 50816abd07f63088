"""Dkron behaviour §2.2: which jobs are refused, and which are taken although they look odd."""

from typing import Any

from tests.conformance.rest import differences
from tests.conformance.rest.answers import Has, Text
from tests.conformance.rest.row import Difference, Place, Posted, Row, get, manual, post, row

INVALID = Text(r"valid.*\.$")
BAD_FIELDS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("its own parent", {"parent_job": "$job"}),
    ("neither a schedule nor a parent", {"schedule": ""}),
    ("a schedule that is a date without a meaning", {"schedule": "@at badtime"}),
    ("a schedule of five fields", {"schedule": "* * * * *"}),
    ("a schedule of seven fields", {"schedule": "* * * * * * *"}),
    ("a schedule with 60 seconds", {"schedule": "60 * * * * *"}),
    ("a schedule with a Sunday that is 7", {"schedule": "0 0 0 * * 7"}),
    ("a schedule with the last day of the month", {"schedule": "0 0 0 L * *"}),
    ("an unknown descriptor", {"schedule": "@fortnightly"}),
    ("@reboot", {"schedule": "@reboot"}),
    ("@every without a unit", {"schedule": "@every 10"}),
    ("@every in days", {"schedule": "@every 1d"}),
    ("@at without a zone", {"schedule": "@at 2099-01-01T00:00:00"}),
    ("@after without the arrow", {"schedule": "@after 2099-01-01T00:00:00Z PT2H"}),
    ("a space before a descriptor", {"schedule": " @daily"}),
    ("a schedule with an unknown zone", {"schedule": "TZ=Nowhere/Here 0 0 0 * * *"}),
    ("a descriptor of Dkron's own with a zone", {"schedule": "TZ=UTC @manually"}),
    ("unknown concurrency", {"concurrency": "badvalue"}),
    ("concurrency in upper case", {"concurrency": "Allow"}),
    ("an unknown time zone", {"timezone": "notatimezone"}),
    ("a time zone that is an offset", {"timezone": "+02:00"}),
    ("a time zone that is GMT with an offset", {"timezone": "GMT+2"}),
    ("a time zone in lower case", {"timezone": "europe/berlin"}),
    ("a shell timeout that is no duration", {"executor_config": {"command": "true", "timeout": "foreverandever"}}),
    ("a shell timeout without a unit", {"executor_config": {"command": "true", "timeout": "10"}}),
    ("a shell mem_limit that is no size", {"executor_config": {"command": "true", "mem_limit": "invalid"}}),
    ("a negative shell mem_limit", {"executor_config": {"command": "true", "mem_limit": "-1"}}),
    ("a shell mem_limit with an unknown unit", {"executor_config": {"command": "true", "mem_limit": "1XB"}}),
)

DIFFERENT: tuple[tuple[str, str, dict[str, Any], Difference], ...] = (
    ("a zone without a schedule", "§2.2, §3.4, §1.11", {"schedule": "TZ=Europe/Madrid"}, differences.BAD_ZONE_PREFIX),
    ("retries above 4294967295", "§2.2, §2.1", {"retries": 4294967296}, differences.RETRIES),
)

REFUSED = (
    *(
        row(
            f"a job with {what} is refused",
            "§2.2, §1.11",
            post("/v1/jobs", 400, INVALID, sent=manual(**fields)),
            get("/v1/jobs/$job", 404),
        )
        for what, fields in BAD_FIELDS
    ),
    *(
        row(
            f"a job with {what} is refused",
            source,
            post("/v1/jobs", 400, sent=manual(**fields)),
            get("/v1/jobs/$job", 404),
            differs=differs,
        )
        for what, source, fields, differs in DIFFERENT
    ),
    row(
        "a job that would close a circle of parents is refused",
        "§2.2, §2.4",
        post("/v1/jobs", 400, Text("circle|cycle|itself"), sent=manual(parent_job="$job-grandkid")),
        given=(
            Posted("$job"),
            Posted("$job-kid", {"parent_job": "$job"}),
            Posted("$job-grandkid", {"parent_job": "$job-kid"}),
        ),
        differs=differences.CYCLE,
    ),
    row(
        "expires_at before starts_at is refused",
        "§2.2",
        post(
            "/v1/jobs",
            400,
            Text("expires_?at|later"),
            sent=manual(starts_at="2027-01-01T00:00:00Z", expires_at="2026-01-01T00:00:00Z"),
        ),
        get("/v1/jobs/$job", 404),
        differs=differences.TIME_ORDER,
    ),
    row(
        "the name is judged before the schedule",
        "§2.2",
        post("/v1/jobs", 400, Text("name"), sent=manual("$job!", schedule="nonsense")),
    ),
    row(
        "the schedule is judged before concurrency and time zone",
        "§2.2",
        post(
            "/v1/jobs",
            400,
            Text("schedule"),
            sent=manual(schedule="nonsense", concurrency="badvalue", timezone="nowhere"),
        ),
    ),
    row(
        "an existing job stays as it was when its update is refused",
        "§2.2",
        post("/v1/jobs", 400, sent=manual(owner="Bob", schedule="nonsense")),
        get("/v1/jobs/$job", 200, Has({"owner": "Ann", "schedule": "@manually"})),
        given=(Posted("$job", {"owner": "Ann"}),),
    ),
    row(
        "a schedule must be legal even where it is never used",
        "§2.2",
        post("/v1/jobs", 400, INVALID, sent=manual(parent_job="$job-parent", schedule="nonsense")),
        given=(Posted("$job-parent"),),
    ),
)

ODD_FIELDS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("a schedule of spaces and tabs", {"schedule": "0  0\t0 * * *"}),
    ("question marks", {"schedule": "? ? ? ? ? ?"}),
    ("names of months and days in any case", {"schedule": "0 0 0 * Jan-mar MON,fri"}),
    ("a step above the range", {"schedule": "*/70 * * * * *"}),
    ("empty items in a list", {"schedule": "1,, * * * * *"}),
    ("a hash of its name", {"schedule": "0 ~ ~ * * *"}),
    ("the 30th of February", {"schedule": "0 0 0 30 2 *"}),
    ("a zone before its fields", {"schedule": "TZ=Europe/Madrid 0 0 0 * * *"}),
    ("a cron zone before its fields", {"schedule": "CRON_TZ=Asia/Tokyo 0 0 0 * * *"}),
    ("an empty zone before its fields", {"schedule": "CRON_TZ= 0 0 0 * * *"}),
    ("a zone before a descriptor", {"schedule": "TZ=Europe/Madrid @daily"}),
    ("@every with an hour and a half", {"schedule": "@every 1h30m"}),
    ("@every with nothing", {"schedule": "@every 0s"}),
    ("@at in the past", {"schedule": "@at 2018-01-02T15:04:00Z"}),
    ("@at with an offset and a fraction", {"schedule": "@at 2099-01-02T15:04:00.5+06:00"}),
    ("@after", {"schedule": "@after 2099-01-01T00:00:00Z <PT2H"}),
    ("@minutely", {"schedule": "@minutely"}),
    ("the time zone UTC", {"timezone": "UTC"}),
    ("the time zone EST", {"timezone": "EST"}),
    ("a time zone that is an Etc offset", {"timezone": "Etc/GMT+2"}),
    ("an unknown executor", {"executor": "unheard-of"}),
    ("settings that its executor does not know", {"executor": "http", "executor_config": {"nonsense": "yes"}}),
    ("a timeout of another executor that is no duration", {"executor": "http", "executor_config": {"timeout": "30"}}),
    ("an empty shell timeout", {"executor_config": {"command": "true", "timeout": ""}}),
    ("a shell timeout", {"executor_config": {"command": "true", "timeout": "1m30s"}}),
    ("a shell mem_limit", {"executor_config": {"command": "true", "mem_limit": "1.5GB"}}),
    ("a shell mem_limit in lower case", {"executor_config": {"command": "true", "mem_limit": "512mb"}}),
    ("tags with odd counts", {"tags": {"dc": "eu:many", "rack": ""}}),
    ("unknown processors", {"processors": {"unheard-of": {"a": "b"}}}),
    ("an address that is none", {"owner_email": "not an address"}),
    ("the largest retries", {"retries": 4294967295}),
    ("a displayname of any letters", {"displayname": "Ünïcödé 日本 <b>"}),
    ("starts_at in the past", {"starts_at": "2020-01-01T00:00:00Z"}),
    ("expires_at in the past", {"expires_at": "2020-01-01T00:00:00Z"}),
)

TAKEN = tuple(
    row(
        f"a job with {what} is taken",
        "§2.2",
        post("/v1/jobs", 201, Has(fields), sent=manual(**fields)),
        get("/v1/jobs/$job", 200, Has(fields)),
    )
    for what, fields in ODD_FIELDS
)

MORE_TAKEN = (
    row(
        "a child needs no schedule",
        "§2.2, §1.12",
        post(
            "/v1/jobs",
            201,
            Has({"parent_job": "$job-parent", "schedule": ""}),
            sent=manual(schedule="", parent_job="$job-parent"),
        ),
        given=(Posted("$job-parent"),),
    ),
    row(
        "a child may have a schedule",
        "§2.2",
        post("/v1/jobs", 201, sent=manual(schedule="@daily", parent_job="$job-parent")),
        get("/v1/jobs/$job", 200, Has({"schedule": "@daily"})),
        given=(Posted("$job-parent"),),
    ),
    row(
        "an executor that is absent is shell",
        "§2.2, §2.1",
        post("/v1/jobs", 201, Has({"executor": ""}), sent={"name": "$job", "schedule": "@manually"}),
        get("/v1/jobs/$job", 200, Has({"executor": "shell", "executor_config": None})),
        differs=differences.EXECUTOR,
    ),
    row(
        "replace is taken as concurrency",
        "§2.2, §1.13",
        post("/v1/jobs", 201, sent=manual(concurrency="replace")),
        get("/v1/jobs/$job", 200, Has({"concurrency": "replace"})),
        differs=differences.REPLACE,
    ),
    row(
        "the zero time as starts_at and expires_at means none",
        "§2.2",
        post("/v1/jobs", 201, sent=manual(starts_at="0001-01-01T00:00:00Z", expires_at="0001-01-01T00:00:00Z")),
        get("/v1/jobs/$job", 200, Has({"starts_at": None, "expires_at": None})),
        differs=differences.ZERO_LIMITS,
    ),
    row(
        "the time zone Local is taken, and is UTC",
        "§2.2, §3.4, §1.12",
        post("/v1/jobs", 201, sent=manual(schedule="@at 2099-01-01T00:00:00Z", timezone="Local")),
        get("/v1/jobs/$job", 200, Has({"timezone": "Local", "next": "2099-01-01T00:00:00Z"})),
        differs=differences.LOCAL_TIME,
    ),
    row(
        "starts_at before 1970 is refused",
        "§2.2",
        post("/v1/jobs", 422, Text("1970"), sent=manual(starts_at="1960-01-01T00:00:00Z")),
        get("/v1/jobs/$job", 404),
        differs=differences.YEARS,
    ),
    row(
        "a name that is longer than a path may be is refused",
        "§2.2",
        post("/v1/jobs", 400, Text("name"), sent=manual("$job-" + "a" * 9000)),
        differs=differences.TOO_LONG,
    ),
    row(
        "a job without any node to run it on is taken",
        "§2.2",
        post("/v1/jobs", 201, sent=manual(tags={"nowhere": "x:1"})),
        get("/v1/jobs/$job", 200, Has({"tags": {"nowhere": "x:1"}})),
    ),
    row(
        "jobs can be saved while there is no leader",
        "§1.5, §1.11",
        post("/v1/jobs", 201, sent=manual()),
        where=Place.CLUSTER,
        differs=differences.NO_LEADER,
    ),
)

ROWS: tuple[Row, ...] = (*REFUSED, *TAKEN, *MORE_TAKEN)
