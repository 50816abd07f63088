"""Pods that have ended, as a watch shows them: with it the end of a Job costs no list of pods, which takes the API
server the longer the more pods the namespace has."""

import json
from typing import Any

from dkron_crds.job import AttemptState
from dkron_crds.owners import controller_of, is_pod_of
from dkron_operator.kit.shared_room import SharedRoom
from dkron_operator.plan.situation.outcome import FAILED, SUCCEEDED
from dkron_operator.plan.situation.view import AttemptJob

Object = dict[str, Any]

MOST = 2000
"""How many pods are kept: their Jobs end within seconds. The oldest of the namespace with the most goes first, and is
listed if it is needed."""
LONGEST = 16 * 1024
"""Bytes of a pod that is kept. Users decide how long it is."""
_READ = {
    "metadata": ("name", "creationTimestamp", "deletionTimestamp", "ownerReferences"),
    "spec": ("nodeName", "securityContext"),
    "status": ("phase", "reason", "message", "conditions", "initContainerStatuses", "containerStatuses"),
}
"""The fields that `plan/situation/outcome.py` reads."""
_PHASES = {AttemptState.SUCCEEDED: SUCCEEDED, AttemptState.FAILED: FAILED}


class EndedPods:
    """The newest ended pod of each Job, by the namespace and the uid of the Job."""

    def __init__(self) -> None:
        self._pods: SharedRoom[tuple[str, str], bytes] = SharedRoom(MOST)

    def upsert(self, pod: Object) -> None:
        """Keep what is read of a pod."""
        namespace, owner = pod["metadata"].get("namespace") or "", str(controller_of(pod).get("uid"))
        if pod.get("status", {}).get("phase") not in (SUCCEEDED, FAILED):
            return
        kept = {part: {key: pod[part][key] for key in keys if key in pod[part]} for part, keys in _READ.items()}
        containers = pod["spec"]["containers"]
        kept["spec"]["containers"] = [
            {key: each.get(key) for key in ("name", "securityContext")} for each in containers
        ]
        packed = json.dumps(kept, separators=(",", ":")).encode()
        key = namespace, owner
        before = self._pods.get(key)
        if before is not None and _created(json.loads(before)) > _created(pod):
            packed = before
        if len(packed) <= LONGEST:
            self._pods.put(namespace, key, packed)
        else:
            self._pods.drop(key)

    def clear(self) -> None:
        """Forget all: the API server shows an older state than before."""
        self._pods.clear()

    def get(self, attempt: AttemptJob) -> Object | None:
        """The pod of a finished Job, if it is known and has ended as the Job has."""
        packed = self._pods.get((attempt.namespace, attempt.uid))
        pod: Object | None = None if packed is None else json.loads(packed)
        if pod is None or not is_pod_of(pod, job=attempt.name, uid=attempt.uid):
            return None
        return pod if pod["status"]["phase"] == _PHASES.get(attempt.state) else None


def _created(pod: Object) -> str:
    return str(pod["metadata"].get("creationTimestamp"))
