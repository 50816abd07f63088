"""The newest version of each object of one kind, whether it comes from the watch, a list, or the response to a write
of this process. Clients therefore read their own writes, although reads never go to the API server.

Resource versions are compared as numbers. Kubernetes allows this since KEP-5504, and it has always worked.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Generic, NamedTuple, TypeVar

from dkron_api.translate.record import Object
from dkron_crds.bounds import unreadable
from dkron_kube.informer import WatchState

T = TypeVar("T")
log = logging.getLogger(__name__)

REMEMBERED = 16384
"""Number of deleted objects to remember. Older versions of them may still arrive for a few seconds, not longer."""


class Kept(NamedTuple, Generic[T]):
    """A cached object."""

    name: str
    version: int
    item: T


class ObjectCache(Generic[T]):
    """Objects of one kind by uid, each in the form that `read` returns, and with what `carried` takes over from the
    version before. `changed` is called with the object before
    and after a change; None if it did not exist or is gone. Objects that cannot be read are left out, and logged
    unless `quiet`. `watch` is the state of the watch that the objects come from, by default one of its own."""

    def __init__(
        self,
        kind: str,
        read: Callable[[Object], T],
        *,
        carried: Callable[[T, T], T] = lambda _, after: after,
        changed: Callable[[T | None, T | None], None] | None = None,
        watch: WatchState | None = None,
        quiet: bool = False,
    ) -> None:
        self.kind = kind
        self.complete = asyncio.Event()
        self.watch = WatchState(kind) if watch is None else watch
        self._read = read
        self._carried = carried
        self._changed = changed
        self._quiet = quiet
        self._kept: dict[str, Kept[T]] = {}
        self._names: dict[str, str] = {}
        self._gone: OrderedDict[str, None] = OrderedDict()
        self._refused: OrderedDict[tuple[str, object], None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[T]:
        return (kept.item for kept in self._kept.values())

    @property
    def ready(self) -> bool:
        """Whether a complete list has been seen."""
        return self.complete.is_set()

    def by_name(self, name: str) -> T | None:
        """Return the object with this metadata.name."""
        kept = self._kept.get(self._names.get(name, ""))
        return None if kept is None else kept.item

    def by_uid(self, uid: str) -> T | None:
        """Return the object with this uid."""
        kept = self._kept.get(uid)
        return None if kept is None else kept.item

    @property
    def trouble(self) -> str:
        """Why the API server does not answer; empty if it does."""
        return self.watch.trouble

    def age(self) -> float:
        """Return the seconds since the API server last responded."""
        return self.watch.age()

    def replace(self, items: list[Object], version: int) -> None:
        """Apply a complete list as of this version. Objects known to be newer stay."""
        listed = {item["metadata"]["uid"] for item in items}
        for uid in [uid for uid, kept in self._kept.items() if uid not in listed and kept.version <= version]:
            self._drop(uid)
        for item in items:
            self.upsert(item)
        self.complete.set()

    def remove(self, item: Object) -> None:
        """Remove a deleted object. Older versions that arrive later do not bring it back."""
        uid = item["metadata"]["uid"]
        self._gone[uid] = None
        if len(self._gone) > REMEMBERED:
            self._gone.popitem(last=False)
        self._drop(uid)

    def went_back(self) -> None:
        """Handle a cluster restored from a backup: versions in the cache are no longer newer than those to come."""
        if not self._quiet:
            log.warning("the resource versions of %s went back; starting over", self.kind)
        self._gone.clear()
        self._kept = {uid: kept._replace(version=0) for uid, kept in self._kept.items()}

    def upsert(self, item: Object) -> None:
        """Apply a version of an object, which may be current or old."""
        metadata = item["metadata"]
        uid, version = metadata["uid"], int(metadata["resourceVersion"])
        known = self._kept.get(uid)
        if uid in self._gone or (known is not None and version <= known.version):
            return
        if "deletionTimestamp" in metadata:
            # A finalizer still holds the object; for clients of the API it is gone.
            self._drop(uid)
            return
        name = metadata["name"]
        if not self._succeeds(name, uid, version):
            return
        read = self._guarded(item)
        if read is None:
            self._drop(uid)
            return
        if known is not None:
            read = self._carried(known.item, read)
        self._kept[uid] = kept = Kept(name, version, read)
        self._names[name] = uid
        self._report(known, kept)

    def revise(self, uid: str, item: T) -> None:
        """Replace the cached form of an object by one that shows more of the same version."""
        known = self._kept[uid]
        self._kept[uid] = kept = known._replace(item=item)
        self._report(known, kept)

    def _guarded(self, item: Object) -> T | None:
        """Return the object in cached form; None if it cannot be read. The error is logged once and affects no other
        object."""
        metadata = item["metadata"]
        known = (metadata["uid"], metadata.get("generation", metadata["resourceVersion"]))
        wrong = unreadable(item)
        try:
            if not wrong:
                return self._read(item)
        except Exception as exc:  # noqa: BLE001 - any error is logged below, and concerns only this object
            wrong = f"reading it fails with {type(exc).__name__}"
        if known not in self._refused and not self._quiet:
            self._refused[known] = None
            if len(self._refused) > REMEMBERED:
                self._refused.popitem(last=False)
            log.warning("%s %s is left out: %s", self.kind, metadata["name"], wrong)
        return None

    def _succeeds(self, name: str, uid: str, version: int) -> bool:
        """Whether no newer object has this name. An older object that has it must be gone."""
        other = self._names.get(name, uid)
        if other == uid:
            return True
        if self._kept[other].version > version:
            return False
        self._gone[other] = None
        self._drop(other)
        return True

    def _drop(self, uid: str) -> None:
        known = self._kept.pop(uid, None)
        if known is None:
            return
        if self._names.get(known.name) == uid:
            del self._names[known.name]
        self._report(known, None)

    def _report(self, before: Kept[T] | None, after: Kept[T] | None) -> None:
        if self._changed is not None:
            self._changed(None if before is None else before.item, None if after is None else after.item)


def plain(item: Object) -> Object:
    """Return the object without managedFields, which are longer than the rest."""
    item["metadata"].pop("managedFields", None)
    return item
