"""Facts in refusals of the API server beyond their sentence. The bodies are as a real one sends them."""

from typing import Any

import pytest

from dkron_kube.errors import (
    AlreadyExists,
    Cause,
    Conflict,
    Expired,
    KubeError,
    NotFound,
    Rejected,
    Stale,
    Unavailable,
    from_status,
)

UNFIT = {
    "message": "the server rejected our request due to an error in our request",
    "reason": "Invalid",
    "details": {},
}
INVALID: dict[str, Any] = {
    "message": 'DkronJob.dkron.io "a" is invalid: spec.retries: Invalid value: -4: should be at least 0',
    "reason": "Invalid",
    "details": {
        "name": "a",
        "group": "dkron.io",
        "kind": "DkronJob",
        "causes": [
            {"reason": "FieldValueInvalid", "message": "Invalid value: -4", "field": "spec.retries"},
            {"reason": "FieldValueInvalid", "message": "some rules were not checked", "field": "<nil>"},
            {"message": "no field"},
            {"field": "spec.owner"},
        ],
    },
}


def test_causes_name_the_fields() -> None:
    refused = from_status(422, INVALID)
    assert type(refused) is Rejected
    assert refused.causes == (
        Cause("spec.retries", "Invalid value: -4"),
        Cause("", "some rules were not checked"),
        Cause("", "no field"),
        Cause("spec.owner", ""),
    )


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        pytest.param(422, UNFIT, Stale, id="a patch that does not fit"),
        pytest.param(422, INVALID, Rejected, id="a result that is invalid"),
        pytest.param(422, {"reason": "Invalid", "details": {"kind": "x"}}, Rejected, id="invalid without causes"),
        pytest.param(422, {"message": "webhook", "reason": "Invalid"}, Rejected, id="a webhook that denies"),
        pytest.param(422, {"details": None}, Rejected, id="null for details"),
        pytest.param(422, "", Rejected, id="nothing"),
    ],
)
def test_conflicting_patch_differs_from_an_invalid_result(status: int, body: Any, kind: type[KubeError]) -> None:
    error = from_status(status, body)
    assert type(error) is kind
    assert error.status == status


def test_conflict_handlers_catch_a_conflicting_patch() -> None:
    error = from_status(422, UNFIT)
    assert isinstance(error, Conflict)
    assert str(error) == "the object is not in the state that the patch expects"


@pytest.mark.parametrize(
    ("header", "details", "seconds"),
    [
        pytest.param("3", {"retryAfterSeconds": 9}, 3.0, id="the header comes first"),
        pytest.param(None, {"retryAfterSeconds": 9}, 9.0, id="the body tells it too"),
        pytest.param(None, {"retryAfterSeconds": 0}, None, id="zero is nothing said"),
        pytest.param(None, {}, None, id="nothing said"),
        pytest.param("Wed, 21 Oct 2026 07:28:00 GMT", {}, None, id="a date is not used"),
        pytest.param("-1", {}, None, id="nonsense"),
    ],
)
def test_the_time_to_wait(header: str | None, details: dict[str, Any], seconds: float | None) -> None:
    error = from_status(503, {"details": details}, header)
    assert isinstance(error, Unavailable)
    assert error.retry_after == seconds


@pytest.mark.parametrize(
    ("status", "reason", "kind"),
    [
        pytest.param(400, "BadRequest", Rejected, id="a bad request would fail again"),
        pytest.param(401, "Unauthorized", Unavailable, id="credentials rotate, so try again"),
        pytest.param(403, "Forbidden", Rejected, id="not allowed"),
        pytest.param(404, "NotFound", NotFound, id="not there"),
        pytest.param(405, "MethodNotAllowed", Rejected, id="no such verb"),
        pytest.param(409, "AlreadyExists", AlreadyExists, id="the name is taken"),
        pytest.param(409, "Conflict", Conflict, id="another writer was first"),
        pytest.param(409, "", Conflict, id="a conflict without a reason"),
        pytest.param(410, "Expired", Expired, id="too old"),
        pytest.param(422, "Invalid", Rejected, id="invalid"),
        pytest.param(429, "TooManyRequests", Unavailable, id="too many requests"),
        pytest.param(500, "InternalError", Unavailable, id="an error within"),
        pytest.param(503, "ServiceUnavailable", Unavailable, id="not ready"),
        pytest.param(504, "Timeout", Unavailable, id="too slow"),
    ],
)
def test_answer_becomes_an_error_with_a_fitting_class(status: int, reason: str, kind: type[KubeError]) -> None:
    error = from_status(status, {"message": "the sentence", "reason": reason})
    assert type(error) is kind
    assert (str(error), error.status, error.reason) == ("the sentence", status, reason)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        pytest.param({}, "HTTP 502", id="an empty object"),
        pytest.param("", "HTTP 502", id="nothing"),
        pytest.param("  <html>bad gateway</html>\n", "<html>bad gateway</html>", id="the page of a proxy"),
        pytest.param("x" * 9000, "x" * 500, id="a long page"),
    ],
)
def test_answer_without_a_message_still_has_a_sentence(body: Any, says: str) -> None:
    assert str(from_status(502, body)) == says
