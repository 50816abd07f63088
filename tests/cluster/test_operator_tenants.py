"""One namespace does all that it may, beside another: its Jobs are late and none is lost, and the operator stays as
small as it is."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

import localcluster
from dkron_crds.base import rfc3339
from dkron_kube.paths import DKRON_JOBS, JOBS
from tests.support.hostile import MIB, peak_of
from tests.support.jobs import KEEP_ALL, dkron_job, each_second, simulated
from tests.support.kept_time import assert_kept_time
from tests.support.kube import Kube, Object, condition, marked_after
from tests.support.sites import Site, namespace

pytestmark = [pytest.mark.cluster(nodes="kwok"), pytest.mark.promise]

ROOM = 512 * MIB
"""The operator's memory limit in the chart."""
RUN, PER_SECOND, BURST, ASKED = 50, 5, 25, 20


def reasons(noisy: Kube) -> Counter[str]:
    return Counter(condition(body.get("status") or {}, "Ready").get("reason", "") for body in noisy.all(DKRON_JOBS))


def causes(noisy: Kube) -> Counter[tuple[str, str]]:
    """How many Jobs each job has, by what they were made for."""
    notes = (body["metadata"]["annotations"] for body in noisy.all(JOBS))
    return Counter((each["dkron.io/name"], each["dkron.io/slot"]) for each in notes)


def test_flooding_tenant_is_late_and_loses_nothing(own_site: Site, cluster: localcluster.Cluster) -> None:
    with namespace(cluster.kubeconfig, "noisy") as noisy:
        budget = ("--namespace-creates", str(PER_SECOND))
        own_site.operator.add("--namespace", noisy.namespace, *budget).start()
        own_site.kube.create(DKRON_JOBS, each_second("canary", missedRuns="all"))
        due = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=25)
        spec: Object = {
            "schedule": f"@at {rfc3339(due)}", "missedRuns": "all", "history": KEEP_ALL,
            "jobTemplate": simulated(run_for="10ms"),
        }  # fmt: skip
        for number in range(RUN):
            noisy.create(DKRON_JOBS, dkron_job(f"due-{number}", config={"env": f"LONG={'x' * 20_000}"}, **spec))
        told = {"Scheduled": RUN}
        noisy.wait_for("all to be judged", lambda: reasons(noisy), lambda found: found == told)

        own_site.kube.wait_passed(due + timedelta(seconds=1.5))
        early, since = len(noisy.all(JOBS)), (datetime.now(UTC) - due).total_seconds()
        own_site.operator.kill()
        own_site.operator.start()
        made = noisy.wait_for("all Jobs", lambda: causes(noisy), lambda found: len(found) == RUN)
        assert set(made.values()) == {1}
        assert early <= BURST + PER_SECOND * since + 1, f"{early} Jobs after {since:.1f} s"

        runs = next(job for job, _ in made)
        for number in range(ASKED):
            noisy.ask_run(runs, f"r{number}", f"2026-01-01T00:00:{number:02}Z by a test")
        noisy.wait_for("all requests", lambda: len(noisy.all(JOBS)), lambda count: count == RUN + ASKED)

    now = datetime.now(UTC)
    own_site.kube.wait_status("canary", "to sing on", marked_after(now))
    assert_kept_time(own_site.kube)
    assert peak_of(own_site.operator.pid) < ROOM
