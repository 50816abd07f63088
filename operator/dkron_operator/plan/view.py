"""What the plan looks at: small frozen views of a DkronJob, of the Jobs that it has, and of how they ended.

Raw objects are read into these once, at the border; everything behind it trusts them.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from dkron_crds.job import Active, JobSpec, JobStatus, Trigger
from dkron_crds.requests import Request
from dkron_crds.schedule import Schedule
from dkron_crds.stops import Stop
from dkron_crds.traceparent import TraceContext
from dkron_operator.executors.problem import Problem
from dkron_operator.notifications.endpoints import Endpoint
from dkron_operator.plan.dependencies import ALONE, Dependencies
from dkron_operator.processors.site import Site

LABEL_MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGED_BY = "dkron-operator"
LABEL_JOB = "dkron.io/job"
LABEL_GROUP = "dkron.io/group"
SELECTOR = f"{LABEL_MANAGED_BY}={MANAGED_BY},{LABEL_JOB}"


@dataclass(frozen=True, slots=True)
class JobView:
    """A DkronJob as the last event or answer showed it, without its status. `accepted`: its annotation says that an
    operator has accepted it; `status_written`: the API server has a record that somebody wrote its status.

    `spec` has only settings that mean something; `ignored` names the others, and `unknown` is the problem that they are
    to a strict installation.
    """

    uid: str
    namespace: str
    name: str
    dkron_name: str
    generation: int
    created: datetime
    deleting: bool
    accepted: bool
    status_written: bool
    requests: tuple[Request, ...]
    stops: tuple[Stop, ...]
    spec: JobSpec
    schedule: Schedule | None
    problem: Problem | None
    fingerprint: str
    ignored: str = ""
    unknown: Problem | None = None
    notify: Mapping[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """What it is, for Events about it."""
        return "DkronJob"


class AttemptState(StrEnum):
    """How far a Kubernetes Job is."""

    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class AttemptJob:
    """A Kubernetes Job of ours, as last seen. `deleted_at` is when its deletion was asked for, as far as the API server
    has told; `gone` says that it was deleted since; `trace` is the span of what it
    runs, if it names one."""

    namespace: str
    name: str
    uid: str
    owner: str
    owner_name: str
    version: int
    id: str
    slot: datetime
    trigger: Trigger
    group: int
    attempt: int
    created: datetime
    state: AttemptState
    finished_at: datetime | None = None
    reason: str = ""
    message: str = ""
    deleting: bool = False
    deleted_at: datetime | None = None
    gone: bool = False
    member: str = ""
    node: str = ""
    trace: TraceContext | None = None

    @property
    def finished(self) -> bool:
        """Whether it has an outcome, good or bad."""
        return self.state in (AttemptState.SUCCEEDED, AttemptState.FAILED)

    @property
    def ended_before_its_deletion(self) -> bool:
        """Whether it had its outcome before anybody asked to delete it; both times are whole seconds."""
        if not self.finished or self.finished_at is None or self.deleted_at is None:
            return False
        return self.finished_at < self.deleted_at

    def entry(self, started_at: datetime) -> Active:
        """The line in `status.active` for it."""
        return Active(
            id=self.id, job=self.name, slot=self.slot, trigger=self.trigger, group=self.group, attempt=self.attempt,
            started_at=started_at, uid=self.uid, node_name=self.node, member=self.member,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended, with what its pod told. `lost`: the Job is gone and left nothing to read. `by_itself`: its
    pod was over before anybody deleted it, though the Job does not say so (yet)."""

    success: bool
    finished_at: datetime
    started_at: datetime | None = None
    exit_code: int | None = None
    reason: str = ""
    message: str = ""
    node_name: str = ""
    output: str = ""
    output_truncated: bool = False
    lost: bool = False
    by_itself: bool = False


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a pod does not start, as its kubelet says (`ImagePullBackOff`, `CreateContainerConfigError`, ...), or why
    there is none."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Node:
    """A node of Kubernetes. `labels` are its tags, also those that it has without a label; `available`: it is ready,
    and takes new pods."""

    name: str
    labels: Mapping[str, str]
    available: bool


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a plan depends on. `status` has what is still to be written, `persisted` is what the API server has.

    `able_since` is the moment from which slots could be fired: one that lies before it was missed; if it lies after
    `reach_since`, only because one replica has followed another. `refusal` is what
    the API server said to the Job in a dry run, `duplicate` that another object has the same Dkron name. `unsure` is an
    attempt whose creation got no answer. `probed` tells when a pod that does not start was last looked at, `last_words`
    what the pods of Jobs that are being stopped have told. `kin` are the jobs around this one. `nodes` are
    those of the cluster by name, None while nobody looks at them; `blind` is why they cannot be seen, of a job that
    needs them. `site` and `endpoints` are what the installation offers to processors, and whom it tells about runs.
    `caller` is how this process claims calls of its own, empty while it may not; `calling` are those under way.
    `signature` is the name that it has claimed them by, as long as it may give back what it has claimed; `barred` is
    what the installation does not allow. `absent` are names of Jobs that are gone for sure. `accepted`: the
    annotation says that an operator has accepted the job, or it cannot be written. `ahead` are Jobs whose slots
    lie so far ahead of the clock that they do not count yet.
    `full_since` is the moment since when the API server has had as many ended runs as can be shown, the oldest of them
    always the same.
    """

    job: JobView
    status: JobStatus
    persisted: JobStatus
    now: datetime
    fireable_since: datetime
    hold: timedelta
    runs: dict[str, AttemptJob]
    outcomes: dict[str, Outcome]
    troubles: dict[str, Trouble]
    probed: dict[str, datetime]
    refusal: Problem | None = None
    duplicate: Problem | None = None
    checked: bool = True
    unconfirmed_create: Active | None = None
    last_words: Mapping[str, Outcome] = field(default_factory=dict)
    handover_since: datetime | None = None
    dependencies: Dependencies = ALONE
    nodes: Mapping[str, Node] | None = None
    blind: Problem | None = None
    site: Site = field(default_factory=Site)
    endpoints: tuple[Endpoint, ...] = ()
    caller: str = ""
    signature: str = ""
    calling: frozenset[str] = frozenset()
    barred: Problem | None = None
    absent: AbstractSet[str] = frozenset()
    accepted: bool = True
    ahead: tuple[AttemptJob, ...] = ()
    full_since: datetime | None = None

    @property
    def looks_for_nodes(self) -> bool:
        """Whether the job needs to know the nodes, and they have not been listed yet."""
        return bool(self.job.spec.tags) and self.nodes is None and self.blind is None

    @property
    def problem(self) -> Problem | None:
        """What keeps the job from running, found in the spec or by the API server."""
        return self.job.problem or self.duplicate or self.barred or self.blind or self.refusal
