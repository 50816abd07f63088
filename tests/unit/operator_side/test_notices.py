"""Notices: what the end of an attempt means, and who wants to hear of it."""

import json
from typing import Any

import pytest

from dkron_crds.attempt_names import nanoseconds
from dkron_crds.job import Attempt, AttemptState, JobStatus, Trigger
from dkron_crds.notifications import Notification, When
from dkron_crds.receivers import Header, MailServer, Receivers
from dkron_operator.notifications.endpoints import Endpoint, read_endpoints
from dkron_operator.notifications.notices import awaits_retry, check_notify, concerns, happened, read_notify, render
from dkron_operator.plan.situation.cause import Cause
from dkron_processors.message import Ended, Mail, Post
from dkron_processors.site import Site
from tests.support.builders import UID, after, claim, execution

SITE = Site(Receivers(mail=(MailServer(name="default", host="mail", sender="dkron@example.com"),)))


def attempt(minute: int, number: int = 1, *, success: bool) -> Attempt:
    slot = after(minutes=minute)
    entry = Cause(Trigger.SCHEDULE, slot, nanoseconds(slot), number).entry(uid=UID, name="backup", at=after(minute))
    return execution(entry, success=success)


def status(*executions: Attempt, **fields: Any) -> JobStatus:
    return JobStatus(executions=executions[::-1], **fields)


GOOD, BAD = attempt(1, success=True), attempt(1, success=False)


@pytest.mark.parametrize(
    ("before", "this", "meaning"),
    [
        pytest.param((), GOOD, {When.ALWAYS, When.SUCCESS}, id="the first success of all"),
        pytest.param((), BAD, {When.ALWAYS, When.FAILURE}, id="a failure"),
        pytest.param((attempt(0, success=False),), GOOD, {When.ALWAYS, When.SUCCESS, When.RECOVERY}, id="a recovery"),
        pytest.param((attempt(0, success=False),), BAD, {When.ALWAYS, When.FAILURE}, id="a failure after another"),
        pytest.param((attempt(0, success=True),), GOOD, {When.ALWAYS, When.SUCCESS}, id="a success after another"),
        pytest.param(
            (attempt(-1, success=False), attempt(0, success=True)), GOOD, {When.ALWAYS, When.SUCCESS},
            id="recovered before",
        ),
        pytest.param(
            (attempt(0, success=False), attempt(0, 2, success=True)), GOOD, {When.ALWAYS, When.SUCCESS},
            id="a run before that took two attempts was no failure",
        ),
        pytest.param(
            (BAD,), attempt(1, 2, success=True), {When.ALWAYS, When.SUCCESS}, id="a retry that succeeds is no recovery"
        ),
        pytest.param(
            (attempt(0, success=False), BAD), attempt(1, 2, success=True), {When.ALWAYS, When.SUCCESS, When.RECOVERY},
            id="but it is after a failed run",
        ),
    ],
)  # fmt: skip
def test_end_of_a_run_means(before: tuple[Attempt, ...], this: Attempt, meaning: set[When]) -> None:
    assert happened(status(*before, this), this) == meaning


def test_a_failure_is_none_while_an_attempt_follows() -> None:
    following = claim(BAD.slot, attempt=2)
    assert happened(status(BAD, active=(following,)), BAD) == frozenset()
    assert happened(status(BAD, attempt(1, 2, success=False)), BAD) == frozenset()


BEGUN = claim(BAD.slot, attempt=2).model_copy(update={"state": AttemptState.RUNNING, "uid": "u"})


@pytest.mark.parametrize(
    ("later", "active", "expected"),
    [
        pytest.param((), (), False, id="there is none"),
        pytest.param((), (claim(BAD.slot, attempt=2),), True, id="it waits"),
        pytest.param((), (BEGUN,), False, id="it has begun"),
        pytest.param((attempt(1, 2, success=False),), (), False, id="it has ended"),
        pytest.param((attempt(1, 2, success=False),), (claim(BAD.slot, attempt=3),), True, id="a later one waits"),
        pytest.param((), (claim(attempt=2),), False, id="it is of another run"),
    ],
)
def test_whether_its_retry_may_still_be_cancelled(
    later: tuple[Attempt, ...], active: tuple[Attempt, ...], *, expected: bool
) -> None:
    assert awaits_retry(status(BAD, *later, active=active), BAD) is expected


def endpoint(**fields: Any) -> Endpoint:
    found, problems = read_endpoints([Notification(**{"name": "ops", "url": "http://x/hook", **fields})], SITE)
    assert not problems, problems
    return found[0]


def ended(of: Attempt = BAD, **fields: Any) -> Ended:
    return Ended(namespace="default", job="backup", execution=of, output='say "hi"\n', **fields)


def told(point: Endpoint, *events: When, notify: dict[str, str] | None = None, **fields: Any) -> Any:
    parcels, problems = render([point], SITE, ended(**fields), events=frozenset(events), notify=notify or {})
    assert not problems, problems
    return parcels[0].message if parcels else None


@pytest.mark.parametrize(
    ("when", "notify", "hears"),
    [
        pytest.param(["failure"], {}, {When.FAILURE}, id="failure"),
        pytest.param(["failure", "recovery"], {}, {When.FAILURE, When.RECOVERY}, id="two"),
        pytest.param(["always"], {}, {When.ALWAYS}, id="always"),
        pytest.param(["failure"], {"ops": "off"}, set(), id="off"),
        pytest.param(["failure"], {"other": "off"}, {When.FAILURE}, id="another is off"),
        pytest.param(["failure"], {"ops": "start, recovery"}, {When.START, When.RECOVERY}, id="other events"),
        pytest.param(["failure"], {"ops": "sometimes"}, {When.FAILURE}, id="nonsense changes nothing"),
    ],
)
def test_notification_gets_its_events(when: list[str], notify: dict[str, str], hears: set[When]) -> None:
    point = endpoint(when=when)
    assert {event for event in When if told(point, event, notify=notify) is not None} == hears
    assert concerns([point], notify) == bool(hears - {When.START})


def test_only_an_annotation_without_sense_is_named() -> None:
    assert [check_notify({"ops": text}) for text in ("off", "failure", "start,recovery", " always ")] == [""] * 4
    for text in ("", "on", "off,failure", "failure;recovery"):
        says = f'annotation notify.dkron.io/ops: "{text}" is neither "off" nor a list of start'
        assert says in check_notify({"ops": text})


def test_annotations_are_read_by_the_notification_name() -> None:
    assert read_notify({"annotations": {"notify.dkron.io/ops": "off", "run.dkron.io/a": "x"}}) == {"ops": "off"}
    assert read_notify({}) == {}


def test_a_webhook_sends_its_payload_with_its_headers() -> None:
    headers = (Header(name="X-Team", value="db"),)
    post = told(
        endpoint(payload='{"o": "{{ output }}", "e": "{{ event }}"}', headers=headers), When.ALWAYS, When.FAILURE
    )
    assert isinstance(post, Post)
    assert json.loads(post.body) == {"o": 'say "hi"\n', "e": "always"}
    by_name = {header.name: header.value for header in post.headers}
    assert by_name["Content-Type"] == "application/json"
    assert by_name["X-Team"] == "db"
    assert by_name["Idempotency-Key"].startswith(BAD.id)


def test_its_own_content_type_wins() -> None:
    post = told(endpoint(format="text", payload="x", headers=(Header(name="content-type", value="a/b"),)), When.ALWAYS)
    assert [header.value for header in post.headers if header.name.lower() == "content-type"] == ["a/b"]


def test_without_a_payload_it_is_a_message_for_slack() -> None:
    content = json.loads(told(endpoint(), When.ALWAYS).body)
    assert content["username"] == "dkron"
    assert "failed" in content["text"]


MAIL = {"type": "mail", "url": ""}


def test_mail_goes_to_the_owner_but_not_for_a_start() -> None:
    found = told(endpoint(**MAIL), When.ALWAYS, owner_email="me@example.com")
    assert isinstance(found, Mail)
    assert found.to == ("me@example.com",)
    assert found.text.endswith('say "hi"\n')
    assert told(endpoint(**MAIL), When.START, notify={"ops": "start"}, owner_email="a@b") is None


def test_missing_owner_gets_no_mail_and_invalid_is_reported() -> None:
    point, always = endpoint(**MAIL), frozenset({When.ALWAYS})
    assert told(point, *always) is None
    parcels, problems = render([point], SITE, ended(owner_email="not an address"), events=always, notify={})
    assert not parcels
    assert 'notification ops: ownerEmail: "not an address" is not an address' in problems[0]


@pytest.mark.parametrize(
    ("events", "urgent"),
    [
        ({When.START}, False),
        ({When.ALWAYS, When.SUCCESS}, False),
        ({When.ALWAYS, When.FAILURE}, True),
        ({When.ALWAYS, When.SUCCESS, When.RECOVERY}, True),
    ],
)
def test_urgent_messages_are_about_failures_and_recoveries(*, events: set[When], urgent: bool) -> None:
    point = endpoint(when=["always", "start"])
    (parcel,), _ = render([point], SITE, ended(), events=frozenset(events), notify={})
    assert parcel.is_urgent is urgent
