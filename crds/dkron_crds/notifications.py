"""Installation-wide notifications about runs: `DkronCluster.spec.notifications`."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from dkron_crds.base import ATOMIC_LIST, WireModel
from dkron_crds.receivers import EntryName, Headers, Source, Url
from dkron_crds.rules import MAIL_HAS_NO_ADDRESS, WEBHOOK_HAS_ONE_URL, validations

NOTIFY_PREFIX = "notify.dkron.io/"
"""Annotation `notify.dkron.io/<name>` of a DkronJob: "off", or a list that replaces `when` for this job."""
MAX_NOTIFICATIONS = 16


class When(StrEnum):
    """The event that a notification reports."""

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
    """How values are rendered in a payload."""

    JSON = "json"
    TEXT = "text"


class Notification(WireModel):
    """A notification about the runs of all jobs."""

    model_config = ConfigDict(json_schema_extra=validations(WEBHOOK_HAS_ONE_URL, MAIL_HAS_NO_ADDRESS))

    name: EntryName
    """Name of the notification. The annotation notify.dkron.io/NAME on a DkronJob overrides it for that job: "off",
    or a list as in when."""

    type: NotificationType = NotificationType.WEBHOOK
    """How it is sent: webhook (a POST to a url) or mail (to the ownerEmail of the job; jobs without one get no
    mail)."""

    when: Annotated[tuple[When, ...], Field(min_length=1, max_length=5, json_schema_extra=ATOMIC_LIST)] = (When.ALWAYS,)
    """Which events it reports. failure: the last attempt failed. recovery: the first success after a failure.
    success: every success. always: every end of a run. start: a run has begun (webhooks only)."""

    url: Url = ""
    """The URL of a webhook."""

    url_from: Source | None = None
    """The source of the webhook's URL, if it is a secret."""

    headers: Headers = ()
    """Headers of a webhook. If Content-Type is not given, it is application/json with the format json and text/plain
    with the format text."""

    payload: Annotated[str, Field(max_length=16384)] = ""
    """Template of the message: {{ job_name }}, {{ output }} and so on, {% if success %}, filters such as {{ output |
    tail(500) }}; the documentation lists all of them. It cannot loop or call functions. If empty, a webhook gets a
    message in Slack's format, and a mail contains the report and the output."""

    format: PayloadFormat = PayloadFormat.JSON
    """How values are rendered in the payload of a webhook. json escapes them, so that "text": "{{ output }}" is valid
    whatever the output is; text inserts them unchanged. Mails are always text."""

    server: EntryName = "default"
    """For a mail: the name of the server in spec.receivers.mail."""
