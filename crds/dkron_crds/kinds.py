"""The kinds of the API group and their `kubectl get` columns: everything a definition needs beyond the schema."""

from dataclasses import dataclass
from typing import Any

from dkron_crds.backfill import DkronBackfill
from dkron_crds.base import Resource
from dkron_crds.cluster import DkronCluster
from dkron_crds.job import DkronJob
from dkron_crds.pause import DkronPause
from dkron_crds.policy import DkronPolicy
from dkron_crds.pool import DkronPool
from dkron_crds.run import DkronRun


@dataclass(frozen=True, slots=True)
class Column:
    """A column of `kubectl get`. A wide column appears only with -o wide."""

    name: str
    json_path: str
    description: str
    type: str = "string"
    wide: bool = False

    def to_wire(self) -> dict[str, Any]:
        """Return an entry of additionalPrinterColumns."""
        return {
            "name": self.name,
            "type": self.type,
            "description": self.description,
            "jsonPath": self.json_path,
            **({"priority": 1} if self.wide else {}),
        }


@dataclass(frozen=True, slots=True)
class Kind:
    """A model with everything its definition needs beyond the schema."""

    model: type[Resource]
    plural: str
    short_name: str
    columns: tuple[Column, ...]
    selectable: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The kind as manifests spell it."""
        return self.model.__name__


_AGE = Column("Age", ".metadata.creationTimestamp", "Time since it was created.", type="date")

KINDS = (
    Kind(
        model=DkronJob,
        plural="dkronjobs",
        short_name="dkj",
        columns=(
            Column("Schedule", ".spec.schedule", "When it runs; empty if it runs after other jobs."),
            Column("Parent", ".status.runsAfter", "The jobs after which it runs."),
            Column("Ready", '.status.conditions[?(@.type=="Ready")].reason', "Scheduled, or why it will not run."),
            Column(
                "Suspended",
                '.status.conditions[?(@.type=="Suspended")].status',
                "Whether the job is suspended: no slot or parent starts it.",
            ),
            Column("Last", ".status.executions[0].startedAt", "Time since the newest execution.", type="date"),
            # kubectl shows the age of a date column, and <invalid> for a time in the future.
            Column("Next", ".status.next", "When the job is due next."),
            Column("Status", ".status.status", "How the newest finished run ended."),
            Column("Active", ".status.activeCount", "Active attempts; those in line do not count.", type="integer"),
            Column("Timezone", ".spec.timezone", "The zone of the schedule; empty is UTC.", wide=True),
            Column("Success", ".status.successCount", "Executions that succeeded.", type="integer", wide=True),
            Column("Errors", ".status.errorCount", "Executions that failed.", type="integer", wide=True),
            _AGE,
        ),
        selectable=(
            ".spec.disabled",
            ".spec.executor",
            ".spec.name",
            ".spec.owner",
            ".spec.parentJob",
            ".status.status",
        ),
    ),
    Kind(model=DkronPolicy, plural="dkronpolicies", short_name="dkp", columns=(_AGE,)),
    Kind(
        model=DkronCluster,
        plural="dkronclusters",
        short_name="dkc",
        columns=(
            Column(
                "API-Read-Only",
                ".spec.paused",
                "True if the REST API rejects new and changed jobs; jobs run.",
                type="boolean",
            ),
            Column("Leader", ".status.leader", "The replica that fires jobs."),
            Column("Replicas", ".status.replicas", "Replicas of the operator.", type="integer"),
            Column("Jobs", ".status.jobs", "DkronJobs that the operator manages.", type="integer"),
            Column("Active", ".status.active", "Active attempts; those in line do not count.", type="integer"),
            Column("Version", ".status.version", "Version of the operator.", wide=True),
            _AGE,
        ),
    ),
    Kind(
        model=DkronRun,
        plural="dkronruns",
        short_name="dkr",
        columns=(
            Column("Job", ".spec.job", "The job that runs."),
            Column("Phase", ".status.phase", "How far the run has got."),
            Column("Attempts", ".status.attemptCount", "Attempts so far.", type="integer"),
            Column("Started", ".status.startedAt", "Time since the first attempt began.", type="date"),
            Column("Finished", ".status.finishedAt", "Time since the run ended.", type="date"),
            Column("Scheduled", ".spec.scheduledTime", "The slot that is run again.", wide=True),
            Column("By", ".spec.requestedBy", "Who asked for it.", wide=True),
            Column("Message", ".status.message", "How far it has got, in a sentence.", wide=True),
            _AGE,
        ),
        selectable=(".spec.job", ".status.phase"),
    ),
    Kind(
        model=DkronBackfill,
        plural="dkronbackfills",
        short_name="dkb",
        columns=(
            Column("Job", ".spec.job", "The job; empty for several."),
            Column(
                "Phase",
                '.status.conditions[?(@.type=="Ready")].reason',
                "How far it has got: Running, Suspended, Finished, Planned, RunsFailed, Stopped or Refused.",
            ),
            Column("Planned", ".status.plan.count", "Slots that run.", type="integer"),
            Column("Succeeded", ".status.succeeded", "Runs that succeeded.", type="integer"),
            Column("Failed", ".status.failed", "Runs that failed.", type="integer"),
            Column("Active", ".status.active", "Runs that are active.", type="integer"),
            Column("Suspended", ".spec.suspend", "Whether no further run begins.", type="boolean"),
            Column("Message", ".status.message", "How far it has got, in a sentence.", wide=True),
            _AGE,
        ),
    ),
    Kind(
        model=DkronPause,
        plural="dkronpauses",
        short_name="dkpause",
        columns=(
            Column("Active", '.status.conditions[?(@.type=="Active")].status', "Whether the pause holds now."),
            Column("Jobs", ".status.jobs", "Jobs that it pauses.", type="integer"),
            Column("Reason", ".spec.reason", "Why."),
            Column("By", ".spec.pausedBy", "Who pauses."),
            Column("Until", ".spec.until", "When it ends by itself."),
            Column("Message", ".status.message", "Whether it holds, in a sentence.", wide=True),
            _AGE,
        ),
    ),
    Kind(
        model=DkronPool,
        plural="dkronpools",
        short_name="dkpool",
        columns=(
            Column("Size", ".spec.size", "Places.", type="integer"),
            Column("Running", ".status.running", "Runs that hold a place.", type="integer"),
            Column("Waiting", ".status.waiting", "Runs that wait for a place.", type="integer"),
            Column(
                "Message",
                ".status.message",
                "How many places are in use, and how many runs wait, in a sentence.",
                wide=True,
            ),
            _AGE,
        ),
    ),
)
