"""What the demo puts into the cluster and takes out of a cluster that is not its own: definitions and examples."""

import time
from datetime import UTC, datetime
from pathlib import Path

from demo import access
from demo.access import OURS
from demo.target import Target

ROOT = Path(__file__).parents[2]
CRDS = ROOT / "crds"
EXAMPLES = ROOT / "examples"
RUNS = EXAMPLES / "runs"
REQUESTED = "manual"
ESTABLISH_SECONDS = 30


def definitions(target: Target) -> None:
    """Apply the custom resource definitions and wait until the API server serves them."""
    target.require_answer()
    target.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CRDS))
    target.kubectl("wait", "--for=condition=Established", f"--timeout={ESTABLISH_SECONDS}s", "-f", str(CRDS))


def examples(target: Target) -> None:
    """Apply all examples, and create the account for the REST API; in a cluster of the caller in a namespace of their
    own."""
    if target.guest and not target.cluster.kubectl("get", "namespace", target.namespace, "--ignore-not-found"):
        target.cluster.kubectl("create", "namespace", target.namespace)
        target.cluster.kubectl("label", "namespace", target.namespace, OURS)
    target.kubectl("apply", "-f", str(EXAMPLES))
    access.create(target.cluster, target.namespace)


def request_run(target: Target, *, now: datetime) -> None:
    """Ask for a run of the manual example, as a person would."""
    request = f"run.dkron.io/demo-{time.time_ns()}={now.astimezone(UTC).isoformat(timespec='seconds')} by demo"
    target.kubectl("annotate", "dkronjob", REQUESTED, request)


def begin_runs(target: Target) -> None:
    """Create the DkronRuns and the DkronBackfill of the examples, anew if they are there: each object runs once."""
    target.kubectl("delete", "--ignore-not-found", "-f", str(RUNS))
    target.kubectl("create", "-f", str(RUNS))


def remove_examples(target: Target) -> None:
    """Delete the examples and the account, and their namespace if the demo has created it; the definitions stay."""
    target.require_answer()
    access.remove(target.cluster, target.namespace)
    target.kubectl("delete", "--ignore-not-found", "-f", str(RUNS), "-f", str(EXAMPLES))
    target.cluster.kubectl("delete", "namespace", "--selector", OURS)
