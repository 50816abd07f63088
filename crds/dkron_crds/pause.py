"""The kind DkronPause: while it exists, jobs do not start by schedule or after a parent.

It changes no DkronJob, so GitOps has nothing to revert.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from dkron_crds.base import LIST_BY_TYPE, LIST_IS_SET, Count, Instant, Resource, StatusModel, WireModel
from dkron_crds.conditions import MAX_MESSAGE, Condition
from dkron_crds.depends import DkronName
from dkron_crds.names import API_VERSION
from dkron_crds.rules import COMMON_YEAR, JOBS_OR_SELECTOR, keys_at_most, validations

MAX_PAUSED_NAMES = 100


class WhenResumed(StrEnum):
    """What happens to the slots that came due during the pause."""

    MISSED_RUNS = "missedRuns"
    DROP = "drop"


class PauseReason(StrEnum):
    """Reasons of the condition Active of a DkronPause. Only the first one goes with status True."""

    PAUSED = "Paused"
    EXPIRED = "Expired"
    NOT_ALLOWED = "NotAllowed"
    TOO_MANY = "TooMany"
    INVALID = "Invalid"


class PauseSpec(WireModel):
    """Which jobs pause, why, and what happens to the slots meanwhile."""

    model_config = ConfigDict(json_schema_extra=validations(JOBS_OR_SELECTOR))

    jobs: Annotated[tuple[DkronName, ...], Field(max_length=MAX_PAUSED_NAMES, json_schema_extra=LIST_IS_SET)] = ()
    """The Dkron names of jobs in the same namespace. Without jobs and selector, all jobs of the namespace pause."""

    selector: Annotated[
        dict[str, Annotated[str, Field(max_length=63)]],
        Field(max_length=16, json_schema_extra=keys_at_most(317)),
    ] = Field(default_factory=dict)
    """Labels: all DkronJobs of the namespace that have them pause. Cannot be combined with jobs."""

    all_namespaces: bool = False
    """If true, the pause holds in every namespace that the operator watches. It has an effect only in the operator's
    own namespace, where those who may only write jobs cannot create it; elsewhere its condition Active says
    NotAllowed."""

    enforce: bool = False
    """If true, force does not overrule the pause: forced runs and the runs of backfills are refused as well. It has an
    effect only in the operator's own namespace; elsewhere the condition Active says that it has none."""

    when_resumed: WhenResumed = WhenResumed.MISSED_RUNS
    """What happens to slots that come due before the pause ends. "missedRuns" leaves them undecided, and then treats
    them as slots that the operator missed: spec.missedRuns and startingDeadlineSeconds of the job decide. "drop" counts
    them as skipped, with the reason Paused. Of several pauses of a job, one with "drop" decides."""

    until: Annotated[Instant | None, Field(json_schema_extra=validations(COMMON_YEAR))] = None
    """When the pause ends by itself: a slot at this time runs. Empty means when the object is deleted."""

    reason: Annotated[str, Field(max_length=256)] = ""
    """Why: the condition Suspended of each paused job shows it."""

    paused_by: Annotated[str, Field(max_length=256)] = ""
    """Who pauses: free text. dkronctl writes the name of the user."""


class PauseStatus(StatusModel):
    """The jobs that the pause holds. The operator writes it."""

    conditions: Annotated[tuple[Condition, ...], Field(max_length=4, json_schema_extra=LIST_BY_TYPE)] = ()
    """The conditions Active (the pause holds now) and Ready (it holds now, or has ended by itself). Stalled is True if
    only an edit of the pause gives it an effect, and otherwise absent."""

    jobs: Count = 0
    """Number of jobs that it pauses."""

    message: Annotated[str, Field(max_length=MAX_MESSAGE)] = ""
    """One sentence for people."""


class DkronPause(Resource):
    """A pause of jobs, of a namespace, or of everything. Deleting it resumes them."""

    api_version: Literal["dkron.io/v1alpha1"] = API_VERSION
    kind: Literal["DkronPause"] = "DkronPause"
    spec: PauseSpec = PauseSpec()
    status: PauseStatus = PauseStatus()
