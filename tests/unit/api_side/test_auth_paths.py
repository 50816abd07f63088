"""Which paths policies judge: one for each thing that a request does, whatever names it. And which object
the cluster is asked about.

The router gives the routes, so that a new one has to take its place in the tables.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count, groupby
from typing import Any

import pytest
from aiohttp import web

from dkron_api.app import routes
from dkron_api.auth.caller import Caller, Need
from dkron_api.auth.dkron import Rules
from dkron_api.auth.guard import Guard
from dkron_api.auth.routes import IDENTIFIED, PUBLIC
from dkron_api.edge.keys import CLUSTERS, LEASES, NODES, POLICIES
from dkron_api.settings import Settings
from dkron_crds.policy import Capability
from dkron_kube.paths import DKRON_BACKFILLS, DKRON_JOBS, DKRON_PAUSES, DKRON_RUNS
from tests.support.api_app import Api, object_of, running_api
from tests.support.api_callers import JOB, VALID, OneCaller, backup
from tests.support.builders import NAMESPACE, wire_job
from tests.support.fake_kube import FakeKube

Object = dict[str, Any]
OTHERS = ["team-b"]
SERVED = Settings(namespaces=OTHERS)
OWN = f"/ns/{NAMESPACE}"
ROUTES = [
    (route.method, route.path, route.handler)
    for route in routes(Settings())
    if isinstance(route, web.RouteDef) and route.path.replace(":.*", "") not in PUBLIC
]
RANGE = {"from": "2026-03-01T00:00:00Z", "to": "2026-03-01T00:05:00Z"}
LABELS = {"team": "data"}
PARTS = {"job": "backup", "execution": "1-x", "name": "kept", "generation": "1"}

NAMING: dict[tuple[str, str], list[Object]] = {
    ("POST", "/v1/jobs"): [JOB],
    ("PATCH", "/v1/jobs"): [JOB],
    ("POST", "/v1/restore"): [JOB],
    ("POST", "/v1/backfills"): [{**RANGE, "job": "backup"}, {**RANGE, "selector": LABELS}, {**RANGE, "selector": {}}],
    ("PATCH", "/v1/backfills/{name}"): [{"suspend": False}, {"suspend": None}, {"parallelism": 2}],
    ("POST", "/v1/pauses"): [{"jobs": ["backup"]}, {"selector": LABELS}, {}, {"all_namespaces": True}],
    ("PATCH", "/v1/pauses/{name}"): [
        {"jobs": ["backup"]},
        {"jobs": None, "selector": LABELS},
        {"until": None},
        {"when_resumed": "drop"},
    ],
}
"""Bodies that name the job `backup`, or select it, by route."""
NAMELESS = {
    ("POST", "/v1/pause"), ("POST", "/v1/unpause"), ("POST", "/v1/leave"), ("POST", "/v1/schedule/preview"),
    ("POST", "/v1/acl/policies/{name}"),
}  # fmt: skip
"""Routes that write, and whose bodies name no job."""


@dataclass
class ByPolicy(OneCaller):
    """A caller with the rights of one policy."""

    rules: Rules = field(default_factory=lambda: Rules({"/**": Capability}))
    judged: set[tuple[str, Capability]] = field(default_factory=set)
    """The paths that were judged, and for what."""

    async def allows(self, caller: Caller, need: Need) -> bool:
        self.judged.add((need.path, need.capability))
        return await super().allows(caller, need) and self.rules.grant(need.path, need.capability)


def policy(**refused: list[Capability]) -> Rules:
    """Everything but these paths."""
    return Rules({"/**": Capability, **refused})


@asynccontextmanager
async def serving(scheme: OneCaller, *, kube: FakeKube | None = None, **spec: Any) -> AsyncIterator[Api]:
    """An API of two namespaces, with one job in its own. Its pause and its backfill name the job, too."""
    async with running_api(routes(SERVED), guard=Guard([scheme]), kube=kube, namespaces=OTHERS) as api:
        job = wire_job(name="backup", **spec)
        job["metadata"]["labels"] = LABELS
        api.know_jobs(api.kube.put(DKRON_JOBS, job))
        for key in (CLUSTERS, LEASES, NODES, POLICIES):
            api.know(key)
        api.kube.put(DKRON_PAUSES, object_of("kept", spec={"jobs": ["backup"]}))
        api.kube.put(DKRON_RUNS, object_of("kept", spec={"job": "backup"}))
        api.kube.put(DKRON_BACKFILLS, object_of("kept", spec={**RANGE, "job": "backup", "suspend": True}))
        yield api


async def ask(api: Api, method: str, path: str, body: Object | None = None) -> tuple[int, str]:
    """Send a request. Return the status of the answer, and what it says."""
    data: Object = {"json": body} if body is not None else {}
    if "/v1/restore" in path:
        data = {"data": backup([body or JOB])}
    if path.endswith("/v1/events"):
        data["timeout"] = None
    async with api.client.request(method, path, headers=VALID, **data) as answer:
        return answer.status, "" if answer.status == 200 else await answer.text()


def bodies_of(method: str, template: str) -> list[Object | None]:
    """Bodies for a route: each one that names the job, or one that fits."""
    named = NAMING.get((method, template))
    if named is not None:
        return list(named)
    return [JOB] if (method, template) == ("PUT", "/v1/jobs/{job}") else [None]


def requests() -> Iterator[tuple[str, str, Object | None]]:
    """Each route, with each body; what takes the job away comes last."""
    for method, template, _ in sorted(ROUTES, key=lambda each: (each[0] == "DELETE", each[1] == "/v1/pause")):
        for body in bodies_of(method, template):
            yield method, template, body


def test_each_write_route_declares_whether_its_body_names_jobs() -> None:
    writing = {(method, path) for method, path, _ in ROUTES if method not in {"GET", "DELETE"} and "{job}" not in path}
    assert writing == NAMING.keys() | NAMELESS


async def test_equivalent_routes_are_judged_by_one_path() -> None:
    scheme = ByPolicy()
    async with serving(scheme) as api:
        for _, shared in groupby(sorted(ROUTES, key=lambda each: repr(each[2])), key=lambda each: repr(each[2])):
            judged = {}
            for method, template, _ in shared:
                scheme.judged.clear()
                body = next(iter(bodies_of(method, template)))
                await ask(api, method, template.format(**PARTS), body)
                judged[method, template] = frozenset(scheme.judged)
            assert len(set(judged.values())) == 1, judged


SUMS = {("/v1/stats", Capability.READ)}
"""The right to the sums over all namespaces, which a summary by the short path shows."""


async def test_the_own_namespace_has_one_path() -> None:
    found: list[list[object]] = []
    for base in ("", OWN):
        scheme, asked = ByPolicy(), list[object]()
        async with serving(scheme) as api:
            for method, template, body in requests():
                if template.startswith("/v1"):
                    scheme.judged.clear()
                    await ask(api, method, base + template.format(**PARTS), body)
                    asked.append((method, template, scheme.judged - (SUMS if template == "/v1/summary" else set())))
        found.append(asked)
    assert found[0] == found[1]


async def test_no_route_leads_around_the_refusal_of_a_job() -> None:
    """All is granted but one job, by each route, each body, and in both forms of the own namespace."""
    refusal: dict[str, list[Capability]] = {"/v1/jobs/backup": [], "/v1/jobs/backup/**": []}
    for rules, refuses in ((policy(**refusal), True), (policy(), False)):
        scheme = ByPolicy(rules=rules)
        async with serving(scheme) as api:
            for method, template, body in requests():
                names_it = "{job}" in template or (method, template) in NAMING
                for base in ("", OWN) if template.startswith("/v1") else ("",):
                    status, text = await ask(api, method, base + template.format(**PARTS), body)
                    refused = refuses and names_it and template not in IDENTIFIED
                    assert (status == 403) is refused, f"{method} {base}{template} {body}: {status} {text}"
            assert ("backup" in api.kube.names(DKRON_JOBS)) is refuses


FORCED = {"force": True}
DISABLED = {"disabled": True}


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A path that a policy refuses, and a request that needs it."""

    judged: str
    method: str = "POST"
    path: str
    body: Object | None = None
    spec: Object = field(default_factory=dict)
    """Of the job."""


PARTIAL = {
    "force, by the path": Refused(judged="force", path="/v1/jobs/backup/toggle?force"),
    "force, of a name in the body": Refused(judged="force", path="/v1/jobs?force", body=JOB),
    "of one in both": Refused(judged="force", method="PUT", path="/v1/jobs/backup?force", body=JOB),
    "force, of a file": Refused(judged="force", path="/v1/restore?force"),
    "force, of a run": Refused(judged="force", path="/v1/jobs/backup/run", body=FORCED),
    "a backfill of a job that is disabled": Refused(
        judged="force", path="/v1/backfills", body={**RANGE, "job": "backup"}, spec=DISABLED
    ),
    "a run, in Dkron's form": Refused(judged="run", path="/v1/jobs/backup"),
    "as the job is created": Refused(judged="run", path="/v1/jobs?runoncreate", body=JOB),
    "by a backfill": Refused(judged="run", path="/v1/backfills", body={**RANGE, "job": "backup"}),
    "by its labels": Refused(judged="run", path="/v1/backfills", body={**RANGE, "selector": LABELS}),
    "by a backfill that goes on": Refused(
        judged="run", method="PATCH", path="/v1/backfills/kept", body={"suspend": False}
    ),
    "a pause": Refused(judged="pause", path="/v1/pauses", body={"jobs": ["backup"]}),
    "executions, in an old form": Refused(judged="executions", method="GET", path="/v1/executions/backup"),
}  # fmt: skip


@pytest.mark.parametrize("row", [pytest.param(row, id=name) for name, row in PARTIAL.items()])
async def test_a_part_of_a_job_that_is_refused(row: Refused) -> None:
    path = f"/v1/jobs/backup/{row.judged}"
    for rules, refuses in ((policy(**{path: []}), True), (policy(), False)):
        async with serving(ByPolicy(rules=rules), **row.spec) as api:
            status, text = await ask(api, row.method, row.path, row.body)
            assert (status == 403) is refuses, text


BY_HAND = "made-by-hand"


@pytest.mark.parametrize("base", ["", OWN], ids=["by the short path", "by the namespace"])
async def test_checked_object_is_the_one_touched(base: str) -> None:
    scheme = OneCaller()
    async with serving(scheme) as api:
        for method, template, body in requests():
            become(api, made_by_hand())
            scheme.asked.clear()
            calls = len(api.kube.calls)
            await ask(api, method, base * template.startswith("/v1") + template.format(**PARTS), body)
            about_jobs = [each for each in scheme.asked if " dkronjobs" in each and '"' in each]
            assert all(f'"{BY_HAND}"' in each for each in about_jobs), f"{method} {template} {about_jobs}"
            assert bool(about_jobs) is ("{job}" in template or (method, template) in ASKING), f"{method} {template}"
            touched = {call.split()[-1] for call in api.kube.calls[calls:] if " dkronjobs" in call}
            assert touched <= {BY_HAND, "dkronjobs"}, f"{method} {template} {touched}"


ASKING = {("POST", "/v1/jobs"), ("PATCH", "/v1/jobs"), ("POST", "/v1/backfills"), ("PATCH", "/v1/backfills/{name}")}
"""Routes whose bodies have the cluster asked about a job."""


BORN = count()


def made_by_hand() -> Object:
    """A DkronJob whose object has another name than the one that follows from its Dkron name."""
    made = wire_job(name=BY_HAND)
    made["spec"]["name"], made["metadata"]["labels"] = "backup", LABELS
    return made


def become(api: Api, job: Object) -> None:
    """This is the only job from now on, as an object that was not there before."""
    job["metadata"]["uid"] = f"uid-{next(BORN)}"
    for known in list(api.own.job_index.object_cache):
        api.own.job_index.remove(known)
        api.kube.remove(DKRON_JOBS, known.object_name)
    api.own.job_index.upsert(api.kube.put(DKRON_JOBS, job))


async def test_refusal_does_not_reveal_the_object_name() -> None:
    scheme = OneCaller(allowed="nothing")
    async with serving(scheme) as api:
        become(api, made_by_hand())
        for method, template, body in requests():
            _, text = await ask(api, method, template.format(**PARTS), body)
            assert BY_HAND not in text, f"{method} {template}"


async def test_job_that_becomes_another_object_is_not_touched() -> None:
    """The older object, to which the caller has a right, goes while that is found out."""

    class Slow(OneCaller):
        async def allows(self, caller: Caller, need: Need) -> bool:
            become(api, wire_job(name="backup"))
            return await super().allows(caller, need)

    async with serving(Slow()) as api:
        for method, template, body in requests():
            if "{job}" not in template or method == "PUT":
                continue
            become(api, made_by_hand())
            status, text = await ask(api, method, template.format(**PARTS), body)
            assert (status, "is another object now" in text) == (409, True), f"{method} {template} {status} {text}"
