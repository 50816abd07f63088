"""`python -m tests.chaos.cronjobs`: stock CronJobs and DkronJobs with the same schedules, side by side in one cluster,
while the controller manager and the operator are killed at the same moments. The same checker judges both.
"""

import argparse
import contextlib
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dkron_crds.job import JobSpec
from dkron_kube.paths import Resource
from localcluster import processes
from localcluster.cluster import LocalCluster
from localcluster.record import find
from tests.chaos.ending import Ending, concluded
from tests.chaos.faults import CONTROLLER_FLAGS
from tests.chaos.figures import figures
from tests.chaos.history import Act, Fault, History, Operation, Terms
from tests.chaos.jobs import job
from tests.chaos.operators import Crew
from tests.chaos.pulse import pulse
from tests.chaos.reading import Fact, gathered, line, write
from tests.chaos.recorder import Recorder
from tests.chaos.storm import Say, duration, folder_of, own_cluster
from tests.chaos.verdict import judge
from tests.chaos.witness import Witness, seen
from tests.support.kube import Kube, Object
from tests.support.shifted_operator import ShiftedOperator
from tests.support.sites import namespace

CRON_JOBS = Resource("batch", "v1", "cronjobs")
SECOND = timedelta(seconds=1)
LATENESS, RECOVERY = 10 * SECOND, 20 * SECOND
NUMBER = 10
"""How many jobs each of them has of each concurrency policy."""
AWAY = (1.0, 75.0)
"""Seconds between a kill and the next start: some are over before a minute is, and some last for more than one."""
GAP = (25.0, 45.0)
"""Seconds that both of them have to catch up. The next kill comes in the middle of something else."""
POLICIES = {"Allow": "allow", "Forbid": "forbid"}
SCHEDULE = "* * * * *"
UNFINISHED = "history.jsonl"


@dataclass(frozen=True, slots=True)
class Kill:
    """Both are killed so many seconds after the beginning, and started again so many seconds later."""

    at: float
    away: float


def kills(seed: int, seconds: float) -> Iterator[Kill]:
    """The kills of this seed. Pure."""
    source, now = random.Random(seed), GAP[0]  # noqa: S311 - to be had again
    while now < seconds:
        kill = Kill(now, source.uniform(*AWAY))
        yield kill
        now += kill.away + source.uniform(*GAP)


def main(arguments: list[str]) -> int:
    """Compare them, and print both verdicts. A difference is information: 0 unless the DkronJobs are objected to; 3
    without a verdict."""
    options = _parser().parse_args(arguments)
    again = f"python -m tests.chaos.cronjobs --duration {options.duration:.0f}s --seed {options.seed}"
    return concluded(Ending(again, seed=options.seed), lambda ending: _side_by_side(options, ending))


def _side_by_side(options: argparse.Namespace, ending: Ending) -> int:
    say = Say()
    with contextlib.ExitStack() as stack:
        with ending.at("making the folder"):
            folder = ending.folder = stack.enter_context(folder_of(options.folder))
        with ending.at("starting the cluster"):
            cluster = stack.enter_context(own_cluster())
        say(f"seed {options.seed}")
        with ending.at("the comparison"):
            kube = stack.enter_context(namespace(cluster.kubeconfig, "side-by-side"))
            histories = compare(
                kube, cluster, folder=folder, kills=tuple(kills(options.seed, options.duration)), say=say
            )
        with ending.at("the checker"):
            ending.verdict = _verdicts(histories, folder)
        return ending.verdict


def _verdicts(histories: dict[str, History], folder: Path) -> int:
    """Write the histories, and print the verdict on each. Returns the exit code."""
    for name, history in histories.items():
        path = folder / f"{name}.jsonl"
        path.write_text("".join(write(history)), encoding="utf-8")
        verdict = judge(history)
        print(f"\n== {name} ({path})\n{figures(verdict)}\n{verdict.told(most=5)}")
    return 0 if judge(histories["DkronJob"]).valid else 1


def compare(
    kube: Kube, cluster: LocalCluster, *, folder: Path, kills: tuple[Kill, ...], say: Say
) -> dict[str, History]:
    """Let both live through these kills; the history of each."""
    down: dict[str, list[Fault]] = {"CronJob": [], "DkronJob": []}
    options = ("--kubeconfig", str(cluster.kubeconfig), "--namespace", kube.namespace)
    crew = Crew([ShiftedOperator(folder / "operator.log", *options)], down["DkronJob"].append)
    recorder = Recorder(kube)
    still: list[Fault] = []
    with Witness(cluster.kubeconfig, kube.namespace) as witness, pulse(still.append), contextlib.ExitStack() as kept:
        kept.callback(_keep, folder, lambda: [*recorder.operations, *seen(witness), *still, *down["DkronJob"]])
        crew.start()
        made = {"CronJob": list(_cron_jobs(kube)), "DkronJob": [recorder.create(body) for body in _dkron_jobs()]}
        began = time.monotonic()
        for kill in kills:
            time.sleep(max(0.0, began + kill.at - time.monotonic()))
            say(f"kill -9 of both, for {kill.away:.1f} s")
            crew.end(0, signal.SIGKILL)
            down["CronJob"].append(_kill_controllers(cluster, kill.away, crew))
        _pass(RECOVERY + 60 * SECOND + LATENESS)
        at = witness.look()
        crew.finish()
        facts = [*witness.facts(at), *still]
        kept.pop_all()
    terms = Terms(read=at, lateness=LATENESS, recovery=RECOVERY)
    return {kind: _history(terms, made[kind], facts, down[kind]) for kind in made}


def _keep(folder: Path, facts: Callable[[], list[Fact]]) -> None:
    """Keep what is known of a comparison that comes to no end."""
    (folder / UNFINISHED).write_text("".join(map(line, facts())), encoding="utf-8")


def _kill_controllers(cluster: LocalCluster, seconds: float, crew: Crew) -> Fault:
    record = find(cluster.name)
    running = record.component("controller-manager") if record else None
    assert running is not None, f"cluster {cluster.name} is gone"
    processes.stop([running.identity], grace=0)
    begin = datetime.now(UTC)
    time.sleep(seconds)
    end = datetime.now(UTC)
    crew.call(0)
    cluster.restart("controller-manager", CONTROLLER_FLAGS)
    return Fault(what="the controller manager was not there", begin=begin, end=end, down=True)


def _dkron_jobs() -> Iterator[Object]:
    for concurrency in POLICIES.values():
        for number in range(NUMBER):
            yield job(f"dkron-{concurrency}-{number}", f"0 {SCHEDULE}", lasts="2s", concurrency=concurrency)


def _cron_jobs(kube: Kube) -> Iterator[Operation]:
    """The same as CronJobs, as a checker sees them: the latest slot that was missed runs."""
    for body in _dkron_jobs():
        spec = JobSpec.from_wire(body["spec"])
        name = body["metadata"]["name"].replace("dkron", "cron")
        asked = Operation(act=Act.CREATE, job=name, invoked=datetime.now(UTC), spec=spec)
        answer = kube.create(CRON_JOBS, _cron_job(name, body["spec"]))
        metadata = answer["metadata"]
        created = datetime.fromisoformat(metadata["creationTimestamp"])
        yield replace(asked, answered=datetime.now(UTC), uid=metadata["uid"], created=created)


def _cron_job(name: str, spec: Object) -> Object:
    policy = next(theirs for theirs, ours in POLICIES.items() if ours == spec["concurrency"])
    pod = spec["jobTemplate"]["spec"]["template"]
    container = {"name": "job", "image": "busybox", "command": ["true"]}
    template = {**pod, "spec": {**pod["spec"], "restartPolicy": "Never", "containers": [container]}}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name},
        "spec": {
            "schedule": SCHEDULE,
            "timeZone": "Etc/UTC",
            "concurrencyPolicy": policy,
            "successfulJobsHistoryLimit": 100,
            "jobTemplate": {"spec": {"backoffLimit": 0, "template": template}},
        },
    }


def _history(terms: Terms, made: list[Operation], facts: list[Any], faults: list[Fault]) -> History:
    uids = {op.uid for op in made}
    mine = [fact for fact in facts if isinstance(fact, Fault) or fact.uid in uids]
    return gathered([terms, *made, *mine, *faults])


def _pass(time_to_pass: timedelta) -> None:
    time.sleep(time_to_pass.total_seconds())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.cronjobs", description=__doc__)
    parser.add_argument("--duration", type=duration, default=300.0, help="how long: 90s, 5m, 1h (default: 5m)")
    parser.add_argument("--seed", type=int, default=1, help="which kills (default: 1)")
    parser.add_argument("--folder", type=Path, help="where histories and logs go (default: a new one below /tmp)")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
