"""The kind DkronCluster: the whole installation, as one object named `dkron` in the operator's namespace."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from dkron_crds.base import ATOMIC_LIST, LIST_BY_TYPE, Count, Resource, StatusModel, WireModel
from dkron_crds.conditions import MAX_CONDITIONS, Condition
from dkron_crds.names import API_VERSION
from dkron_crds.notifications import MAX_NOTIFICATIONS, Notification
from dkron_crds.receivers import LIST_BY_NAME, Receivers
from dkron_crds.rules import ONE_CLUSTER, validations
from dkron_crds.status import Day

MAX_DAYS = 366
MAX_DEPARTED = 7


class ClusterSpec(WireModel):
    """The desired state of the installation."""

    paused: bool = False
    """If true, the REST API rejects new and changed jobs: POST, PUT and PATCH of jobs answer 503. Scheduled and
    requested runs continue, as does everything else. POST /v1/pause and /v1/unpause set this field."""

    receivers: Receivers = Receivers()
    """Where the operator may send mail and the output of executions. A job cannot make it connect to anything that is
    not listed here."""

    notifications: Annotated[
        tuple[Notification, ...], Field(max_length=MAX_NOTIFICATIONS, json_schema_extra=LIST_BY_NAME)
    ] = ()
    """Notifications about the runs of all jobs."""


class ClusterStatus(StatusModel):
    """The observed state of the installation. Only the operator writes it."""

    conditions: Annotated[
        tuple[Condition, ...],
        Field(max_length=MAX_CONDITIONS, json_schema_extra=LIST_BY_TYPE),
    ] = ()
    """Conditions of the installation. Ready: an operator holds the Lease, or runs without one, and fires due jobs.
    Delivers: the receivers and notifications are valid; absent if there are none. Archives: the archive takes
    executions; absent without one. Conflicted: another installation fires jobs in a namespace that this one watches;
    absent if none was seen recently."""

    leader: Annotated[str, Field(max_length=253)] = ""
    """The replica that fires jobs: the holder of the Lease. Empty while no replica holds it."""

    replicas: Annotated[int, Field(ge=0, le=1000)] = 0
    """Number of running replicas of the operator."""

    version: Annotated[str, Field(max_length=64)] = ""
    """Version of the leading operator."""

    jobs: Count = 0
    """Number of DkronJobs that the operator manages."""

    active: Count = 0
    """Number of active attempts of all jobs."""

    days: Annotated[tuple[Day, ...], Field(max_length=MAX_DAYS, json_schema_extra=ATOMIC_LIST)] = ()
    """Number of executions of all jobs that ended on each day (UTC), oldest first, for about a year. GET /v1/stats
    shows them."""

    departed: Annotated[tuple[Day, ...], Field(max_length=MAX_DEPARTED, json_schema_extra=ATOMIC_LIST)] = ()
    """The part of the newest days' counts that no job shows any more, because the job was deleted or no longer keeps
    that day. Added to what the jobs show, it gives the total of a day even before days is written."""


class DkronCluster(Resource):
    """The installation as a whole: pause it, see its leader and the number of its jobs and executions."""

    model_config = ConfigDict(json_schema_extra=validations(ONE_CLUSTER))

    api_version: Literal["dkron.io/v1alpha1"] = API_VERSION
    kind: Literal["DkronCluster"] = "DkronCluster"
    spec: ClusterSpec = ClusterSpec()
    status: ClusterStatus = ClusterStatus()
