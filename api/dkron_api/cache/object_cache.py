"""The mirror: the newest version of each object of one kind, whoever brings it: the watch, a list, or the answer to a
write of our own. So a client reads what it has written, although reads never ask the API server.

Resource versions are compared as numbers, which Kubernetes allows since KEP-5504 and which has always been so.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any, Generic, NamedTuple, TypeVar

from dkron_crds.bounds import unreadable
from dkron_kube.errors import KubeError, NotFound

Object = dict[str, Any]
T = TypeVar("T")
log = logging.getLogger(__name__)

REMEMBERED = 16384
"""How many deleted objects are remembered: older versions of them may be under way for seconds, not for longer."""


class Kept(NamedTuple, Generic[T]):
    """An object as it is kept."""

    name: str
    version: int
    item: T


class ObjectCache(Generic[T]):
    """Objects of one kind by uid, each as `read` makes it. `changed` is told what one was before and is now; None: it
    was not, or is not there. What cannot be read is left out, and
    told in the log unless `quiet`."""

    def __init__(
        self,
        kind: str,
        read: Callable[[Object], T],
        *,
        changed: Callable[[T | None, T | None], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
        quiet: bool = False,
    ) -> None:
        self.kind = kind
        self.complete = asyncio.Event()
        self.trouble = ""
        self._read = read
        self._changed = changed
        self._clock = clock
        self._quiet = quiet
        self._alive_at = clock()
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
        """The object with this metadata.name."""
        kept = self._kept.get(self._names.get(name, ""))
        return None if kept is None else kept.item

    def by_uid(self, uid: str) -> T | None:
        """The object with this uid."""
        kept = self._kept.get(uid)
        return None if kept is None else kept.item

    def age(self) -> float:
        """Seconds since the API server last gave a sign of life."""
        return self._clock() - self._alive_at

    def alive(self) -> None:
        """The API server gave a sign of life."""
        self._alive_at = self._clock()
        self.trouble = ""

    def failed(self, error: KubeError) -> None:
        """The API server does not answer, or refuses: said once, and what is here stays as it is."""
        trouble = f"cannot watch {self.kind}: {_sentence(error)}"
        if trouble != self.trouble:
            log.warning(trouble)
        self.trouble = trouble

    def replace(self, items: list[Object], version: int) -> None:
        """A complete list, as of this version. What we know to be newer stays."""
        self.alive()
        listed = {item["metadata"]["uid"] for item in items}
        for uid in [uid for uid, kept in self._kept.items() if uid not in listed and kept.version <= version]:
            self._drop(uid)
        for item in items:
            self._take(item)
        self.complete.set()

    def see(self, item: Object) -> None:
        """An object as it is now, or once was."""
        self.alive()
        self._take(item)

    def lose(self, item: Object) -> None:
        """An object is deleted. It does not come back, whatever older versions of it are still under way."""
        uid = item["metadata"]["uid"]
        self._gone[uid] = None
        if len(self._gone) > REMEMBERED:
            self._gone.popitem(last=False)
        self._drop(uid)

    def went_back(self) -> None:
        """The cluster was restored from a backup, and what we know to be newer is not."""
        if not self._quiet:
            log.warning("the resource versions of %s went back; starting over", self.kind)
        self._gone.clear()
        self._kept = {uid: kept._replace(version=0) for uid, kept in self._kept.items()}

    def _take(self, item: Object) -> None:
        metadata = item["metadata"]
        uid, version = metadata["uid"], int(metadata["resourceVersion"])
        known = self._kept.get(uid)
        if uid in self._gone or (known is not None and version <= known.version):
            return
        if "deletionTimestamp" in metadata:
            # Somebody's finalizer holds it; for whoever asks it is gone.
            self._drop(uid)
            return
        name = metadata["name"]
        if not self._succeeds(name, uid, version):
            return
        read = self._guarded(item)
        if read is None:
            self._drop(uid)
            return
        kept = Kept(name, version, read)
        self._kept[uid] = kept
        self._names[kept.name] = uid
        self._tell(known, kept)

    def _guarded(self, item: Object) -> T | None:
        """The object as it is kept; None if it cannot be read. That is told once, and harms no other."""
        metadata = item["metadata"]
        known = (metadata["uid"], metadata.get("generation", metadata["resourceVersion"]))
        wrong = unreadable(item)
        try:
            if not wrong:
                return self._read(item)
        except Exception as exc:  # noqa: BLE001 - whatever it is, it is told below, and is about this object alone
            wrong = f"reading it fails with {type(exc).__name__}"
        if known not in self._refused and not self._quiet:
            self._refused[known] = None
            if len(self._refused) > REMEMBERED:
                self._refused.popitem(last=False)
            log.warning("%s %s is left out: %s", self.kind, metadata["name"], wrong)
        return None

    def _succeeds(self, name: str, uid: str, version: int) -> bool:
        """Whether no newer object has this name; an older one that has it must be gone."""
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
        self._tell(known, None)

    def _tell(self, before: Kept[T] | None, after: Kept[T] | None) -> None:
        if self._changed is not None:
            self._changed(None if before is None else before.item, None if after is None else after.item)


def _sentence(error: KubeError) -> str:
    if isinstance(error, NotFound):
        return "the cluster does not know this kind; install it with kubectl apply -f crds/"
    return str(error)


def plain(item: Object) -> Object:
    """An object as it is, without the record of who wrote what, which is longer than the rest."""
    item["metadata"].pop("managedFields", None)
    return item
