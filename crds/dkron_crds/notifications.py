"""Who is told about runs, installation-wide: `DkronCluster.spec.notifications`."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from dkron_crds.base import ATOMIC_LIST, WireModel
from dkron_crds.receivers import EntryName, Headers, Source, Url
from dkron_crds.rules import MAIL_HAS_NO_ADDRESS, WEBHOOK_HAS_ONE_URL, validations

NOTIFY_PREFIX = "notify.dkron.io/"
"""Annotation `notify.dkron.io/<name>` of a DkronJob: "off", or what counts for this job instead of `when`."""
MAX_NOTIFICATIONS = 16


class When(StrEnum):
    """What a notification is about."""

    START = "start"
    SUCCESS = "success"
    FAILURE = "failure"
    RECOVERY = "recovery"
    ALWAYS = "always"


class NotificationType(StrEnum):
    """How a notification is sent."""

    MAIL = "mail"
    WEBHOOK = "webhook"


class PayloadFormat(StrEnum):
    """What values become in a payload."""

    JSON = "json"
    TEXT = "text"


class Notification(WireModel):
    """Somebody who is told about runs of all jobs."""

    model_config = ConfigDict(json_schema_extra=validations(WEBHOOK_HAS_ONE_URL, MAIL_HAS_NO_ADDRESS))

    name: EntryName
    """What it is called. The annotation notify.dkron.io/NAME on a DkronJob changes it for that job: "off", or a list
    as in when."""

    type: NotificationType = NotificationType.WEBHOOK
    """How it is sent: webhook, a POST to a url, or mail, to the ownerEmail of the job; jobs without one get none."""

    when: Annotated[tuple[When, ...], Field(min_length=1, max_length=5, json_schema_extra=ATOMIC_LIST)] = (When.ALWAYS,)
    """What it is about: failure, of the last attempt; recovery, the first success after a failure; success, every
    success; always, every end; start, when a run has begun (webhooks alone)."""

    url: Url = ""
    """Where a webhook goes."""

    url_from: Source | None = None
    """Where the url of a webhook comes from, if it is a secret."""

    headers: Headers = ()
    """Headers of a webhook. Content-Type is application/json with the format json, else text/plain, unless it is
    given."""

    payload: Annotated[str, Field(max_length=16384)] = ""
    """A template of what is sent: {{ job_name }}, {{ output }} and so on, {% if success %}, filters such as
    {{ output | tail(500) }}; see the documentation for all of them. It cannot loop or call. Empty: a message as Slack
    takes it, for a mail the report and the output."""

    format: PayloadFormat = PayloadFormat.JSON
    """What values become in the payload of a webhook: with json they are escaped, so that "text": "{{ output }}" is
    right whatever the output is; with text they stand as they are. Mails are text."""

    server: EntryName = "default"
    """For a mail: which one of spec.receivers.mail."""
