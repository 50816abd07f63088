"""The demo from beginning to end, stage by stage, its removal, and the command line behind `make demo`.

Errors are one sentence and exit status 1.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from demo import DemoError, follow, install, target
from demo.detached import Detached
from demo.expectations import known
from demo.farewell import how_to_go_on
from demo.follow import Watch
from demo.programs import Programs
from demo.target import DEFAULT_NAME
from localcluster import cli as cluster_cli
from localcluster import logs
from localcluster.errors import ClusterError
from localcluster.progress import duration, say
from localcluster.provider import Provider

LOG_LINES = 15
WAIT_SECONDS = 180


def up(name: str, *, provider: str, kubernetes: str, seconds: float, picture: Path | None = None) -> int:
    """Bring everything up and show it, in `picture` too. Exit code 1 if an example did not show what it should in
    `seconds`."""
    begun = time.monotonic()
    place = target.up(name, provider=provider, kubernetes=kubernetes)
    install.definitions(place)
    say("definitions of the custom resources are established")
    place.programs.restart(kubeconfig=place.cluster.kubeconfig, namespace=place.namespace, only_here=place.guest)
    install.examples(place)
    watch = Watch(place)
    before = {job.metadata.name: known(job) for job in watch.read()}
    install.request_run(place, now=datetime.now(UTC))
    install.begin_runs(place)
    took = duration(time.monotonic() - begun)
    say(f"applied the examples, requested a run of {install.REQUESTED} and began a backfill ({took})")
    if sys.stdout.isatty() and picture is None:
        follow.live(watch.read, before)
        missing: Sequence[str] = ()
    else:
        missing = follow.wait(watch.read, before, seconds=seconds, picture=picture)
        say(f"{'done' if not missing else 'given up'} after {duration(time.monotonic() - begun)}")
    if missing:
        _show_log(place.programs.operator)
    print(how_to_go_on(place.whereabouts()), flush=True)
    return 1 if missing else 0


def down(name: str, *, provider: str) -> int:
    """Stop the programs and remove the cluster, or the examples from a cluster that is not ours."""
    guest = target.is_current(provider)
    if Programs(target.folder(name, guest=guest)).stop():
        say("the operator and the REST API are stopped")
    if not guest:
        return cluster_cli.main(["down", "--name", name])
    install.remove_examples(target.current(name))
    shutil.rmtree(target.folder(name, guest=True), ignore_errors=True)
    say("the examples are deleted; the cluster and the definitions of the custom resources stay")
    return 0


def api_url(name: str, *, provider: str) -> int:
    """Print where the REST API answers, and nothing else. Raises `DemoError` if it does not run."""
    print(Programs(target.folder(name, guest=target.is_current(provider))).api_url, flush=True)
    return 0


def api_token(name: str, *, provider: str) -> int:
    """Print a token for the REST API, and nothing else. Raises `DemoError` or `ClusterError` without a demo."""
    place = target.running(name, provider=provider)
    place.require_answer()
    print(install.token(place.cluster, place.namespace), flush=True)
    return 0


def _show_log(operator: Detached) -> None:
    say(f"the end of the operator's log ({operator.log}):")
    for line in logs.tail(operator.log, lines=LOG_LINES):
        say(f"  {line}")


AFTERWARDS = {"down": down, "api-url": api_url, "api-token": api_token}
"""Commands about a demo that was started before."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit status."""
    # Ended by its caller, a start still stops what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    options = _parser().parse_args(arguments)
    provider = os.environ.get("CLUSTER") or Provider.AUTO
    try:
        if options.command in AFTERWARDS:
            return AFTERWARDS[options.command](options.name, provider=provider)
        kubernetes = os.environ.get("K8S", "")
        return up(
            options.name, provider=provider, kubernetes=kubernetes, seconds=options.seconds, picture=options.picture
        )
    except (DemoError, ClusterError) as error:
        sys.stderr.write(f"demo: {error}\n")
        return 1
    except subprocess.TimeoutExpired as error:
        sys.stderr.write(f"demo: '{' '.join(map(str, error.cmd))}' did not end within {error.timeout:.0f} s\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("demo: interrupted; `make demo` goes on from here, `make demo-down` removes what there is\n")
        return 128 + signal.SIGINT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "demo", description="Run the operator and the examples in a separate cluster, and show their state."
    )
    parser.add_argument("command", choices=("up", *AFTERWARDS))
    parser.add_argument("--name", default=DEFAULT_NAME, help=f"name of the cluster (default: {DEFAULT_NAME})")
    parser.add_argument(
        "--seconds",
        type=float,
        default=WAIT_SECONDS,
        help=f"how long to wait for the examples without a terminal (default: {WAIT_SECONDS})",
    )
    parser.add_argument(
        "--picture", type=Path, help="a file for the table as SVG; the demo then waits as without a terminal"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
