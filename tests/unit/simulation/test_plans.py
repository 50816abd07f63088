"""Plans: what a seed gives, how they are written down, and how they are shrunk."""

from typing import Any

import pytest
from pydantic import BaseModel

from dkron_crds.job import JobSpec
from tests.simulation.planner import plan
from tests.simulation.plans import Plan, What, from_text
from tests.simulation.shrink import shrink


def test_a_seed_gives_one_plan() -> None:
    assert plan(7) == plan(7)
    assert plan(7) != plan(8)


@pytest.mark.parametrize("seed", range(20))
def test_a_plan_that_was_written_down_is_the_same(seed: int) -> None:
    assert from_text(plan(seed).to_text()) == plan(seed)


@pytest.mark.parametrize("seed", range(50))
def test_job_specs_use_only_fields_of_the_contract(seed: int) -> None:
    """Models ignore unknown fields, and then the story is another one than it says."""
    for event in plan(seed).events:
        if event.what in (What.CREATE, What.EDIT):
            assert _unknown(event.spec, JobSpec.from_wire(event.spec)) == []


def _unknown(wire: dict[str, Any], model: BaseModel) -> list[str]:
    fields = {field.alias or name: getattr(model, name) for name, field in type(model).model_fields.items()}
    below = ((wire[key], value) for key, value in fields.items() if isinstance(value, BaseModel) and key in wire)
    return [*(wire.keys() - fields), *(name for raw, value in below for name in _unknown(raw, value))]


def test_every_event_has_a_line() -> None:
    wanted = plan(3)
    assert len(str(wanted).splitlines()) == len(wanted.events) + 1


def test_shrinking_keeps_only_what_the_failure_needs() -> None:
    long = max((plan(seed) for seed in range(50)), key=lambda found: len(found.events))
    needed = long.events[1], long.events[-2]

    def fails(tried: Plan) -> bool:
        return all(event in tried.events for event in needed)

    assert shrink(long, fails).events == needed


def test_irreducible_failure_keeps_everything() -> None:
    whole = plan(3)
    assert shrink(whole, lambda tried: tried == whole) == whole
