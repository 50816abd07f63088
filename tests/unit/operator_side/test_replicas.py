"""How many replicas run, by their pods: without an own pod or the right to see them, one."""

import logging
from typing import Any, cast

import pytest

from dkron_kube.client import KubeClient
from dkron_kube.errors import Rejected
from dkron_kube.paths import PODS
from dkron_operator.cluster.replicas import ReplicaCount, running, selector
from tests.support.fake_kube import FakeKube

OURS = {
    "app.kubernetes.io/name": "dkron-operator",
    "app.kubernetes.io/instance": "dkron",
    "app.kubernetes.io/component": "operator",
}
FORBIDDEN = Rejected("pods is forbidden", status=403)


def pod(name: str, *, ready: str = "True", labels: dict[str, str] | None = None, **metadata: str) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": ready}]
    known = {"name": name, "labels": OURS if labels is None else labels, **metadata}
    return {"metadata": known, "status": {"conditions": conditions}}


def replica_count(*pods: dict[str, Any]) -> tuple[FakeKube, ReplicaCount]:
    kube = FakeKube()
    for each in pods:
        kube.put(PODS, each)
    return kube, ReplicaCount(cast("KubeClient", kube), namespace="home", pod="a")


@pytest.mark.parametrize(
    ("pods", "count"),
    [
        pytest.param([pod("a"), pod("b")], 2, id="two"),
        pytest.param([pod("a"), pod("b", ready="False")], 1, id="one is not ready"),
        pytest.param([pod("a"), pod("b"), pod("c", deletionTimestamp="2026-01-01T00:00:00Z")], 2, id="one is to go"),
        pytest.param([pod("a"), pod("b"), pod("api", labels=OURS | {list(OURS)[2]: "api"})], 2, id="another component"),
        pytest.param([pod("a", ready="False")], 1, id="itself is not ready yet"),
        pytest.param([pod("b"), pod("c")], 1, id="this process is no pod"),
        pytest.param([pod("a", labels={"app": "dkron"}), pod("b", labels={"app": "dkron"})], 1, id="other labels"),
        pytest.param([], 1, id="none"),
    ],
)
async def test_they_are_counted(pods: list[dict[str, Any]], count: int) -> None:
    kube, made = replica_count(*pods)
    assert [await made.count(), await made.count()] == [count, count]
    assert kube.calls.count("list pods metadata.name=a") == 1, "the own pod is read once"


async def test_missing_right_counts_one_and_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    kube, made = replica_count(pod("a"), pod("b"))
    kube.fail("list pods", FORBIDDEN, FORBIDDEN)
    assert [await made.count() for _ in range(3)] == [1, 1, 2]
    assert [record.message for record in caplog.records] == [
        "counting replicas in namespace home: pods is forbidden; continuing without it",
        "counting replicas in namespace home: works again",
    ]


def test_nothing_is_counted_without_conditions() -> None:
    assert running([{"metadata": {}}]) == 0
    assert selector([{"metadata": {}}]) == ""
