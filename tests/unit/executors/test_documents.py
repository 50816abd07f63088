"""The tables, the configs on the page about executors and the examples are what the code takes."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from dkron_crds.job import JobSpec
from dkron_executors.keys import MODELS
from dkron_pods import executors
from generate.executor_keys import PAGE, with_tables

EXAMPLES = sorted((Path(__file__).parents[3] / "examples" / "executors").glob("*.yaml"))
CONFIGS = [
    yaml.safe_load(block)
    for block in re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    if block.startswith("executor:")
]


def test_the_tables_are_fresh() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert with_tables(page, MODELS) == page


def test_page_without_marks_is_reported() -> None:
    with pytest.raises(ValueError, match="keys of http"):
        with_tables("# Executors\n", ["http"])


def test_each_executor_has_a_config_and_an_example() -> None:
    wanted = {*MODELS, "docker"}
    assert {config["executor"] for config in CONFIGS} == wanted
    assert {path.stem.partition("-")[0] for path in EXAMPLES} == wanted


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: str(config["executor"]))
def test_a_config_on_the_page_is_right(config: dict[str, Any]) -> None:
    assert executors.check(JobSpec.from_wire({"schedule": "@hourly", **config})) is None


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: str(path.stem))
def test_an_example_is_right(path: Path) -> None:
    *_, job = yaml.safe_load_all(path.read_text(encoding="utf-8"))
    assert job["spec"]["executor"] == path.stem.partition("-")[0]
    assert executors.check(JobSpec.from_wire(job["spec"])) is None
