"""The demo from beginning to end, stage by stage, and its removal."""

import shutil
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from demo import access, follow, install, target
from demo.detached import Detached
from demo.expectations import known
from demo.farewell import how_to_go_on
from demo.programs import Programs
from demo.watch import Watch
from localcluster import cli as cluster_cli
from localcluster import logs
from localcluster.progress import duration, say

LOG_LINES = 15


def up(name: str, *, provider: str, kubernetes: str, seconds: float, picture: Path | None = None) -> int:
    """Bring everything up and show it, in `picture` too. Exit code 1 if an example did not show what it should in
    `seconds`."""
    begun = time.monotonic()
    place = target.up(name, provider=provider, kubernetes=kubernetes)
    install.definitions(place)
    say("definitions of the custom resources are established")
    place.programs.restart(kubeconfig=place.cluster.kubeconfig, namespace=place.namespace, alone=place.guest)
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
    print(access.token(place.cluster, place.namespace), flush=True)
    return 0


def _show_log(operator: Detached) -> None:
    say(f"the end of the operator's log ({operator.log}):")
    for line in logs.tail(operator.log, lines=LOG_LINES):
        say(f"  {line}")
