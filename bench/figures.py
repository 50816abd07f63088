"""The main figures of one version, for `compare.py`: as one JSON object on stdout, where less is better.

The version is the one that this Python has installed: its programs and its definitions. The benchmarks are those beside
this file. Loads are short, because they are repeated.

    python bench/figures.py {execution,second,rest,restart}
"""

import argparse
import asyncio
import contextlib
import json
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import many_jobs
import rest
import same_second
import sustained
from rig import connected, simulated

from dkron_kube import access
from dkron_kube.client import KubeClient

Figures = dict[str, float]
SHARED = {"apiserver": "the API server", "etcd": "etcd", "controllers": "the controllers", "operator": "the operator"}
REQUESTS = ("list of all jobs", "one job", "POST, new job")
SELDOM = 0.05
"""Calls for each execution that are not worth a line."""


def execution() -> Figures:
    """CPU and calls of an execution, at 20 a second."""
    found = sustained.measured(sustained.Load("spread", rate=20, seconds=40, period=30))
    verbs: defaultdict[str, float] = defaultdict(float)
    for call, number in found.calls.items():
        verbs[call.split()[0]] += number
    cpu = {f"execution: CPU of {name}, ms": found.cpu[key] for key, name in SHARED.items()}
    return cpu | {f"execution: {verb}, calls": number for verb, number in verbs.items() if number >= SELDOM}


def second() -> Figures:
    """How late the last of 300 is, by how long a loop takes for them."""

    async def measure() -> Figures:
        client = KubeClient(await access.load(cluster.kubeconfig))
        try:
            loop = await same_second.bare_loop(client, 300)
            ours = await same_second.dkron_jobs(client, 300, name="ours", kubeconfig=cluster.kubeconfig)
        finally:
            await client.close()
        return {"300 in one second: the last, times the loop": ours.last / loop.last}

    with simulated() as cluster:
        return asyncio.run(measure())


def requests() -> Figures:
    """How many times as long the REST API takes as a bare handler or a loop."""
    found: Figures = {}

    async def measure(kubeconfig: Path, options: argparse.Namespace) -> None:
        async for line in rest.lines(kubeconfig, options):
            if line.title in REQUESTS:
                found[f"REST: {line.title}, times the reference"] = 1 / line.ours.share_of(line.reference)

    rest.run(measure, rest.read_options(["--jobs", "500", "--rounds", "3", "--seconds", "1.5"]))
    return found


def restart() -> Figures:
    """Until an operator with some thousand jobs fires again."""
    count = 3000

    async def measure() -> Figures:
        async with connected(cluster, many_jobs.NAME) as client:
            _, again = await many_jobs.idle(client, cluster.kubeconfig, count)
        return {
            f"restart, {count} jobs: fires after, s": again.seconds,
            f"restart, {count} jobs: CPU, s": again.cpu,
            f"restart, {count} jobs: memory, MB": again.memory,
        }

    with simulated() as cluster:
        return asyncio.run(measure())


GROUPS: dict[str, Callable[[], Figures]] = {
    "execution": execution,
    "second": second,
    "rest": requests,
    "restart": restart,
}


def main() -> None:
    """Print the figures; what the benchmarks say goes to stderr."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("group", choices=GROUPS)
    group = parser.parse_args().group
    with contextlib.redirect_stdout(sys.stderr):
        found = GROUPS[group]()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
