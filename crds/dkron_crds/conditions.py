"""Conditions: what the operator states about an object, in the form that all Kubernetes objects share."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from dkron_crds.base import Count, Instant, WireModel

MAX_MESSAGE = 1024

Reason = Annotated[str, Field(max_length=128)]


class ConditionType(StrEnum):
    """The conditions that the operator sets."""

    READY = "Ready"
    SUSPENDED = "Suspended"
    DEGRADED = "Degraded"
    DELIVERS = "Delivers"
    CONFLICTED = "Conflicted"


class ConditionStatus(StrEnum):
    """Whether a condition holds."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class ReadyReason(StrEnum):
    """Reasons of the condition Ready; it is True with the first alone."""

    SCHEDULED = "Scheduled"
    PENDING = "Pending"
    INVALID_SCHEDULE = "InvalidSchedule"
    INVALID_TIMEZONE = "InvalidTimezone"
    INVALID_TEMPLATE = "InvalidTemplate"
    INVALID_EXECUTOR_CONFIG = "InvalidExecutorConfig"
    INVALID_TAGS = "InvalidTags"
    NODES_FORBIDDEN = "NodesForbidden"
    UNKNOWN_EXECUTOR = "UnknownExecutor"
    INVALID_PROCESSOR = "InvalidProcessor"
    PARENT_NOT_FOUND = "ParentNotFound"
    PARENT_CYCLE = "ParentCycle"
    DUPLICATE_NAME = "DuplicateName"
    INVALID_SPEC = "InvalidSpec"
    INLINE_NOT_ALLOWED = "InlineNotAllowed"
    UNREADABLE = "Unreadable"
    INTERNAL_ERROR = "InternalError"


class SuspendedReason(StrEnum):
    """Reasons of the condition Suspended when it is True."""

    DISABLED = "Disabled"
    EXPIRED = "Expired"
    NOT_STARTED = "NotStarted"


class Condition(WireModel):
    """One statement about the job, in the form that all Kubernetes objects share."""

    type: Annotated[str, Field(max_length=64)]
    """Ready: the job is understood and will run when it is due. Suspended: it is understood but does not run
    by schedule. Degraded: its newest attempt, or where its output should go, needs a person."""

    status: ConditionStatus
    """True, False or Unknown."""

    reason: Reason
    """One word for programs. Ready: Scheduled, Pending (the operator has not looked yet, or a parent may
    still come), InvalidSchedule, InvalidTimezone, InvalidTemplate, InvalidExecutorConfig, InvalidTags,
    NodesForbidden (tags need the right to list and watch nodes), UnknownExecutor, InvalidProcessor,
    ParentNotFound, ParentCycle, DuplicateName. Suspended: Disabled, Expired, NotStarted. Degraded: for example
    ImagePullBackOff, JobLost, JobRejected, NameTaken, NodeGone, NoReceiver, InvalidNotify."""

    message: Annotated[str, Field(max_length=MAX_MESSAGE)] = ""
    """A sentence for people: what is wrong, where, and what is allowed."""

    last_transition_time: Instant
    """When status last changed."""

    observed_generation: Count = 0
    """The metadata.generation that this statement is about."""
