"""Watches the pods of the operator's Jobs as they end. It is optional: without it, or without the right to watch pods,
the operator lists the pod of each Job that has ended."""

import logging
from typing import Any

from dkron_crds.job_metadata import LABEL_JOB
from dkron_kube.client import KubeClient
from dkron_kube.informer import Callbacks, Informer, WatchState
from dkron_kube.paths import PODS
from dkron_kube.watch import Selection
from dkron_operator.cache.ended_pods import EndedPods
from dkron_operator.kit.object_guard import ObjectGuard

Object = dict[str, Any]
log = logging.getLogger(__name__)

ENDED = "status.phase!=Pending,status.phase!=Running,status.phase!=Unknown"
"""A field selector, with which a pod is three or four events instead of seven."""
LONGEST = 128 * 1024
"""Bytes of an event that is read. Anyone who may write pods may give them the label, and make them longer than the pod
of any job; to parse one of a megabyte takes as long as the start of many jobs."""


def pod_informer(client: KubeClient, pods: EndedPods, namespace: str | None) -> Informer[Object]:
    """Feeds the cache for a namespace, or all (None). Pods that ended before are not listed: there may be many, and few
    of their Jobs have no record."""
    guard = ObjectGuard(log)
    callbacks: Callbacks[Object] = Callbacks(
        read=lambda pod: pod,
        synced=lambda _pods, _version: None,
        upsert=lambda pod: guard.read("Pod", pod, pods.upsert),
        remove=lambda _pod: None,
        went_back=pods.clear,
    )
    selection = Selection(ENDED, labels=LABEL_JOB, from_now=True, longest=LONGEST)
    state = WatchState(f"pods of {namespace or 'all namespaces'}", meanwhile="listing them instead")
    return Informer(client, PODS, namespace, callbacks, state=state, selection=selection)
