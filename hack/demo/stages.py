"""The demo from beginning to end, stage by stage, and its removal."""

import shutil
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from demo import follow, install, target
from demo.errors import DemoError
from demo.expectations import known
from demo.farewell import how_to_go_on
from demo.operator_process import OperatorProcess
from demo.target import Target
from demo.watch import Watch
from localcluster import cli as cluster_cli
from localcluster import logs
from localcluster.progress import duration, say

LOG_LINES = 15


def up(name: str, *, provider: str, kubernetes: str, seconds: float) -> int:
    """Bring everything up and show it. Exit code 1 if an example did not show what it should in `seconds`."""
    begun = time.monotonic()
    place = target.up(name, provider=provider, kubernetes=kubernetes)
    install.definitions(place)
    say("definitions of the custom resources are established")
    _restart_operator(place)
    install.examples(place)
    watch = Watch(place)
    before = {job.metadata.name: known(job) for job in watch.read()}
    install.request_run(place, now=datetime.now(UTC))
    say(f"examples are applied, and a run of {install.REQUESTED} is requested ({duration(time.monotonic() - begun)})")
    if sys.stdout.isatty():
        follow.live(watch.read, before)
        missing: Sequence[str] = ()
    else:
        missing = follow.wait(watch.read, before, seconds=seconds)
        say(f"{'done' if not missing else 'given up'} after {duration(time.monotonic() - begun)}")
    if missing:
        _show_log(place.operator)
    print(how_to_go_on(place.whereabouts()), flush=True)
    return 1 if missing else 0


def down(name: str, *, provider: str) -> int:
    """Stop the operator and remove the cluster, or the examples from a cluster that is not ours."""
    guest = target.is_current(provider)
    if OperatorProcess(target.folder(name, guest=guest)).stop():
        say("the operator is stopped")
    if not guest:
        return cluster_cli.main(["down", "--name", name])
    install.remove_examples(target.current(name))
    shutil.rmtree(target.folder(name, guest=True), ignore_errors=True)
    say("the examples are deleted; the cluster and the definitions of the custom resources stay")
    return 0


def _restart_operator(place: Target) -> None:
    """Anew each time, so that it is this checkout's code that runs."""
    program = Path(sys.executable).with_name("dkron-operator")
    if not program.exists():
        raise DemoError(f"there is no {program}; `make venv` installs it")
    if place.operator.stop():
        say("the operator of an earlier demo is stopped")
    only = ("--namespace", place.namespace) if place.guest else ()
    place.operator.start((str(program), "--kubeconfig", str(place.cluster.kubeconfig), "--log-format", "json", *only))
    say(f"the operator is ready; its log is {place.operator.log}")


def _show_log(operator: OperatorProcess) -> None:
    say(f"the end of the operator's log ({operator.log}):")
    for line in logs.tail(operator.log, lines=LOG_LINES):
        say(f"  {line}")
