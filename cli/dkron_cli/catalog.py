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
    Entry("explain", "explain:explain", LOOK, "Say for each slot whether it ran, and if not, why."),
    Entry("agenda", "agenda:agenda", LOOK, "List upcoming slots and crowded seconds."),
    Entry("summary", "summary:summary", LOOK, "Show the state of all jobs and those that need attention."),
    Entry("top", "top:top", LOOK, "Show what runs, live; or what fails most."),
    Entry("run", "run:run", RUN, "Run a job now; with --wait the exit code is the result."),
    Entry("logs", "logs:logs", RUN, "Print the output of an execution."),
    Entry("stop", "stop:stop", RUN, "Stop running executions."),
    Entry("retry", "retry:retry", RUN, "Run again what has failed."),
    Entry("backfill", "backfill:backfill", RUN, "Run the slots of a period again."),
    Entry("runs", "runs:app", RUN, "List DkronRuns, and show, await or cancel one."),
    Entry("backfills", "backfills:app", RUN, "List DkronBackfills, and show, await, suspend, resume or cancel one."),
    Entry("enable", "switch:enable", RUN, "Let jobs run by their schedule."),
    Entry("disable", "switch:disable", RUN, "Stop jobs from running by their schedule."),
    Entry("pause", "pause:pause", RUN, "Keep jobs from running by schedule or after others, without changing them."),
    Entry("resume", "pause:resume", RUN, "End a pause."),
    Entry("pauses", "pause:pauses", RUN, "List the DkronPauses, with what they hold."),
    Entry(
        "next",
        "next:upcoming",
        WRITE,
        "Show when a job or an expression is due, in words too, and what clock changes do.",
    ),
    Entry("lint", "lint:lint", WRITE, "Check manifests without a cluster."),
    Entry("export", "export:export", SAFE, "Print jobs as manifests, or as Dkron's JSON."),
    Entry("import", "import_:import_", SAFE, "Make DkronJobs of manifests, of Dkron's jobs or of CronJobs."),
    Entry("backup", "backup:backup", SAFE, "Print everything, with the record of past runs."),
    Entry("restore", "backup:restore", SAFE, "Bring a backup back, also into another cluster."),
    Entry("secrets", "secrets:secrets", SAFE, "List the Secrets that jobs name, and which job names which."),
    Entry("whoami", "rights:whoami", CLUSTER, "Show who you are for the cluster."),
    Entry("can", "rights:can", CLUSTER, "Say whether you may do something with a job."),
    Entry("token", "token:token", CLUSTER, "Make, list and revoke tokens for the REST API.", passes=True),
    Entry(
        "policy", "policy:policy", CLUSTER, "List the DkronPolicies, with the paths of the REST API that they grant."
    ),
    Entry("doctor", "doctor:doctor", CLUSTER, "Check the installation, and say what to do about each finding."),
    Entry("completion", "completion:completion", CLUSTER, "Print the script by which a shell completes dkronctl."),
)
