"""Commands of `dkronctl` in the test's own process, with a fake API server instead of the kubeconfig's."""

from typing import cast

import pytest
import typer
from typer.core import TyperCommand

from dkron_cli.edge import cluster
from dkron_cli.edge.cluster import Cluster
from dkron_cli.options import Options
from dkron_kube.client import KubeClient
from tests.support.builders import NAMESPACE
from tests.support.fake_kube import FakeKube


def by_kubeconfig(monkeypatch: pytest.MonkeyPatch, kube: FakeKube) -> None:
    """Have commands without --server find this API server."""

    async def opened(options: Options) -> Cluster:
        return Cluster(cast("KubeClient", kube), NAMESPACE, everywhere=options.all_namespaces)

    monkeypatch.setattr(cluster, "open_cluster", opened)


def call_of(options: Options) -> typer.Context:
    """Return the context of a command with these shared options."""
    return typer.Context(TyperCommand("dkronctl"), obj=options)
