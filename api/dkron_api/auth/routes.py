"""The needs of each route: a right in Kubernetes' words, and a capability in Dkron's. Pure.

A route that is in none of the tables is refused. Policies judge one path for each thing that a request does, however
the request names it, so that no other route leads around a refusal.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from dkron_api.auth.caller import Need, Right
from dkron_crds.lease import INSTALLATION
from dkron_crds.names import object_name
from dkron_crds.policy import Capability
from dkron_crds.schedule.errors import quoted

MOST_SECRETS, MOST_JOBS = 100, 100
"""Secrets and jobs of one request that are asked about one by one."""
ANY = "*"
"""Stands for the name of any job in the path of a policy: a pattern matches it, the name of one job does not."""
JOBS, CLUSTERS, POLICIES = "dkronjobs", "dkronclusters", "dkronpolicies"
BACKFILLS, PAUSES, RUNS = "dkronbackfills", "dkronpauses", "dkronruns"


class Namespaces(NamedTuple):
    """The namespaces of a request: of its jobs, and of the installation (`home`). `base` is the part before `/v1` in
    the paths that policies judge: empty for the service's own namespace, else `/ns/NAMESPACE`. `object_of` returns the
    name of the DkronJob with a Dkron name: objects made by hand may have any."""

    jobs: str
    home: str
    base: str = ""
    object_of: Callable[[str], str] = object_name

    def jobs_right(self, verb: str, resource: str, *, job: str = "") -> Right:
        """Return a right to a job, by its name in Dkron, or to all jobs."""
        return Right(verb, resource, name=self.object_of(job) if job else "", namespace=self.jobs)

    def home_right(self, verb: str, resource: str, *, name: str = "") -> Right:
        """Return a right to an object of the installation. There is one DkronCluster."""
        only = INSTALLATION if resource.startswith(CLUSTERS) else ""
        return Right(verb, resource, name=name or only, namespace=self.home)

    def job_need(self, right: Right, job: str, path: str, capability: Capability) -> Need:
        """Return the need of a request about a job. A refusal has the object's name that follows from the job's: the
        caller would learn whether there is an object with another one."""
        words = "" if not job or right.name == object_name(job) else str(right._replace(name=object_name(job)))
        return Need(right, self.base + path, capability, words)

    def to_save(self, job: str, *, exists: bool) -> Need:
        """Return the need to create or change a job. A refusal does not tell which, nor whether the job exists."""
        right = self.jobs_right("update" if exists else "create", JOBS, job=job)
        words = str(right._replace(verb="create or update", name=object_name(job)))
        return Need(right, f"{self.base}/v1/jobs/{job}", Capability.UPDATE, words)

    def to_list(self) -> Need:
        """Return the need to see all jobs."""
        return Need(self.jobs_right("list", JOBS), f"{self.base}/v1/jobs", Capability.LIST)

    def to_read(self, job: str) -> Need:
        """Return the need to read a job and its executions."""
        return self.job_need(self.jobs_right("get", JOBS, job=job), job, f"/v1/jobs/{job}", Capability.READ)

    def to_list_executions(self, job: str) -> Need:
        """Return the need to see the executions of this job in a list of all. Roles grant it for all jobs at once."""
        return Need(self.jobs_right("list", JOBS), f"{self.base}/v1/jobs/{job}/executions", Capability.READ)

    def to_read_logs(self, job: str, *, each: bool = False) -> Need:
        """Return the need to see more of the job's outputs than its records keep. For `each` job of a list, roles grant
        it for all jobs at once."""
        right = self.jobs_right("get", f"{JOBS}/log", job="" if each else job)
        return self.job_need(right, job, f"/v1/jobs/{job}/executions/{ANY}/log", Capability.READ)

    def to_run(self, job: str) -> Need:
        """Return the need to run a job."""
        right = self.jobs_right("create", f"{JOBS}/run", job=job)
        return self.job_need(right, job, f"/v1/jobs/{job}/run", Capability.CREATE)

    def to_force(self, job: str) -> Need:
        """Return the need to go on where another rule would refuse: `?force`. Without a job, for all."""
        right = self.jobs_right("update", f"{JOBS}/force", job=job)
        return self.job_need(right, job, f"/v1/jobs/{job or ANY}/force", Capability.UPDATE)

    def to_run_each(self, jobs: Mapping[str, bool]) -> Iterator[Need]:
        """Yield the needs to run the jobs with some labels, and to force those with True. A refusal does not tell
        which they are. Many jobs are asked about as one: then the right to run all is needed. Policies judge each path
        nevertheless."""
        for job, forced in jobs.items():
            for need in (self.to_run(job), self.to_force(job)) if forced else (self.to_run(job),):
                right = need.right if len(jobs) <= MOST_JOBS else need.right._replace(name="")
                words = f"{right.verb} {right.resource} for each job that the selector selects in {self.jobs}"
                yield need._replace(right=right, words=words)

    def to_restore(self, job: str, right: Right, *, force: bool) -> Iterator[Need]:
        """Yield the needs, beside this right to restore any, to restore this job, so that policies judge it."""
        words = f"{right.verb} {right.resource} for the job {quoted(job)}"
        yield Need(right, f"{self.base}/v1/jobs/{job}", Capability.UPDATE, words)
        if force:
            yield self.to_force("")._replace(path=f"{self.base}/v1/jobs/{job}/force")

    def to_pause(self, job: str, right: Right, *, named: bool) -> Need:
        """Return the need, beside this right to pauses, to pause this job, so that policies judge it. A refusal tells
        only the name of a job that the caller has `named`."""
        of = f"the job {quoted(job)}" if named else "each job that the pause selects"
        words = f"{right.verb} {right.resource} for {of}"
        return Need(right, f"{self.base}/v1/jobs/{job}/pause", Capability.CREATE, words)

    def to_create_pods(self) -> Need:
        """Return the need to choose a whole pod by the executor `kubernetes`, service account and volumes included."""
        right = Right("create", "jobs", namespace=self.jobs, group="batch")
        return Need(right, f"{self.base}/executors/kubernetes", Capability.CREATE)

    def to_read_all_totals(self) -> Need:
        """Return the need to see sums over the jobs of all namespaces, which the DkronCluster shows."""
        return Need(self.home_right("get", CLUSTERS), "/v1/stats", Capability.READ)

    def to_use_secret(self, secret: str) -> Need:
        """Return the need to name a Secret of the jobs' namespace in a job."""
        right = Right("get", "secrets", name=secret, namespace=self.jobs, group="")
        return Need(right, f"{self.base}/secrets/{secret}", Capability.READ)

    def to_use(self, secrets: Sequence[str], *, has_template: bool) -> list[Need]:
        """Return the needs of jobs that name these Secrets, one of which may be a whole Kubernetes Job. Many Secrets
        are asked about as one: then the right to read all is needed."""
        named = secrets if len(secrets) <= MOST_SECRETS else ("",)
        needs = [self.to_use_secret(secret) for secret in named]
        return [*needs, self.to_create_pods()] if has_template else needs


@dataclass(frozen=True, slots=True)
class RouteRight:
    """The right that a route needs. `named` is the part of the path that names the object. `by_body` says that the
    handler asks, because the body decides what is touched. `judged` is the template of the path that policies judge,
    where it is another one than the route's own: several routes may do the same."""

    method: str
    path: str
    verb: str
    resource: str
    capability: Capability
    named: str = ""
    by_body: bool = False
    judged: str = ""

    def need(self, match: Mapping[str, str], where: Namespaces) -> Need:
        """Return the need of a request whose path has these parts; a missing part stands for any. Objects of the
        installation have one path for policies, so that a policy for all paths of a namespace does not reach them."""
        name, path = match.get(self.named, ""), (self.judged or self.path).format_map(defaultdict(lambda: ANY, match))
        if self.resource.startswith(JOBS):
            return where.job_need(where.jobs_right(self.verb, self.resource, job=name), name, path, self.capability)
        if self.resource in (BACKFILLS, PAUSES, RUNS):
            right = Right(self.verb, self.resource, name=name, namespace=where.jobs)
            return Need(right, where.base + path, self.capability)
        return Need(where.home_right(self.verb, self.resource, name=name), path, self.capability)


_C, _R, _U, _D, _L = Capability.CREATE, Capability.READ, Capability.UPDATE, Capability.DELETE, Capability.LIST
_JOB = "/v1/jobs/{job}"
_EXECUTION = "/v1/jobs/{job}/executions/{execution}"
_POLICIES, _POLICY = "/v1/acl/policies", "/v1/acl/policies/{name}"
_BACKFILL, _PAUSE, _RUN = "/v1/backfills/{name}", "/v1/pauses/{name}", "/v1/runs/{name}"

PUBLIC = frozenset({"/health", "/livez", "/", "/openapi.json", "/ui", "/ui/{path}"})
"""Routes without anything that is worth a secret: liveness, and pages that ask for a token themselves."""
IDENTIFIED = frozenset({"/v1/fields", "/v1/schedule/preview", "/v1/whoami"})
"""Routes for every caller who has shown a valid token."""
NO_RESOURCE = ("/metrics", "/debug/vars")
"""Routes that need a right to their path, which is no resource."""

TABLE = (
    RouteRight("GET", "/v1", "list", JOBS, _R, judged="/v1/"),
    RouteRight("GET", "/v1/", "list", JOBS, _R),
    RouteRight("GET", "/v1/members", "list", JOBS, _R),
    RouteRight("GET", "/v1/leader", "list", JOBS, _R),
    RouteRight("GET", "/v1/isleader", "list", JOBS, _R),
    RouteRight("GET", "/v1/stats", "list", JOBS, _R),
    RouteRight("GET", "/v1/busy", "list", JOBS, _R),
    RouteRight("GET", "/v1/executions", "list", JOBS, _R),
    RouteRight("GET", "/v1/timeline", "list", JOBS, _R),
    RouteRight("GET", "/v1/skipped", "list", JOBS, _R),
    RouteRight("GET", "/v1/pause", "list", JOBS, _R),
    RouteRight("GET", "/v1/events", "watch", JOBS, _R),
    RouteRight("POST", "/v1/pause", "update", f"{CLUSTERS}/pause", _C),
    RouteRight("POST", "/v1/unpause", "update", f"{CLUSTERS}/pause", _C),
    RouteRight("POST", "/v1/leave", "update", f"{CLUSTERS}/leave", _C),
    RouteRight("GET", "/v1/jobs", "list", JOBS, _L),
    RouteRight("GET", "/v1/agenda", "list", JOBS, _L),
    RouteRight("GET", "/v1/failing", "list", JOBS, _L),
    RouteRight("GET", "/v1/summary", "list", JOBS, _L),
    RouteRight("POST", "/v1/jobs", "create", JOBS, _U, by_body=True, judged=_JOB),
    RouteRight("PATCH", "/v1/jobs", "create", JOBS, _U, by_body=True, judged=_JOB),
    RouteRight("PUT", _JOB, "update", JOBS, _U, named="job", by_body=True),
    RouteRight("GET", _JOB, "get", JOBS, _R, named="job"),
    RouteRight("DELETE", _JOB, "delete", JOBS, _D, named="job"),
    RouteRight("POST", _JOB, "create", f"{JOBS}/run", _C, named="job", judged=f"{_JOB}/run"),
    RouteRight("POST", f"{_JOB}/run", "create", f"{JOBS}/run", _C, named="job"),
    RouteRight("POST", f"{_JOB}/toggle", "update", f"{JOBS}/toggle", _C, named="job"),
    RouteRight("GET", f"{_JOB}/next", "get", JOBS, _R, named="job"),
    RouteRight("GET", f"{_JOB}/explain", "get", JOBS, _R, named="job"),
    RouteRight("GET", f"{_JOB}/details", "get", JOBS, _R, named="job"),
    RouteRight("GET", f"{_JOB}/durations", "get", JOBS, _R, named="job"),
    RouteRight("GET", f"{_JOB}/revisions", "get", JOBS, _R, named="job"),
    RouteRight("GET", f"{_JOB}/revisions/{{generation}}", "get", JOBS, _R, named="job"),
    RouteRight("GET", f"{_JOB}/executions", "get", JOBS, _R, named="job"),
    RouteRight("GET", "/v1/executions/{job}", "get", JOBS, _R, named="job", judged=f"{_JOB}/executions"),
    RouteRight("DELETE", f"{_JOB}/executions", "delete", f"{JOBS}/executions", _D, named="job"),
    RouteRight("GET", _EXECUTION, "get", JOBS, _R, named="job"),
    RouteRight("GET", f"{_EXECUTION}/log", "get", f"{JOBS}/log", _R, named="job"),
    RouteRight("POST", f"{_EXECUTION}/stop", "create", f"{JOBS}/stop", _C, named="job"),
    RouteRight("POST", "/v1/restore", "create", f"{JOBS}/restore", _C),
    RouteRight("GET", "/v1/backfills", "list", BACKFILLS, _L),
    RouteRight("POST", "/v1/backfills", "create", BACKFILLS, _C),
    RouteRight("GET", _BACKFILL, "get", BACKFILLS, _R, named="name"),
    RouteRight("GET", f"{_BACKFILL}/slots", "get", BACKFILLS, _R, named="name"),
    RouteRight("PATCH", _BACKFILL, "update", BACKFILLS, _U, named="name"),
    RouteRight("DELETE", _BACKFILL, "delete", BACKFILLS, _D, named="name"),
    RouteRight("GET", "/v1/pauses", "list", PAUSES, _L),
    RouteRight("POST", "/v1/pauses", "create", PAUSES, _C),
    RouteRight("GET", _PAUSE, "get", PAUSES, _R, named="name"),
    RouteRight("PATCH", _PAUSE, "update", PAUSES, _U, named="name"),
    RouteRight("DELETE", _PAUSE, "delete", PAUSES, _D, named="name"),
    RouteRight("GET", "/v1/runs", "list", RUNS, _L),
    RouteRight("GET", _RUN, "get", RUNS, _R, named="name"),
    RouteRight("DELETE", _RUN, "delete", RUNS, _D, named="name"),
    RouteRight("GET", _POLICIES, "list", POLICIES, _L),
    RouteRight("GET", _POLICY, "get", POLICIES, _R, named="name"),
    RouteRight("POST", _POLICY, "update", POLICIES, _U, named="name"),
    RouteRight("DELETE", _POLICY, "delete", POLICIES, _D, named="name"),
)

_BY_ROUTE = {(each.method, each.path): each for each in TABLE}
_TOLD = (
    ("GET", "/v1/jobs"), ("GET", _JOB), ("GET", "/v1/events"), ("POST", "/v1/jobs"), ("PUT", _JOB), ("DELETE", _JOB),
    ("POST", f"{_JOB}/run"), ("POST", f"{_JOB}/toggle"), ("POST", f"{_EXECUTION}/stop"), ("GET", f"{_EXECUTION}/log"),
    ("DELETE", f"{_JOB}/executions"), ("POST", "/v1/restore"), ("POST", "/v1/pause"), ("POST", "/v1/leave"),
    ("GET", "/v1/backfills"), ("POST", "/v1/backfills"), ("PATCH", _BACKFILL), ("DELETE", _BACKFILL),
    ("GET", "/v1/pauses"), ("POST", "/v1/pauses"), ("PATCH", _PAUSE), ("DELETE", _PAUSE),
    ("GET", _POLICIES), ("GET", _POLICY), ("POST", _POLICY), ("DELETE", _POLICY),
)  # fmt: skip
"""The routes whose rights a caller is told."""


def rights_to_explain(where: Namespaces, job: str = "") -> dict[str, Need]:
    """Return the rights that a user interface asks about: to this job, else to all jobs and the installation."""
    told: dict[str, Need] = {}
    for method, path in _TOLD:
        entry = _BY_ROUTE[method, path]
        if "{job}" in path or not job:
            told[f"{entry.verb} {entry.resource}"] = entry.need({"job": job} if job else {}, where)
    force = where.to_force(job)
    told[f"{force.right.verb} {force.right.resource}"] = force
    return told


def route_right(method: str, path: str) -> RouteRight | None:
    """Return the entry of a route's template; None if there is none."""
    return _BY_ROUTE.get((method, path))
