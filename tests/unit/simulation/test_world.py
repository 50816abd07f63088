"""The simulated world has the rules of a real API server (`tests/cluster/test_world_contract.py`)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from dkron_kube.paths import DKRON_JOBS, Resource
from tests.simulation.client import WorldClient
from tests.simulation.contract import RULES, Rule, Told
from tests.simulation.controllers import Controllers, Course
from tests.simulation.dice import Dice
from tests.simulation.loop import VirtualLoop
from tests.simulation.network import Network
from tests.simulation.simulation import ZERO
from tests.support.world import Event, Object, World


class Ground:
    """The simulated world, with nothing wrong in it."""

    namespace = "default"

    def __init__(self, loop: VirtualLoop) -> None:
        self.world = World(lambda: ZERO + timedelta(seconds=loop.time()))
        Controllers(self.world, Course(), seed=0, loop=loop, clock=self.world.clock)
        self.client = WorldClient(
            self.world, Network(()), Dice(0, "calls"), aside={}, replica="",
            told=lambda _: None, writing=lambda *_: None,
        )  # fmt: skip

    @asynccontextmanager
    async def watching(self, resource: Resource) -> AsyncIterator[Told]:
        told = Told()

        def hear(event: Event) -> None:
            if event.plural == resource.plural:
                told.events.append((event.kind, event.body["metadata"]["name"], event.version))

        self.world.heard.append(hear)
        yield told
        self.world.heard.remove(hear)

    @asynccontextmanager
    async def terminating(self, kept: Object) -> AsyncIterator[str]:
        self.world.create(DKRON_JOBS, "terminating", kept)
        self.world.terminate("terminating")
        yield "terminating"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_world_keeps_the_rule(rule: Rule) -> None:
    loop = VirtualLoop(0)

    async def play() -> None:
        await rule(Ground(loop))

    try:
        loop.run_until_complete(play())
    finally:
        loop.close()
