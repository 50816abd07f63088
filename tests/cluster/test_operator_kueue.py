"""Jobs in queues of a real Kueue: they wait for room, are evicted and go on, and end where Kueue gives them up."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

import localcluster
from dkron_from_dkron.moments import ZERO
from dkron_kube.paths import DKRON_JOBS, DKRON_RUNS, JOBS, WORKLOADS
from localcluster import build
from localcluster.servers import kueue
from tests.support.api_rights import FOR_PLACES, LEAST_API, limited_api
from tests.support.api_sites import ApiSite
from tests.support.command_line import CommandLine, command_line
from tests.support.jobs import at, dkron_job, simulated
from tests.support.kube import Kube, Object, condition, finished, is_degraded
from tests.support.rights import Rules, limited_access
from tests.support.sites import Site

pytestmark = [pytest.mark.cluster(nodes="kwok"), pytest.mark.usefixtures("running_kueue")]

GROUP = "kueue.x-k8s.io/v1beta2"
QUEUE, HELD = "team", "held"
PRIORITY = "kueue.x-k8s.io/priority-class"
RUN = {"apiVersion": "dkron.io/v1alpha1", "kind": "DkronRun"}
FIRST_REQUEST = "2026-01-01T00:00:00Z"
"""When the runs of the tests were requested, as their annotations say."""
FOR_LONG = simulated(run_for="90s")
NEVER = {"initial": "1h", "max": "1h"}
"""A backoff after which no retry begins in a test."""


@dataclass(frozen=True)
class Queues:
    """Makes queues of the test's own namespace."""

    cluster: localcluster.Cluster
    site: Site
    folder: Path

    @property
    def kube(self) -> Kube:
        """The namespace."""
        return self.site.kube

    def apply(self, kind: str, name: str, **fields: object) -> None:
        """An object of Kueue, in the namespace if its kind has one."""
        document = {"apiVersion": GROUP, "kind": kind, "metadata": {"name": name}, **fields}
        path = self.folder / f"{kind}-{name}.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        self.cluster.kubectl("apply", "--namespace", self.kube.namespace, "--filename", str(path))

    def quota(self, pods: int) -> str:
        """A ClusterQueue in which so many pods may run; a pod of higher priority evicts one of lower priority."""
        name = self.kube.namespace
        flavors = [{"name": name, "resources": [{"name": "pods", "nominalQuota": pods}]}]
        self.apply("ResourceFlavor", name)
        self.apply("ClusterQueue", name, spec={
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}},
            "preemption": {"withinClusterQueue": "LowerPriority"},
            "resourceGroups": [{"coveredResources": ["pods"], "flavors": flavors}],
        })  # fmt: skip
        self.local(QUEUE)
        return name

    def priorities(self) -> tuple[str, str]:
        """A quota of one pod, and two priority classes: the first one is higher."""
        name = self.quota(pods=1)
        for value, priority in ((1000, "high"), (1, "low")):
            self.apply("WorkloadPriorityClass", f"{name}-{priority}", value=value)
        return f"{name}-high", f"{name}-low"

    def local(self, name: str, **spec: object) -> None:
        """A LocalQueue."""
        self.apply("LocalQueue", name, spec={"clusterQueue": self.kube.namespace, **spec})


@pytest.fixture(scope="module")
def running_kueue(cluster: localcluster.Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Kueue's manager beside the cluster, until the tests of this file are over."""
    build.ensure([kueue.program()])
    cluster.kubectl("apply", "--server-side", "--filename", str(kueue.definitions()))
    cluster.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
    if "kueue-system" not in cluster.kubectl("get", "namespaces", "--output=name"):
        cluster.kubectl("create", "namespace", kueue.NAMESPACE)
    with kueue.kueue(cluster.kubeconfig, tmp_path_factory.mktemp("kueue"), kubectl=cluster.kubectl):
        yield


@pytest.fixture
def queues(cluster: localcluster.Cluster, own_site: Site, tmp_path: Path) -> Queues:
    own_site.operator.start()
    return Queues(cluster, own_site, tmp_path)


def queued(status: Object) -> bool:
    return any(entry.get("queue") for entry in status.get("active", ()))


def admitted(status: Object) -> bool:
    return any(entry.get("uid") and not entry.get("queue") for entry in status.get("active", ()))


def evicted(status: Object) -> bool:
    return any(entry.get("queue") and entry.get("evictions") for entry in status.get("active", ()))


def has_failed(run: Object) -> bool:
    return bool(run.get("status", {}).get("phase") == "Failed")


def workload_of(kube: Kube, job: str) -> Object:
    """The Workload of the only Job of a DkronJob."""
    (uid,) = (each["metadata"]["uid"] for each in kube.jobs_of(job))
    found = kube.wait_for(
        "its Workload", lambda: kube.all(WORKLOADS, f"kueue.x-k8s.io/job-uid={uid}"), lambda found: len(found) == 1
    )
    return found[0]


@pytest.mark.promise
def test_jobs_run_one_after_another_in_a_quota_of_one(queues: Queues) -> None:
    kube = queues.kube
    queues.quota(pods=1)
    labelled = simulated(run_for="3s") | {"metadata": {"labels": {"kueue.x-k8s.io/queue-name": QUEUE}}}
    kube.apply(dkron_job("first", jobTemplate=labelled, run=["once"]))
    began = kube.wait_status("first", "to be admitted", admitted)
    kube.apply(dkron_job("second", queueName=QUEUE, jobTemplate=simulated(), run=["once"]))
    waiting = kube.wait_status("second", "to wait", queued)
    # The next process goes on from the status and the Jobs.
    queues.site.operator.kill()
    queues.site.operator.start()
    (entry,) = waiting["active"]
    assert (entry["queue"], entry["queuedAt"], "evictions" in entry) == (QUEUE, entry["startedAt"], False)
    assert not is_degraded(waiting)
    one, two = (kube.wait_status(name, "to succeed", finished(1)) for name in ("first", "second"))
    (before,), (after,) = one["executions"], two["executions"]
    assert (before["state"], after["state"]) == ("Succeeded", "Succeeded")
    assert at(after["startedAt"]) >= at(before["finishedAt"])
    assert (at(after["startedAt"]) - at(after["queuedAt"])).total_seconds() > 1
    assert at(before["queuedAt"]) <= at(before["startedAt"])
    assert [began["active"][0]["id"], entry["id"]] == [before["id"], after["id"]]
    assert [len(kube.jobs_of(name)) for name in ("first", "second")] == [1, 1]


@pytest.mark.promise
def test_an_evicted_job_goes_on_when_there_is_room(queues: Queues) -> None:
    kube = queues.kube
    high, low = (
        simulated(run_for=seconds) | {"metadata": {"labels": {PRIORITY: priority}}}
        for priority, seconds in zip(queues.priorities(), ("2s", "6s"), strict=True)
    )
    kube.apply(dkron_job("low", queueName=QUEUE, jobTemplate=low, run=["once"]))
    (first,) = kube.wait_status("low", "to be admitted", admitted)["active"]
    kube.apply(dkron_job("high", queueName=QUEUE, jobTemplate=high, run=["once"]))
    (stopped,) = kube.wait_status("low", "to be evicted", evicted)["active"]
    assert {**first, "state": "Queued", "queue": QUEUE, "evictions": 1} == stopped
    assert kube.wait_status("high", "to succeed", finished(1))["executions"][0]["state"] == "Succeeded"
    status = kube.wait_status("low", "to succeed", finished(1))
    (record,) = status["executions"]
    assert (record["state"], record["attempt"], record["id"]) == ("Succeeded", 1, first["id"])
    assert record["startedAt"] == first["startedAt"], "it began with its first admission"
    assert (status["successCount"], status["errorCount"]) == (1, 0)
    assert len(kube.born(kube.get(DKRON_JOBS, "low")["metadata"]["uid"])) == 1


@pytest.mark.promise
def test_a_job_that_waits_in_vain_ends(queues: Queues) -> None:
    kube = queues.kube
    queues.quota(pods=1)
    queues.local(HELD, stopPolicy="Hold")
    limited = FOR_LONG | {"metadata": {"labels": {"kueue.x-k8s.io/max-exec-time-seconds": "1"}}}
    retries: Object = {"retries": 1, "retryBackoff": NEVER}
    kube.apply(
        dkron_job("late", queueName=HELD, schedule="@every 4s", concurrency="forbid", startingDeadlineSeconds=2),
        dkron_job("lost", queueName="absent", jobTemplate=simulated(), run=["once"]),
        dkron_job("idle", queueName=HELD, run=["once"], **retries),
        dkron_job("asked", queueName=HELD),
        dkron_job("long", queueName=QUEUE, jobTemplate=limited, run=["once"], **retries),
    )
    kube.create(DKRON_RUNS, {**RUN, "metadata": {"name": "now"}, "spec": {"job": "asked"}})
    for name in ("idle", "asked"):
        kube.wait_status(name, "to wait", queued)
        kube.patch(WORKLOADS, workload_of(kube, name)["metadata"]["name"], {"spec": {"active": False}})
    for name, reason in (("idle", "Deactivated"), ("long", "MaximumExecutionTimeExceeded")):
        status = kube.wait_status(name, "to be given up", finished(1))
        (record,), (retry,) = status["executions"], status["active"]
        assert (record["state"], record["reason"], record["attempt"]) == ("Failed", reason, 1)
        assert record["message"].startswith("its Workload in Kueue was deactivated")
        assert (retry["attempt"], "uid" in retry) == (2, False)
        assert kube.find(JOBS, record["job"]) is None
    (record,) = kube.wait_status("asked", "to be given up", finished(1))["executions"]
    assert (record["reason"], record["startedAt"]) == ("Deactivated", record["finishedAt"])
    run = kube.wait_for("the DkronRun to end", partial(kube.get, DKRON_RUNS, "now"), has_failed)["status"]
    assert (run["conditions"][0]["reason"], len(run["attempts"])) == ("Deactivated", 1)
    late = kube.wait_status("late", "to be given up", finished(2))
    for record in late["executions"]:
        assert (record["reason"], record["attempt"]) == ("DeadlineExceeded", 1)
        assert at(record["finishedAt"]) > at(record["slot"])
    degraded = kube.wait_status("lost", "to be reported", is_degraded)
    told = condition(degraded, "Degraded")
    (job,) = kube.jobs_of("lost")
    assert told["reason"] == "QueueNotFound"
    assert told["message"] == (
        f"Job {job['metadata']['name']} does not start: LocalQueue absent does not exist in namespace {kube.namespace}"
    )
    waits = f"Job {job['metadata']['name']} waits in LocalQueue absent since "
    kube.wait_status("lost", "to say so", lambda status: waits in condition(status, "Ready").get("message", ""))
    queues.local("absent")
    found = kube.wait_status("lost", "to succeed", finished(1))
    assert found["executions"][0]["state"] == "Succeeded"
    assert not is_degraded(found)


def shown_of(site: ApiSite, job: str) -> list[Object]:
    answer = site.rest.get(f"/v1/jobs/{job}/executions?details=true")
    return list(answer.json()) if answer.status == 200 else []


def executions_of(site: ApiSite, job: str) -> Object:
    (found,) = shown_of(site, job)
    return found


def test_places_are_told_where_a_user_asks_about_one_run(queues: Queues, tmp_path: Path) -> None:
    kube = queues.kube
    high, low = queues.priorities()
    queues.local("other")
    for name, queue, priority, known in (
        ("first", QUEUE, high, admitted), ("second", "other", high, queued), ("third", QUEUE, low, queued),
    ):  # fmt: skip
        template = simulated(run_for="1h") | {"metadata": {"labels": {PRIORITY: priority}}}
        kube.apply(dkron_job(name, queueName=queue, jobTemplate=template, run=["once"]))
        kube.wait_status(name, "to be known", known)
        workload_of(kube, name)
    whole = command_line(kube.kubeconfig, kube.namespace)
    place = f"in LocalQueue {QUEUE}, place 2 in its ClusterQueue"
    kube.wait_for("a place", lambda: whole("explain", "third").output, lambda said: place in said)
    path = f"/apis/visibility.kueue.x-k8s.io/v1beta2/namespaces/{kube.namespace}/localqueues/{QUEUE}/pendingworkloads"
    (pending,) = json.loads(queues.cluster.kubectl("get", "--raw", path))["items"]
    assert (pending["positionInLocalQueue"], pending["positionInClusterQueue"]) == (0, 1)
    assert place in whole("describe", "third").output
    assert "in LocalQueue other, place 1 in its ClusterQueue" in whole("describe", "second").output
    assert ", place " not in whole("describe", "first").output
    may_read: Rules = {("dkron.io", "dkronjobs"): ("get",)}
    limited = command_line(limited_access(kube, may_read, folder=tmp_path, name="reads"), kube.namespace)
    assert f"in LocalQueue {QUEUE}" in (said := limited("explain", "third").output)
    assert ", place " not in said

    with limited_api(kube, LEAST_API | FOR_PLACES, tmp_path) as site:
        site.api.wait_for_line("ready with")
        shown = executions_of(site, "third")
        assert (shown["place"], shown["details"]["local_queue"], shown["started_at"]) == (2, QUEUE, ZERO)
        one = site.rest.get(f"/v1/jobs/third/executions/{shown['id']}").json()
        assert (one["place"], one["started_at"]) == (2, ZERO)
        (run,) = site.rest.get(f"/v1/jobs/third/explain?at={FIRST_REQUEST}").json()["runs"]
        assert (run["place"], place in run["why"]) == (2, True)
        assert "place" not in executions_of(site, "first")
        by_rest = CommandLine({"DKRON_SERVER": f"http://{site.rest.host}:{site.rest.port}", "TERM": "dumb"})
        assert place in by_rest("describe", "third").output
    with limited_api(kube, LEAST_API, tmp_path, name="unseeing") as site:
        site.api.wait_for_line("ready with")
        shown = executions_of(site, "third")
        assert ("place" in shown, shown["details"]["local_queue"]) == (False, QUEUE)
        site.api.wait_for_line("cannot tell places")
