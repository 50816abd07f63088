"""How late is a job that is due each second, when another namespace does all that it may?

The other namespace has jobs that are due each second, requests for runs, and long templates. One cluster with simulated
(KWOK) nodes for each row, since what one leaves behind would slow down the next. A watch on Jobs is the witness.

    python bench/tenants.py [--jobs 1000] [--seconds 20]
"""

import argparse
import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rig import NAMESPACES, Witness, dkron_job, many, operator, percentiles, simulated

import localcluster
from dkron_crds.requests import run_annotation
from dkron_kube import access
from dkron_kube.client import KubeClient
from dkron_kube.paths import DKRON_JOBS

Object = dict[str, Any]
EACH_SECOND = "* * * * * *"
QUIET, NOISY = "quiet", "noisy"
TEMPLATES, TEMPLATE_BYTES = 200, 60_000
ASKED, REQUESTS_OF_ONE = 5, 100
ROWS = {
    "undisturbed": None,
    "without a budget": ("--namespace-creates", "0"),
    "with the default": (),
    "with 50 a second": ("--namespace-creates", "50"),
}


@dataclass(frozen=True, slots=True)
class Load:
    """The load of the noisy namespace."""

    jobs: int
    seconds: float


async def flood(client: KubeClient, load: Load) -> None:
    """Everything at once."""

    async def create(number: int) -> None:
        if number < TEMPLATES:
            await client.create(DKRON_JOBS, NOISY, long_job(f"long-{number}"))
        if number < load.jobs:
            await client.create(DKRON_JOBS, NOISY, dkron_job(f"due-{number}", EACH_SECOND))
        if number < ASKED:
            body = dkron_job(f"asked-{number}", "@manually")
            asked = (run_annotation(f"{each}", datetime.now(UTC)) for each in range(REQUESTS_OF_ONE))
            body["metadata"]["annotations"] = dict(asked)
            await client.create(DKRON_JOBS, NOISY, body)

    await many(max(load.jobs, TEMPLATES, ASKED), create, width=8)


def long_job(name: str) -> Object:
    """A job with as long a template as tenants may like."""
    job = dkron_job(name, EACH_SECOND)
    pod = {"metadata": {"annotations": {"note": "x" * TEMPLATE_BYTES}}}
    job["spec"]["jobTemplate"] = {"spec": {"template": pod}}
    return job


async def row(cluster: localcluster.Cluster, title: str, options: tuple[str, ...] | None, load: Load) -> None:
    """Print how late the canary was."""
    client = KubeClient(await access.load(cluster.kubeconfig))
    try:
        for name in (QUIET, NOISY):
            await client.create(NAMESPACES, None, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        quiet, noisy = Witness(client, QUIET), Witness(client, NOISY)
        async with quiet.watching(), noisy.watching():
            with operator(cluster.kubeconfig, f"{QUIET},{NOISY}", *(options or ())) as process:
                await client.create(DKRON_JOBS, QUIET, dkron_job("canary", EACH_SECOND))
                await quiet.sees(time.time(), 30)
                if options is not None:
                    await flood(client, load)
                begin = time.time()
                await asyncio.sleep(load.seconds)
                process.check()
                end, memory = time.time(), process.memory()
                late = quiet.between(begin, end - 1)
            made = sum(begin <= at < end for at in noisy.seen)
        lost = int(end - 1 - begin) - len(late)
        print(f"{title:<28} {percentiles(late):<42} {lost:5} {made / load.seconds:8.0f} {memory:8.0f}", flush=True)
    finally:
        await client.close()


def main() -> None:
    """A cluster and a row for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1000, help="jobs of the noisy namespace that are due each second")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long to look (default 20)")
    parser.add_argument("--only", choices=list(ROWS), action="append", help="only these rows")
    given = parser.parse_args()
    print(f"{'seconds late':<28} {'':<42} {'away':>5} {'others/s':>8} {'MB':>8}")
    for title in given.only or ROWS:
        with simulated() as cluster:
            asyncio.run(row(cluster, title, ROWS[title], Load(given.jobs, given.seconds)))


if __name__ == "__main__":
    main()
