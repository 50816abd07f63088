"""Writes the statuses of all objects of a kind that are only for people.

They are written seldom: after a change of any of them and every LOOK seconds, at most MOST_AT_ONCE in a row, and
namespaces take turns. Only the leader writes, as `KubeClient` sees to.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import chain, islice, zip_longest
from typing import Generic, NamedTuple, Protocol, TypeVar

from dkron_crds.base import StatusModel
from dkron_kube.client import KubeClient
from dkron_kube.errors import KubeError, NotFound
from dkron_kube.paths import Resource
from dkron_operator.act.status_writer import difference
from dkron_operator.kit.listeners import Listeners
from dkron_operator.kit.log_once import LogOnce

log = logging.getLogger(__name__)

DEBOUNCE = 1.0
"""Seconds in which changes are collected."""
LOOK = 30.0
"""Seconds after which all is counted again."""
MOST_AT_ONCE = 100
"""How many statuses are written before other namespaces have their turn."""
SLICE = 50
"""How many objects are judged before other tasks get their turn."""


class Judged(Protocol):
    """An object with a status."""

    @property
    def key(self) -> tuple[str, str]:
        """Its namespace and name."""
        ...

    @property
    def status(self) -> StatusModel | None:
        """None if the operator fails to read it; it then stays as it is."""
        ...


J = TypeVar("J", bound=Judged)


class Kind(Protocol[J]):
    """All objects of a kind."""

    resource: Resource
    plural: str
    on_change: Listeners[[]]

    @property
    def index(self) -> Iterable[J]:
        """The objects."""
        ...

    async def judge(self) -> Callable[[J], StatusModel]:
        """What tells the status that each should have now."""
        ...


class StatusWrite(NamedTuple):
    """The status of an object that is to be written in the place of another one."""

    namespace: str
    name: str
    before: StatusModel
    wanted: StatusModel


class StatusSweep(Generic[J]):
    """Keeps the statuses of the objects of a kind up to date. `look` is called each time before they are judged, also
    in a replica that does not act."""

    def __init__(
        self,
        client: KubeClient,
        kind: Kind[J],
        *,
        may_act: Callable[[], bool],
        look: Callable[[], object] = lambda: None,
    ) -> None:
        self._client = client
        self._kind = kind
        self._may_act = may_act
        self._look = look
        self._changed = asyncio.Event()
        self._log_once = LogOnce(log, f"the status of {kind.plural}")
        kind.on_change.add(self._changed.set)

    async def run(self) -> None:
        """Write what has changed, until cancelled."""
        while True:
            self._changed.clear()
            self._look()
            more = self._may_act() and await self._write_all()
            if not more:
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK):
                        await self._changed.wait()
            await asyncio.sleep(DEBOUNCE)

    async def _write_all(self) -> bool:
        """Write the statuses that differ. Returns whether some are left."""
        due = await self._due()
        turns = filter(None, chain.from_iterable(zip_longest(*due.values())))
        for write in islice(turns, MOST_AT_ONCE):
            # kubectl shows a number that was never written as blank, so the first write has all of them.
            before = write.before.to_wire() if write.before.observed_generation else {}
            patch = difference(before, write.wanted.to_wire())
            try:
                await self._client.patch_status(self._kind.resource, write.namespace, write.name, {"status": patch})
            except NotFound:
                continue
            except KubeError as exc:
                self._log_once.goes_on(exc)
                return False
        self._log_once.is_over()
        return next(turns, None) is not None

    async def _due(self) -> dict[str, list[StatusWrite]]:
        """The statuses that differ, by namespace."""
        due: dict[str, list[StatusWrite]] = defaultdict(list)
        judge = await self._kind.judge()
        for number, view in enumerate(tuple(self._kind.index)):
            if view.status is not None and (wanted := judge(view)) != view.status:
                due[view.key[0]].append(StatusWrite(*view.key, view.status, wanted))
            if number % SLICE == 0:
                await asyncio.sleep(0)
        return due
