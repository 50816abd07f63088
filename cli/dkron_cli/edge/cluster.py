"""The cluster by kubeconfig: reads DkronJobs, creates DkronRuns, and writes what the operator acts on.

A list needs little of it: reports and models are slow to load, and are loaded by the methods that need them.
"""

import secrets
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from dkron_cli.core.order import Order, lost, same_order, unfit
from dkron_cli.core.selection import ALL, Selection, written
from dkron_cli.edge.backend import PLAIN, Answer, Asked, Noun, Seen, Server, missing, refuse_disabled
from dkron_cli.edge.errors import readable
from dkron_cli.edge.kube_objects import ClusterObjects
from dkron_cli.edge.light_kube import open_kube
from dkron_cli.edge.pools import with_places
from dkron_cli.edge.reviews import local_user, self_review
from dkron_cli.errors import CliError, Code
from dkron_cli.options import Options
from dkron_crds.lease import INSTALLATION
from dkron_crds.names import API_VERSION, object_name
from dkron_crds.requests import group_of
from dkron_crds.stops import stop_annotation
from dkron_kube.errors import KubeError, NotFound, Rejected
from dkron_kube.paths import DKRON_CLUSTERS, DKRON_JOBS, DKRON_PAUSES, DKRON_RUNS, JOBS, LEASES, Resource
from dkron_reports.job import Job, from_object
from dkron_reports.run import Attempt, Run, attempts_of

if TYPE_CHECKING:
    from dkron_cli.core.executions import Filter, Listed
    from dkron_cli.core.importing import Item, Step, Wanted
    from dkron_kube.client import KubeClient
    from dkron_reports.explain import Question

Object = dict[str, Any]
LONGEST_USER = 256
"""Characters of the name of a user that a spec takes."""
_ROOM = 42
"""Characters of the job's name in the name of a DkronRun."""


class Cluster(Server):
    """The DkronJobs of a namespace, or of all."""

    keeps = "a status keeps the newest executions of a job; --server shows older ones, if the REST API has an archive"

    def __init__(self, kube: "KubeClient", namespace: str, *, everywhere: bool) -> None:
        self.kube = kube
        self.namespace = namespace
        self.everywhere = everywhere
        self._user = ""

    @property
    def where(self) -> str:
        """The namespace, or that it is any."""
        return "in any namespace" if self.everywhere else f"in namespace {self.namespace}"

    def none_of(self, chosen: Selection) -> str:
        """Return the sentence that no job is one of these."""
        return f"there are no {chosen} {self.where}"

    async def close(self) -> None:
        """Close the connections."""
        await self.kube.close()

    def objects(self, noun: Noun, *, every: bool = False) -> ClusterObjects:
        """Return the objects of the namespace; with `every`, objects of all namespaces if -A asks for them."""
        return ClusterObjects(self.kube, noun.resource, self.namespace, everywhere=every and self.everywhere)

    async def pauses(self) -> ClusterObjects:
        """Return the pauses of the namespace, or with -A the pauses in the operator's namespace."""
        from dkron_cli.edge.home import pauses_to_change  # noqa: PLC0415

        return await pauses_to_change(self.kube, self.namespace, everywhere=self.everywhere)

    async def pauses_that_hold(self) -> list[Object]:
        """Return the pauses of the namespace, or with -A of each, and the pauses of all namespaces."""
        from dkron_cli.edge.home import pauses_that_hold  # noqa: PLC0415

        return await pauses_that_hold(self.kube, self.namespace, everywhere=self.everywhere)

    async def jobs(self, chosen: Selection = ALL) -> list[Job]:
        """Return the chosen jobs, sorted."""
        names = chosen.names
        if names and not self.everywhere:
            return [await self.job(name) for name in names]
        with readable():
            where = None if self.everywhere else self.namespace
            listed = self.kube.list(DKRON_JOBS, where, label_selector=written(chosen.labels) or None)
            found = [from_object(raw) async for raw in listed]
        found.sort(key=lambda job: (job.namespace, job.name))
        if not names:
            return found
        for name in names:
            if not any(name in (job.name, job.object_name) for job in found):
                raise missing(name, self.where, [job.name for job in found])
        return [job for job in found if job.name in names or job.object_name in names]

    async def job(self, name: str) -> Job:
        """Return one job."""
        tries = dict.fromkeys((object_name(name), name) if name else ("",))
        with readable():
            for each in tries:
                try:
                    return from_object(await self.kube.get(DKRON_JOBS, self.namespace, each))
                except NotFound as error:
                    if "not found" not in str(error) and "can have" not in str(error):
                        raise
            # An object that was made by hand may have any name beside its Dkron name.
            selector = f"spec.name={name}"
            async for raw in self.kube.list(DKRON_JOBS, self.namespace, field_selector=selector):
                return from_object(raw)
        raise missing(name, f"in namespace {self.namespace}", await self._names())

    async def _names(self) -> list[str]:
        """Return the names of the objects; none if they may not be listed."""
        try:
            listed = self.kube.list(DKRON_JOBS, self.namespace, metadata_only=True)
            return [str(each["metadata"]["name"]) async for each in listed]
        except KubeError:
            return []

    async def attempts(self, job: Job, *, placed: bool = False) -> list[Attempt]:
        """Return the runs that the status shows."""
        if placed:
            job = await self._with_queue_places(job)
        raw = (await with_places(self.kube, job)).raw
        return attempts_of(raw.get("status") or {}, raw.get("spec") or {})

    async def _with_queue_places(self, job: Job) -> Job:
        from dkron_cli.edge.queue_places import with_queue_places  # noqa: PLC0415

        return await with_queue_places(self.kube, job)

    async def executions(self, wanted: "Filter", job: Job | None = None) -> "AsyncIterator[list[Listed]]":
        """Yield the executions that the statuses show."""
        from dkron_cli.core.executions import of_statuses  # noqa: PLC0415

        jobs = [job] if job is not None else await self.jobs()
        known = [(each, one) for each in jobs for one in await self.attempts(each)]
        yield of_statuses(known, wanted, datetime.now(UTC))

    async def run(
        self,
        job: Job,
        *,
        force: bool,
        wait: float | None,  # noqa: ARG002 - the caller waits
        order: Order = PLAIN,
        seen: Seen | None = None,  # noqa: ARG002 - likewise
    ) -> Asked:
        """Create a DkronRun."""
        refuse_disabled(job, force=force)
        if why := unfit(job, order):
            raise CliError(Code.FAILED, f'"{job.name}" cannot run with these values: {why}')
        name = f"{job.object_name[:_ROOM]}-{secrets.token_hex(8)}"
        spec = order.spec(job.name, force=force, by=await self.user())
        body = {"apiVersion": API_VERSION, "kind": "DkronRun", "metadata": {"name": name}, "spec": spec}
        with readable():
            made = await self.kube.create(DKRON_RUNS, job.namespace, body)
        at = datetime.fromisoformat(made["metadata"]["creationTimestamp"])
        return Asked(job, group_of(made["metadata"]["uid"], at), object_name=name, answer=made)

    async def progress(self, asked: Asked, *, placed: bool = False) -> Run | None:
        """Return the run as its DkronRun shows it, with what else the status of the job tells."""
        from dkron_cli.edge.run_progress import progress  # noqa: PLC0415

        return await progress(self.kube, asked, placed=placed)

    async def repeat(self, job: Job, attempt: Attempt, *, dry_run: bool) -> str:
        """Request the run with the values and the slot. Raises `CliError` if they are not known any more."""
        order = await self.order_of(job, attempt)
        if not dry_run:
            refuse_disabled(job, force=False, otherwise="")
            await self.run(job, force=False, wait=None, order=order)
        return str(order)

    async def order_of(self, job: Job, attempt: Attempt) -> Order:
        """Return the options of an attempt's run. Raises `CliError` if they are not kept any more."""
        from dkron_reports.repeat import may_have_values, run_of_group  # noqa: PLC0415

        if not may_have_values(job.raw, attempt.trigger):
            return same_order(attempt, None)
        with readable():
            listed = self.kube.list(DKRON_RUNS, job.namespace, field_selector=f"spec.job={job.name}")
            found = run_of_group([run async for run in listed], attempt.group)
            annotations = None if found is not None else await self._annotations(job, attempt)
        if found is None and (why := lost(job, attempt, annotations)):
            raise CliError(Code.FAILED, why)
        return same_order(attempt, found)

    async def _annotations(self, job: Job, attempt: Attempt) -> Object | None:
        """Return the annotations of the attempt's Job; None if it is gone, or the user may not read it."""
        try:
            found = await self.kube.get(JOBS, job.namespace, attempt.job)
        except (NotFound, Rejected):
            return None
        return found["metadata"].get("annotations") or {}

    async def stop(self, job: Job, attempt: Attempt) -> None:
        """Write the annotation that requests a stop."""
        key, text = stop_annotation(attempt.job, datetime.now(UTC), by=await self.user())
        await self._annotate(job, key, text)

    async def disable(self, job: Job, *, disabled: bool) -> bool:
        """Set spec.disabled."""
        if job.disabled is disabled:
            return False
        with readable():
            await self.kube.patch(DKRON_JOBS, job.namespace, job.object_name, {"spec": {"disabled": disabled}})
        return True

    async def whoami(self) -> Object:
        """Return the user that the API server sees: `username` and `groups`."""
        return ((await self_review(self.kube)).get("status") or {}).get("userInfo") or {}

    async def user(self) -> str:
        """Return who runs, stops and pauses: the user that the API server sees, else the user of this machine."""
        if not self._user:
            try:
                self._user = str((await self.whoami()).get("username") or "")[:LONGEST_USER]
            except CliError:
                self._user = ""
            self._user = self._user or local_user()
        return self._user

    async def pause(self, *, paused: bool) -> bool:
        """Set spec.paused of the DkronCluster."""
        with readable():
            cluster = await self.installation()
            if cluster is None:
                raise CliError(
                    Code.NOT_FOUND,
                    f'there is no DkronCluster "{INSTALLATION}" in namespace {self.namespace}; name the namespace of '
                    "the operator with -n",
                )
            if bool((cluster.get("spec") or {}).get("paused")) is paused:
                return False
            where = cluster["metadata"]["namespace"]
            await self.kube.patch(DKRON_CLUSTERS, where, INSTALLATION, {"spec": {"paused": paused}})
        return True

    async def installation(self) -> Object | None:
        """Return the DkronCluster of the namespace, else the only one in the cluster, if it may be listed."""
        from dkron_cli.edge.home import installation  # noqa: PLC0415

        return await installation(self.kube, self.namespace)

    def log(self, job: Job, attempt: Attempt, *, follow: bool, asked: Asked | None = None) -> AsyncIterator[bytes]:
        """Yield the log of the attempt's pod; if the pod is gone, the end of the output that the status keeps."""
        from dkron_cli.edge.pod_logs import pod_log  # noqa: PLC0415
        from dkron_cli.edge.run_progress import attempts_of_asked  # noqa: PLC0415

        async def again() -> list[Attempt]:
            if asked is not None:
                return await attempts_of_asked(self.kube, asked)
            return attempts_of((await self.kube.get(DKRON_JOBS, job.namespace, job.object_name)).get("status") or {})

        return pod_log(self.kube, job, attempt, again if follow else None)

    async def slots(self, job: Job, count: int) -> list[datetime]:
        """Compute the next slots as the operator does."""
        from dkron_reports.slots import coming, read_timing  # noqa: PLC0415

        return list(islice(coming(read_timing(job), now=datetime.now(UTC)), count))

    async def explain(self, name: str, question: "Question") -> Answer:
        """Explain the slots by the object of the job, and by the pauses that may have held it."""
        from dkron_reports.explain import explain  # noqa: PLC0415
        from dkron_reports.pause_times import needs_pauses  # noqa: PLC0415

        job = await with_places(self.kube, await self._with_queue_places(await self.job(name)))
        pauses = await self._pauses(job.namespace) if needs_pauses(job) else []
        return explain(job, question, now=datetime.now(UTC), pauses=pauses).as_json()

    async def _pauses(self, namespace: str) -> list[Object]:
        """Return the pauses of a namespace; none if they may not be listed."""
        try:
            return [each async for each in self.kube.list(DKRON_PAUSES, namespace)]
        except KubeError:
            return []

    async def import_steps(self, items: "Sequence[Item]", wanted: "Wanted") -> "list[Step]":
        """Compare the jobs with those that are stored."""
        from dkron_cli.edge.writing import import_steps  # noqa: PLC0415

        return await import_steps(self.kube, items, wanted, namespace=self.namespace)

    async def try_out(self, step: "Step") -> None:
        """Have the API server check it by a dry run."""
        from dkron_cli.edge.writing import try_out  # noqa: PLC0415

        await try_out(self.kube, step)

    async def carry_out(self, step: "Step") -> None:
        """Write the DkronJob, or delete it."""
        from dkron_cli.edge.writing import carry_out  # noqa: PLC0415

        await carry_out(self.kube, step)

    async def agenda(self, within: str, *, most: int, least: int) -> Answer:
        """Compute what is due from the objects."""
        from dkron_reports.agenda import end_of, planning, with_first  # noqa: PLC0415
        from dkron_reports.slices import at_once  # noqa: PLC0415

        jobs, now = await self.jobs(), datetime.now(UTC)
        end = end_of(within, now, option="--within")
        return at_once(planning(with_first(jobs, now=now), now=now, end=end, most=most, least=least)).as_json()

    async def failing(self, since: str, *, most: int, chosen: Selection = ALL) -> Answer:
        """Count the failures of the objects."""
        from dkron_reports.failing import failing, start_of  # noqa: PLC0415
        from dkron_reports.slices import at_once  # noqa: PLC0415

        jobs, now = await self.jobs(chosen), datetime.now(UTC)
        start = start_of(since, now, option="--since")
        return at_once(failing(jobs, start=start, now=now, most=most))

    async def summary(self) -> Answer:
        """Sum up the objects. Days and leader come from the installation, as far as the user may read it."""
        from dkron_reports.health import health_of  # noqa: PLC0415
        from dkron_reports.installation import holder_of, installation  # noqa: PLC0415
        from dkron_reports.slices import at_once  # noqa: PLC0415
        from dkron_reports.summary import summarizing  # noqa: PLC0415

        now = datetime.now(UTC)
        with readable():
            where = None if self.everywhere else self.namespace
            healths = [health_of(raw, now=now) async for raw in self.kube.list(DKRON_JOBS, where)]
            cluster = await self._readable(DKRON_CLUSTERS)
            lease = await self._readable(LEASES)
        found = at_once(summarizing(healths, now=now))
        about = installation(cluster, living=found.days, leader=holder_of(lease, now), today=now.date())
        return {**found.as_json(), **about}

    async def _readable(self, resource: Resource) -> Object | None:
        """Return the object of the installation, if it is in this namespace and the user may read it."""
        try:
            return await self.kube.get(resource, self.namespace, INSTALLATION)
        except (NotFound, Rejected):
            return None

    async def _annotate(self, job: Job, key: str, text: str) -> None:
        change = {"metadata": {"annotations": {key: text}}}
        with readable():
            await self.kube.patch(DKRON_JOBS, job.namespace, job.object_name, change)


async def open_cluster(options: Options) -> Cluster:
    """Return the cluster that the options name."""
    with readable():
        kube, namespace = await open_kube(options)
    return Cluster(cast("KubeClient", kube), namespace, everywhere=options.all_namespaces)
