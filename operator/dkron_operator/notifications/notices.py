"""Notifications: which endpoints are told about a run, and what they are sent. Pure; `delivery/` sends."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from dkron_crds.job import Attempt, JobStatus
from dkron_crds.notifications import NOTIFY_PREFIX, NotificationType, When
from dkron_crds.receivers import Header
from dkron_operator.notifications.endpoints import Endpoint
from dkron_operator.notifications.payload import PayloadError, values
from dkron_processors.mails import addresses, mail
from dkron_processors.message import Ended, Parcel, Post
from dkron_processors.site import Site, find

OFF = "off"
PRECEDENCE = (When.START, When.RECOVERY, When.FAILURE, When.SUCCESS, When.ALWAYS)
"""A message names the first of several events that apply."""
URGENT = frozenset({When.FAILURE, When.RECOVERY})
"""A message about one of these is dropped only if its namespace has no other, whichever event it names."""
_CONTENT = {"json": "application/json", "text": "text/plain; charset=utf-8"}
_NOTHING: Mapping[str, str] = {}


def read_notify(metadata: Mapping[str, object]) -> Mapping[str, str]:
    """The notification annotations of a job, by the name of the notification. All jobs without any share the result."""
    annotations = metadata.get("annotations")
    found = annotations if isinstance(annotations, Mapping) else {}
    notify = {key.removeprefix(NOTIFY_PREFIX): text for key, text in found.items() if key.startswith(NOTIFY_PREFIX)}
    return notify or _NOTHING


def check_notify(notify: Mapping[str, str]) -> str:
    """The first problem of these annotations; empty if they have none."""
    for name, text in notify.items():
        if _read_when(text) is None:
            offered = ", ".join(When)
            return f'annotation {NOTIFY_PREFIX}{name}: "{text}" is neither "{OFF}" nor a list of {offered}'
    return ""


def concerns(endpoints: Iterable[Endpoint], notify: Mapping[str, str]) -> bool:
    """Whether any endpoint is told about the ends of this job's attempts."""
    return any(_wanted(endpoint, notify) - {When.START} for endpoint in endpoints)


def awaits_retry(status: JobStatus, execution: Attempt) -> bool:
    """Whether its newest later attempt is a retry that has not begun, and so may be cancelled."""
    if execution.success:
        return False
    newest = max(_later(status, execution), key=lambda other: other.attempt, default=None)
    return newest is not None and newest.is_claim


def happened(status: JobStatus, execution: Attempt) -> frozenset[When]:
    """The events that the end of this attempt means; none if another attempt follows a failure."""
    if not execution.success:
        return frozenset() if _later(status, execution) else frozenset({When.ALWAYS, When.FAILURE})
    before = [other for other in status.executions if other.group < execution.group]
    # The last attempt of the run before this one decides whether that failed.
    last = max(before, key=lambda other: (other.group, other.attempt), default=execution)
    recovery = frozenset[When]() if last.success else frozenset({When.RECOVERY})
    return frozenset({When.ALWAYS, When.SUCCESS}) | recovery


def render(
    endpoints: Iterable[Endpoint], site: Site, ended: Ended, *, events: frozenset[When], notify: Mapping[str, str]
) -> tuple[list[Parcel], list[str]]:
    """The messages to send, and a sentence about each payload that could not be rendered."""
    parcels, problems = [], []
    for endpoint in endpoints:
        meant = events & _wanted(endpoint, notify)
        if not meant:
            continue
        try:
            parcel = _parcel(endpoint, site, ended, next(event for event in PRECEDENCE if event in meant))
        except PayloadError as exc:
            problems.append(f"notification {endpoint.name}: {exc}")
        else:
            parcels += [] if parcel is None else [replace(parcel, is_urgent=not events.isdisjoint(URGENT))]
    return parcels, problems


def _later(status: JobStatus, execution: Attempt) -> list[Attempt]:
    """The attempts after this one."""
    mine = execution.group, execution.member
    others: tuple[Attempt, ...] = (*status.executions, *status.active)
    return [each for each in others if (each.group, each.member) == mine and each.attempt > execution.attempt]


def _parcel(endpoint: Endpoint, site: Site, ended: Ended, event: When) -> Parcel | None:
    told = endpoint.notification
    if told.type is NotificationType.MAIL:
        return _mail(endpoint, site, ended, event)
    text = endpoint.payload.render(values(ended, event))
    given = {header.name.lower() for header in told.headers}
    content = Header(name="Content-Type", value=_CONTENT[told.format])
    headers = told.headers if "content-type" in given else (content, *told.headers)
    # Lets the receiver recognize repetitions.
    once = Header(name="Idempotency-Key", value=f"{ended.execution.id}/{event}")
    headers = headers if "idempotency-key" in given else (*headers, once)
    return Parcel(f"webhook/{told.name}", Post(text.encode(), url=told.url, url_from=told.url_from, headers=headers))


def _mail(endpoint: Endpoint, site: Site, ended: Ended, event: When) -> Parcel | None:
    server = find(site.receivers.mail, endpoint.notification.server)
    if server is None or not ended.owner_email.strip():
        return None
    try:
        to = addresses(ended.owner_email)
    except ValueError as exc:
        raise PayloadError(f"ownerEmail: {exc}") from exc
    text = endpoint.payload.render(values(ended, event))
    return Parcel(f"mail/{server.name}", mail(server, to, ended, purpose=f"notification-{endpoint.name}", text=text))


def _wanted(endpoint: Endpoint, notify: Mapping[str, str]) -> frozenset[When]:
    own = _read_when(notify[endpoint.name]) if endpoint.name in notify else None
    wanted = frozenset(endpoint.notification.when) if own is None else own
    # No mail is sent when a run begins, whatever an annotation says.
    return wanted - {When.START} if endpoint.notification.type is NotificationType.MAIL else wanted


def _read_when(text: str) -> frozenset[When] | None:
    words = [word.strip() for word in text.split(",") if word.strip()]
    if words == [OFF]:
        return frozenset()
    try:
        return frozenset(When(word) for word in words) or None
    except ValueError:
        return None
