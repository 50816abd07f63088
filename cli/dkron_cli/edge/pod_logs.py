"""The log of an attempt's pod, which may not have begun, or may be gone."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from dkron_cli.edge.errors import readable
from dkron_cli.errors import CliError, Code
from dkron_kube.client import KubeClient
from dkron_kube.errors import NotFound, Unavailable
from dkron_kube.paths import PODS
from dkron_kube.pods import newest_pod
from dkron_reports.job import Job
from dkron_reports.run import Attempt

Object = dict[str, Any]
Again = Callable[[], Awaitable[list[Attempt]]]
"""Returns the attempts as they are by now."""
OURS = "job"
PAUSE = 0.5
"""Seconds between two looks at a job or a pod."""
START = 300.0
"""Seconds that a followed log waits for its container."""


async def pod_log(kube: KubeClient, job: Job, attempt: Attempt, again: Again | None) -> AsyncIterator[bytes]:
    """Yield the log of the attempt's pod; if the pod is gone, the end of the output that the status keeps. With
    `again`, follow it from its start to its end. Raises `CliError` if the attempt has not started and is not waited
    for."""
    with readable():
        follow = again is not None
        pod, attempt = await _pod(kube, job, attempt, again if attempt.finished is None else None)
        if pod is None:
            if attempt.finished is None:
                text = f"the execution {attempt.id or attempt.job} has not started; use -f to wait for it"
                raise CliError(Code.CONFLICT, text)
            yield attempt.output.encode()
            return
        container = _container(pod)
        name = pod["metadata"]["name"]
        pieces = kube.follow_log(PODS, job.namespace, name, container=container, follow=follow)
        try:
            async with aclosing(pieces):
                async for piece in pieces:
                    yield piece
        except (NotFound, Unavailable):
            # The pod was deleted meanwhile, or its node is away.
            if attempt.finished is None:
                raise
            yield attempt.output.encode()


async def _pod(kube: KubeClient, job: Job, attempt: Attempt, again: Again | None) -> tuple[Object | None, Attempt]:
    """Return the newest pod of the attempt if its container has begun, and the attempt as it is then. With `again`,
    wait for that."""
    deadline = time.monotonic() + START
    while True:
        pod = await newest_pod(kube, job.namespace, attempt.job, uid=attempt.uid)
        if pod is not None and _has_begun(pod, _container(pod)):
            return pod, attempt
        if again is None or time.monotonic() >= deadline:
            return None, attempt
        over = next((one for one in await again() if one.job == attempt.job and one.finished is not None), None)
        if over is not None:
            # One more look: it may have begun and ended in between.
            attempt, again = replace(over, uid=attempt.uid), None
            continue
        await asyncio.sleep(PAUSE)


def _container(pod: Object) -> str:
    names = [str(each["name"]) for each in pod["spec"]["containers"]]
    return OURS if OURS in names else names[0]


def _has_begun(pod: Object, container: str) -> bool:
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    states = [each.get("state") or {} for each in statuses if each.get("name") == container]
    return any("running" in state or "terminated" in state for state in states)
