"""The kind DkronPool: places that runs of several jobs share, so that only so many of them are active at once.

Its size is the only number that is kept. Who holds a place follows from the DkronJobs.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from dkron_crds.base import ATOMIC_LIST, LIST_BY_TYPE, LIST_IS_SET, Count, Instant, Resource, StatusModel, WireModel
from dkron_crds.conditions import MAX_MESSAGE, Condition
from dkron_crds.depends import DkronName
from dkron_crds.names import API_VERSION, NAMESPACE_PATTERN

MAX_POOLS = 4
MAX_PRIORITY = 1000
MAX_POOL_SIZE = 1000
MAX_POOL_NAMESPACES = 100
SHOWN_IN_LINE = 10
"""How many of the runs that wait the status of a pool names."""

PoolName = Annotated[str, Field(min_length=1, max_length=253, pattern="^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]
"""The name of a DkronPool."""
Priority = Annotated[int, Field(ge=-MAX_PRIORITY, le=MAX_PRIORITY)]


class PoolOrder(StrEnum):
    """Which of the runs that wait for a place gets the next one."""

    FIFO = "fifo"
    PRIORITY = "priority"


class PoolReason(StrEnum):
    """Reasons of the condition Ready of a DkronPool. Only the first one goes with status True."""

    SERVING = "Serving"
    INVALID = "Invalid"
    TOO_MANY = "TooMany"


class PoolSpec(WireModel):
    """How many places there are, who gets the next one, and which jobs may name the pool."""

    size: Annotated[int, Field(ge=0, le=MAX_POOL_SIZE)]
    """How many runs may hold a place at once. A smaller size ends no run: further ones begin when enough have ended. 0
    lets no run begin."""

    order: PoolOrder = PoolOrder.FIFO
    """Which of the runs that wait begins first: "fifo" is the one that has waited longest; "priority" is the one whose
    job has the highest spec.priority, and of several the one that has waited longest. Priorities are compared within a
    namespace: of the first runs of several namespaces, the one that has waited longest begins."""

    per_namespace: Annotated[int, Field(ge=1, le=MAX_POOL_SIZE)] | None = None
    """How many places the runs of one namespace may hold at once; without it, all. It has an effect only in the
    operator's own namespace, like namespaces. A smaller number ends no run."""

    namespaces: Annotated[
        tuple[Annotated[str, Field(max_length=63, pattern=f"^{NAMESPACE_PATTERN}$")], ...],
        Field(max_length=MAX_POOL_NAMESPACES, json_schema_extra=LIST_IS_SET),
    ] = ()
    """The namespaces whose jobs may name the pool, beside its own. It has an effect only in the operator's own
    namespace, where those who may only write jobs cannot create it. A pool of the same name in the namespace of a job
    comes first."""


class WaitingRun(WireModel):
    """A run that waits for a place in the pool."""

    namespace: Annotated[str, Field(max_length=63)]
    """The namespace of its job."""

    job: DkronName
    """The Dkron name of its job."""

    id: Annotated[str, Field(max_length=96)]
    """The id of its execution."""

    queued_at: Instant
    """Since when it waits."""

    priority: Priority = 0
    """The priority of its job."""


class Reservation(WireModel):
    """A place that stays free for a run, which waits for a place in another of its pools."""

    namespace: Annotated[str, Field(max_length=63)]
    """The namespace of its job."""

    job: DkronName
    """The Dkron name of its job."""

    id: Annotated[str, Field(max_length=96)]
    """The id of its execution."""

    since: Instant
    """Since when the place is kept."""


class PoolStatus(StatusModel):
    """Who has the places, and who waits for one. The operator writes it."""

    conditions: Annotated[tuple[Condition, ...], Field(max_length=4, json_schema_extra=LIST_BY_TYPE)] = ()
    """The condition Ready: jobs can take places. Stalled is True if only an edit of the pool helps, and otherwise
    absent."""

    size: Count = 0
    """How many places there are."""

    running: Count = 0
    """How many runs hold a place. They may be more than there are places for a while after the size shrank, or after
    jobs whose runs are active began to name the pool."""

    waiting: Count = 0
    """How many runs could begin if the pool had a place for them."""

    line: Annotated[tuple[WaitingRun, ...], Field(max_length=SHOWN_IN_LINE, json_schema_extra=ATOMIC_LIST)] = ()
    """The first ten of them, in the order in which they get a place."""

    reserved: Reservation | None = None
    """The run that has one of the free places reserved; none, if all free places go to the next runs."""

    message: Annotated[str, Field(max_length=MAX_MESSAGE)] = ""
    """One sentence for people."""


class DkronPool(Resource):
    """Places for the runs of jobs that name it in spec.pools: so many of them are active at once, and the others wait
    in line."""

    api_version: Literal["dkron.io/v1alpha1"] = API_VERSION
    kind: Literal["DkronPool"] = "DkronPool"
    spec: PoolSpec
    status: PoolStatus = PoolStatus()
