"""The input of a plan: small frozen views of a DkronJob, of its Jobs, and of how those Jobs ended.

Raw API objects are parsed and checked here once. The code behind this boundary trusts the views.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from dkron_crds.attempt_names import started_at
from dkron_crds.job import Attempt, AttemptState, JobSpec, JobStatus, Trigger
from dkron_crds.requests import Request
from dkron_crds.schedule import Schedule
from dkron_crds.stops import Stop
from dkron_crds.traceparent import TraceContext
from dkron_operator.notifications.endpoints import Endpoint
from dkron_operator.plan.situation.cause import Cause
from dkron_operator.plan.situation.dependencies import NO_DEPENDENCIES, Dependencies
from dkron_operator.plan.situation.pauses import Pause
from dkron_operator.plan.situation.pools import NO_POOLS, Places
from dkron_operator.plan.situation.quota import OPEN, Quota
from dkron_operator.plan.situation.requested_runs import NO_RUNS, RunsOfJob
from dkron_operator.plan.situation.spec_check import UNCHECKED, SpecCheck
from dkron_pods.problem import Problem
from dkron_processors.site import Site


@dataclass(frozen=True, slots=True)
class JobView:
    """A DkronJob without its status, as the latest event or API response showed it."""

    uid: str
    namespace: str
    name: str
    dkron_name: str
    generation: int
    created: datetime
    deleting: bool
    """Whether the object has a deletionTimestamp."""

    accepted: bool
    """Whether the annotation says that an operator has accepted this object."""

    status_written: bool
    """Whether the API server has a record (managedFields) that some client wrote the status."""

    requests: tuple[Request, ...]
    """The runs that users requested by annotation, in the order of their times."""

    stops: tuple[Stop, ...]
    """The stops that users requested by annotation."""

    spec: JobSpec
    """The spec, without the settings that mean nothing here; see `ignored`."""

    schedule: Schedule | None
    """The parsed schedule; None if the job has none, or if it cannot be parsed."""

    unread: Problem | None
    """Why the spec, or the schedule in it, cannot be read; None if they can."""

    fingerprint: str
    """Changes when an edit makes slots count from now on."""

    check: SpecCheck = field(default=UNCHECKED, compare=False)
    """The check of the spec and the schedule, which the first plan makes."""

    ignored: str = ""
    """Names the settings of the given spec that are ignored; empty if there are none."""

    unknown: Problem | None = None
    """A strict installation's problem with the ignored settings; None if there are none."""

    notify: Mapping[str, str] = field(default_factory=dict)
    """The notification annotations."""

    labels: Mapping[str, str] = field(default_factory=dict)
    """The labels, by which pauses select it."""

    edited_at: datetime | None = None
    """When the spec was last written, as far as managedFields tells."""

    edited_by: str = ""
    """The field manager that wrote it."""

    @property
    def problem(self) -> Problem | None:
        """Why the job cannot run, found in the object itself; None if nothing is wrong."""
        return self.unread or self.check.found.problem

    @property
    def remarks(self) -> str:
        """What in the spec is legal and may surprise its author; empty if nothing is, or if the job cannot run."""
        return "" if self.unread else self.check.found.remarks

    @property
    def unprompted(self) -> Problem | None:
        """Why the job runs only on request: a required parameter has no default; None if it runs by itself."""
        return self.check.found.unprompted

    @property
    def kind(self) -> str:
        """The kind of the object, for Events about it."""
        return "DkronJob"


@dataclass(frozen=True, slots=True)
class AttemptJob:
    """A Kubernetes Job that the operator created, as last seen."""

    namespace: str
    name: str
    uid: str
    owner: str
    """The uid of the DkronJob that owns it."""

    owner_name: str
    """The name of the DkronJob that owns it."""

    version: int
    """The resourceVersion, as a number."""

    id: str
    """The id of the execution: start in Unix nanoseconds, "-", name of the Job."""

    slot: datetime
    """The scheduled instant, the time of the request, or the end of the parent's run."""

    trigger: Trigger
    group: int
    """The number of the trigger. All attempts and members of one run share it."""

    attempt: int
    """1 for the first attempt, 2 for the first retry and so on."""

    created: datetime
    state: AttemptState
    """Queued, Running, Succeeded or Failed."""

    pending: bool = False
    """Whether it is not queued, and its pod does not run yet."""

    finished_at: datetime | None = None
    """When the Job finished; None while it has not."""

    reason: str = ""
    message: str = ""
    deleting: bool = False
    """Whether it has a deletionTimestamp."""

    deleted_at: datetime | None = None
    """When a client requested its deletion, as far as the API server has reported that."""

    gone: bool = False
    """Whether the Job no longer exists."""

    member: str = ""
    """The member of its group; empty if it is the only one."""

    node: str = ""
    """The node to which it is pinned; empty if Kubernetes may choose."""

    trace: TraceContext | None = None
    """The span of what it runs; None if it names none."""

    requested_by: str = ""
    """The name of the DkronRun that asked for it; empty if none did."""

    parameters_given: bool = False
    """Whether that DkronRun gives values to parameters."""

    queued_at: datetime | None = None
    """Since when its run had waited in line; None if it had not."""

    queue: str = ""
    """The LocalQueue of Kueue that starts it; empty if none does."""

    admitted_at: datetime | None = None
    """When a queue last started it; None if it has not, or if it is in no queue."""

    @property
    def began(self) -> datetime:
        """When the attempt began. The id of one that has waited is older."""
        asked = started_at(self.id)
        return asked if self.queued_at is None else max(asked, self.created)

    @property
    def released_at(self) -> datetime:
        """Since when Kubernetes may start its pod: a queue keeps it suspended before."""
        return self.admitted_at or self.created

    @property
    def has_pod(self) -> bool:
        """Whether its pod has run."""
        return not (self.pending or self.state is AttemptState.QUEUED)

    @property
    def cause(self) -> Cause:
        """The cause that its annotations name."""
        return Cause(self.trigger, self.slot, self.group, self.attempt, self.member)

    @property
    def finished(self) -> bool:
        """Whether it has succeeded or failed."""
        return self.state in (AttemptState.SUCCEEDED, AttemptState.FAILED)

    @property
    def ended_before_its_deletion(self) -> bool:
        """Whether it finished before a client requested its deletion. Both times are whole seconds."""
        if not self.finished or self.finished_at is None or self.deleted_at is None:
            return False
        return self.finished_at < self.deleted_at

    def entry(self, started_at: datetime) -> Attempt:
        """Its entry in `status.active`. One that has ended runs until its end is recorded."""
        queued = self.state is AttemptState.QUEUED
        return Attempt(
            id=self.id, job=self.name, state=AttemptState.QUEUED if queued else AttemptState.RUNNING, slot=self.slot,
            trigger=self.trigger, group=self.group, attempt=self.attempt, started_at=started_at, uid=self.uid,
            node_name=self.node, member=self.member, parameters_given=self.parameters_given,
            queued_at=self.queued_at or (self.began if self.queue else None),
            queue=self.queue if queued else "",
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended, with what its pod reported."""

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
    """The Job is gone and left nothing to read."""

    by_itself: bool = False
    """The pod was over before the Job was deleted, though the Job does not say so (yet)."""


@dataclass(frozen=True, slots=True)
class PodProblem:
    """Why a pod does not start, as its kubelet says (`ImagePullBackOff`, `CreateContainerConfigError`, ...), or why the
    Job has no pod."""

    reason: str
    message: str
    final: bool = False
    """The Job never starts: its attempt is over."""


@dataclass(frozen=True, slots=True)
class Node:
    """A Kubernetes node."""

    name: str
    labels: Mapping[str, str]
    """The tags of the node, including those that it has without a label."""

    available: bool
    """The node is ready and takes new pods."""

    addresses: frozenset[str] = frozenset()
    """The addresses of the node, and the names of its host."""


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that a plan depends on."""

    job: JobView
    status: JobStatus
    """The status with the pending changes folded in, which are not written yet."""

    persisted: JobStatus
    """The status that the API server has."""

    now: datetime
    fireable_since: datetime
    """Since when the operator could fire slots. A slot before this moment was missed."""

    retention: timedelta
    """How long a finished Job is kept at least."""

    attempts: dict[str, AttemptJob]
    """The Jobs that count, by name."""

    outcomes: dict[str, Outcome]
    """How attempts ended that are not recorded yet, by the name of the Job."""

    pod_problems: dict[str, PodProblem]
    """Why pods do not start, by the name of the Job."""

    probed: dict[str, datetime]
    """When a pod that does not start was last checked, by the name of the Job."""

    refusal: Problem | None = None
    """The API server's answer to the Job in a dry run."""

    duplicate: Problem | None = None
    """Another object has the same Dkron name."""

    checked: bool = True
    """Whether the dry run was made for this generation of the spec."""

    unconfirmed_create: Attempt | None = None
    """An attempt whose create call got no answer: its Job may exist or not."""

    final_output: Mapping[str, Outcome] = field(default_factory=dict)
    """Reports so far of the pods of Jobs that are being stopped, by the name of the Job."""

    handover_since: datetime | None = None
    """A slot missed after this moment was missed only because one replica followed another."""

    dependencies: Dependencies = NO_DEPENDENCIES
    """The jobs that this one runs after, and those that run after it."""

    nodes: Mapping[str, Node] | None = None
    """The nodes of the cluster by name; None until they have been listed."""

    nodes_error: Problem | None = None
    """Why the nodes cannot be listed, if the job needs them."""

    site: Site = field(default_factory=Site)
    """The installation's offers to processors."""

    endpoints: tuple[Endpoint, ...] = ()
    """Where the installation sends notifications about runs."""

    caller: str = ""
    """The name by which this process claims inline calls; empty while it may not make any."""

    signature: str = ""
    """The name by which this process has claimed calls, as long as it may still release the claims. It outlives
    `caller` while the process shuts down."""

    calls_running: frozenset[str] = frozenset()
    """Names of the attempts whose inline calls are under way."""

    policy_violation: Problem | None = None
    """What this installation does not allow."""

    absent: AbstractSet[str] = frozenset()
    """Names of Jobs that are confirmed to be gone."""

    unsettled: AbstractSet[str] = frozenset()
    """Names of Jobs whose end or refusal is not written, or so lately that another process may count it, too."""

    accepted: bool = True
    """The annotation says that an operator has accepted the job, or the annotation cannot be written."""

    ahead: tuple[AttemptJob, ...] = ()
    """Jobs whose slots lie so far ahead of the clock that they do not count yet."""

    throttled_until: datetime | None = None
    """The namespace has used its budget of new Jobs: until then, no Job is created and no request is decided."""

    removals_wait: timedelta = timedelta()
    """How long annotations are left, because the API server has refused to remove some."""

    runs: RunsOfJob = NO_RUNS
    """The DkronRuns of the job that have not ended."""

    pauses: tuple[Pause, ...] | None = ()
    """The DkronPauses that select the job, ended ones included; None until they have been listed."""

    places: Places | None = NO_POOLS
    """The places of the job in its pools; None until the DkronPools have been listed."""

    quota: Quota = OPEN
    """Whether a ResourceQuota refuses Jobs of the namespace."""

    archives: bool = False
    """The operator has an archive."""

    full_since: datetime | None = None
    """Since when the API server has had as many ended runs as the status can show, with the same run as the oldest."""

    @property
    def incomplete(self) -> bool:
        """Whether the pauses have not been listed yet, one of which may hold the job, or the nodes or the pools that it
        needs."""
        without_nodes = bool(self.job.spec.tags) and self.nodes is None and self.nodes_error is None
        return without_nodes or self.pauses is None or self.places is None

    @property
    def problem(self) -> Problem | None:
        """What keeps the job from running, and an attempt from being repeated: its spec, its name, the installation,
        the nodes, or the dry run."""
        return self.job.problem or self.duplicate or self.policy_violation or self.nodes_error or self.refusal

    @property
    def own_problem(self) -> Problem | None:
        """What keeps the job from running by itself, by its schedule or after a parent."""
        return self.problem or self.job.unprompted
