"""Conditions that the operator reports on an object, in the form common to all Kubernetes objects."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from dkron_crds.base import Count, Instant, WireModel

MAX_CONDITIONS = 8
MAX_MESSAGE = 1024
MAX_REASON = 128

Reason = Annotated[str, Field(max_length=MAX_REASON)]


class ConditionType(StrEnum):
    """The condition types that the operator sets."""

    READY = "Ready"
    SUSPENDED = "Suspended"
    DEGRADED = "Degraded"
    DELIVERS = "Delivers"
    ARCHIVES = "Archives"
    CONFLICTED = "Conflicted"
    ACTIVE = "Active"
    STALLED = "Stalled"


class ConditionStatus(StrEnum):
    """Whether a condition holds."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class ReadyReason(StrEnum):
    """Reasons of the condition Ready. Only the first one goes with status True."""

    SCHEDULED = "Scheduled"
    PENDING = "Pending"
    INVALID_SCHEDULE = "InvalidSchedule"
    INVALID_TIMEZONE = "InvalidTimezone"
    INVALID_TEMPLATE = "InvalidTemplate"
    INVALID_EXECUTOR_CONFIG = "InvalidExecutorConfig"
    INVALID_PARAMETERS = "InvalidParameters"
    PARAMETER_REQUIRED = "ParameterRequired"
    INVALID_TAGS = "InvalidTags"
    NODES_FORBIDDEN = "NodesForbidden"
    UNKNOWN_EXECUTOR = "UnknownExecutor"
    INVALID_PROCESSOR = "InvalidProcessor"
    PARENT_NOT_FOUND = "ParentNotFound"
    PARENT_CYCLE = "ParentCycle"
    POOL_NOT_FOUND = "PoolNotFound"
    DUPLICATE_NAME = "DuplicateName"
    INVALID_SPEC = "InvalidSpec"
    INLINE_NOT_ALLOWED = "InlineNotAllowed"
    NAMESPACE_REFUSED = "NamespaceRefused"
    ACCOUNT_REFUSED = "AccountRefused"
    UNREADABLE = "Unreadable"
    INTERNAL_ERROR = "InternalError"


MENDED_BY_AN_EDIT = frozenset(
    {
        ReadyReason.INVALID_SCHEDULE,
        ReadyReason.INVALID_TIMEZONE,
        ReadyReason.INVALID_TEMPLATE,
        ReadyReason.INVALID_EXECUTOR_CONFIG,
        ReadyReason.INVALID_PARAMETERS,
        ReadyReason.PARAMETER_REQUIRED,
        ReadyReason.INVALID_TAGS,
        ReadyReason.UNKNOWN_EXECUTOR,
        ReadyReason.INVALID_PROCESSOR,
        ReadyReason.INVALID_SPEC,
        ReadyReason.INLINE_NOT_ALLOWED,
        ReadyReason.NAMESPACE_REFUSED,
        ReadyReason.ACCOUNT_REFUSED,
        ReadyReason.UNREADABLE,
    }
)
"""Reasons that go away with an edit of the job, or with other options of the operator. Those that are left also go away
as other objects change, which may be a moment later in the same apply: a parent, a cycle, a name, a permission."""

NOT_BY_ITSELF = frozenset(
    {
        ReadyReason.PARENT_NOT_FOUND,
        ReadyReason.PARENT_CYCLE,
        ReadyReason.PARAMETER_REQUIRED,
        ReadyReason.POOL_NOT_FOUND,
    }
)
"""Reasons of a job that does not run by itself, but can run: on request, and without its pool its runs wait. A job with
any other one cannot run at all."""


class SuspendedReason(StrEnum):
    """Reasons of the condition Suspended when it is True."""

    DISABLED = "Disabled"
    EXPIRED = "Expired"
    NOT_STARTED = "NotStarted"
    PAUSED = "Paused"


class Condition(WireModel):
    """One condition of the object, in the form common to all Kubernetes objects."""

    type: Annotated[str, Field(max_length=64)]
    """Type of the condition. On a DkronJob: Ready (the operator understands the job and will run it when due),
    Suspended (the operator understands the job but does not run it by schedule) and Degraded (the newest attempt, or
    the delivery of its output, needs attention). On a DkronCluster: Ready, Delivers, Archives and Conflicted. On a
    DkronRun and a DkronBackfill: Ready, Complete, Failed. On a DkronBackfill that goes on: Ready, Suspended. On a
    DkronPause: Ready, Active. On a DkronPool: Ready. Beside a Ready that is False, Stalled is True if waiting does
    not help; otherwise it is absent."""

    status: ConditionStatus
    """True, False or Unknown."""

    reason: Reason
    """A CamelCase word for programs. Ready of a DkronJob: Scheduled; Pending (the operator has not processed the job
    yet, or a parent may still appear); InvalidSchedule; InvalidTimezone; InvalidTemplate; InvalidExecutorConfig;
    InvalidParameters (spec.parameters, or where a parameter stands in executorConfig); ParameterRequired (a required
    parameter has no default, so the job runs only on request); InvalidTags; NodesForbidden (tags need permission to
    list and watch nodes); UnknownExecutor; InvalidProcessor; ParentNotFound; ParentCycle; PoolNotFound;
    DuplicateName; InvalidSpec (the object does not match the current definition; apply it again); InlineNotAllowed
    (the operator makes no calls without a pod, see its option --inline-calls); NamespaceRefused (the operator runs no
    jobs in this namespace: its own, or one of --refused-namespaces); AccountRefused (the pod would use the operator's
    service account, or one of --refused-accounts); Unreadable (the object nests too deep, or its jobTemplate is too
    long); InternalError (a fault of the operator, which logs it and tries again). Suspended: Disabled, Expired,
    NotStarted, Paused (a DkronPause holds the job). Degraded: for example ImagePullBackOff, JobLost, JobRejected,
    NameTaken, NodeGone, NoReceiver, InvalidNotify. Ready of a DkronCluster: Leading, NoLease, Waiting, Left, Stopped.
    Delivers: AsExpected, InvalidReceiver. Archives: AsExpected, Unreachable. Conflicted: SharedNamespace. Ready and
    Active of a DkronPause: Paused, Expired, NotAllowed, TooMany, Invalid. Ready of a DkronPool: Serving, Invalid,
    TooMany. Ready of a DkronRun: NotEnded, Succeeded, or why it failed. Ready of a DkronBackfill: Running, Suspended,
    Finished, Planned, RunsFailed, Stopped, Refused. Stalled: the reason of Ready."""

    message: Annotated[str, Field(max_length=MAX_MESSAGE)] = ""
    """A sentence for people: what is wrong, where, and what is allowed."""

    last_transition_time: Instant
    """When status last changed."""

    observed_generation: Count = 0
    """The metadata.generation that this condition describes."""


def condition(
    before: Iterable[Condition], kind: str, verdict: tuple[ConditionStatus, str, str], *, now: datetime, generation: int
) -> Condition:
    """Return the condition with this status, reason and message. It keeps the time of a status that it had `before`,
    and is the same object if nothing of it has changed: most plans change none, and making one costs more."""
    status, reason, message = verdict
    text = message[:MAX_MESSAGE]
    old = next((each for each in before if each.type == kind and each.status is status), None)
    if old is not None and (old.reason, old.message, old.observed_generation) == (reason, text, generation):
        return old
    return Condition(
        type=kind, status=status, reason=reason, message=text,
        last_transition_time=now if old is None else old.last_transition_time, observed_generation=generation,
    )  # fmt: skip
