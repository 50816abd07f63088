"""The dashboard is one that Grafana can show."""

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

FILE = Path(__file__).parents[2] / "charts" / "dkron-operator" / "files" / "dashboard.json"
Object = dict[str, Any]
BOARD: Object = json.loads(FILE.read_text(encoding="utf-8"))
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
PANELS: list[Object] = BOARD["panels"]
GRAPHS = [panel for panel in PANELS if panel["type"] != "row"]
BUILT_IN = {"__rate_interval", "__range"}
COLUMNS = 24


def cells(panel: Object) -> set[tuple[int, int]]:
    place = panel["gridPos"]
    return {
        (x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])
    }


def test_no_two_panels_are_in_the_same_place() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    for one, other in combinations(PANELS, 2):
        assert not cells(one) & cells(other), (one["title"], other["title"])
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= COLUMNS for panel in PANELS)


def test_every_used_variable_exists() -> None:
    known = {variable["name"] for variable in BOARD["templating"]["list"]} | BUILT_IN
    used = set(re.findall(r"\$\{?(\w+)", json.dumps([PANELS, BOARD["templating"]])))
    assert used - {"__all"} == known


@pytest.mark.parametrize("panel", GRAPHS, ids=lambda panel: str(panel["title"]))
def test_panel_has_a_description_and_the_chosen_data_source(panel: Object) -> None:
    assert panel["description"].endswith(".")
    assert panel["targets"]
    assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
    for target in panel["targets"]:
        assert target["datasource"] == SOURCE
        metrics = re.findall(r"\b(?:dkron|process)_\w+(.?)", target["expr"])
        assert metrics
        assert set(metrics) == {"{"}, "a metric that is not narrowed to what was chosen"
