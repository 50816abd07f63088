"""The operator dies at every write that it makes, before and after it, and the next one goes on: nothing is lost and
nothing runs twice. All writes of each scenario, not a sample.

The trials of all scenarios happen side by side in one go, in the fixture; a test then tells of one scenario.
`make chaos-writes` runs it, `make test` does not. `CHAOS_SCALE` makes scenarios longer, and `CHAOS_SIDES` adds writes
that arrive late.
"""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

import localcluster
from tests.chaos.scenarios import MAKERS, scenarios
from tests.chaos.sweep import Sweep, sweep
from tests.chaos.trial import Side
from tests.support.sites import install

pytestmark = [pytest.mark.cluster(nodes="kwok:5"), pytest.mark.promise, pytest.mark.timeout(600)]

NAMES = [make.__name__ for make in MAKERS]
SCALE = int(os.environ.get("CHAOS_SCALE", "1"))
SIDES = [Side(side) for side in os.environ.get("CHAOS_SIDES", "before,after").split(",")]


@pytest.fixture(scope="module")
def swept(
    cluster: localcluster.Cluster, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, Sweep]:
    """What came of each scenario that was asked for."""
    install(cluster)
    capture = request.config.pluginmanager.getplugin("capturemanager")
    assert capture is not None
    ours = (item for item in request.session.items if item.path == Path(__file__))
    wanted = {name for item in ours for name in NAMES if item.name.endswith(f"[{name}]")}

    def told(text: str) -> None:
        with capture.global_and_fixture_disabled():
            print(f"\n{' '.join(text.splitlines()[:2])}", flush=True)

    chosen = [scenario for scenario in scenarios(SCALE) if scenario.name in wanted]
    folder: Path = tmp_path_factory.mktemp("trials")
    return asyncio.run(sweep(cluster.kubeconfig, folder, chosen, sides=SIDES, told=told))


@pytest.mark.parametrize("name", NAMES)
def test_a_death_at_any_write_changes_nothing(swept: Mapping[str, Sweep], name: str) -> None:
    result = swept[name]
    assert not result.failed, "\n\n".join(map(str, result.failed[:3])) + f"\n\n{result}"
    assert len(result.met) >= result.writes, f"fewer deaths than writes: {result}"
