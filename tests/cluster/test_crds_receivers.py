"""Receivers and notifications of a DkronCluster at a real API server: what it takes and what it refuses."""

from typing import Any

import pytest

from dkron_crds.cluster import ClusterSpec
from tests.support.documents import installation
from tests.support.judge import Judge

pytestmark = pytest.mark.cluster(nodes="kwok")

KEY = {"secretKeyRef": {"name": "a", "key": "b"}}
HOOK = {"name": "ops", "url": "https://example.com/x?y=z"}
MAIL = {"name": "default", "host": "smtp", "sender": "dkron@example.com"}


def told(*notifications: dict[str, Any]) -> dict[str, Any]:
    return installation(notifications=list(notifications))


def receivers(**fields: Any) -> dict[str, Any]:
    return installation(receivers=fields)


TAKEN: dict[str, Any] = {
    "a webhook": told(HOOK),
    "its url is a secret": told({"name": "ops", "urlFrom": KEY, "when": ["failure", "start"]}),
    "headers": told({**HOOK, "headers": [{"name": "A", "value": "b"}, {"name": "B", "valueFrom": KEY}]}),
    "a mail": told({"name": "owner", "type": "mail", "when": ["failure"]}),
    "two": told(HOOK, {**HOOK, "name": "dev"}),
    "a mail server": receivers(mail=[{**MAIL, "username": "a", "passwordFrom": KEY, "tls": "none"}]),
    "slack": receivers(slack=[{"name": "a", "urlFrom": KEY, "channels": ["#ops", "#team-*"]}]),
    "recipients": receivers(mail=[{**MAIL, "recipients": ["*@example.com", "a+b@example.org"]}]),
    "elasticsearch": receivers(elasticsearch=[{"name": "a", "url": "http://es", "indexDateFormat": "-%Y.%m"}]),
    "syslog and fluent": receivers(syslog={"address": "udp://[::1]:514"}, fluent={"host": "f"}),
    "a socket": receivers(syslog={"address": "unix:///dev/log"}),
}


@pytest.mark.parametrize("document", TAKEN.values(), ids=list(TAKEN))
def test_taken(document: dict[str, Any], judge: Judge) -> None:
    assert judge.refusal(document) == ""
    ClusterSpec.from_wire(document["spec"])


REFUSED: dict[str, Any] = {
    "no url": (told({"name": "ops"}), "a webhook has either url or urlFrom"),
    "two urls": (told({**HOOK, "urlFrom": KEY}), "a webhook has either url or urlFrom"),
    "a mail with a url": (told({**HOOK, "type": "mail"}), "a mail goes to the ownerEmail"),
    "a mail at the start": (told({"name": "a", "type": "mail", "when": ["start"]}), "none is sent at the start"),
    "never": (told({**HOOK, "when": []}), "notifications[0].when"),
    "another word for when": (told({**HOOK, "on": ["failure"]}), "unknown field"),
    "no http": (told({**HOOK, "url": "file:///etc/passwd"}), "notifications[0].url"),
    "upper case": (told({**HOOK, "name": "Ops"}), "notifications[0].name"),
    "a name twice": (told(HOOK, HOOK), "Duplicate value"),
    "a header without a value": (told({**HOOK, "headers": [{"name": "A"}]}), "a header has either"),
    "a header that is two": (told({**HOOK, "headers": [{"name": "A", "value": "b\nC: d"}]}), "headers[0].value"),
    "slack without a url": (receivers(slack=[{"name": "a"}]), "either url or urlFrom is required"),
    "recipients with another wildcard": (receivers(mail=[{**MAIL, "recipients": ["[ab]@c"]}]), "recipients[0]"),
    "no syslog": (receivers(syslog={"address": "http://x:1"}), "syslog.address"),
    "a sender that is two": (receivers(mail=[{**MAIL, "sender": "a\nBcc: b@c"}]), "mail[0].sender"),
    "a date with blanks": (
        receivers(elasticsearch=[{"name": "a", "url": "http://es", "indexDateFormat": "%c"}]),
        "indexDateFormat",
    ),
}


@pytest.mark.parametrize(("document", "sentence"), REFUSED.values(), ids=list(REFUSED))
def test_refused(document: dict[str, Any], sentence: str, judge: Judge) -> None:
    assert sentence in judge.refusal(document)
