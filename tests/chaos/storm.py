"""`python -m tests.chaos.storm`: twenty jobs, two operators, clients that change their minds, and a fault every few
seconds; then the verdict on what happened.
"""

import argparse
import contextlib
import os
import random
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import localcluster
from localcluster.cluster import LocalCluster
from tests.chaos.ending import NO_VERDICT, Ending, concluded
from tests.chaos.environment import Bed, Setup, bed
from tests.chaos.faults import CONTROLLER_FLAGS
from tests.chaos.figures import Figures, figures
from tests.chaos.plan import SHORTEST, Plan, plan
from tests.chaos.verdict import Verdict, judge
from tests.support.sites import install, namespace

MOST = 10
"""How many objections are shown."""
UNITS = {"s": 1, "m": 60, "h": 3600}
At = Callable[[str], AbstractContextManager[None]]


def nowhere(_stage: str) -> AbstractContextManager[None]:
    """For a caller that does not want to know the stage."""
    return contextlib.nullcontext()


def main(arguments: list[str]) -> int:
    """Have a storm. 0: nothing to object to, 1: objections, 2: options that are wrong, 3: no verdict."""
    options = _parser().parse_args(arguments)
    seed = random.randrange(10**6) if options.seed is None else options.seed  # noqa: S311 - to be repeated
    again = (
        f"python -m tests.chaos.storm --duration {options.duration:.0f}s --seed {seed} --replicas {options.replicas}"
        f"{' --split-brain' if options.split_brain else ''}"
    )
    say = Say()
    say(f"seed {seed}; this storm again: {again}")
    return concluded(Ending(again, seed=seed), lambda ending: _storm(options, seed, say, ending))


def _storm(options: argparse.Namespace, seed: int, say: "Say", ending: Ending) -> int:
    with contextlib.ExitStack() as stack:
        made, setup = prepared(
            stack, ending, options, say=say, replicas=options.replicas, split_brain=options.split_brain
        )
        found = weathered(made, setup, seed, options.duration, at=ending.at)
        with ending.at("telling the verdict"):
            ending.verdict = show(made, *found)
        return ending.verdict


def prepared(
    stack: contextlib.ExitStack, ending: Ending, options: argparse.Namespace, *, say: "Say", **settings: Any
) -> tuple[Bed, Setup]:
    """The place of a storm, for as long as the stack is entered: a cluster, a namespace in it, and all that lives
    there. `settings` are the fields of its `Setup`."""
    with ending.at("making the folder"):
        folder = ending.folder = stack.enter_context(folder_of(options.folder))
    with ending.at("starting the cluster"):
        cluster = stack.enter_context(own_cluster())
    with ending.at("preparing the storm"):
        kube = stack.enter_context(namespace(cluster.kubeconfig, "storm"))
        setup = Setup(cluster, folder, **settings)
        return stack.enter_context(bed(setup, kube.namespace, say=say)), setup


def weathered(
    made: Bed, setup: Setup, seed: int, seconds: float, *, at: At = nowhere
) -> tuple[Verdict, Figures, list[str]]:
    """Have the storm of this seed: the verdict, the figures, and what operators did that they should not."""
    return lived(made, plan(seed, seconds, rivals=setup.has_rivals), at=at)


def lived(made: Bed, what: Plan, *, at: At = nowhere) -> tuple[Verdict, Figures, list[str]]:
    """Have what is planned: the verdict, the figures, and what operators did that they should not. `at` is told what
    is being done."""
    with at("the storm"):
        done = made.live(what)
    with at("the checker"):
        verdict = judge(made.history())
        return verdict, figures(verdict, done), made.complaints()


def show(made: Bed, verdict: Verdict, numbers: Figures, fallen: list[str]) -> int:
    """Print all of it. 0: nothing to object to, 3: the machine had too much to do for a verdict."""
    print(f"\n{numbers}")
    for words in fallen:
        print(f"not in order: {words}")
    print(f"history:      {made.path}; judge it again: python -m tests.chaos {made.path}\n")
    print(verdict.told(most=MOST))
    if not verdict.valid or fallen:
        return 1
    return NO_VERDICT if verdict.unjudged else 0


class Say:
    """Prints lines, each with the seconds since the beginning."""

    def __init__(self, write: Callable[[str], object] = print) -> None:
        self._write = write
        self._began = time.monotonic()

    def __call__(self, text: str) -> None:
        self._write(f"{time.monotonic() - self._began:7.1f}  {text}")
        sys.stdout.flush()


def duration(text: str) -> float:
    """Seconds of 90, 90s, 10m or 1h. Raises `argparse.ArgumentTypeError`."""
    match = re.fullmatch(r"([0-9]+)([smh]?)", text)
    if match is None or int(match[1]) == 0:
        raise argparse.ArgumentTypeError(f'"{text}" is no duration; write 90s, 10m or 1h')
    return float(int(match[1]) * UNITS[match[2] or "s"])


def long_enough(text: str) -> float:
    """The same, of a storm. Raises `argparse.ArgumentTypeError` if it had no room for faults and calm times."""
    seconds = duration(text)
    if seconds < SHORTEST:
        raise argparse.ArgumentTypeError(f'"{text}" is too short for a storm; give {SHORTEST:.0f}s or more')
    return seconds


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.storm", description=__doc__)
    parser.add_argument("--duration", type=long_enough, default=600.0, help="how long: 90s, 10m, 1h (default: 10m)")
    parser.add_argument("--seed", type=int, help="which storm; the same seed has the same plan (default: any)")
    parser.add_argument("--replicas", type=int, default=2, help="how many operators (default: 2)")
    parser.add_argument(
        "--split-brain", action="store_true", help="switch the election off, so that all of them act at once"
    )
    parser.add_argument("--folder", type=Path, help="where history and logs go (default: a new one below /tmp)")
    return parser


@contextlib.contextmanager
def own_cluster() -> Iterator[LocalCluster]:
    """A cluster for as long as this is entered."""
    flags = " ".join(CONTROLLER_FLAGS)
    cluster = localcluster.up(f"chaos-{os.getpid()}", nodes="kwok:5", provider="local", controller_flags=flags)
    assert isinstance(cluster, LocalCluster)
    try:
        install(cluster)
        yield cluster
    finally:
        cluster.down()


@contextlib.contextmanager
def folder_of(wanted: Path | None) -> Iterator[Path]:
    """Where files go."""
    folder = wanted or Path(tempfile.mkdtemp(prefix="storm-"))
    folder.mkdir(parents=True, exist_ok=True)
    yield folder


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
