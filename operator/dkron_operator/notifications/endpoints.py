"""Endpoints: the valid notifications of a DkronCluster, and what is wrong with the others."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from dkron_crds.notifications import Notification, NotificationType, PayloadFormat
from dkron_operator.notifications.payload import Payload, PayloadError, compile_payload
from dkron_operator.notifications.values import NAMES, samples
from dkron_processors.site import Site, find, lacking

SLACK = '{"username": "dkron", "text": "{{ report }}"}'
"""The payload of a webhook without one; Slack, Mattermost, Discord (/slack) and others accept it."""
REPORT = "{{ report }}\n\n{{ output }}"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A notification that can be sent."""

    notification: Notification
    payload: Payload

    @property
    def name(self) -> str:
        """The name of the notification."""
        return self.notification.name


def read_endpoints(notifications: Iterable[Notification], site: Site) -> tuple[tuple[Endpoint, ...], tuple[str, ...]]:
    """The notifications that can be used, and a sentence about each one that cannot."""
    usable, problems = [], []
    for notification in notifications:
        try:
            usable.append(_endpoint(notification, site))
        except PayloadError as exc:
            problems.append(f"notifications.{notification.name}: {exc}")
    return tuple(usable), tuple(problems)


def _endpoint(notification: Notification, site: Site) -> Endpoint:
    by_mail = notification.type is NotificationType.MAIL
    if by_mail and find(site.receivers.mail, notification.server) is None:
        raise PayloadError(f"server: {lacking('mail', notification.server, site.receivers.mail)}")
    form = PayloadFormat.TEXT if by_mail else notification.format
    standard = REPORT if form is PayloadFormat.TEXT else SLACK
    payload = compile_payload(notification.payload or standard, form, names=NAMES)
    for sample in samples():
        text = payload.render(sample)
        if form is PayloadFormat.JSON:
            _require_json(text)
    return Endpoint(notification, payload)


def _require_json(text: str) -> None:
    try:
        json.loads(text)
    except ValueError as exc:
        raise PayloadError(
            f'payload: the result is not JSON ({exc}); put texts between quotes, "{{{{ output }}}}", '
            "or use format: text"
        ) from exc
