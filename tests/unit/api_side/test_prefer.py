"""The header Prefer (RFC 7240), as far as a run knows it."""

import pytest

from dkron_api.translate.prefer import Preference, read_preference


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param([], Preference(), id="none"),
        pytest.param(["wait"], Preference(wait=True), id="wait"),
        pytest.param(["WAIT = 10"], Preference(wait=True, seconds=10), id="for seconds, in any case"),
        pytest.param(['wait="7"; x=y'], Preference(wait=True, seconds=7), id="quoted, with a parameter"),
        pytest.param(["a=b, wait=1", "wait=2"], Preference(wait=True, seconds=1), id="the first of several"),
        pytest.param(["respond-async", "waiting", "wait=x", "wait=-1", ",,"], Preference(), id="nothing of ours"),
        pytest.param(["wait=" + "9" * 10000], Preference(), id="too many digits"),
    ],
)
def test_a_preference(headers: list[str], expected: Preference) -> None:
    assert read_preference(headers) == expected
