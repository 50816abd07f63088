"""A row of the table: one fact about the REST API, as what exists before, requests and what they answer. Plain data.

The texts of a row may hold `$job`, a name of its own: `$job-kid` and the like are its own, too.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tests.conformance.rest.answers import REASON, Has, Matcher, Presence

JOB = "/v1/jobs/$job"
RUNS = f"{JOB}/executions"
JSON = "application/json; charset=utf-8"
PLAIN = re.compile(r"^text/plain(;|$)")
SUCCESS = range(200, 300)

Headers = Mapping[str, str | re.Pattern[str] | Presence]


class Place(StrEnum):
    """Where a row happens. Each place is a namespace with an API; rows that would disturb others have one apart."""

    SHARED = "shared"
    EMPTY = "empty"
    """No row ever stores a job here."""
    CLUSTER = "cluster"
    """Rows about the whole installation: each sets the Lease and the DkronCluster as it needs them."""
    STATS = "stats"
    """Rows that count all executions."""
    CORS = "cors"
    """The API is started with `--cors-origins https://ui.example.com`."""
    OPERATOR = "operator"
    """With an operator and simulated nodes: what is asked for runs."""
    WAITS = "waits"
    """The same, and the API is started with `--run-waits`."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Where this project does not do what Dkron does, on purpose."""

    topic: str
    dkron: str
    here: str
    decision: str
    """Why, in a sentence."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A body of the type multipart/form-data with one file."""

    content: Any
    """A text as it stands; anything else as JSON."""
    name: str = "file"


@dataclass(frozen=True, slots=True)
class Step:
    """A request and what it has to answer."""

    method: str
    path: str
    status: int
    body: Matcher | None = None
    sent: Any = None
    """The body: bytes or a text as they stand, an Upload, anything else as JSON."""
    sent_headers: Mapping[str, str] = field(default_factory=dict)
    headers: Headers = field(default_factory=dict)
    eventually: bool = False
    """Whether to ask until it fits: the answer depends on a change elsewhere, at the API server or by running."""

    @property
    def all_headers(self) -> Headers:
        """The headers of the row, and the content type that goes without saying."""
        if self.status in SUCCESS:
            return {"Content-Type": JSON, **self.headers}
        return {"Content-Type": PLAIN, **self.headers} if self.status >= 400 else self.headers

    @property
    def whole_body(self) -> Matcher | None:
        """The body of the row; a refusal has a reason unless the row knows better."""
        return REASON if self.body is None and self.status >= 400 and self.method != "HEAD" else self.body


@dataclass(frozen=True, slots=True)
class Stored:
    """A DkronJob that Kubernetes has: its Dkron name, fields of spec and of status in wire names."""

    name: str
    spec: Mapping[str, Any] = field(default_factory=dict)
    status: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Posted:
    """A job that was posted to the API: `@manually` with the shell executor unless the fields say otherwise."""

    name: str
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LeaseHeld:
    """The Lease of the operator, renewed just now, or long ago if it is stale."""

    by: str
    stale: bool = False
    address: str = ""


@dataclass(frozen=True, slots=True)
class NoLease:
    """There is no Lease: no operator has ever run."""


@dataclass(frozen=True, slots=True)
class ClusterIs:
    """The DkronCluster. `days` and `departed` are its sums: (days before today, succeeded, failed)."""

    paused: bool = False
    days: tuple[tuple[int, int, int], ...] = ()
    departed: tuple[tuple[int, int, int], ...] = ()


Given = Stored | Posted | LeaseHeld | NoLease | ClusterIs


@dataclass(frozen=True, slots=True)
class Row:
    """One fact: a sentence and its proof. Its module names the sections of Dkron's behaviour that it comes from."""

    says: str
    steps: tuple[Step, ...]
    given: tuple[Given, ...] = ()
    where: Place = Place.SHARED
    differs: Difference | None = None


Body = Matcher | Mapping[str, Any] | list[Any] | None
"""The body that is wanted; an object or a list is a part that it has to have, see `Has`."""


def row(
    says: str,
    *steps: Step,
    given: Given | tuple[Given, ...] = (),
    where: Place = Place.SHARED,
    differs: Difference | None = None,
) -> Row:
    """A row; the steps follow one another."""
    return Row(says, steps, given if isinstance(given, tuple) else (given,), where, differs)


def step(method: str, path: str, status: int, body: Body = None, **more: Any) -> Step:
    """A request by any method, and what it answers."""
    return Step(method, path, status, Has(body) if isinstance(body, Mapping | list) else body, **more)


def get(path: str, body: Body = None, status: int = 200, **more: Any) -> Step:
    """GET, and what it answers."""
    return step("GET", path, status, body, **more)


def soon(path: str, body: Body = None, status: int = 200, **more: Any) -> Step:
    """GET until what was changed elsewhere has come through."""
    return get(path, body, status, eventually=True, **more)


def delete(path: str, body: Body = None, status: int = 200, **more: Any) -> Step:
    """DELETE, and what it answers."""
    return step("DELETE", path, status, body, **more)


def post(path: str, status: int, body: Body = None, **more: Any) -> Step:
    """POST, and what it answers."""
    return step("POST", path, status, body, **more)


def put(path: str, status: int, body: Body = None, **more: Any) -> Step:
    """PUT, and what it answers."""
    return step("PUT", path, status, body, **more)


def patch(path: str, status: int, body: Body = None, **more: Any) -> Step:
    """PATCH, and what it answers."""
    return step("PATCH", path, status, body, **more)


def manual(name: Any = "$job", **fields: Any) -> dict[str, Any]:
    """A body for upserts: a job that runs only on request."""
    shell = {"executor": "shell", "executor_config": {"command": "true"}}
    return {"name": name, "schedule": "@manually", **shell, **fields}


MANUAL = manual()


def save(sent: Any = MANUAL, status: int = 201, body: Body = None, **more: Any) -> Step:
    """POST of a job, and what it answers."""
    return post("/v1/jobs", status, body, sent=sent, **more)


def posted(name: str = "$job", **fields: Any) -> Posted:
    """A job that was posted with these fields."""
    return Posted(name, fields)


def stored(name: str = "$job", *, status: Mapping[str, Any] | None = None, **spec: Any) -> Stored:
    """A DkronJob with these fields of its spec."""
    return Stored(name, spec, status or {})
