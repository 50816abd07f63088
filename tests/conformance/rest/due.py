"""Dkron behaviour §2.5: when a job is due next. The unit tests of jobs try more; here are those that differ."""

import re
from typing import Any

from tests.conformance.rest import differences
from tests.conformance.rest.job_object import NO_TIME
from tests.conformance.rest.row import JOB, Difference, Place, Row, get, manual, post, posted, row, save

NIGHT_IN_MADRID = {"schedule": "0 30 2 1 1 *", "timezone": "Europe/Madrid"}
HALF_PAST_ONE = re.compile(r"^\d{4}-01-01T01:30:00Z$")
LATER = {"schedule": "@daily", "starts_at": "2099-01-01T12:00:00Z"}
OVER = {"schedule": "@daily", "expires_at": "2020-01-01T00:00:00Z"}


def due(says: str, next_: str | re.Pattern[str], differs: Difference | None = None, **fields: Any) -> Row:
    """What `next` is of a job with these fields."""
    return row(says, get(JOB, {"next": next_}), given=posted(**fields), differs=differs)


def of_child(says: str, schedule: str) -> Row:
    """A child has no next slot, whatever its schedule is."""
    given = (posted("$job-parent"), posted(parent_job="$job-parent", schedule=schedule))
    return row(says, get(JOB, {"next": NO_TIME}), given=given, differs=differences.NEXT_NEVER)


ROWS: tuple[Row, ...] = (
    due("next of an interval is to come", re.compile(r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$"), schedule="@every 1000h"),
    due("next of a job on request is the zero time", NO_TIME, schedule="@manually"),
    due("next of a date with an offset is in UTC", "2098-12-31T18:00:00Z", schedule="@at 2099-01-01T00:00:00+06:00"),
    due("next of a date that has passed is the zero time", NO_TIME, schedule="@at 2018-01-02T15:04:00Z"),
    due("next of @after to come is its date", "2099-01-01T00:00:00Z", schedule="@after 2099-01-01T00:00:00Z <PT2H"),
    due("next is in the job's time zone from the beginning", HALF_PAST_ONE, differences.NEXT_ZONE, **NIGHT_IN_MADRID),
    due(
        "a zone in the schedule beats the time zone",
        re.compile(r"^\d{4}-01-01T05:00:00Z$"),
        schedule="TZ=America/New_York 0 0 0 1 1 *",
        timezone="Europe/Madrid",
    ),
    due(
        "a descriptor honours the time zone",
        re.compile(r"^\d{4}-12-31T23:00:00Z$"),
        differences.DESCRIPTORS,
        schedule="@yearly",
        timezone="Europe/Madrid",
    ),
    due("next before starts_at is the first from then on", "2099-01-02T00:00:00Z", differences.NEXT_STARTS, **LATER),
    due("next of a job that has expired is the zero time", NO_TIME, differences.NEXT_NEVER, **OVER),
    of_child("next of a child without a schedule is the zero time", ""),
    of_child("next of a child with a schedule is the zero time", "@daily"),
    row(
        "next follows a change of only the time zone",
        save(manual(schedule="0 0 12 1 1 *", timezone="Asia/Tokyo")),
        get(JOB, {"next": re.compile(r"^\d{4}-01-01T03:00:00Z$")}),
        given=posted(schedule="0 0 12 1 1 *"),
        differs=differences.NEXT_ZONE,
    ),
    row(
        "next follows a change of only starts_at",
        save(manual(schedule="@yearly", starts_at="2098-06-01T00:00:00Z")),
        get(JOB, {"next": "2099-01-01T00:00:00Z"}),
        given=posted(schedule="@yearly"),
        differs=differences.NEXT_ZONE,
    ),
    row(
        "next goes when a job is disabled and comes back with it",
        post(f"{JOB}/toggle", 200, {"next": NO_TIME}),
        get(JOB, {"next": NO_TIME}),
        post(f"{JOB}/toggle", 200, {"next": "2099-01-01T00:00:00Z"}),
        given=posted(schedule="@at 2099-01-01T00:00:00Z"),
        differs=differences.NEXT_NEVER,
    ),
    row(
        "next with an operator is what the operator goes by",
        get(JOB, {"next": HALF_PAST_ONE}),
        given=posted(**NIGHT_IN_MADRID),
        where=Place.OPERATOR,
    ),
)
