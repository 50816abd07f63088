"""For tests of what follows a kind: a sink that writes down what it is told, and the texts that a server sends."""

import asyncio
import json
from collections.abc import Callable, Iterable
from typing import Any

from dkron_kube.errors import KubeError
from dkron_kube.informer import Informer

Object = dict[str, Any]
SECONDS = 60.0


class Diary:
    """A sink. `told` holds what it is told in order, `signs` counts the signs of life, `held` is what must be there."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.signs = 0
        self.held: dict[str, int] = {}
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def written_by(self, task: asyncio.Task[None]) -> None:
        """Who follows: when that has ended, waiting is pointless."""
        self._task = task
        task.add_done_callback(lambda _: self._changed.set())

    async def replace(self, items: list[Object], version: int) -> None:
        """Everything, by name and version."""
        self.held = dict(map(_named, items))
        self._tell(f"replace {' '.join(self.held)} @{version}")

    def went_back(self) -> None:
        """The next list is older than what was told."""
        self._tell("went back")

    def upsert(self, item: Object) -> None:
        """One more, or a newer one."""
        name, version = _named(item)
        self.held[name] = version
        self._tell(f"upsert {name}@{version}")

    def remove(self, item: Object) -> None:
        """One less."""
        name, version = _named(item)
        self.held.pop(name, None)
        self._tell(f"remove {name}@{version}")

    def alive(self) -> None:
        """A sign of life."""
        self.signs += 1
        self._changed.set()

    def failed(self, error: KubeError) -> None:
        """What went wrong, and how."""
        self._tell(f"failed {type(error).__name__}: {error}")

    async def until(self, what: str, holds: Callable[["Diary"], object], *, seconds: float = SECONDS) -> None:
        """Wait until that `holds`; tells what was there instead when the time has passed."""
        try:
            async with asyncio.timeout(seconds):
                while not holds(self):
                    assert self._task is None or not self._task.done(), f"{what} will not come: {self._task}"
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            last = "\n".join(self.told[-20:])
            raise AssertionError(f"waited {seconds:.0f} s for {what}; told last:\n{last}\nheld: {self.held}") from None

    def _tell(self, line: str) -> None:
        self.told.append(line)
        self._changed.set()


def listed(informer: Informer[Any], items: Iterable[Object], version: int = 1) -> None:
    """An informer that takes in a list in one piece gets a complete list."""
    read = map(informer.callbacks.read, items)
    informer.callbacks.synced([item for item in read if item is not None], version)
    informer.state.listed()


def thing(name: str, version: int, **fields: object) -> Object:
    """An object."""
    return {"metadata": {"name": name, "resourceVersion": str(version)}, **fields}


def event(kind: str, item: Object) -> bytes:
    """A line of a watch."""
    return json.dumps({"type": kind, "object": item}).encode() + b"\n"


def added(name: str, version: int, **fields: object) -> bytes:
    """It is there now."""
    return event("ADDED", thing(name, version, **fields))


def bookmark(version: int) -> bytes:
    """Nothing has happened up to this version."""
    return event("BOOKMARK", {"metadata": {"resourceVersion": str(version)}})


def error(code: int, message: str = "m", **status: object) -> bytes:
    """The watch cannot go on."""
    return event("ERROR", {"kind": "Status", "status": "Failure", "message": message, "code": code, **status})


def _named(item: Object) -> tuple[str, int]:
    return item["metadata"]["name"], int(item["metadata"]["resourceVersion"])
