"""The pod of a Job."""

from typing import Any

from dkron_crds.owners import POD_OF_JOB, is_pod_of
from dkron_kube.client import KubeClient
from dkron_kube.paths import PODS


async def newest_pod(client: KubeClient, namespace: str, job: str, *, uid: str = "") -> dict[str, Any] | None:
    """Return the newest pod of a Job, which replaces a pod that is evicted before it has started; None if there is
    none. `uid` is the Job's, where it is known. Raises `KubeError`."""
    listed = client.list(PODS, namespace, label_selector=f"{POD_OF_JOB}={job}")
    pods = [pod async for pod in listed if is_pod_of(pod, job=job, uid=uid)]
    return max(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), default=None)
