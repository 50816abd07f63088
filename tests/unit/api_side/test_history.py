"""The past in a backup: what cannot have happened is refused before anything is stored."""

from contextlib import nullcontext
from typing import Any

import pytest

from dkron_from_dkron.body import JobBody
from dkron_from_dkron.history import MOST_COUNTED, check_history, history
from dkron_from_dkron.validate import Invalid


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        pytest.param({}, "", id="none"),
        pytest.param({"success_count": MOST_COUNTED, "error_count": MOST_COUNTED}, "", id="as much as is counted"),
        pytest.param({"last_success": "1970-01-01T00:00:00Z", "status": "failed"}, "", id="the first time"),
        pytest.param({"last_error": "9999-12-31T23:59:59.999999999Z"}, "", id="the last time"),
        pytest.param({"success_count": -1}, "success_count: -1 is not allowed; use a whole", id="fewer than none"),
        pytest.param({"error_count": MOST_COUNTED + 1}, "error_count: 9007199254740992 is not", id="too many"),
        pytest.param({"success_count": 2**63 - 1}, "success_count: 9223372036854775807", id="no room for one more"),
        pytest.param({"last_success": "0001-01-01T00:00:01Z"}, 'last_success: "0001-', id="a time of the year 1"),
        pytest.param({"last_error": "1969-12-31T23:59:59Z"}, "last_error: .* since 1970", id="a time before 1970"),
        pytest.param({"status": "made up"}, 'status: "made up" is not known; use success, failed', id="a status"),
    ],
)
def test_impossible_history_is_refused(fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence) if sentence else nullcontext():
        check_history(JobBody(name="a", **fields))


def test_a_job_that_never_ran_brings_no_history() -> None:
    assert history(JobBody(name="a")) == {}
    broken = JobBody(name="a", error_count=2, status="failed")
    assert history(broken) == {"successCount": 0, "errorCount": 2, "status": "failed"}
