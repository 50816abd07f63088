"""Feeds the event log from the watches.

Events come only from the watch. The job index may already know a newer version, from the response to a write of this
process, and so may another replica. But only the watch delivers all changes, once and in order. `Feed` therefore
keeps a second job index with the state that clients have been told of; it shares the objects with the first one.
An attempt that only its Job shows yet is a hint: it has no place in that order.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from dkron_api.cache.job_index import JobIndex
from dkron_api.stream.event_log import EventLog, Message
from dkron_api.translate import gojson
from dkron_api.translate.beginning import with_beginning
from dkron_api.translate.events import Action, Event, Topic, differences, job_body
from dkron_api.translate.members import holder
from dkron_api.translate.record import Beginning, Job, Object, kept
from dkron_crds.schedule.errors import quoted

log = logging.getLogger(__name__)

LOOK = 5.0
"""Seconds between two checks of a Lease that is not renewed: its expiry is not an event of the API server."""


class Feed:
    """Passes the watch of the jobs on to the job index, and publishes the changes."""

    def __init__(self, job_index: JobIndex, event_log: EventLog, clock: Callable[[], datetime]) -> None:
        self._job_index = job_index
        self._cache = job_index.object_cache
        self._event_log = event_log
        self._told = JobIndex(clock, read=self._read, quiet=True)
        self._shown: dict[str, Job] = {}
        self._events: list[Event] = []
        self._parents: set[str] = set()
        self._untold: set[str] = set()

    @property
    def empty(self) -> bool:
        """Whether neither the job index nor a client knows any job."""
        return not len(self._cache) and not len(self._told.object_cache)

    def replace(self, items: list[Object], version: int) -> None:
        """Apply a complete list. The log begins at the first one; later ones reveal changes that the watch missed."""
        self._cache.replace(items, version)
        if self._event_log.ready:
            self._publish(version, lambda: self._catch_up(items, version))
            return
        self._learn(items, version)

    def begin(self, version: int) -> None:
        """Begin without a list: there were no jobs up to this version, as another watch has shown."""
        self._cache.complete.set()
        self._learn([], version)

    def went_back(self) -> None:
        """Handle a restored cluster. Positions in the log are versions, so clients start over with the next list."""
        self._cache.went_back()
        self._told.object_cache.went_back()
        self._event_log.forget()

    def upsert(self, item: Object) -> None:
        """A job was created or changed."""
        self._cache.upsert(item)
        self._publish(_version(item), lambda: self._told.object_cache.upsert(item))

    def remove(self, item: Object) -> None:
        """A job was deleted."""
        self._cache.remove(item)
        self._publish(_version(item), lambda: self._told.object_cache.remove(item))

    def begun(self, beginning: Beginning) -> None:
        """A Job shows that an attempt has begun."""
        job = self._cache.by_uid(beginning.owner)
        after = None if job is None else with_beginning(job, beginning)
        if job is None or after is None or after is job:
            return
        self._cache.revise(job.uid, after)
        if self._job_index.get(job.name) is after:
            events = differences(job, after)
            self._event_log.hint([message for event in events if (message := self._message(event)) is not None])

    def _learn(self, items: list[Object], version: int) -> None:
        self._told.object_cache.replace(items, version)
        if self._record not in self._told.listeners:
            self._told.listeners.append(self._record)
        self._begin(version)

    def _begin(self, version: int) -> None:
        self._shown = {job.name: job for job in self._told}
        self._events, self._parents = [], set()
        self._event_log.begin(version)

    def _publish(self, version: int, change: Callable[[], None]) -> None:
        try:
            change()
            self._event_log.publish(version, self._messages())
        except Exception:
            # Clients can read everything again. If the watch ended instead, every request would see outdated jobs.
            log.exception("cannot publish the events up to version %d; clients must read everything again", version)
            self._begin(version)

    def _catch_up(self, items: list[Object], version: int) -> None:
        """Apply changes in the same order on every replica, see `event_log`: first deletions, then changes."""
        listed = {item["metadata"]["uid"] for item in items}
        for job in [job for job in self._told if job.uid not in listed]:
            self._told.object_cache.remove(job.raw)
        self._told.object_cache.replace(sorted(items, key=_version), version)

    def _record(self, before: Job | None, after: Job | None) -> None:
        """An object has changed: record the events for the job of its name, which may belong to another object."""
        known = [job for job in (before, after) if job is not None]
        for name in {job.name for job in known}:
            was, now = self._shown.pop(name, None), self._told.get(name)
            if now is not None:
                self._shown[name] = now
            self._events += differences(was, now)
        if len({job.parent for job in known}) != 1 or before is None or after is None:
            # A parent shows the names of its children.
            self._parents.update(job.parent for job in known)

    def _messages(self) -> list[Message]:
        events, parents, self._events, self._parents = self._events, self._parents, [], set()
        # An object that had the name for a moment is gone, too.
        gone = {event.job for event in events if event.action is Action.DELETED} - self._shown.keys()
        events = [each for each in events if each.job not in gone or each.action is Action.DELETED]
        parents -= {event.job for event in events if event.topic is Topic.JOB}
        events += [Event(Topic.JOB, Action.UPDATED, name) for name in sorted(parents) if name in self._shown]
        return [message for event in events if (message := self._message(event)) is not None]

    def _message(self, event: Event) -> Message | None:
        """Return the message for an event; None if that fails, which must not affect other events."""
        try:
            message = Message(event.topic, event.job, self._body(event))
        except Exception:
            if event.job not in self._untold:
                self._untold.add(event.job)
                log.exception("cannot publish an event of the job %s", quoted(event.job))
            return None
        self._untold.discard(event.job)
        return message

    def _body(self, event: Event) -> bytes:
        if event.topic is Topic.EXECUTION:
            return gojson.encode({"action": event.action, "execution": event.execution})
        if event.action is Action.DELETED:
            return gojson.encode({"action": event.action, "job": {"name": event.job}})
        return job_body(event, self._rendered(event.job))

    def _read(self, item: Object) -> Job:
        """Return the object of the first index, unless that has a newer version."""
        known = self._job_index.object_cache.by_uid(item["metadata"]["uid"])
        return known.stored if known is not None and known.version == _version(item) else kept(item)

    def _rendered(self, name: str) -> bytes:
        """Return the job as the first index renders it, unless that has a newer state."""
        told, newest = self._told.get(name), self._job_index.get(name)
        same = told is not None and newest is not None and told is newest.stored
        if same and self._told.children(name) == self._job_index.children(name):
            return self._job_index.json(name)
        return self._told.json(name)


class Leadership:
    """Passes the leader's name on to `lead`. `changed` is a listener of the cache of the Lease."""

    def __init__(self, lead: Callable[[str], object], clock: Callable[[], datetime]) -> None:
        self._lead = lead
        self._clock = clock
        self._lease: Object | None = None
        self._timer: asyncio.TimerHandle | None = None

    def changed(self, _: Object | None, lease: Object | None) -> None:
        """The Lease was taken, renewed, released or deleted."""
        self._lease = lease
        self._look()

    def _look(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        try:
            replica = holder(self._lease, self._clock())
        except Exception:
            # A client with permission to write the Lease may write anything into it.
            log.exception("cannot read the Lease")
            replica = None
        self._lead("" if replica is None else replica.identity)
        if replica is not None:
            self._timer = asyncio.get_running_loop().call_later(LOOK, self._look)


def _version(item: Object) -> int:
    return int(item["metadata"]["resourceVersion"])
