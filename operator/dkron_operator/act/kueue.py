"""Reads what Kueue knows of a Job that waits in one of its queues. Rights to do so are optional, and so is Kueue."""

import logging

from dkron_kube.client import KubeClient
from dkron_kube.errors import NotFound, Rejected
from dkron_kube.paths import LOCAL_QUEUES, WORKLOADS
from dkron_operator.kit.log_once import LogOnce
from dkron_operator.plan.situation.view import AttemptJob, PodProblem
from dkron_operator.plan.steps.kueue import JOB_UID, given_up, without_kueue, without_queue

log = logging.getLogger(__name__)


class Queues:
    """Finds out why a Job waits in vain."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client
        self._unread = LogOnce(log, "reading the queues of Kueue")

    async def problem(self, attempt: AttemptJob) -> PodProblem | None:
        """Why the Job does not begin although it waits; None if Kueue may admit it, or if reading is forbidden."""
        try:
            found = await self._look(attempt)
        except Rejected as exc:
            self._unread.goes_on(exc)
            return None
        self._unread.is_over()
        return found

    async def _look(self, attempt: AttemptJob) -> PodProblem | None:
        selector = f"{JOB_UID}={attempt.uid}"
        try:
            found = [each async for each in self._client.list(WORKLOADS, attempt.namespace, label_selector=selector)]
        except NotFound:
            return without_kueue(attempt)
        problem = given_up(attempt, found)
        if problem is not None:
            return problem
        try:
            await self._client.get(LOCAL_QUEUES, attempt.namespace, attempt.queue)
        except NotFound:
            return without_queue(attempt)
        return None
