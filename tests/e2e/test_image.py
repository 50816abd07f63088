"""The image, as a cautious installation runs it: no root, nothing to write to, no rights but the needed ones."""

import importlib.util
import json
from collections.abc import Iterator
from functools import partial
from importlib.metadata import distribution, version

import pytest

import localcluster
from dkron_kube.paths import DKRON_JOBS
from image import bases, trim
from image.reference import Reference
from tests.support import pods
from tests.support.api_rights import LEAST_API
from tests.support.jobs import dkron_job, pod_template
from tests.support.kube import Kube, finished
from tests.support.own_image import OwnImage
from tests.support.pods import PodRest
from tests.support.rights import LEAST, account
from tests.support.sites import install, namespace

pytestmark = pytest.mark.cluster(nodes="real")

PORT = 8080
ANY_USER = 65534
UNKNOWN = {"runAsUser": 1234567, "runAsGroup": 7654321}
BYTES = 200_000_000
"""What all files of the image may take together, on whatever base."""
FOLDERS_OF_PROGRAMS = tuple(f"{folder}/" for folder in (*trim.FOLDERS_OF_PROGRAMS, "opt/dkron/bin"))
OURS = {each.name for each in distribution("dkron-operator").entry_points}
PROGRAMS = [
    *([name] for name in sorted(OURS) if name.startswith("dkron")),
    *(["python", "-m", name] for name in ("dkron_executors",) if importlib.util.find_spec(name)),
]
HELP = f"""
import json, subprocess
said = [subprocess.run([*program, "--help"], capture_output=True, text=True, check=True) for program in {PROGRAMS}]
print(json.dumps([each.stdout for each in said]))
"""
CLIENTS = "aio_pika, aiokafka, grpc, grpc_reflection.v1alpha.reflection_pb2, google.cloud.pubsub_v1, nats"
EVERYTHING = f"""
import importlib, pathlib, pkgutil, sys, zoneinfo
import dkron_api, dkron_crds, dkron_executors, dkron_operator
import {CLIENTS}
for package in (dkron_api, dkron_crds, dkron_executors, dkron_operator):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
zoneinfo.ZoneInfo("Europe/Madrid")
for folder in ("/", "/tmp", "/opt/dkron"):
    try:
        pathlib.Path(folder, "written").touch()
    except OSError as refused:
        print(folder, refused.strerror)
specs = [getattr(module, "__spec__", None) for module in list(sys.modules.values())]
print([spec.name for spec in specs if spec and spec.cached and not pathlib.Path(spec.cached).exists()])
"""
CONFINED_JOB = pod_template(
    securityContext={"runAsNonRoot": True, "runAsUser": ANY_USER, "seccompProfile": {"type": "RuntimeDefault"}},
    containers=[
        {"name": "job", "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}}
    ],
)


@pytest.fixture(scope="module")
def place(cluster: localcluster.Cluster, image: OwnImage) -> Iterator[Kube]:
    """A namespace in which the operator and the REST API run as pods."""
    install(cluster)
    with namespace(cluster.kubeconfig, "image") as kube:
        pods.restrict(kube)
        kube.create_lease()
        account(kube, "operator", LEAST)
        account(kube, "api", LEAST_API)
        pods.start(
            kube,
            "operator",
            image.reference,
            ["dkron-operator", "--namespace", kube.namespace, "--run-in-own-namespace"],
            account="operator",
        )
        listen = ["dkron-api", "--host", "0.0.0.0", "--port", str(PORT)]  # noqa: S104 - in a pod of its own
        probe = {"httpGet": {"path": "/health", "port": PORT}, "periodSeconds": 1}
        pods.start(kube, "api", image.reference, listen, account="api", readinessProbe=probe)
        kube.guard = partial(pods.check_running, kube, "operator", "api")
        yield kube


@pytest.fixture
def rest(place: Kube) -> PodRest:
    """The REST API, once both programs are ready."""
    pods.wait_ready(place, "operator")
    pods.wait_ready(place, "api")
    return PodRest(place, "api", PORT)


def test_job_runs_and_the_rest_api_shows_it(place: Kube, rest: PodRest) -> None:
    place.apply(dkron_job("applied", "echo seen", jobTemplate=CONFINED_JOB, run=["once"]))
    status = place.wait_status("applied", "its run", finished(1))
    assert (status["executions"][0]["output"], status["status"]) == ("seen\n", "success")
    (execution,) = place.wait_for(
        "the REST API to show its end", lambda: rest.get("/v1/jobs/applied/executions"),
        lambda found: [each for each in found if each["success"]],
    )  # fmt: skip
    assert (execution["success"], execution["output"]) == (True, "seen\n")


def test_a_job_is_created_by_rest(place: Kube, rest: PodRest) -> None:
    job = {"name": "posted", "schedule": "@manually", "executor": "shell", "executor_config": {"command": "true"}}
    rest.post("/v1/jobs", job)
    assert place.get(DKRON_JOBS, "posted")["spec"]["executorConfig"]["command"] == "true"


def test_neither_program_logs_complaints(place: Kube, rest: PodRest) -> None:
    assert rest.get("/v1/leader")["Name"]
    # The API warns that it has no authentication, and that it may not see nodes.
    for name, complaints in (("operator", {"WARNING", "ERROR"}), ("api", {"ERROR"})):
        lines = [json.loads(line) for line in pods.log(place, name).splitlines()]
        assert lines, f"{name} has not said that it starts"
        assert [line for line in lines if line["level"] in complaints] == []


def test_help_is_printed_for_a_user_unknown_to_the_image(place: Kube, image: OwnImage) -> None:
    confined = {"securityContext": pods.CONFINED | UNKNOWN}
    code, text = pods.run(place, "help", image.reference, ["python", "-c", HELP], **confined)
    assert code == 0, text
    assert [said for said in json.loads(text) if not said.lower().startswith("usage: ")] == []


def test_the_user_is_a_number_and_no_root(place: Kube, image: OwnImage) -> None:
    assert image.contents.configuration["User"] == "65532:65532"
    assert pods.run(place, "user", image.reference, ["id", "-u"]) == (0, "65532\n")


def test_every_module_imports_compiled_from_a_read_only_image(place: Kube, image: OwnImage) -> None:
    """Parts of the dependencies are left out. An uncompiled module would be compiled at each start."""
    code, text = pods.run(place, "everything", image.reference, ["python", "-c", EVERYTHING])
    assert code == 0, text
    refused = [f"{folder} Read-only file system" for folder in ("/", "/tmp", "/opt/dkron")]  # noqa: S108 - not of this machine
    assert text.splitlines() == [*refused, "[]"]


def test_image_contains_only_needed_programs(image: OwnImage) -> None:
    sizes = image.contents.sizes
    programs = {path.rpartition("/")[2] for path in sizes if path.startswith(FOLDERS_OF_PROGRAMS)}
    assert {name for name in programs if not name.startswith("python3") and name != "python"} == trim.PROGRAMS | OURS
    assert [path for path in sizes if "/site-packages/pip/" in path or "/ensurepip/" in path] == []


def test_it_is_small(image: OwnImage) -> None:
    layers = image.contents.layers
    print(f"{sum(layers) / 1e6:.0f} MB in layers of {layers} bytes, {image.archive.stat().st_size / 1e6:.0f} MB packed")
    assert sum(layers) < BYTES


def test_labels_describe_the_image(image: OwnImage) -> None:
    prefix = "org.opencontainers.image."
    found = image.contents.configuration["Labels"].items()
    labels = {name.removeprefix(prefix): value for name, value in found if name.startswith(prefix)}
    here, base = image.source, Reference.parse(bases.DEFAULT)
    assert image.reference.endswith(":" + labels["version"])
    assert labels["version"] == version("dkron-operator")
    assert (labels["licenses"], labels["source"]) == ("Apache-2.0", "https://github.com/dkron-operator/dkron-operator")
    assert (labels["revision"], labels["created"]) == (here.revision, here.created)
    if labels["base.name"] == base.tagged:
        assert labels.get("base.digest") == base.digest
    else:  # made here, where no registry was reached
        assert labels["base.name"].startswith("localhost/dkron-operator-base:")
    assert [name for name in ("title", "description", "vendor", "url", "documentation") if not labels[name]] == []
