"""All crash points of scenarios, none left out, many trials at once.

How many writes a scenario has is counted in an undisturbed run. Two writes may become one by chance, so that a trial
can end before its write has come: then it had fewer of them, all of which other trials die at. It is tried again a few
times, and the report names the writes that did not come: how many there are depends on the machine. Numbers go on past
the last one until there is no such write.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from dkron_kube.access import load
from dkron_kube.client import KubeClient
from tests.chaos.process_pool import nursery
from tests.chaos.trial import Crash, Report, Scenario, Side, Theatre, hold
from tests.chaos.witnesses import gallery

AT_ONCE = 12
"""Trials side by side: most of their time they wait."""
TRIES = 10
"""How often a write in the middle that did not come is tried again."""


@dataclass
class Sweep:
    """What came of one scenario."""

    scenario: str
    writes: int = 0
    met: set[Crash] = field(default_factory=set)
    failed: list[Report] = field(default_factory=list)

    @property
    def left_out(self) -> list[Crash]:
        """Crash points between others at which no trial has died, because its writes were fewer."""
        found = []
        for side in sorted({crash.side for crash in self.met}):
            last = max(crash.number for crash in self.met if crash.side is side)
            found += [crash for number in range(1, last) if (crash := Crash(number, side)) not in self.met]
        return found

    def __str__(self) -> str:
        told = f"{self.scenario}: {self.writes} writes, {len(self.met)} deaths, {len(self.failed)} failures"
        return told + (f", did not come: {', '.join(map(str, self.left_out))}" if self.left_out else "")


async def sweep(
    kubeconfig: Path,
    folder: Path,
    scenarios: Sequence[Scenario],
    *,
    sides: Sequence[Side] = (Side.BEFORE, Side.AFTER),
    told: Callable[[str], None] = lambda _: None,
) -> dict[str, Sweep]:
    """Have the operator die at each write of each of these scenarios, by name."""
    async with theatre(kubeconfig, folder) as stage_house:
        house = _House(stage_house, sides, told)
        found = await asyncio.gather(*map(house.sweep, scenarios))
    return {each.scenario: each for each in found}


@asynccontextmanager
async def theatre(kubeconfig: Path, folder: Path) -> AsyncIterator[Theatre]:
    """What all trials share."""
    client = KubeClient(await load(kubeconfig))
    try:
        async with nursery() as children, gallery(client) as scenes:
            yield Theatre(kubeconfig, client, scenes, children, folder)
    finally:
        await client.close()


class _House:
    def __init__(self, theatre: Theatre, sides: Iterable[Side], told: Callable[[str], None]) -> None:
        self._theatre = theatre
        self._sides = tuple(sides)
        self._told = told
        self._free = asyncio.Semaphore(AT_ONCE)

    async def sweep(self, scenario: Scenario) -> Sweep:
        """All crash points of one scenario."""
        calm = await self._hold(scenario, None)
        swept = Sweep(scenario.name, writes=len(calm.writes), failed=[calm] if calm.complaints else [])
        points = [Crash(number, side) for number in range(1, swept.writes + 1) for side in self._sides]
        await self._die_at(points, scenario, swept)
        for number in itertools.count(swept.writes + 1):
            if not await self._die_at([Crash(number, side) for side in self._sides], scenario, swept):
                break
        # Only now it shows which are in the middle: how often a Lease is renewed depends on how long all took.
        for _ in range(TRIES):
            await self._die_at(swept.left_out, scenario, swept)
        self._told(str(swept))
        return swept

    async def _die_at(self, points: Iterable[Crash], scenario: Scenario, swept: Sweep) -> bool:
        """Whether the operator has died at any of these."""
        return any(await asyncio.gather(*(self._point(scenario, crash, swept) for crash in points)))

    async def _point(self, scenario: Scenario, crash: Crash, swept: Sweep) -> bool:
        report = await self._hold(scenario, crash)
        if report.struck is None and len(report.writes) >= crash.number:
            came = f"write {crash.number} came, and the operator lived"
            report = replace(report, complaints=(*report.complaints, came))
        if report.complaints:
            swept.failed.append(report)
            self._told(str(report))
        if report.struck is not None:
            swept.met.add(crash)
        return report.struck is not None

    async def _hold(self, scenario: Scenario, crash: Crash | None) -> Report:
        async with self._free:
            return await hold(self._theatre, scenario, crash)
