"""What does it cost the API server to say how a pod ended: by a list, or by a watch?

One cluster with simulated (KWOK) nodes. The lists are of the one pod of a Job, by its label, in a namespace with more
and more pods, beside a GET by name, which the operator cannot make: it does not know the name. For the watches, many
watchers follow the pods of some Jobs from their creation until they are deleted, and the CPU beyond a round without
watchers is divided by their number.

    python bench/ended_pods.py [--pods 100 1000 4000] [--watchers 20] [--rounds 2]
"""

import argparse
import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rig import Object, connected, cpu_of, many, namespace, simulated
from same_second import RAISED, bare_job

import localcluster
from dkron_crds.owners import POD_OF_JOB
from dkron_kube.client import KubeClient
from dkron_kube.paths import JOBS, PODS
from dkron_operator.watch.ended_pods import ENDED
from localcluster.record import find

NAME, LABEL = "pods", "dkron.io/job"
ASKED, CREATED = 200, 100
ALL = {"labelSelector": LABEL}
WATCHES: dict[str, Mapping[str, str] | None] = {"none": None, "all": ALL, "ended": {**ALL, "fieldSelector": ENDED}}


class Meter:
    """CPU of the API server and etcd, in ms."""

    def __init__(self, cluster: localcluster.Cluster) -> None:
        record = find(cluster.name)
        running = record.components if record else ()
        self._pids = [each.identity.pid for each in running if each.name in ("apiserver", "etcd")]
        self.used = 0.0

    @contextmanager
    def on(self) -> Iterator[None]:
        """Measure meanwhile."""
        begin = self._read()
        yield
        self.used = (self._read() - begin) * 1000

    def _read(self) -> float:
        return sum(map(cpu_of, self._pids))


def pod(number: int) -> Object:
    """A pod that no scheduler and no node looks at."""
    spec = {"schedulerName": "none", "containers": [{"name": "job", "image": "busybox"}]}
    metadata = {"name": f"pod-{number}", "labels": {POD_OF_JOB: f"job-{number}"}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


async def lists(client: KubeClient, meter: Meter, total: int, made: int) -> None:
    """Print what a list and a GET cost among so many pods, of which some are there already."""

    async def create(number: int) -> None:
        await client.create(PODS, NAME, pod(made + number))

    async def read(number: int) -> None:
        selector = f"{POD_OF_JOB}=job-{number * 7 % total}"
        assert len([0 async for _ in client.list(PODS, NAME, label_selector=selector)]) == 1  # noqa: S101

    async def get(number: int) -> None:
        await client.get(PODS, NAME, f"pod-{number * 7 % total}")

    await many(total - made, create)
    for title, ask in (("list by label", read), ("get by name", get)):
        with meter.on():
            await many(ASKED, ask, width=4)
        print(f"{total} pods, {title}: {meter.used / ASKED:.2f} ms", flush=True)


async def watched(
    client: KubeClient, meter: Meter, name: str, *, query: Mapping[str, str] | None, watchers: int
) -> float:
    """The CPU for each Job from its creation until its pod is gone, with so many watchers."""
    events: Counter[str] = Counter()

    async def watch() -> None:
        async with client.watch(PODS, name, query=query or {}, silence=600) as pieces:
            async for piece in pieces:
                events["bytes"] += len(piece)

    async def create(number: int) -> None:
        body = bare_job({"name": f"job-{number}"})
        body["spec"]["template"]["metadata"] = {"labels": {LABEL: "job"}}
        await client.create(JOBS, name, body)

    async with namespace(client, name):
        tasks = [asyncio.create_task(watch()) for _ in range(watchers if query else 0)]
        await asyncio.sleep(1)
        with meter.on():
            await many(CREATED, create, width=4)
            while len(done := [job async for job in client.list(JOBS, name) if succeeded(job)]) < CREATED:  # noqa: ASYNC110
                await asyncio.sleep(0.5)
            for job in done:
                await client.delete(JOBS, name, job["metadata"]["name"], uid=job["metadata"]["uid"])
            while [0 async for _ in client.list(PODS, name)]:  # noqa: ASYNC110 - the kubelets are simulated
                await asyncio.sleep(0.5)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return meter.used / CREATED


def succeeded(job: Object) -> bool:
    """Whether its pod has ended well."""
    return bool((job.get("status") or {}).get("succeeded"))


async def run(cluster: localcluster.Cluster, options: argparse.Namespace) -> None:
    """Print all figures."""
    meter = Meter(cluster)
    async with connected(cluster, NAME) as client:
        made = 0
        for total in options.pods:
            await lists(client, meter, total, made)
            made = total
        for number in range(options.rounds):
            used = {
                kind: await watched(client, meter, f"{kind}-{number}", query=query, watchers=options.watchers)
                for kind, query in WATCHES.items()
            }
            for kind in ("all", "ended"):
                print(f"a watcher, {kind} pods: {(used[kind] - used['none']) / options.watchers:.2f} ms", flush=True)


def main() -> None:
    """Start the cluster, measure, and stop it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pods", type=int, nargs="+", default=[100, 1000, 4000], help="pods of the namespace, in turn")
    parser.add_argument("--watchers", type=int, default=20, help="how many watch at once (default 20)")
    parser.add_argument("--rounds", type=int, default=2, help="how often the watches are measured (default 2)")
    options = parser.parse_args()
    with simulated(RAISED) as cluster:
        asyncio.run(run(cluster, options))


if __name__ == "__main__":
    main()
