"""Events: what users see in `kubectl describe`. Best effort, bounded, and the same Event at most once a minute."""

import logging
from collections import Counter, OrderedDict
from hashlib import sha256
from operator import itemgetter
from typing import Any, Protocol

from dkron_crds.base import rfc3339
from dkron_crds.names import API_VERSION
from dkron_kube.client import KubeClient
from dkron_kube.errors import AlreadyExists, KubeError, NotLeader, Unavailable
from dkron_kube.paths import EVENTS
from dkron_operator.kit.clock import Clock
from dkron_operator.kit.workqueue import Workers, WorkQueue
from dkron_operator.plan.actions import Report

Object = dict[str, Any]
Key = tuple[str, str, str]
"""The namespace and uid of an object, and the name of an Event about it."""
log = logging.getLogger(__name__)

ROOM, ROOM_OF_ONE = 1000, 100
"""How many Events may wait, in total and for one object. Beyond that, an old Event goes: of this object, or of the
namespace with the most."""
NOTE_ROOM = 1024
"""The bytes of a note that the API server accepts."""
ELLIPSIS = "…"
GOING = "because it is being terminated"
"""The API server's words about a namespace in which nothing can be created any more."""


class Subject(Protocol):
    """The object that an Event is about."""

    @property
    def namespace(self) -> str:
        """Its namespace."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def uid(self) -> str:
        """Its uid."""

    @property
    def kind(self) -> str:
        """Its kind, in our API group."""


class Events:
    """Sends reports about DkronJobs and the DkronCluster."""

    def __init__(self, client: KubeClient, *, clock: Clock, identity: str) -> None:
        self._client = client
        self._clock = clock
        self._identity = identity
        self._waiting: dict[str, dict[str, OrderedDict[str, Object]]] = {}
        self._counts: Counter[str] = Counter()
        self._count = 0
        # Namespaces take turns, so that one with many Events does not hold up the others.
        self.queue: WorkQueue[Key] = WorkQueue("events", width=2, spare=1, group_of=itemgetter(0))
        self.workers = (Workers(self.queue, self._send),)

    def report(self, subject: Subject, report: Report) -> None:
        """Send the report, unless the same was sent within the minute."""
        body = build_event(subject, report, at=rfc3339(self._clock.now()), identity=self._identity)
        name, namespace = body["metadata"]["name"], subject.namespace
        about = self._waiting.setdefault(namespace, {}).setdefault(subject.uid, OrderedDict())
        if name not in about:
            self._count += 1
            self._counts[namespace] += 1
        about[name] = body
        if len(about) > ROOM_OF_ONE:
            self._drop((namespace, subject.uid, next(iter(about))))
        elif self._count > ROOM:
            # The oldest Event of the object that has waited longest in the namespace with the most.
            most = max(self._counts, key=self._counts.__getitem__)
            uid, others = next(iter(self._waiting[most].items()))
            self._drop((most, uid, next(iter(others))))
        self.queue.add((namespace, subject.uid, name))

    async def _send(self, key: Key) -> None:
        body = self._about(key).get(key[2])
        if body is None:
            return
        try:
            await self._client.create(EVENTS, body["metadata"]["namespace"], body)
        except (AlreadyExists, NotLeader):
            # The Event exists already, or another replica sends it.
            pass
        except Unavailable:
            raise
        except KubeError as exc:
            # Users no longer look into a terminating namespace, and each slot would log the error twice.
            level = logging.DEBUG if GOING in str(exc) else logging.WARNING
            log.log(level, "event not accepted: %s", exc, extra={"reason": body["reason"]})
        self._drop(key)

    def _about(self, key: Key) -> OrderedDict[str, Object]:
        """The Events that wait about this object, by name."""
        objects = self._waiting.get(key[0])
        return OrderedDict() if objects is None else objects.get(key[1], OrderedDict())

    def _drop(self, key: Key) -> None:
        namespace, uid, name = key
        about = self._about(key)
        if name not in about:
            return
        del about[name]
        self._count -= 1
        self._counts[namespace] -= 1
        if not about:
            del self._waiting[namespace][uid]
        if not self._waiting[namespace]:
            del self._waiting[namespace], self._counts[namespace]


def build_event(subject: Subject, report: Report, *, at: str, identity: str) -> Object:
    """The Event object. Its name follows from its content and the minute."""
    minute = at[:16]
    said = f"{subject.uid}/{report.reason}/{report.subject}/{report.message}/{minute}"
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {
            "name": f"{subject.name}.{sha256(said.encode()).hexdigest()[:16]}",
            "namespace": subject.namespace,
        },
        "eventTime": _micro(at),
        "type": str(report.severity),
        "reason": report.reason,
        "note": clipped(f"{report.subject}: {report.message}" if report.subject else report.message, NOTE_ROOM),
        "action": "Schedule",
        "regarding": {
            "apiVersion": API_VERSION,
            "kind": subject.kind,
            "name": subject.name,
            "namespace": subject.namespace,
            "uid": subject.uid,
        },
        "reportingController": "dkron.io/operator",
        "reportingInstance": identity[:128],
    }


def clipped(text: str, room: int) -> str:
    """The beginning of the text that fits into `room` bytes, with an ellipsis if it was cut."""
    whole = text.encode("utf-8", "replace")
    if len(whole) <= room:
        return whole.decode()
    return whole[: room - len(ELLIPSIS.encode())].decode("utf-8", "ignore") + ELLIPSIS


def _micro(at: str) -> str:
    """A MicroTime always has six digits."""
    whole, _, fraction = at.removesuffix("Z").partition(".")
    return f"{whole}.{fraction.ljust(6, '0')}Z"
