"""Each fact of the table in tests/conformance/rest, at a running API and a real API server."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import localcluster
from tests.conformance.rest.play import play, remove_jobs
from tests.conformance.rest.row import Place, Row
from tests.conformance.rest.table import ROWS
from tests.support.api_sites import ApiSite, api_for, api_site
from tests.support.sites import install, site

pytestmark = pytest.mark.cluster(nodes="kwok")

OPTIONS = {Place.CORS: ("--cors-origins", "https://ui.example.com")}
Places = Callable[[Place], ApiSite]


@pytest.fixture(scope="module")
def places(cluster: localcluster.Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    """The places of rows; each is made when the first row needs it, and has to stop in order at the end."""
    install(cluster)
    made: dict[Place, ApiSite] = {}
    with contextlib.ExitStack() as stack:

        def place(where: Place) -> ApiSite:
            if where not in made:
                folder = tmp_path_factory.mktemp(str(where))
                if where is Place.WAITS:
                    made[where] = stack.enter_context(api_for(place(Place.OPERATOR).kube, folder, "--run-waits"))
                else:
                    made[where] = _made(stack, where, cluster.kubeconfig, folder)
            return made[where]

        yield place


def _made(stack: contextlib.ExitStack, where: Place, kubeconfig: Path, folder: Path) -> ApiSite:
    purpose = f"conformance-{where}"
    if where is not Place.OPERATOR:
        return stack.enter_context(api_site(kubeconfig, *OPTIONS.get(where, ()), purpose=purpose, folder=folder))
    own = stack.enter_context(site(kubeconfig, purpose=purpose, folder=folder))
    own.operator.start()
    stack.callback(own.operator.stop)
    return stack.enter_context(api_for(own.kube, folder))


@pytest.mark.parametrize("row", [pytest.param(row, id=row.says) for row in ROWS])
def test_a_fact_of_the_table(row: Row, places: Places) -> None:
    site = places(row.where)
    mark = site.api.mark()
    play(row, site)
    if row.where in (Place.OPERATOR, Place.WAITS):
        remove_jobs(row, site)
    site.api.check()
    site.api.assert_clean(mark)
