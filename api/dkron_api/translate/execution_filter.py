"""Which executions a list shows: the query of GET /v1/executions and of GET /v1/jobs/{job}/executions. Additions to
Dkron's API. Pure."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from dkron_archive.records import Cursor, Query, State
from dkron_crds.job import Attempt, AttemptState, Trigger
from dkron_crds.schedule.errors import quoted
from dkron_reports.words import read_moment, read_time

LIMIT, MOST = 100, 1000
"""Executions of a page, and the most that a client may ask for."""
LONGEST_TEXT = 200
"""Characters of a text to search for."""
MOST_JOBS = 100
"""Jobs that a query may name."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TOKEN = re.compile(r"([re])(\d{1,18})\.([A-Za-z0-9._-]{1,96})", re.ASCII)


class Wanted(StrEnum):
    """A state by which executions are filtered."""

    SUCCESS = "success"
    FAILED = "failed"
    RUNNING = "running"
    WAITING = "waiting"


GOING = frozenset({Wanted.RUNNING, Wanted.WAITING})
"""The states of executions that are not over."""


class Place(NamedTuple):
    """The place of an execution in a list. An execution that runs or waits ends last, and its time is its start, or
    since when it waits."""

    runs: bool
    at: datetime
    id: str


class Ended(NamedTuple):
    """The fields of an execution that filters ask for."""

    started: datetime
    finished: datetime
    success: bool
    trigger: str
    output: str


@dataclass(frozen=True, slots=True)
class Filter:
    """The query of a list; None and empty mean any. `begin` (inclusive) and `end` are about when executions ended."""

    begin: datetime | None = None
    end: datetime | None = None
    state: Wanted | None = None
    triggers: frozenset[str] = frozenset()
    jobs: frozenset[str] = frozenset()
    at: datetime | None = None
    text: str = ""
    after: Place | None = None
    limit: int = LIMIT
    ascending: bool = False

    @property
    def shows_ended(self) -> bool:
        """Whether the page may have executions that are over."""
        return self.state not in GOING and not (self.ascending and self.after is not None and self.after.runs)

    def query(self, namespace: str, jobs: frozenset[str] | None) -> Query:
        """Return the question for the archive: a page of these jobs."""
        after = None if self.after is None or self.after.runs else Cursor(self.after.at, self.after.id)
        state = None if self.state is None else State(self.state.value)
        return Query(
            namespace=namespace, jobs=jobs, state=state, triggers=self.triggers or None, begin=self.begin, end=self.end,
            text=self.text, running_at=self.at, after=after, ascending=self.ascending, limit=self.limit,
        )  # fmt: skip

    def comes_after(self, place: Place) -> bool:
        """Whether the place is behind the end of the page before."""
        return self.after is None or (place > self.after if self.ascending else place < self.after)

    def takes(self, run: Attempt, now: datetime) -> bool:
        """Whether the filter shows this execution, whatever its page."""
        if self.triggers and run.trigger.value not in self.triggers:
            return False
        if not run.ended:
            return self._takes_running(run, now)
        return self.takes_ended(Ended(run.started_at, run.ended_at, run.success, run.trigger.value, run.output))

    def _takes_running(self, run: Attempt, now: datetime) -> bool:
        # One that runs ends later than now.
        within = (self.end is None or self.end > now) and (self.begin is None or self.begin <= now)
        if run.waits:
            return within and self.at is None and not self.text and self.state in (None, Wanted.WAITING)
        ran = self.at is None or run.started_at <= self.at <= now
        return within and ran and not self.text and self.state in (None, Wanted.RUNNING)

    def takes_ended(self, run: Ended) -> bool:
        """Whether the filter shows an execution that is over."""
        if self.state is not None and self.state.value != ("success" if run.success else "failed"):
            return False
        if self.begin is not None and run.finished < self.begin:
            return False
        if self.end is not None and run.finished >= self.end:
            return False
        if self.at is not None and not run.started <= self.at < run.finished:
            return False
        return (not self.triggers or run.trigger in self.triggers) and self.text in run.output


NAMES = ("from", "to", "state", "cause", "at", "q", "limit", "after")
"""The parameters, beside `job`."""


def read_filter(pairs: Sequence[tuple[str, str]], now: datetime) -> Filter:
    """Return the filter of a query. Raises ValueError with a sentence."""
    given: dict[str, list[str]] = {}
    for key, value in pairs:
        given.setdefault(key, []).append(value)
    one = {key: values[0] for key, values in given.items() if values[0]}

    def moment(name: str) -> datetime | None:
        return read_moment(name, given[name][0], now) if name in given else None

    found = Filter(
        begin=moment("from"), end=moment("to"), at=moment("at"),
        state=_state(given.get("state", (None,))[0]), triggers=_triggers(given.get("cause", ())),
        jobs=read_jobs(given.get("job", ())), text=one.get("q", ""), limit=_limit(given.get("limit", (None,))[0]),
        after=read_token(one["after"]) if "after" in one else None,
    )  # fmt: skip
    if found.begin is not None and found.end is not None and found.begin > found.end:
        raise ValueError("from is later than to; swap them")
    if len(found.text) > LONGEST_TEXT:
        raise ValueError(f"q: {len(found.text)} characters are too many; use at most {LONGEST_TEXT}")
    return found


def read_jobs(names: Sequence[str]) -> frozenset[str]:
    """Return the jobs that a query names. Raises ValueError with a sentence."""
    found = frozenset(filter(None, names))
    if len(found) > MOST_JOBS:
        raise ValueError(f"job: {len(found)} names are too many; use at most {MOST_JOBS}")
    return found


def in_order(found: Filter, order: str) -> Filter:
    """Return the filter in the order of `_order`."""
    return replace(found, ascending=order.upper() == "ASC")


def token(place: Place) -> str:
    """Return the text that stands for a place."""
    text = f"{'r' if place.runs else 'e'}{(place.at - EPOCH) // timedelta(microseconds=1)}.{place.id}"
    return urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def read_token(text: str) -> Place:
    """Return the place that a text stands for. Raises ValueError with a sentence."""
    with suppress(ValueError, OverflowError):
        found = _TOKEN.fullmatch(urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode())
        if found is not None and len(text) <= LONGEST_TEXT:
            return Place(found[1] == "r", EPOCH + timedelta(microseconds=int(found[2])), found[3])
    raise ValueError(f"after: {quoted(text)} is no place in a list; use X-Next-After of an answer")


def raw_ended(raw: Mapping[str, object], oldest: datetime) -> Ended | None:
    """Return the fields of an entry of a status; None if it ended before a time, or cannot be read."""
    finished = read_time(raw.get("finishedAt"))
    started = None if finished is None or finished < oldest else read_time(raw.get("startedAt"))
    if started is None or finished is None:
        return None
    success, output = raw.get("state") == AttemptState.SUCCEEDED, str(raw.get("output") or "")
    return Ended(started, finished, success, str(raw.get("trigger")), output)


def _state(text: str | None) -> Wanted | None:
    try:
        return None if text is None else Wanted(text)
    except ValueError:
        raise ValueError(f"state: {quoted(str(text))} is not known; use {', '.join(Wanted)}") from None


def _triggers(texts: Sequence[str]) -> frozenset[str]:
    names = frozenset(name for text in texts for name in text.split(","))
    unknown = names - {each.value for each in Trigger}
    if unknown:
        raise ValueError(f"cause: {quoted(min(unknown))} is not known; use {', '.join(Trigger)}")
    return names


def _limit(text: str | None) -> int:
    if text is None:
        return LIMIT
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text[:9]) <= MOST:
        raise ValueError(f"limit: {quoted(text)} is not allowed; use a whole number from 1 to {MOST}")
    return int(text)
