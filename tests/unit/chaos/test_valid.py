"""What an operator that is right leaves behind is accepted, in whatever order it is told."""

from hypothesis import HealthCheck, given, settings

from tests.chaos.verdict import judge
from tests.unit.chaos.model import Story
from tests.unit.chaos.scripts import stories


@given(stories())
@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_accepted(story: Story) -> None:
    verdict = judge(story.history)
    assert verdict.valid, str(verdict)
