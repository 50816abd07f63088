"""API sites: a namespace and a running REST API for it, each test's or module's own.

Kubernetes is real, so a test can put there what it needs (`kube`) and ask the API about it (`rest`). Without an
operator nothing else writes in the namespace: a status stays as a test wrote it.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

import localcluster
from dkron_crds.names import object_name
from dkron_kube.paths import DKRON_JOBS
from tests.support import waiting
from tests.support.api_process import ApiProcess
from tests.support.kube import Kube, Object
from tests.support.rest import Answer, Rest
from tests.support.sites import Site, install, namespace

CACHE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class ApiSite:
    """Where a test of the API happens."""

    kube: Kube
    api: ApiProcess
    rest: Rest

    def store(self, job: Object, status: Object | None = None) -> Object:
        """Create a DkronJob as `kubectl create` does, with this status, and wait until the REST API knows it so.

        The object as it is stored then.
        """
        stored = self.kube.create(DKRON_JOBS, job, fieldManager="kubectl-create")
        name = stored["metadata"]["name"]
        if status is not None:
            stored = self.kube.write_status(name, **status)
        self.wait_known(stored)
        return stored

    def write_status(self, name: str, **status: object) -> None:
        """Change the status of the job with this Dkron name, and wait until the REST API knows it."""
        self.wait_known(self.kube.write_status(object_name(name), **status))

    def wait_all_read(self) -> None:
        """Wait until it has read the other kinds as well: it is ready with only the jobs."""
        for path in ("/v1/pause", "/v1/leader"):

            def seen(path: str = path) -> Answer:
                return self.rest.get(path)

            what = f"{path} to be known"
            waiting.wait_for(what, seen, lambda answer: answer.status != 503, seconds=CACHE_SECONDS)

    def wait_known(self, stored: Object) -> None:
        """Wait until the REST API shows this version of a DkronJob, or a later one."""
        name = stored["spec"].get("name") or stored["metadata"]["name"]
        version = int(stored["metadata"]["resourceVersion"])

        def shown() -> str:
            return self.rest.get(f"/v1/jobs/{quote(name)}").header("ETag") or ""

        def recent(tag: str) -> bool:
            # A parent's tag tells of its children, too: "version-hash".
            known = tag.strip('"').split("-")[0]
            return known.isdigit() and int(known) >= version

        what = f"the API to know version {version} of {name}"
        waiting.wait_for(what, shown, recent, seconds=CACHE_SECONDS, guard=self.api.check)


@contextlib.contextmanager
def api_for(kube: Kube, folder: Path, *options: str, kubeconfig: Path | None = None) -> Iterator[ApiSite]:
    """A running API for the namespace; it has to stop in order. `options` are further ones of the program.

    It has the rights of an administrator, or `kubeconfig`'s.
    """
    api = ApiProcess(
        folder / "api.log", *options, kubeconfig=kubeconfig or kube.kubeconfig, namespace=kube.namespace
    ).start()
    try:
        site = ApiSite(kube, api, api.rest)
        site.wait_all_read()
        yield site
        if api.running:
            api.stop()
    finally:
        if api.running:
            api.kill()


@contextlib.contextmanager
def api_site(kubeconfig: Path, *options: str, purpose: str, folder: Path) -> Iterator[ApiSite]:
    """A new namespace and a running API for it."""
    with namespace(kubeconfig, purpose) as kube, api_for(kube, folder, *options) as site:
        kube.guard, kube.appendix = site.api.check, site.api.tail
        yield site


@pytest.fixture(scope="module")
def module_api(
    cluster: localcluster.Cluster, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ApiSite]:
    """The API of a module, in a namespace of its own."""
    install(cluster)
    purpose = Path(request.node.name).stem
    with api_site(cluster.kubeconfig, purpose=purpose, folder=tmp_path_factory.mktemp(purpose)) as shared:
        yield shared


@pytest.fixture
def shared_api(module_api: ApiSite) -> Iterator[ApiSite]:
    """The module's API; in each test it has to stay alive and must not complain."""
    mark = module_api.api.mark()
    yield module_api
    module_api.api.check()
    module_api.api.assert_clean(mark)


@pytest.fixture
def own_api(cluster: localcluster.Cluster, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ApiSite]:
    """An API and a namespace for one test; it must never complain."""
    install(cluster)
    with api_site(cluster.kubeconfig, purpose=request.node.name.removeprefix("test_"), folder=tmp_path) as own:
        yield own
        own.api.assert_clean()


@pytest.fixture(scope="module")
def api_beside(module_site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiSite]:
    """The API beside the module's operator, for tests in which jobs run."""
    with api_for(module_site.kube, tmp_path_factory.mktemp("beside")) as site:
        yield site
