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


@pytest.mark.parametrize(
    ("preference", "waiting", "applied"),
    [
        (Preference(), True, ""),
        (Preference(), False, ""),
        (Preference(wait=True), True, "wait"),
        (Preference(wait=True, seconds=5), True, "wait=5"),
        (Preference(wait=True), False, ""),
    ],
)
def test_applied_preference_is_returned(preference: Preference, waiting: bool, applied: str) -> None:
    assert preference.applied(waiting=waiting) == applied
