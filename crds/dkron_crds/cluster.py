"""The kind DkronCluster: the installation as a whole, one object named `dkron` in the operator's
namespace."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from dkron_crds.base import ATOMIC_LIST, LIST_BY_TYPE, Count, Resource, StatusModel, WireModel
from dkron_crds.conditions import Condition
from dkron_crds.names import API_VERSION
from dkron_crds.notifications import MAX_NOTIFICATIONS, Notification
from dkron_crds.receivers import LIST_BY_NAME, Receivers
from dkron_crds.rules import ONE_CLUSTER, validations
from dkron_crds.status import Day

MAX_DAYS = 366
MAX_DEPARTED = 7


class ClusterSpec(WireModel):
    """What a person wants of the installation as a whole."""

    paused: bool = False
    """True makes the REST API refuse new and changed jobs (POST, PUT and PATCH of jobs answer 503), until it is
    false again. Runs by schedule and on request go on, and so does everything else. POST /v1/pause and
    /v1/unpause set it."""

    receivers: Receivers = Receivers()
    """Where the operator may send the output of executions, and mail. What is not listed here, no job can make it
    connect to."""

    notifications: Annotated[
        tuple[Notification, ...], Field(max_length=MAX_NOTIFICATIONS, json_schema_extra=LIST_BY_NAME)
    ] = ()
    """Who is told about the runs of all jobs."""


class ClusterStatus(StatusModel):
    """The state of the installation. Written by the operator alone."""

    observed_generation: Count = 0
    """The metadata.generation that the operator has acted on."""

    conditions: Annotated[
        tuple[Condition, ...],
        Field(max_length=8, json_schema_extra=LIST_BY_TYPE),
    ] = ()
    """Statements about the installation. Ready: an operator holds the Lease and fires what is due. Delivers: its
    receivers and notifications make sense; absent if there are none. Conflicted: another installation fires jobs in a
    namespace that this one watches; absent if none was seen lately."""

    leader: Annotated[str, Field(max_length=253)] = ""
    """The replica that fires jobs: the holder of the Lease. Empty while there is none."""

    replicas: Annotated[int, Field(ge=0, le=1000)] = 0
    """How many replicas of the operator run."""

    version: Annotated[str, Field(max_length=64)] = ""
    """Version of the operator that leads."""

    jobs: Count = 0
    """How many DkronJobs the operator looks after."""

    active: Count = 0
    """How many attempts are active in all jobs."""

    days: Annotated[tuple[Day, ...], Field(max_length=MAX_DAYS, json_schema_extra=ATOMIC_LIST)] = ()
    """How many executions of all jobs ended on each day (UTC), the newest last, for about a year. GET
    /v1/stats shows them."""

    departed: Annotated[tuple[Day, ...], Field(max_length=MAX_DEPARTED, json_schema_extra=ATOMIC_LIST)] = ()
    """How much of the newest days no job shows any more, because it was deleted or has dropped the day. With what
    the jobs show it makes up the total of a day, also while days is not written yet."""


class DkronCluster(Resource):
    """The installation as a whole: pause it, see who leads it and how its jobs fare."""

    model_config = ConfigDict(json_schema_extra=validations(ONE_CLUSTER))

    api_version: Literal["dkron.io/v1alpha1"] = API_VERSION
    kind: Literal["DkronCluster"] = "DkronCluster"
    spec: ClusterSpec = ClusterSpec()
    status: ClusterStatus = ClusterStatus()
