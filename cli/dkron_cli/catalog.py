"""The table of commands: what `--help` lists without loading any of them."""

from typing import NamedTuple

LOOK, RUN, WRITE, SAFE, CLUSTER = "Look", "Run and stop", "Write and check", "Move and keep", "The installation"


class Entry(NamedTuple):
    """A command: the module under `commands` and the function in it that carry it out, or its group of commands."""

    name: str
    target: str
    section: str
    summary: str
    passes: bool = False
    """Whether another program reads the words behind the command."""


CATALOG = (
    Entry("get", "get:get", LOOK, "List jobs, or some of them."),
    Entry("describe", "describe:describe", LOOK, "Show all about one job."),
    Entry("history", "history:history", LOOK, "List the runs of a job, with their attempts merged."),
    Entry("explain", "explain:explain", LOOK, "Show for each slot whether it ran, and if not, why."),
    Entry("agenda", "agenda:agenda", LOOK, "List upcoming slots and crowded seconds."),
    Entry("summary", "summary:summary", LOOK, "Show the state of all jobs and those that need attention."),
    Entry("top", "top:top", LOOK, "Show active jobs live, or the jobs that fail most."),
    Entry("run", "run:run", RUN, "Run a job now; with --wait the exit code is the result."),
    Entry("logs", "logs:logs", RUN, "Print the output of an execution."),
    Entry("stop", "stop:stop", RUN, "Stop running executions."),
    Entry("retry", "retry:retry", RUN, "Run failed runs again."),
    Entry("backfill", "backfill:backfill", RUN, "Run the slots of a period again."),
    Entry("runs", "runs:app", RUN, "List DkronRuns, and show, await or cancel one."),
    Entry("backfills", "backfills:app", RUN, "List DkronBackfills, and show, await, suspend, resume or cancel one."),
    Entry("enable", "switch:enable", RUN, "Let jobs run on schedule."),
    Entry("disable", "switch:disable", RUN, "Keep jobs from running on schedule."),
    Entry("pause", "pause:pause", RUN, "Pause schedules and dependencies of jobs, without changing the jobs."),
    Entry("resume", "pause:resume", RUN, "End a pause."),
    Entry("pauses", "pause:pauses", RUN, "List DkronPauses and the number of jobs that they hold."),
    Entry(
        "next",
        "next:upcoming",
        WRITE,
        "Show when a job or an expression is due, in words too, and the effect of clock changes.",
    ),
    Entry("lint", "lint:lint", WRITE, "Check manifests without a cluster."),
    Entry("export", "export:export", SAFE, "Print jobs as manifests, or as Dkron's JSON."),
    Entry("import", "import_:import_", SAFE, "Create DkronJobs from manifests, Dkron's jobs or CronJobs."),
    Entry("backup", "backup:backup", SAFE, "Print all objects, with the record of past runs."),
    Entry("restore", "backup:restore", SAFE, "Restore a backup, into this or another cluster."),
    Entry("secrets", "secrets:secrets", SAFE, "List the Secrets that jobs use, and the jobs that use them."),
    Entry("whoami", "rights:whoami", CLUSTER, "Show your user and groups, as the cluster sees them."),
    Entry("can", "rights:can", CLUSTER, "Say whether you have the permission to do something with a job."),
    Entry("token", "token:token", CLUSTER, "Create, list and revoke tokens for the REST API.", passes=True),
    Entry("policy", "policy:policy", CLUSTER, "List DkronPolicies and the paths of the REST API that they grant."),
    Entry("doctor", "doctor:doctor", CLUSTER, "Check the installation, and suggest a fix for each finding."),
    Entry("completion", "completion:completion", CLUSTER, "Print the completion script for a shell."),
)
