"""The table of commands: what `--help` lists without loading any of them."""

from collections.abc import Mapping
from typing import NamedTuple

LOOK, RUN, WRITE, SAFE, CLUSTER = "Look", "Run and stop", "Write and check", "Move and keep", "The installation"


class Entry(NamedTuple):
    """A command, or a group of commands."""

    name: str
    section: str
    summary: str
    example: str
    """A call, without the name of the program."""
    at: str = ""
    """The module under `commands` and the function in it that carry it out, if these have not its name."""
    passes: bool = False
    """Whether another program reads the words behind the command."""
    inner: Mapping[str, str] = {}
    """For a group, a call of each command in it, without the name of the group."""

    @property
    def target(self) -> str:
        """The module under `commands`, and the function or the group in it."""
        return self.at or f"{self.name}:{self.name}"


RUNS = {
    "list": "list report -o wide",
    "describe": "describe report-5d21c07e9a44b3f1",
    "wait": "wait report-5d21c07e9a44b3f1 --timeout 10m",
    "cancel": "cancel report-5d21c07e9a44b3f1",
}
BACKFILLS = {
    "list": "list -o wide",
    "describe": "describe report-1795580295-ab12",
    "wait": "wait report-1795580295-ab12 --timeout 2h",
    "suspend": "suspend report-1795580295-ab12",
    "resume": "resume report-1795580295-ab12",
    "cancel": "cancel report-1795580295-ab12",
}
CATALOG = (
    Entry("get", LOOK, "List jobs, or some of them.", "get -l team=data --state failed"),
    Entry("describe", LOOK, "Show all about one job.", "describe report"),
    Entry("history", LOOK, "List the runs of a job, with their attempts merged.", "history report --from yesterday"),
    Entry("explain", LOOK, "Show for each slot whether it ran, and if not, why.", "explain report --from 12h"),
    Entry("agenda", LOOK, "List upcoming slots and crowded seconds.", "agenda --within 6h"),
    Entry("summary", LOOK, "Show the state of all jobs and those that need attention.", "summary -A"),
    Entry("top", LOOK, "Show active jobs live, or the jobs that fail most.", "top --since 7d"),
    Entry(
        "run",
        RUN,
        "Run a job now; with --wait the exit code is the result.",
        "run report -p region=eu --wait --timeout 10m",
    ),
    Entry("logs", RUN, "Print the output of an execution.", "logs report --failed"),
    Entry("stop", RUN, "Stop running executions, or drop runs that wait in line.", "stop report --all"),
    Entry("retry", RUN, "Run failed runs again.", "retry --failed --since 12h"),
    Entry("backfill", RUN, "Run the slots of a period again.", "backfill report --from 7d --to 1d --runs failed"),
    Entry(
        "runs",
        RUN,
        "List DkronRuns, show, await or cancel one, and list what ran at a time.",
        "runs --at 05:41",
        at="runs:app",
        inner=RUNS,
    ),
    Entry(
        "backfills",
        RUN,
        "List DkronBackfills, and show, await, suspend, resume or cancel one.",
        "backfills list",
        at="backfills:app",
        inner=BACKFILLS,
    ),
    Entry("enable", RUN, "Let jobs run on schedule.", "enable report", at="switch:enable"),
    Entry("disable", RUN, "Keep jobs from running on schedule.", "disable -l team=data", at="switch:disable"),
    Entry(
        "pause",
        RUN,
        "Pause schedules and dependencies of jobs, without changing the jobs.",
        "pause -l team=data --reason 'a new database' --until 2h",
    ),
    Entry("resume", RUN, "End a pause.", "resume -l team=data", at="pause:resume"),
    Entry("pauses", RUN, "List DkronPauses and the number of jobs that they hold.", "pauses -A", at="pause:pauses"),
    Entry(
        "next",
        WRITE,
        "Show when a job or an expression is due, in words too, and the effect of clock changes.",
        "next '0 30 2 * * *' --tz Europe/Madrid",
        at="next:upcoming",
    ),
    Entry("lint", WRITE, "Check manifests without a cluster.", "lint jobs/ --strict"),
    Entry(
        "revert",
        WRITE,
        "Give a job back a spec that it had.",
        "revert report 7 --dry-run",
        at="revisions:revert",
    ),
    Entry("export", SAFE, "Print jobs as manifests, or as Dkron's JSON.", "export -l team=data > jobs.yaml"),
    Entry(
        "import",
        SAFE,
        "Create DkronJobs from manifests, Dkron's jobs or CronJobs.",
        "import https://dkron.example.org --dry-run",
        at="import_:import_",
    ),
    Entry("backup", SAFE, "Print all objects, with the record of past runs.", "backup -A > backup.json"),
    Entry(
        "restore",
        SAFE,
        "Restore a backup, into this or another cluster.",
        "restore backup.json --disabled --dry-run",
        at="backup:restore",
    ),
    Entry("secrets", SAFE, "List the Secrets that jobs use, and the jobs that use them.", "secrets --uses mail"),
    Entry(
        "whoami",
        CLUSTER,
        "Show your user and groups, as the cluster sees them.",
        "whoami --context production",
        at="rights:whoami",
    ),
    Entry(
        "can",
        CLUSTER,
        "Say whether you have the permission to do something with a job.",
        "can run report",
        at="rights:can",
    ),
    Entry(
        "token",
        CLUSTER,
        "Create, list and revoke tokens for the REST API.",
        "token create --name ci --policy runners --expires 720h",
        at="policy:token",
        passes=True,
    ),
    Entry(
        "policy",
        CLUSTER,
        "List DkronPolicies and the paths of the REST API that they grant.",
        "policy runners -n dkron",
    ),
    Entry("doctor", CLUSTER, "Check the installation, and suggest a fix for each finding.", "doctor -n dkron"),
    Entry(
        "completion",
        CLUSTER,
        "Print the completion script for a shell.",
        "completion bash > /etc/bash_completion.d/dkronctl",
    ),
)
