"""Fixtures of the tests at a real API server."""

from collections.abc import Iterator

import pytest

from tests.support.api_sites import api_beside, module_api, own_api, shared_api
from tests.support.cluster import Clusters
from tests.support.forks import quick_starts
from tests.support.judge import Judge
from tests.support.sites import install, kube, module_site, own_site, shared_site
from tests.support.web_server import a_web_server

__all__ = [
    "a_web_server",
    "api_beside",
    "kube",
    "module_api",
    "module_site",
    "own_api",
    "own_site",
    "quick_starts",
    "shared_api",
    "shared_site",
]


@pytest.fixture(scope="module")
def judge(clusters: Clusters) -> Iterator[Judge]:
    """An API server that knows our kinds, with an empty namespace for each file of tests."""
    cluster = clusters.get("none")
    install(cluster)
    judge = Judge(str(cluster.kubeconfig))
    yield judge
    judge.close()
