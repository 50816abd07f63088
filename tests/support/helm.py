"""Helm at a real cluster: the chart of this checkout, and an older one that was kept, installed as users would."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

import localcluster
from dkron_crds.kinds import KINDS
from dkron_crds.names import GROUP
from dkron_kube.paths import PODS, Resource
from localcluster.quiet import run_quietly
from localcluster.tools import Tool
from tests.support.births import Births
from tests.support.charts import CHART
from tests.support.kube import NAMESPACES, SERVICE_ACCOUNTS, Kube, Refused
from tests.support.own_image import OwnImage
from tests.support.sites import uninstall

OLDER_CHART = Path(__file__).parents[1] / "fixtures" / "dkron-operator-0.0.9.tgz"
"""A chart with the custom resources of an earlier revision, and an operator that takes them; see the README there."""
DEFINITIONS = tuple(f"{kind.plural}.{GROUP}" for kind in KINDS)
CRDS = Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions")
DEPLOYMENTS = Resource("apps", "v1", "deployments")
SECONDS = 150
WAIT = ("--wait", "--timeout", f"{SECONDS}s")
ASK = """
import http.client, itertools, json, os, time

def ask(method, path, body=None, token=os.environ.get("TOKEN")):
    connection = http.client.HTTPConnection("dkron-api", 8080, timeout=60)
    headers = {"Content-Type": "application/json"} | ({"Authorization": "Bearer " + token} if token else {})
    connection.request(method, path, body and json.dumps(body), headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, answer.headers["X-Whom"], text
"""
"""A pod's request to the release's REST API, on a connection of its own: status, replica and body of the answer."""


@dataclass(frozen=True, slots=True)
class Release:
    """A release in the namespace of `kube`, by this Helm, with the rights of this kubeconfig."""

    tool: Tool
    kube: Kube
    kubeconfig: Path
    name: str
    values: Path
    """What every install and upgrade is given."""

    def install(self, chart: Path = CHART, *, wait: bool = True) -> str:
        """Install this chart, and wait until it is ready."""
        return self("install", *self.what(chart), *(WAIT if wait else ()))

    def upgrade(self, chart: Path = CHART) -> str:
        """Upgrade to this chart, and wait until it is ready."""
        return self("upgrade", *self.what(chart), *WAIT)

    def uninstall(self) -> str:
        """Uninstall it, if it is there, and wait until its objects are gone."""
        return self("uninstall", self.name, "--ignore-not-found", *WAIT)

    def test(self) -> str:
        """Run the tests of the chart: what Helm says, with the log of the pod."""
        return self("test", self.name, "--logs", "--timeout", f"{SECONDS}s")

    def what(self, chart: Path = CHART) -> tuple[str, ...]:
        """The release, this chart and the values, as install and upgrade take them."""
        return (self.name, str(chart), "--values", str(self.values))

    def __call__(self, *arguments: str) -> str:
        """What Helm says. It has to succeed."""
        code, said = self._run(arguments)
        assert code == 0, f"helm {' '.join(arguments)}:\n{said}\n{self.kube.digest()}\n{pod_logs(self.kube)}"
        return said

    def refused(self, *arguments: str) -> str:
        """What Helm says when it fails, as it has to."""
        code, said = self._run(arguments)
        assert code != 0, f"helm {' '.join(arguments)} was to fail:\n{said}"
        return said

    def _run(self, arguments: Sequence[str]) -> tuple[int, str]:
        where = ("--kubeconfig", str(self.kubeconfig), "--namespace", self.kube.namespace)
        homes = {f"HELM_{each}_HOME": str(self.values.parent / each.lower()) for each in ("CACHE", "CONFIG", "DATA")}
        command = [str(self.tool.program("helm")), *arguments, *where]
        result = run_quietly(command, seconds=SECONDS + 30, environment={**homes, "KUBECONFIG": "/dev/null"})
        return result.returncode, result.stdout


def values_of(image: OwnImage, folder: Path, **values: Any) -> Path:
    """A file of values with this image in it."""
    repository, _, tag = image.reference.rpartition(":")
    picture = {"registry": "", "repository": repository, "tag": tag}
    path = folder / "values.yaml"
    path.write_text(yaml.safe_dump({"image": picture, **values}), encoding="utf-8")
    return path


def remove_definitions(cluster: localcluster.Cluster) -> None:
    """Have a cluster without our kinds, as one to which Helm comes first. All DkronJobs go with them."""
    uninstall(cluster, *DEFINITIONS)


def installed_title(kube: Kube) -> str:
    """The title of the schema of DkronJob, as the API server has it."""
    definition = kube.get(CRDS, DEFINITIONS[0])
    return str(definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"].get("title"))


@contextlib.contextmanager
def named_namespace(kubeconfig: Path, name: str) -> Iterator[Kube]:
    """A namespace by this very name. It stays as it is: the cluster goes with the session."""
    kube = Kube(kubeconfig, name)
    kube.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    kube.appendix = lambda: pod_logs(kube)
    kube.wait_for("the service account of pods", lambda: kube.find(SERVICE_ACCOUNTS, "default"), bool)
    with Births(kubeconfig, name) as kube.births:
        yield kube
    kube.close()


def pod_logs(kube: Kube) -> str:
    """The ends of the logs of the release's pods in a namespace."""
    selector = "app.kubernetes.io/part-of=dkron-operator"
    texts = []
    for pod in kube.all(PODS, selector):
        for container in pod["spec"]["containers"]:
            path = PODS.path(kube.namespace, pod["metadata"]["name"], "log")
            with contextlib.suppress(Refused):
                text = kube.text("GET", f"{path}?tailLines=15&container={container['name']}")
                texts.append(f"--- {pod['metadata']['name']}/{container['name']}:\n{text}")
    return "\n".join(texts)
