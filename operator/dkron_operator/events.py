"""Events: what people see in `kubectl describe`. Best effort, bounded, and the same thing is said once a minute."""

import logging
from collections import OrderedDict
from hashlib import sha256
from typing import Any

from dkron_crds.base import rfc3339
from dkron_crds.kube.client import KubeClient
from dkron_crds.kube.errors import AlreadyExists, KubeError, Unavailable
from dkron_crds.kube.paths import EVENTS
from dkron_crds.names import API_VERSION
from dkron_operator.clock import Clock
from dkron_operator.lanes import Lane
from dkron_operator.plan.draft import Report
from dkron_operator.plan.view import JobView

Object = dict[str, Any]
log = logging.getLogger(__name__)

ROOM = 1000
"""Events that may wait to be sent; beyond it the oldest is dropped."""
NOTE_ROOM = 1024


class Events:
    """Sends reports about DkronJobs."""

    def __init__(self, client: KubeClient, *, clock: Clock, identity: str) -> None:
        self._client = client
        self._clock = clock
        self._identity = identity
        self._bodies: OrderedDict[str, Object] = OrderedDict()
        self.lane: Lane[str] = Lane("events", self._send, width=2)

    def report(self, job: JobView, report: Report) -> None:
        """Have the report sent, unless the same was said within the minute."""
        body = build_event(job, report, at=rfc3339(self._clock.now()), identity=self._identity)
        self._bodies[body["metadata"]["name"]] = body
        if len(self._bodies) > ROOM:
            self._bodies.popitem(last=False)
        self.lane.add(body["metadata"]["name"])

    async def _send(self, name: str) -> None:
        body = self._bodies.get(name)
        if body is None:
            return
        try:
            await self._client.create(EVENTS, body["metadata"]["namespace"], body)
        except AlreadyExists:
            pass
        except Unavailable:
            raise
        except KubeError as exc:
            log.warning("event not accepted: %s", exc, extra={"reason": body["reason"]})
        self._bodies.pop(name, None)


def build_event(job: JobView, report: Report, *, at: str, identity: str) -> Object:
    """The Event object; its name follows from what it says and the minute in which it says it."""
    minute = at[:16]
    said = f"{job.uid}/{report.reason}/{report.subject}/{report.message}/{minute}"
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {
            "name": f"{job.name}.{sha256(said.encode()).hexdigest()[:16]}",
            "namespace": job.namespace,
        },
        "eventTime": _micro(at),
        "type": str(report.severity),
        "reason": report.reason,
        "note": _note(report),
        "action": "Schedule",
        "regarding": {
            "apiVersion": API_VERSION,
            "kind": "DkronJob",
            "name": job.name,
            "namespace": job.namespace,
            "uid": job.uid,
        },
        "reportingController": "dkron.io/operator",
        "reportingInstance": identity[:128],
    }


def _note(report: Report) -> str:
    text = f"{report.subject}: {report.message}" if report.subject else report.message
    return text if len(text) <= NOTE_ROOM else text[: NOTE_ROOM - 1] + "…"


def _micro(at: str) -> str:
    """A MicroTime always has six digits."""
    whole, _, fraction = at.removesuffix("Z").partition(".")
    return f"{whole}.{fraction.ljust(6, '0')}Z"
