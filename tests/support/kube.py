"""A namespace of a real cluster as a test sees it: plain objects in and out, and waiting with a deadline.

A wait that fails prints what was there when its time had passed, so that a failure can be read without the cluster.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar, cast

from kubernetes import client, config

from dkron_crds.bounds import decode
from dkron_kube.paths import DKRON_CLUSTERS, DKRON_JOBS, EVENTS, JOBS, LEASES, PODS, Resource
from tests.support import waiting
from tests.support.births import Births
from tests.support.jobs import at

Object = dict[str, Any]
T = TypeVar("T")

NAMESPACES = Resource("", "v1", "namespaces")
NODES = Resource("", "v1", "nodes")
QUOTAS = Resource("", "v1", "resourcequotas")
SECRETS = Resource("", "v1", "secrets")
SERVICE_ACCOUNTS = Resource("", "v1", "serviceaccounts")
CLUSTER_WIDE = {"namespaces", "nodes", "clusterroles", "clusterrolebindings", "customresourcedefinitions"}
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
REQUEST_SECONDS = 10.0
NOT_FOUND = 404
BAD_REQUEST = 400


class Refused(Exception):
    """The API server said no. `str()` is its own sentence."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Kube:
    """One namespace. While waiting, `guard` raises when that is pointless; `appendix` tells more about a failure.

    `once`: a request that is not answered is not sent again, and raises what urllib3 says. `births`: the Jobs that the
    namespace has ever had, if a test watches them.
    """

    def __init__(self, kubeconfig: Path, namespace: str, *, once: bool = False) -> None:
        self.kubeconfig = kubeconfig
        self.namespace = namespace
        self.guard: Callable[[], None] = waiting.nothing
        self.appendix: Callable[[], str] = str
        self.applied: list[str] = []
        self.births: Births | None = None
        connection = client.Configuration()
        connection.retries = False if once else None
        config.load_kube_config(str(kubeconfig), client_configuration=connection)  # type: ignore[no-untyped-call]
        self._api: Any = client.ApiClient(connection)

    def close(self) -> None:
        """Close the connections."""
        self._api.rest_client.pool_manager.clear()

    def create(self, resource: Resource, body: Object, **query: str) -> Object:
        """Create an object in the namespace. Raises `Refused`."""
        return self._call("POST", resource.path(self._where(resource)), body=body, query=query)

    def apply(self, *jobs: Object) -> None:
        """Create these DkronJobs."""
        for job in jobs:
            self.create(DKRON_JOBS, job)
            self.applied.append(job["metadata"]["name"])

    def find(self, resource: Resource, name: str) -> Object | None:
        """One object, or None."""
        try:
            return self._call("GET", resource.path(self._where(resource), name))
        except Refused as refused:
            if refused.status == NOT_FOUND:
                return None
            raise

    def get(self, resource: Resource, name: str) -> Object:
        """One object, which has to be there."""
        return self._call("GET", resource.path(self._where(resource), name))

    def all(self, resource: Resource, selector: str = "") -> list[Object]:
        """All objects of the namespace that have these labels."""
        query = {"labelSelector": selector} if selector else {}
        answer = self._call("GET", resource.path(self._where(resource)), query=query)
        return cast("list[Object]", answer["items"])

    def patch(
        self, resource: Resource, name: str, change: Object, *, subresource: str | None = None, **query: str
    ) -> Object:
        """A JSON merge patch. Raises `Refused`."""
        path = resource.path(self._where(resource), name, subresource)
        return self._call("PATCH", path, body=change, query=query, content_type=MERGE_PATCH)

    def json_patch(
        self, resource: Resource, name: str, change: list[Object], *, subresource: str | None = None
    ) -> Object:
        """A JSON patch. Raises `Refused`."""
        path = resource.path(self._where(resource), name, subresource)
        return self._call("PATCH", path, body=change, content_type=JSON_PATCH)

    def replace(self, resource: Resource, name: str, body: Object, *, subresource: str | None = None) -> Object:
        """Replace the whole object, or its subresource."""
        return self._call("PUT", resource.path(self._where(resource), name, subresource), body=body)

    def delete(self, resource: Resource, name: str, **options: Any) -> None:
        """Delete an object; what it owns goes in the background, unless the options (DeleteOptions) say otherwise."""
        body = {"propagationPolicy": "Background", **options}
        self._call("DELETE", resource.path(self._where(resource), name), body=body)

    def status(self, name: str) -> Object:
        """The status of a DkronJob."""
        return cast("Object", self.get(DKRON_JOBS, name).get("status") or {})

    def edit(self, name: str, **spec: object) -> Object:
        """Change fields of a DkronJob's spec; None removes one."""
        return self.patch(DKRON_JOBS, name, {"spec": spec})

    def write_status(self, name: str, **status: object) -> Object:
        """Change fields of a DkronJob's status, as a user with the rights could by hand."""
        return self.patch(DKRON_JOBS, name, {"status": status}, subresource="status")

    def ask_run(self, name: str, request: str, text: str) -> None:
        """Ask for a run by annotation."""
        self.patch(DKRON_JOBS, name, {"metadata": {"annotations": {f"run.dkron.io/{request}": text}}})

    def ask_stop(self, name: str, target: str, text: str) -> None:
        """Ask by annotation for the stop of the execution with this Job."""
        self.patch(DKRON_JOBS, name, {"metadata": {"annotations": {f"stop.dkron.io/{target}": text}}})

    def token_of(self, account: str, *audiences: str) -> str:
        """A token of a service account, for the API server unless it is for others."""
        path = SERVICE_ACCOUNTS.path(self.namespace, account, "token")
        answer = self._call("POST", path, body={"spec": {"expirationSeconds": 3600, "audiences": list(audiences)}})
        return str(answer["status"]["token"])

    def lease(self) -> Object:
        """The spec of the operator's Lease; empty if there is none."""
        return cast("Object", (self.find(LEASES, "dkron") or {}).get("spec") or {})

    def create_lease(self) -> None:
        """Create the Lease as the chart does, for an operator that may not."""
        self.create(LEASES, {"metadata": {"name": "dkron"}})

    def cluster_status(self) -> Object:
        """The status of the DkronCluster; empty if there is none."""
        return cast("Object", (self.find(DKRON_CLUSTERS, "dkron") or {}).get("status") or {})

    def jobs_of(self, name: str) -> list[Object]:
        """The Jobs of a DkronJob, oldest first."""
        jobs = self.all(JOBS, f"dkron.io/job={name}")
        return sorted(jobs, key=lambda job: (job["metadata"]["annotations"]["dkron.io/slot"], job["metadata"]["name"]))

    def slots_of(self, name: str) -> list[str]:
        """The slots of the scheduled first attempts of a DkronJob, as its Jobs say."""
        notes = [job["metadata"]["annotations"] for job in self.jobs_of(name)]
        return [
            n["dkron.io/slot"] for n in notes if (n["dkron.io/trigger"], n["dkron.io/attempt"]) == ("schedule", "1")
        ]

    def born(self, uid: str) -> list[Object]:
        """The metadata of all Jobs that the DkronJob with this uid has ever had. A test has to watch them."""
        assert self.births is not None, "no test watches the Jobs of this namespace"
        return self.births.of(uid, lambda: self.all(JOBS))

    def events_of(self, name: str, reason: str = "") -> list[str]:
        """What Events say about a DkronJob."""
        events = (event for event in self.all(EVENTS) if event["regarding"].get("name") == name)
        return [event["note"] for event in events if reason in ("", event["reason"])]

    def wait_for(self, what: str, seen: Callable[[], T], until: Callable[[T], object], *, seconds: float = 120) -> T:
        """Look until `until` holds for what is `seen`, and return that."""

        def last(latest: T) -> str:
            return f"{shown(latest)}\n{self.digest()}\n{self.appendix()}"

        return waiting.wait_for(what, seen, until, seconds=seconds, shown=last, guard=self.guard)

    def wait_status(self, name: str, what: str, until: Callable[[Object], object], *, seconds: float = 120) -> Object:
        """Look at the status of a DkronJob until it is as wanted."""
        return self.wait_for(f"{name}: {what}", lambda: self.status(name), until, seconds=seconds)

    def wait_passed(self, moment: datetime) -> None:
        """Wait until it is later than this."""
        self.wait_for(f"{moment} to pass", lambda: datetime.now(UTC), lambda now: now > moment, seconds=90)

    def digest(self) -> str:
        """All that matters in the namespace, for a person who reads a failed test."""
        lines = [f"namespace {self.namespace}:"]
        for resource in (DKRON_JOBS, JOBS, PODS):
            objects = self.all(resource)
            lines += [f"{resource.plural} {each['metadata']['name']}: {shown(each.get('status'))}" for each in objects]
        events = self.all(EVENTS)
        lines += [f"event on {each['regarding'].get('name')}: {each['reason']}: {each['note']}" for each in events]
        return "\n".join(lines)

    def text(self, method: str, path: str, *, body: Object | None = None) -> str:
        """The answer of a path of the API server, as text: logs, and what lies behind its proxy. Raises `Refused`."""
        return self._answer(method, path, body=body)

    def _where(self, resource: Resource) -> str | None:
        return None if resource.plural in CLUSTER_WIDE else self.namespace

    def _call(self, method: str, path: str, **request: Any) -> Object:
        return cast("Object", decode(self._answer(method, path, **request).encode()))

    def _answer(
        self,
        method: str,
        path: str,
        *,
        body: Object | list[Object] | None = None,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> str:
        request = self._api.param_serialize(
            method,
            path,
            query_params=list((query or {}).items()),
            header_params={"Accept": "application/json, */*", "Content-Type": content_type},
            body=body,
            auth_settings=["BearerToken"],
        )
        response = self._api.call_api(*request, _request_timeout=REQUEST_SECONDS)
        text: str = response.read().decode()
        if response.status >= BAD_REQUEST:
            raise Refused(response.status, _message(text))
        return text


def condition(status: Object, kind: str) -> Object:
    """A condition of a status; empty if it is not there."""
    return next((item for item in status.get("conditions", ()) if item["type"] == kind), {})


def is_ready(status: Object) -> bool:
    """Whether the operator understood the job."""
    return bool(condition(status, "Ready").get("status") == "True")


def is_not_ready(status: Object) -> bool:
    """Whether the operator cannot run the job."""
    return bool(condition(status, "Ready").get("status") == "False")


def is_degraded(status: Object) -> bool:
    """Whether something is wrong with the runs of the job."""
    return bool(condition(status, "Degraded").get("status") == "True")


def is_running(status: Object) -> bool:
    """Whether an attempt is active whose Job was seen."""
    return any(entry.get("uid") for entry in status.get("active", ()))


def finished(count: int) -> Callable[[Object], bool]:
    """Whether at least so many executions have ended."""
    return lambda status: len(status.get("executions", ())) >= count


def marked_after(moment: datetime) -> Callable[[Object], bool]:
    """Whether a slot after this moment was decided."""
    return lambda status: bool(status.get("lastScheduleTime")) and at(status["lastScheduleTime"]) > moment


def shown(value: object) -> str:
    """Any JSON in few lines."""
    return json.dumps(value, ensure_ascii=False, default=str)


def _message(text: str) -> str:
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text[:500]
