"""A short storm at a real cluster: twenty jobs, operators that are killed, stopped and cut off, an API server and
an etcd that come and go, clients that change their minds. The checker has no objection to it.

`make chaos` has longer ones.
"""

from dataclasses import replace
from pathlib import Path

import pytest

import localcluster
from localcluster.cluster import LocalCluster
from tests.chaos.environment import Setup, bed
from tests.chaos.faults import CONTROLLER_FLAGS
from tests.chaos.history import History
from tests.chaos.needs import Need
from tests.chaos.objections import Kind
from tests.chaos.storm import Say, weathered
from tests.chaos.verdict import judge
from tests.support.sites import install, namespace

pytestmark = [pytest.mark.cluster(nodes="kwok:5"), pytest.mark.promise, pytest.mark.timeout(600)]

SEED, SECONDS = 4771, 90
"""A storm that is short, and has many kinds of faults."""


def test_storm_loses_no_slot_and_runs_none_twice(cluster: localcluster.Cluster, tmp_path: Path) -> None:
    if not isinstance(cluster, LocalCluster):
        pytest.skip("the components of this cluster cannot be restarted")
    install(cluster)
    cluster.restart("controller-manager", CONTROLLER_FLAGS)
    setup = Setup(cluster, tmp_path)
    with namespace(cluster.kubeconfig, "storm") as kube, bed(setup, kube.namespace, say=Say()) as made:
        verdict, numbers, complaints = weathered(made, setup, SEED, SECONDS)
    assert verdict.valid, f"{numbers}\n{verdict.told(most=5)}"
    assert not complaints, f"{numbers}\n{complaints}"
    if verdict.unjudged:
        pytest.skip(verdict.told(most=0))
    assert len(numbers.faults) > 4, f"hardly anything was broken:\n{numbers}"
    assert verdict.history.runs, str(numbers)
    held = (target.need for case in verdict.cases for target in case.targets if target.held)
    needs = {"DkronRuns": (run.need for run in verdict.runs), "pauses": held}
    assert [what for what, of in needs.items() if {*of} <= {Need.MAY}] == [], f"nothing was required:\n{verdict}"
    assert any(backfill.began for backfill in verdict.backfills), f"no backfill had to run:\n{verdict}"
    assert_altered_histories_are_objected_to(verdict.history, "every-two")


def assert_altered_histories_are_objected_to(history: History, name: str) -> None:
    """Of a job that no client changes, one run is left out, or was there twice."""
    runs = [run for run in history.runs if run.job == name]
    victim = sorted(runs, key=lambda run: run.began)[len(runs) // 2]
    others = [run for run in history.runs if run is not victim]
    again = replace(victim, name=f"{victim.name}-again")
    for altered, kinds in (
        (history.with_runs(*others), {Kind.UNSATISFIED, Kind.RECORD}),
        (history.with_runs(*history.runs, again), {Kind.DOUBLE}),
    ):
        found = {each.kind for each in judge(altered).objections if each.job == name}
        assert found & kinds, f"no objection to {victim}: none of {kinds}"
