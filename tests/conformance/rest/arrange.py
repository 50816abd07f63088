"""Before a row: what has to exist is put in place, most of it straight into Kubernetes, until the API knows it."""

from datetime import timedelta
from typing import Any

from dkron_crds.names import object_name
from dkron_kube.paths import DKRON_CLUSTERS, LEASES
from tests.conformance.rest.row import ClusterIs, Given, LeaseHeld, NoLease, Place, Posted, Row, Stored, manual
from tests.conformance.rest.words import Words
from tests.support import waiting
from tests.support.api_sites import CACHE_SECONDS, ApiSite
from tests.support.rest import Answer

INSTALLATION = "dkron"
LEASE_SECONDS = 15
STALE = timedelta(minutes=5)
TELLS_PAUSE = (Place.CLUSTER, Place.OPERATOR, Place.WAITS)


def arrange(row: Row, site: ApiSite, words: Words) -> None:
    """Put everything in place that the row needs."""
    if row.where in TELLS_PAUSE and not any(isinstance(given, ClusterIs) for given in row.given):
        _put(ClusterIs(), site, words)
    for given in row.given:
        _put(given, site, words)


def _put(given: Given, site: ApiSite, words: Words) -> None:
    match given:
        case Stored():
            site.store(_dkron_job(given, words), words.in_(given.status) or None)
        case Posted():
            answer = site.rest.post("/v1/jobs", words.in_(manual(given.name, **given.fields)))
            assert answer.status == 201, f"the job {given.name} that the row needs was refused:\n{answer}"
        case LeaseHeld():
            _hold_lease(given, site, words)
        case NoLease():
            _remove_lease(site)
        case ClusterIs():
            _set_cluster(given, site, words)


def _dkron_job(given: Stored, words: Words) -> dict[str, Any]:
    name = str(words.in_(given.name))
    metadata = {"name": object_name(name)}
    spec = {"schedule": "@manually", "executorConfig": {"command": "true"}, **words.in_(given.spec)}
    if name != metadata["name"]:
        spec["name"] = name
    return {"apiVersion": "dkron.io/v1alpha1", "kind": "DkronJob", "metadata": metadata, "spec": spec}


def _hold_lease(given: LeaseHeld, site: ApiSite, words: Words) -> None:
    renewed = words.now - STALE if given.stale else words.now
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {
            "name": INSTALLATION,
            "annotations": {"dkron.io/address": given.address, "dkron.io/version": "1.2.3"},
        },
        "spec": {
            "holderIdentity": given.by,
            "leaseDurationSeconds": LEASE_SECONDS,
            "renewTime": f"{renewed:%Y-%m-%dT%H:%M:%S.%fZ}",
        },
    }
    found = site.kube.find(LEASES, INSTALLATION)
    if found is None:
        site.kube.create(LEASES, lease)
    else:
        version = found["metadata"]["resourceVersion"]
        site.kube.replace(LEASES, INSTALLATION, lease | {"metadata": {**lease["metadata"], "resourceVersion": version}})  # type: ignore[dict-item]
    leads = "" if given.stale else given.by
    _until(site, "/v1/leader", f"{leads or 'no replica'} to lead", lambda answer: _leader(answer) == leads)


def _remove_lease(site: ApiSite) -> None:
    if site.kube.find(LEASES, INSTALLATION) is not None:
        site.kube.delete(LEASES, INSTALLATION)
    _until(site, "/v1/leader", "no replica to lead", lambda answer: _leader(answer) == "")


def _leader(answer: Answer) -> str:
    return str(answer.json()["Name"]) if answer.status == 200 else ""


def _set_cluster(given: ClusterIs, site: ApiSite, words: Words) -> None:
    if site.kube.find(DKRON_CLUSTERS, INSTALLATION) is None:
        identity = {"apiVersion": "dkron.io/v1alpha1", "kind": "DkronCluster", "metadata": {"name": INSTALLATION}}
        site.kube.create(DKRON_CLUSTERS, {**identity, "spec": {}})
    site.kube.patch(DKRON_CLUSTERS, INSTALLATION, {"spec": {"paused": given.paused}})
    if given.days or given.departed:
        sums = {"days": _days(given.days, words), "departed": _days(given.departed, words)}
        site.kube.patch(DKRON_CLUSTERS, INSTALLATION, {"status": sums}, subresource="status")
    _until(site, "/v1/pause", "the pause", lambda answer: answer.json() == {"paused": given.paused})


def _days(days: tuple[tuple[int, int, int], ...], words: Words) -> list[dict[str, Any]]:
    return [
        {"date": f"{words.now - timedelta(days=ago):%Y-%m-%d}", "success": success, "failed": failed}
        for ago, success, failed in days
    ]


def _until(site: ApiSite, path: str, what: str, holds: Any) -> None:
    def answer() -> Answer:
        return site.rest.get(path)

    waiting.wait_for(what, answer, holds, seconds=CACHE_SECONDS, guard=site.api.check)
