"""The wait before the next attempt."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dkron_crds.job import RetryBackoff
from dkron_operator.plan.attempts import delay


@pytest.mark.parametrize(
    ("backoff", "seconds"),
    [
        pytest.param({}, [1, 2, 4, 8, 16, 32, 60, 60], id="by default it doubles from one second to sixty"),
        pytest.param({"factor": 1}, [1, 1, 1, 1], id="factor one keeps it constant"),
        pytest.param({"initial": "0s"}, [0, 0, 0], id="nothing stays nothing"),
        pytest.param({"initial": "500ms", "factor": 3, "max": "4s"}, [0.5, 1.5, 4, 4], id="the maximum cuts"),
        pytest.param({"initial": "1m", "max": "1m"}, [60, 60], id="initial may be the maximum"),
        pytest.param({"initial": "1m30s", "factor": 2, "max": "1h"}, [90, 180, 360, 720], id="units add up"),
    ],
)
def test_the_waits_after_attempts_one_two_three_are(backoff: dict[str, object], seconds: list[float]) -> None:
    policy = RetryBackoff.from_wire(backoff)
    waits = [delay(policy, attempt) for attempt in range(1, len(seconds) + 1)]
    assert waits == [timedelta(seconds=s) for s in seconds]


@given(
    initial=st.integers(0, 10**6),
    factor=st.integers(1, 100),
    most=st.integers(0, 10**7),
    attempt=st.integers(1, 200),
)
def test_delay_grows_with_attempts_up_to_its_maximum(initial: int, factor: int, most: int, attempt: int) -> None:
    policy = RetryBackoff(initial=f"{initial}ms", factor=factor, max=f"{most}ms")
    wait = delay(policy, attempt)
    assert timedelta() <= wait <= delay(policy, attempt + 1) <= timedelta(milliseconds=most)
