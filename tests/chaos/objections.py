"""The objections of the checker."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Kind(StrEnum):
    """The kinds of objections."""

    UNSATISFIED = "a slot did not run"
    DOUBLE = "one attempt, two Jobs"
    EXTRA = "an unexplained run"
    UNTIMELY = "a run at the wrong time"
    UNFINISHED = "a run without an end"
    OVERLAP = "runs overlap"
    ATTEMPTS = "wrong attempts"
    REQUEST = "a request was not met"
    BACKFILL = "a backfill was not met"
    STOP = "a stop was not met"
    CHAIN = "wrong runs after a parent"
    RECORD = "a wrong record"
    STORMY = "too little calm"


@dataclass(frozen=True, slots=True)
class Objection:
    """Something that cannot be explained, in one sentence; `at` is where to look."""

    kind: Kind
    job: str
    uid: str
    at: datetime
    text: str
