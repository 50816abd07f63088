"""Receivers and notifications of a DkronCluster at a real API server: what it takes and what it refuses."""

from typing import Any

import pytest

from dkron_crds.cluster import ClusterSpec
from tests.support.documents import installation
from tests.support.judge import Judge

pytestmark = pytest.mark.cluster(nodes="none")

KEY = {"secretKeyRef": {"name": "a", "key": "b"}}
HOOK = {"name": "ops", "url": "https://example.com/x?y=z"}
MAIL = {"name": "default", "host": "smtp", "sender": "dkron@example.com"}


def told(*notifications: dict[str, Any]) -> dict[str, Any]:
    return installation(notifications=list(notifications))


def receivers(**fields: Any) -> dict[str, Any]:
    return installation(receivers=fields)


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(told(HOOK), id="a webhook"),
        pytest.param(told({"name": "ops", "urlFrom": KEY, "when": ["failure", "start"]}), id="its url is a secret"),
        pytest.param(
            told({**HOOK, "headers": [{"name": "A", "value": "b"}, {"name": "B", "valueFrom": KEY}]}), id="headers"
        ),
        pytest.param(told({"name": "owner", "type": "mail", "when": ["failure"]}), id="a mail"),
        pytest.param(told(HOOK, {**HOOK, "name": "dev"}), id="two"),
        pytest.param(
            receivers(mail=[{**MAIL, "username": "a", "passwordFrom": KEY, "tls": "none"}]), id="a mail server"
        ),
        pytest.param(receivers(slack=[{"name": "a", "urlFrom": KEY}]), id="slack"),
        pytest.param(
            receivers(elasticsearch=[{"name": "a", "url": "http://es", "indexDateFormat": "-%Y.%m"}]),
            id="elasticsearch",
        ),
        pytest.param(receivers(syslog={"address": "udp://[::1]:514"}, fluent={"host": "f"}), id="syslog and fluent"),
        pytest.param(receivers(syslog={"address": "unix:///dev/log"}), id="a socket"),
    ],
)
def test_taken(document: dict[str, Any], judge: Judge) -> None:
    assert judge.refusal(document) == ""
    ClusterSpec.from_wire(document["spec"])


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        pytest.param(told({"name": "ops"}), "a webhook has either url or urlFrom", id="no url"),
        pytest.param(told({**HOOK, "urlFrom": KEY}), "a webhook has either url or urlFrom", id="two urls"),
        pytest.param(told({**HOOK, "type": "mail"}), "a mail goes to the ownerEmail", id="a mail with a url"),
        pytest.param(
            told({"name": "a", "type": "mail", "when": ["start"]}),
            "none is sent at the start",
            id="a mail at the start",
        ),
        pytest.param(told({**HOOK, "when": []}), "notifications[0].when", id="never"),
        pytest.param(told({**HOOK, "on": ["failure"]}), "unknown field", id="another word for when"),
        pytest.param(told({**HOOK, "url": "file:///etc/passwd"}), "notifications[0].url", id="no http"),
        pytest.param(told({**HOOK, "name": "Ops"}), "notifications[0].name", id="upper case"),
        pytest.param(told(HOOK, HOOK), "Duplicate value", id="a name twice"),
        pytest.param(told({**HOOK, "headers": [{"name": "A"}]}), "a header has either", id="a header without a value"),
        pytest.param(
            told({**HOOK, "headers": [{"name": "A", "value": "b\nC: d"}]}),
            "headers[0].value",
            id="a header that is two",
        ),
        pytest.param(receivers(slack=[{"name": "a"}]), "either url or urlFrom is required", id="slack without a url"),
        pytest.param(receivers(syslog={"address": "http://x:1"}), "syslog.address", id="no syslog"),
        pytest.param(receivers(mail=[{**MAIL, "sender": "a\nBcc: b@c"}]), "mail[0].sender", id="a sender that is two"),
        pytest.param(
            receivers(elasticsearch=[{"name": "a", "url": "http://es", "indexDateFormat": "%c"}]),
            "indexDateFormat",
            id="a date with blanks",
        ),
    ],
)
def test_refused(document: dict[str, Any], sentence: str, judge: Judge) -> None:
    assert sentence in judge.refusal(document)
