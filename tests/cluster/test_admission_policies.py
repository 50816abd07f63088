"""The chart's admission policies at a real API server: which writes of which account they refuse, and in which words.

Two releases are there, as the chart renders them, each with its accounts and Roles. The policies of the first are about
both namespaces with jobs, as with a release for all namespaces; the second runs the jobs of one of them.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import localcluster
from dkron_crds.names import API_VERSION
from dkron_kube.paths import DKRON_BACKFILLS, DKRON_CLUSTERS, DKRON_JOBS, DKRON_RUNS, JOBS, Resource
from tests.support.api_sites import api_for
from tests.support.charts import rendered
from tests.support.documents import backfill, installation, job
from tests.support.jobs import dkron_job
from tests.support.kube import Kube, Object, Refused
from tests.support.operator_process import OperatorProcess
from tests.support.rights import Rules, access_of, bind, limited_access
from tests.support.sites import install, namespace
from tests.support.waiting import wait_for

pytestmark = pytest.mark.cluster(nodes="none")

OF_THE_CHART = (
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ClusterRole",
    "ClusterRoleBinding",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
)
POLICY = "ValidatingAdmissionPolicy"
PARTS = ("operator", "api")
Write = Callable[[Kube], object]
SOON = 30.0
DRY = {"dryRun": "All"}
KUBE_SYSTEM = "kube-system"

WRITER: Rules = {
    ("dkron.io", "dkronruns"): ("create",),
    ("dkron.io", "dkronbackfills"): ("create",),
    ("dkron.io", "dkronjobs"): ("get", "create", "patch", "delete"),
    ("batch", "jobs"): ("get", "create", "patch", "delete"),
    ("batch", "jobs/status"): ("patch",),
}
"""A tenant's rights: more than the chart's role edit, and no Secrets."""
ALL_RIGHTS: Rules = {("*", "*"): ("*",)}
"""The rights of a tenant who owns the namespace, statuses included."""
READER: Rules = WRITER | {("", "secrets", "db"): ("get",)}
READER_OF_ALL: Rules = WRITER | {("", "secrets"): ("get",)}

LABEL = {"dkron.io/job": "nightly", "app.kubernetes.io/managed-by": "dkron-operator"}
NOTES = {
    "dkron.io/execution": "1767225600000000000-nightly-1767225600-0a0a0a0a",
    "dkron.io/slot": "2026-01-01T00:00:00Z",
    "dkron.io/trigger": "schedule",
    "dkron.io/group": "1767225600000000000",
    "dkron.io/attempt": "1",
}
OWNER: Object = {"apiVersion": API_VERSION, "kind": "DkronJob", "name": "nightly", "uid": "none", "controller": True}
POD = {"restartPolicy": "Never", "containers": [{"name": "job", "image": "a.example/a"}]}
CHAT = [{"name": "chat", "url": "http://chat.example/"}]
TEMPLATE = {"spec": {"template": {"spec": {"hostNetwork": True}}}}
ANOTHER_TEMPLATE = {"spec": {"jobTemplate": {"spec": {"template": {"spec": {"hostPID": True}}}}}}
ASKED = {"metadata": {"annotations": {"run.dkron.io/a": "2026-01-01T00:00:00Z"}}}
SECOND = {"dkron.io/attempt": "2"}
QUEUED = {"dkron.io/queued-at": "2020-01-01T00:00:00Z"}
LARGE: Object = {"spec": {"template": {"spec": {"notes": [[] for _ in range(15_000)]}}}}

SECRET, OTHER = "secretRef:db/password", "secretRef:payroll/password"

MARKS = "only an operator sets the label dkron.io/job"
ONLY_PAUSED = "the account of the REST API changes nothing of a DkronCluster but spec.paused"
NO_TEMPLATE = "the account of the REST API does not write spec.jobTemplate of a DkronJob"
NOT_THERE = "the account of the REST API writes nothing in kube-system, kube-public and kube-node-lease"
NO_REFERENCE = "a value in spec.parameters with secretRef: in it has to be secretRef:<secret>/<key> as a whole"
TOO_MANY = "at most 16 values in spec.parameters may be references to Secrets"


@dataclass(frozen=True, slots=True)
class Scene:
    """Namespaces by what they are for, as an administrator sees them, and the same by who looks at them."""

    cluster: localcluster.Cluster
    homes: dict[str, Kube]
    teams: dict[str, Kube]
    folder: Path
    access: dict[str, Path]
    """Kubeconfigs of accounts."""
    opened: dict[tuple[str, str], Kube]

    def by(self, who: str, place: str) -> Kube:
        """A namespace as this account sees it."""
        if (who, place) not in self.opened:
            self.opened[who, place] = Kube(self.access[who], self.place(place))
        return self.opened[who, place]

    def place(self, name: str) -> str:
        """The name of a namespace."""
        known = self.homes | self.teams
        return known[name].namespace if name in known else name


def batch_job(
    name: str = "nightly-1",
    *,
    labels: Object | None = None,
    annotations: Object | None = None,
    owners: list[Object] | None = None,
) -> Object:
    """A suspended Job."""
    metadata = {"name": name, "labels": labels, "annotations": annotations, "ownerReferences": owners}
    spec = {"suspend": True, "template": {"spec": POD}}
    return {"metadata": {field: value for field, value in metadata.items() if value}, "spec": spec}


def forged(name: str = "nightly-1", /, **owner: str) -> Object:
    """A Job as the operator makes it, with these fields of its owner."""
    return batch_job(name, labels=LABEL, annotations=NOTES, owners=[OWNER | owner])


def run(**parameters: str) -> Object:
    """A DkronRun with these values."""
    spec = {"job": "nightly", "parameters": parameters}
    return {"apiVersion": API_VERSION, "kind": "DkronRun", "metadata": {"generateName": "r-"}, "spec": spec}


def many(count: int) -> dict[str, str]:
    """References to so many Secrets, as long as they can be."""
    return {f"p{at:062d}": f"secretRef:{at:03d}{'a' * 250}/{'k' * 253}" for at in range(count)}


def may_not(who: str) -> str:
    return f"{who} may not get every Secret that spec.parameters names in namespace "


@pytest.fixture(scope="module")
def scene(cluster: localcluster.Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Both releases and the accounts of tenants. Objects without a namespace go at the end."""
    install(cluster)
    folder = tmp_path_factory.mktemp("policies")
    with ExitStack() as stack:
        names = ("first home", "second home", "team", "beside")
        kubes = {each: stack.enter_context(namespace(cluster.kubeconfig, each)) for each in names}
        homes = {each: kubes[each] for each in names[:2]}
        teams = {each: kubes[each] for each in names[2:]}
        team, beside = (each.namespace for each in teams.values())
        objects: list[Object] = []
        for home, watched in (("first home", [team, beside]), ("second home", [beside])):
            values: Object = {"watchNamespaces": watched, "crds": {"enabled": False}}
            if home == "first home":
                accounts = (f"system:serviceaccount:{kubes['second home'].namespace}:dkron-{part}" for part in PARTS)
                values["admissionPolicies"] = {"operators": list(accounts)}
            found = rendered(values, namespace=kubes[home].namespace, folder=folder)
            objects += [each for each in found if each["kind"] in OF_THE_CHART]
        system = Kube(cluster.kubeconfig, KUBE_SYSTEM)
        stack.callback(system.close)
        stack.callback(_remove, cluster, objects, homes["first home"].namespace)
        cluster.kubectl("apply", "-f", "-", input=_as_list(objects))
        bind(system, "dkron-api", "cluster-admin", namespace=homes["first home"].namespace)
        system.create(DKRON_JOBS, job("theirs", disabled=True))
        access = {
            "operator": access_of(homes["first home"], "dkron-operator", folder=folder),
            "api": access_of(homes["first home"], "dkron-api", folder=folder),
            "second operator": access_of(homes["second home"], "dkron-operator", folder=folder),
            "second api": access_of(homes["second home"], "dkron-api", folder=folder),
            "administrator": cluster.kubeconfig,
            "neighbour": limited_access(teams["beside"], WRITER, folder=folder, name="neighbour"),
        }
        for name, rules in (
            ("tenant", WRITER),
            ("reader", READER),
            ("reader-of-all", READER_OF_ALL),
            ("owner", ALL_RIGHTS),
        ):
            access[name] = limited_access(teams["team"], rules, folder=folder, name=name)
        made = Scene(cluster, homes, teams, folder, access, {})
        _prepare(made)
        _wait_until_they_count(made)
        yield made
        for each in made.opened.values():
            each.close()


def _as_list(objects: list[Object]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})


def _remove(cluster: localcluster.Cluster, objects: list[Object], home: str) -> None:
    wide = [each for each in objects if not each["metadata"].get("namespace")]
    cluster.kubectl("delete", "--ignore-not-found", "-f", "-", input=_as_list(wide))
    for kind, name in (("rolebinding", f"{home}-dkron-api-cluster-admin"), ("dkj", "theirs")):
        cluster.kubectl("delete", kind, name, "--namespace", KUBE_SYSTEM, "--ignore-not-found")


def _prepare(made: Scene) -> None:
    """The objects that the tests change."""
    team = made.teams["team"]
    receivers = {"syslog": {"address": "udp://syslog.example:514"}}
    made.homes["first home"].create(DKRON_CLUSTERS, installation(receivers=receivers))
    team.create(DKRON_JOBS, job(jobTemplate=TEMPLATE))
    owner = team.create(DKRON_JOBS, job("large", jobTemplate=LARGE))["metadata"]["uid"]
    made.by("operator", "team").create(JOBS, forged("large", name="large", uid=owner))
    team.create(JOBS, batch_job("plain"))


def _wait_until_they_count(made: Scene) -> None:
    """The API server compiles new policies in the background."""
    notify = {"spec": {"notifications": CHAT}}
    tried = [
        Try("tenant", "team", _create(JOBS, forged()), MARKS),
        Try("neighbour", "beside", _create(JOBS, forged()), MARKS),
        Try("tenant", "team", _create(DKRON_RUNS, run(a=SECRET)), "may not get"),
        Try("neighbour", "beside", _create(DKRON_RUNS, run(a=SECRET)), "may not get"),
        Try("api", "first home", _change(DKRON_CLUSTERS, "dkron", notify), ONLY_PAUSED),
        Try("second api", "beside", _create(DKRON_JOBS, job("other", jobTemplate=TEMPLATE)), NO_TEMPLATE),
    ]
    for each in tried:
        wait_for(each.refusal, partial(said, made, each), partial(contains, each.refusal), seconds=SOON)


class Try(NamedTuple):
    """Who tries what, in which namespace, and what the API server has to say; empty if it takes it."""

    who: str
    where: str
    write: Write
    refusal: str = ""


def said(scene: Scene, tried: Try) -> str:
    """Why a write is refused; empty if it would be taken."""
    try:
        tried.write(scene.by(tried.who, tried.where))
    except Refused as refused:
        return str(refused)
    return ""


def contains(sentence: str, found: str) -> bool:
    return sentence in found


def _create(resource: Resource, document: Object) -> Write:
    return lambda kube: kube.create(resource, document, **DRY)


def _change(resource: Resource, name: str, change: Object, *, subresource: str | None = None) -> Write:
    return lambda kube: kube.patch(resource, name, change, subresource=subresource, **DRY)


def _delete(resource: Resource, name: str) -> Write:
    return lambda kube: kube.delete(resource, name, dryRun=["All"])


def _edit_all(kube: Kube) -> object:
    """Replace the spec as the REST API does, with the template as it is."""
    spec = kube.get(DKRON_JOBS, "nightly")["spec"] | {"executorConfig": {"command": "id"}}
    return kube.json_patch(DKRON_JOBS, "nightly", [{"op": "replace", "path": "/spec", "value": spec}])


def _mark(name: str, *, subresource: str | None = None, **metadata: Any) -> Write:
    return _change(JOBS, name, {"metadata": metadata}, subresource=subresource)


MARKED_JOBS = {
    "the operator creates its Job": Try("operator", "team", _create(JOBS, forged())),
    "another operator creates its Job": Try("second operator", "beside", _create(JOBS, forged())),
    "a cluster-admin forges one": Try("administrator", "team", _create(JOBS, forged()), MARKS),
    "an owner of the namespace forges one": Try("owner", "team", _create(JOBS, forged()), MARKS),
    "an owner of the namespace moves a wait": Try("owner", "team", _mark("large", annotations=QUEUED), MARKS),
    "an owner of the namespace hides one": Try(
        "owner", "team", _mark("large", labels={"app.kubernetes.io/managed-by": None}), MARKS
    ),
    "a tenant forges one": Try("tenant", "team", _create(JOBS, forged()), MARKS),
    "a tenant of the other release forges one": Try("neighbour", "beside", _create(JOBS, forged()), MARKS),
    "a tenant sets the label": Try("tenant", "team", _create(JOBS, batch_job(labels=LABEL)), MARKS),
    "a tenant sets an annotation": Try("tenant", "team", _create(JOBS, batch_job(annotations=NOTES)), MARKS),
    "a tenant names an owner": Try("tenant", "team", _create(JOBS, batch_job(owners=[OWNER])), MARKS),
    "a tenant creates a Job of its own": Try("tenant", "team", _create(JOBS, batch_job(labels={"app": "a"}))),
    "a tenant resumes one": Try("tenant", "team", _change(JOBS, "large", {"spec": {"suspend": False}})),
    "a queue labels one": Try("tenant", "team", _mark("large", labels={"kueue.x-k8s.io/queue-name": "q"})),
    "a tenant annotates one": Try("tenant", "team", _mark("large", annotations={"example.com/a": "b"})),
    "a tenant changes the label": Try("tenant", "team", _mark("large", labels={"dkron.io/job": "b"}), MARKS),
    "a tenant takes the label away": Try("tenant", "team", _mark("large", labels={"dkron.io/job": None}), MARKS),
    "a tenant changes an annotation": Try("tenant", "team", _mark("large", annotations=SECOND), MARKS),
    "a tenant changes one with the status": Try(
        "tenant", "team", _mark("large", subresource="status", annotations=SECOND), MARKS
    ),
    "a tenant labels its own Job": Try("tenant", "team", _mark("plain", labels=LABEL), MARKS),
    "a tenant gives its own Job an owner": Try("tenant", "team", _mark("plain", ownerReferences=[OWNER]), MARKS),
    "a tenant deletes one": Try("tenant", "team", _delete(JOBS, "large")),
}

OF_THE_API = {
    "it pauses": Try("api", "first home", _change(DKRON_CLUSTERS, "dkron", {"spec": {"paused": True}})),
    "it creates a DkronCluster": Try(
        "second api", "second home", _create(DKRON_CLUSTERS, installation(paused=True)), "cannot create"
    ),
    "it adds a notification": Try(
        "api",
        "first home",
        _change(DKRON_CLUSTERS, "dkron", {"spec": {"paused": True, "notifications": CHAT}}),
        ONLY_PAUSED,
    ),
    "it takes the receivers away": Try(
        "api", "first home", _change(DKRON_CLUSTERS, "dkron", {"spec": {"receivers": None}}), ONLY_PAUSED
    ),
    "it adds a finalizer": Try(
        "api",
        "first home",
        _change(DKRON_CLUSTERS, "dkron", {"metadata": {"finalizers": ["example.com/a"]}}),
        ONLY_PAUSED,
    ),
    "the operator creates a DkronCluster": Try(
        "second operator", "second home", _create(DKRON_CLUSTERS, installation())
    ),
    "it creates a job": Try("api", "team", _create(DKRON_JOBS, job("other"))),
    "it creates a job with a template": Try(
        "api", "team", _create(DKRON_JOBS, job("other", jobTemplate=TEMPLATE)), NO_TEMPLATE
    ),
    "it asks for a run": Try("api", "team", _change(DKRON_JOBS, "nightly", ASKED)),
    "it edits a job that has a template": Try("api", "team", _edit_all),
    "it edits a job that has a large template": Try(
        "api", "team", _change(DKRON_JOBS, "large", {"spec": {"retries": 1}})
    ),
    "it changes a template": Try("api", "team", _change(DKRON_JOBS, "nightly", ANOTHER_TEMPLATE), NO_TEMPLATE),
    "it takes a template away": Try(
        "api", "team", _change(DKRON_JOBS, "nightly", {"spec": {"jobTemplate": None}}), NO_TEMPLATE
    ),
    "it writes a status": Try(
        "api", "team", _change(DKRON_JOBS, "nightly", {"status": {"executions": []}}, subresource="status")
    ),
    "it deletes a job": Try("api", "team", _delete(DKRON_JOBS, "nightly")),
    "it creates a job in kube-system": Try("api", KUBE_SYSTEM, _create(DKRON_JOBS, job()), NOT_THERE),
    "it creates a run in kube-system": Try("api", KUBE_SYSTEM, _create(DKRON_RUNS, run()), NOT_THERE),
    "it deletes a job in kube-system": Try("api", KUBE_SYSTEM, _delete(DKRON_JOBS, "theirs"), NOT_THERE),
    "a tenant changes a template": Try("tenant", "team", _change(DKRON_JOBS, "nightly", ANOTHER_TEMPLATE)),
}

NAMED_SECRETS = {
    "a run of a tenant": Try("tenant", "team", _create(DKRON_RUNS, run(a=SECRET)), may_not(":tenant")),
    "a backfill of a tenant": Try(
        "tenant", "team", _create(DKRON_BACKFILLS, backfill(parameters={"a": SECRET})), may_not(":tenant")
    ),
    "a run of a tenant of the other release": Try(
        "neighbour", "beside", _create(DKRON_RUNS, run(a=SECRET)), may_not(":neighbour")
    ),
    "a run without a Secret": Try("tenant", "team", _create(DKRON_RUNS, run(a="1"))),
    "a run of a cluster-admin": Try("administrator", "team", _create(DKRON_RUNS, run(a=SECRET))),
    "too many Secrets of a cluster-admin": Try("administrator", "team", _create(DKRON_RUNS, run(**many(17))), TOO_MANY),
    "a run without values": Try("tenant", "team", _create(DKRON_RUNS, run())),
    "a run of a reader": Try("reader", "team", _create(DKRON_RUNS, run(a=SECRET, b=SECRET, c="1"))),
    "a backfill of a reader": Try("reader", "team", _create(DKRON_BACKFILLS, backfill(parameters={"a": SECRET}))),
    "another Secret of a reader": Try(
        "reader", "team", _create(DKRON_RUNS, run(a=SECRET, b=OTHER)), may_not(":reader")
    ),
    "a reference within a text": Try("reader", "team", _create(DKRON_RUNS, run(a=f"x {SECRET}")), NO_REFERENCE),
    "as many Secrets as may be": Try("reader-of-all", "team", _create(DKRON_RUNS, run(**many(16)))),
    "one more": Try("reader-of-all", "team", _create(DKRON_RUNS, run(**many(17))), TOO_MANY),
    "as many Secrets of a tenant": Try(
        "tenant", "team", _create(DKRON_RUNS, run(**many(16))), "may not get every Secret"
    ),
    "a run of the operator": Try("operator", "team", _create(DKRON_RUNS, run(a=SECRET))),
    "a run of the REST API": Try("api", "team", _create(DKRON_RUNS, run(a=SECRET))),
    "a run of another operator": Try("second operator", "beside", _create(DKRON_RUNS, run(**many(32)))),
    "a run of another REST API": Try("second api", "beside", _create(DKRON_RUNS, run(a=SECRET))),
}


@pytest.mark.parametrize("tried", MARKED_JOBS.values(), ids=list(MARKED_JOBS))
def test_only_operators_mark_jobs(scene: Scene, tried: Try) -> None:
    _expect(scene, tried)


@pytest.mark.parametrize("tried", OF_THE_API.values(), ids=list(OF_THE_API))
def test_api_account_writes_every_rest_object(scene: Scene, tried: Try) -> None:
    _expect(scene, tried)


@pytest.mark.parametrize("tried", NAMED_SECRETS.values(), ids=list(NAMED_SECRETS))
def test_only_readers_of_a_secret_name_it(scene: Scene, tried: Try) -> None:
    _expect(scene, tried)


def _expect(scene: Scene, tried: Try) -> None:
    found = said(scene, tried)
    if tried.refusal:
        assert tried.refusal in found
    else:
        assert found == ""


def test_controllers_of_kubernetes_go_on(scene: Scene) -> None:
    team = scene.teams["team"]

    def conditions() -> list[str]:
        return [each["type"] for each in team.get(JOBS, "large").get("status", {}).get("conditions", ())]

    team.wait_for("the Job controller to write a status", conditions, lambda found: "Suspended" in found)
    owner = team.create(DKRON_JOBS, job("left"))["metadata"]["uid"]
    scene.by("operator", "team").create(JOBS, forged("left-1", name="left", uid=owner))
    team.delete(DKRON_JOBS, "left", propagationPolicy="Orphan")
    team.wait_for(
        "the garbage collector to take the owner away",
        lambda: team.get(JOBS, "left-1")["metadata"],
        lambda metadata: "ownerReferences" not in metadata,
    )


def test_operator_and_api_go_on(scene: Scene, tmp_path: Path) -> None:
    """A run and a backfill that name a Secret by REST become Jobs; and the API writes all that it wrote before."""
    team, home = scene.teams["team"], scene.homes["first home"].namespace
    team.create(DKRON_JOBS, dkron_job("asked", schedule="@daily", parameters=[{"name": "token", "secret": True}]))
    where = ("--namespace", team.namespace, "--cluster-namespace", home)
    operator = OperatorProcess(tmp_path / "operator.log", "--kubeconfig", str(scene.access["operator"]), *where).start()
    try:
        options = ("--auth", "none", "--cluster-namespace", home)
        with api_for(team, tmp_path, *options, kubeconfig=scene.access["api"]) as site:
            values = {"parameters": {"token": SECRET}}
            period = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-03T00:00:00Z", "parallelism": 2}
            saved = {"name": "saved", "schedule": "@daily", "executor": "shell", "executor_config": {"command": "id"}}
            answers = [
                site.rest.post("/v1/pause"),
                site.rest.post("/v1/unpause"),
                *(site.rest.post("/v1/jobs", saved | {"retries": retries}) for retries in (0, 1)),
                site.rest.post("/v1/jobs/saved/toggle"),
                site.rest.delete("/v1/jobs/saved"),
                site.rest.post("/v1/jobs/asked/run", values),
                site.rest.post("/v1/backfills", {"job": "asked", **period, **values}),
            ]
        assert [answer.status for answer in answers if answer.status >= 300] == [], answers
        team.wait_for("the Jobs of one run and two slots", lambda: team.jobs_of("asked"), lambda jobs: len(jobs) == 3)
    finally:
        operator.kill()


def test_api_server_type_checks_the_policies_without_warnings(scene: Scene) -> None:
    """It checks types in the background, and tells what it doubts in the status."""
    homes = tuple(each.namespace for each in scene.homes.values())

    def policies() -> list[Object]:
        found = json.loads(scene.cluster.kubectl("get", POLICY, "-o", "json"))["items"]
        return [each for each in found if each["metadata"]["name"].startswith(homes)]

    checked = wait_for(
        "the types to be checked",
        policies,
        lambda found: len(found) == 6 and all("observedGeneration" in each.get("status", {}) for each in found),
        seconds=SOON,
    )
    assert [each["status"].get("typeChecking", {}).get("expressionWarnings", []) for each in checked] == [[]] * 6
