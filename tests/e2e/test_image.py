"""The image, as a cautious installation runs it: no root, nothing to write to, no rights but the needed ones."""

import importlib.util
import json
from collections.abc import Iterator
from functools import partial
from importlib.metadata import entry_points, version

import pytest

import localcluster
from dkron_crds.kube.paths import DKRON_JOBS
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
NOBODY = 65534
UNKNOWN = {"runAsUser": 1234567, "runAsGroup": 7654321}
COMPILERS = ("as", "c++", "cc", "clang", "g++", "gcc", "go", "ld", "make", "rustc", "tcc")
PROGRAMS = [
    *([each.name] for each in entry_points(group="console_scripts") if each.name.startswith("dkron-")),
    *(["python", "-m", name] for name in ("dkron_executors",) if importlib.util.find_spec(name)),
]
CLIENTS = "aio_pika, aiokafka, grpc, grpc_reflection.v1alpha.reflection_pb2, google.cloud.pubsub_v1, nats"
WITHOUT_BYTECODE = f"""
import pathlib, sys
import dkron_api.main, dkron_operator.main
import {CLIENTS}
specs = [getattr(module, "__spec__", None) for module in list(sys.modules.values())]
print([spec.name for spec in specs if spec and spec.cached and not pathlib.Path(spec.cached).exists()])
"""
CONFINED_JOB = pod_template(
    securityContext={"runAsNonRoot": True, "runAsUser": NOBODY, "seccompProfile": {"type": "RuntimeDefault"}},
    containers=[
        {
            "name": "job",
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
    ],
)


@pytest.fixture(scope="module")
def place(cluster: localcluster.Cluster, image: OwnImage) -> Iterator[Kube]:
    """A namespace in which the operator and the REST API run as pods."""
    install(cluster)
    with namespace(cluster.kubeconfig, "image") as kube:
        pods.restrict(kube)
        account(kube, "operator", LEAST)
        account(kube, "api", LEAST_API)
        pods.start(
            kube, "operator", image.reference, ["dkron-operator", "--namespace", kube.namespace], account="operator"
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


def test_a_job_runs_and_the_rest_api_tells_of_it(place: Kube, rest: PodRest) -> None:
    place.apply(dkron_job("applied", "echo seen", jobTemplate=CONFINED_JOB, run=["once"]))
    status = place.wait_status("applied", "its run", finished(1), seconds=60)
    assert (status["executions"][0]["output"], status["status"]) == ("seen\n", "success")
    (execution,) = rest.get("/v1/jobs/applied/executions")
    assert (execution["success"], execution["output"]) == (True, "seen\n")


def test_a_job_is_created_by_rest(place: Kube, rest: PodRest) -> None:
    job = {"name": "posted", "schedule": "@manually", "executor": "shell", "executor_config": {"command": "true"}}
    rest.post("/v1/jobs", job)
    assert place.get(DKRON_JOBS, "posted")["spec"]["executorConfig"]["command"] == "true"


def test_neither_program_complains(place: Kube, rest: PodRest) -> None:
    assert rest.get("/v1/leader")["Name"]
    # The API warns that it has no authentication, and that it may not see nodes.
    for name, complaints in (("operator", {"WARNING", "ERROR"}), ("api", {"ERROR"})):
        lines = [json.loads(line) for line in pods.log(place, name).splitlines()]
        assert lines, f"{name} has not said that it starts"
        assert [line for line in lines if line["level"] in complaints] == []


@pytest.mark.parametrize("program", PROGRAMS, ids=" ".join)
def test_help_is_printed_to_a_user_whom_the_image_does_not_know(
    place: Kube, image: OwnImage, program: list[str]
) -> None:
    name = f"help-{program[-1].replace('_', '-')}"
    confined = {"securityContext": pods.CONFINED | UNKNOWN}
    code, text = pods.run(place, name, image.reference, [*program, "--help"], **confined)
    assert code == 0, text
    assert text.startswith("usage: "), text


def test_the_user_is_a_number_and_no_root(place: Kube, image: OwnImage) -> None:
    assert image.configuration["User"] == "65532:65532"
    assert pods.run(place, "user", image.reference, ["id", "-u"]) == (0, "65532\n")


def test_nothing_can_be_compiled(place: Kube, image: OwnImage) -> None:
    look = f"for each in {' '.join(COMPILERS)}; do command -v $each; done; true"
    assert pods.run(place, "compilers", image.reference, ["sh", "-c", look]) == (0, "")


def test_all_bytecode_is_there(place: Kube, image: OwnImage) -> None:
    """A file system that cannot be written keeps none: what is not compiled is compiled at each start."""
    code, text = pods.run(place, "bytecode", image.reference, ["python", "-c", WITHOUT_BYTECODE])
    assert code == 0, text
    assert text == "[]\n"


def test_the_labels_say_what_it_is(image: OwnImage) -> None:
    labels = image.configuration["Labels"]
    prefix = "org.opencontainers.image."
    assert image.reference.endswith(":" + labels[prefix + "version"])
    assert labels[prefix + "version"] == version("dkron-operator")
    assert labels[prefix + "licenses"] == "Apache-2.0"
    assert labels[prefix + "base.name"]
