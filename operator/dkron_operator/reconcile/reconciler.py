"""Reconcile one job at a time: plan from its situation and carry the plan out, until nothing is left to do now."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from dkron_crds.job import ReadyReason
from dkron_crds.node_tags import DKRONS, AgentTags
from dkron_crds.schedule.instants import shifted
from dkron_kube.client import KubeClient
from dkron_kube.errors import Conflict, KubeError, NotFound, Rejected, Unavailable
from dkron_kube.paths import DKRON_JOBS, JOBS
from dkron_operator.act.acceptance import Acceptance
from dkron_operator.act.create import Fire
from dkron_operator.act.delete import Removal, unbooked
from dkron_operator.act.dry_run import DryRun
from dkron_operator.act.events import Events
from dkron_operator.act.inline_calls import NO_CALLS, Allowance, InlineCalls
from dkron_operator.act.large_jobs import LargeJobs
from dkron_operator.act.observe import Observer
from dkron_operator.act.requested_runs import RunKeeper
from dkron_operator.act.status_writer import StatusRejected, StatusWriter
from dkron_operator.act.stop import Stopper
from dkron_operator.act.tracing import RunTracing
from dkron_operator.cache.cached_job import CachedJob
from dkron_operator.cache.store import Store
from dkron_operator.delivery import Delivery
from dkron_operator.kit.clock import Clock
from dkron_operator.kit.rollback import Compare, ignore_versions
from dkron_operator.kit.workqueue import WorkQueue
from dkron_operator.leader.election import Terms
from dkron_operator.plan.actions import (
    AcceptJob,
    Action,
    BeginCall,
    BindRun,
    CancelCall,
    DeleteDkronJob,
    DeleteJob,
    DryRunJob,
    ExplainRefusal,
    ReadOutcome,
    ReadRun,
    ReadTrouble,
    RemoveAnnotation,
    Report,
    Severity,
    StopJob,
    WriteStatus,
)
from dkron_operator.plan.advance import advance
from dkron_operator.plan.conditions import failed
from dkron_operator.plan.fold import Held, is_known, is_recorded
from dkron_operator.plan.inline_claims import next_claim
from dkron_operator.plan.installation_rules import NO_RULES, InstallationRules
from dkron_operator.plan.pauses import Pause
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.requested_run import RunsOfJob
from dkron_operator.plan.unknown_jobs import is_settled, split
from dkron_operator.plan.upstream_runs import fullness
from dkron_operator.plan.view import JobView, Situation
from dkron_operator.reconcile.create_budget import CreateBudget
from dkron_operator.reconcile.due_queue import DueQueue
from dkron_operator.reconcile.verify import CacheVerifier
from dkron_operator.watch.nodes import Nodes
from dkron_pods.images import Images
from dkron_pods.inline import NOT_ALLOWED, is_inline
from dkron_pods.problem import Problem
from dkron_runtime.tracing.spans import Tracer

log = logging.getLogger(__name__)

HOLD = timedelta(seconds=60)
"""How long a finished Job is kept at least, so that its name outlives any doubt about its slot. This is also three
times the duration of a Lease."""
SOON = 1.0
"""Seconds after which a new job gets its annotation. Its first status is written by then anyway."""
AWAITED = (RemoveAnnotation, AcceptJob, WriteStatus, DeleteDkronJob)
"""Actions after which a job is planned again at once."""
NO_HANDOVER = timedelta()
LAST = datetime.max.replace(tzinfo=UTC)
REFUSED_AGAIN = 60.0
"""Seconds until annotations are removed again whose removal the API server has refused."""
MARGIN = 1.0
"""Seconds after a slot by which its claim should be written."""
WIDTH = 32
"""Jobs worked on at once. Each worker has its own connection, and opening one costs more than a create. With fewer
workers, the Kubernetes controllers, which start with the first Job, would slow the API server down before the last
create."""

SPARE = 8
"""Extra jobs of other namespaces that are worked on while one namespace uses the full width."""


class Reconciler:
    """Carries out plans, and owns the queues in which that happens."""

    def __init__(  # noqa: PLR0913 - what it works with, one by one
        self,
        client: KubeClient,
        store: Store,
        *,
        clock: Clock,
        events: Events,
        delivery: Delivery,
        images: Images,
        booked: Callable[[], Awaitable[None]] = unbooked,
        allowance: Allowance = NO_CALLS,
        terms: Terms | None = None,
        own: AgentTags = DKRONS,
        rules: InstallationRules = NO_RULES,
        confine: bool = True,
        strict: bool = False,
        creates: float = 0.0,
        tracer: Tracer | None = None,
        compare: Compare = ignore_versions,
        on_node_event: Callable[[], None] = lambda: None,
        pauses: Callable[[JobView], tuple[Pause, ...] | None] = lambda _: (),
    ) -> None:
        self._client = client
        self._store = store
        self._clock = clock
        self._events = events
        self._may_act = allowance.may_act
        self._rules = rules
        self._pauses = pauses
        self._images = images
        self._strict = strict
        self._handover = NO_HANDOVER if terms is None else terms.handover
        self._hold = HOLD if terms is None else max(HOLD, 3 * timedelta(seconds=terms.duration))
        self.delivery = delivery
        self.queue: WorkQueue[str] = WorkQueue(
            "jobs", self._reconcile, width=WIDTH, spare=SPARE, group_of=store.namespace_of
        )
        self.cleaning: WorkQueue[tuple[str, str]] = WorkQueue(
            "clean-up", self._delete, width=4, spare=1, group_of=store.namespace_of_run
        )
        self.due_queue = DueQueue(clock, self.queue.add_priority)
        large = LargeJobs()
        self.writer = StatusWriter(
            client,
            store,
            due=self.queue.__len__,
            changed=self.queue.add,
            refused=self._say_that_it_is_refused,
            large=large,
            compare=compare,
        )
        self.observer = Observer(client, store, clock=clock, listener=delivery, known=self.queue.add)
        self.stopper = Stopper(
            client, store, self.observer, known=self.queue.add, refused=self._say_that_a_deletion_is_refused
        )
        self.checker = DryRun(
            client, store, clock=clock, images=images, large=large, known=self.queue.add, own=own, confine=confine
        )
        self.acceptance = Acceptance(client, store, self.writer, large=large, changed=self.queue.add)
        self.runs = RunKeeper(client, store, self.writer, clock=clock, changed=self.queue.add)
        for behind in (
            self.acceptance.queue,
            self.writer.queue,
            self.observer.endings,
            self.observer.starts,
            self.cleaning,
            *self.runs.queues,
        ):
            behind.yield_to(self.queue)
        self.queues: tuple[WorkQueue[Any], ...] = (
            self.writer.queue,
            self.observer.endings,
            self.observer.starts,
            self.checker.queue,
            self.acceptance.queue,
            self.cleaning,
            self.stopper.queue,
            self.stopper.listening,
            *self.runs.queues,
        )
        """What carries out plans, beside `queue`, which makes them."""
        self._verifier = CacheVerifier(client, store, self.writer, self.runs)
        self.budget = CreateBudget(
            creates, clock=clock, metrics=store.metrics, report=lambda cached, report: events.report(cached.job, report)
        )
        self._remove = Removal(client, store, self.writer, events=events, booked=booked)
        self.nodes = Nodes(client, changed=self._nodes_changed, on_event=on_node_event, own=own)
        if allowance.limit and allowance.rules is not None:
            allowance = replace(allowance, rules=allowance.rules.with_nodes(self.nodes.have))
            self.nodes.want()
        self.calls = InlineCalls(store, allowance, clock=clock, listener=delivery, known=self.queue.add)
        self.traces = RunTracing(store, clock=clock, tracer=tracer)
        self._fire = Fire(
            client, store, self.writer,
            clock=clock, images=images, home=delivery.installation.namespace, calls=self.calls, began=delivery.began,
            is_over=self.observer.is_over, traces=self.traces, own=own, rules=rules, confine=confine,
        )  # fmt: skip

    def take_over(self, *, idle: timedelta, anew: bool, behind: bool = False) -> None:
        """This process begins to act: look at every job, soonest due first.

        No replica was seen to act for `idle`. `anew`: another process may have acted before. `behind`: what it did may
        not be in the cache yet.
        """
        if anew:
            self._store.renew(behind=behind)
            self.calls.renew()
        self.due_queue.take_over(idle=idle, longest=self._handover)
        for cached in sorted(self._store, key=_next):
            self.queue.add(cached.job.uid)
        self.runs.take_over()

    async def _reconcile(self, uid: str) -> None:
        try:
            await self._plan(uid)
        except KubeError:
            raise
        except Exception as exc:
            self._say_that_it_fails(uid, exc)
            raise

    def _say_that_it_fails(self, uid: str, exc: Exception) -> None:
        """Tell users where they look about a bug, or an object that the code does not expect. The queue retries, later
        each time."""
        cached = self._store.get(uid)
        if cached is None or not self._may_act():
            return
        message = f"the operator cannot plan this job ({type(exc).__name__}); its log says where, and it tries again"
        judged = failed(cached.job, cached.status, message, now=self._clock.now())
        if judged is None:
            return
        cached.note(judged)
        self.writer.write_soon(cached)
        self._events.report(cached.job, Report(Severity.WARNING, ReadyReason.INTERNAL_ERROR, message))

    def _say_that_it_is_refused(self, cached: CachedJob, exc: Rejected) -> None:
        """If no condition can be written, an Event is all that users see."""
        message = f"the operator cannot write the status, and records nothing until it can: {exc}"
        self._events.report(cached.job, Report(Severity.WARNING, "StatusRefused", message))

    def _say_that_a_deletion_is_refused(self, cached: CachedJob, name: str, exc: Rejected) -> None:
        message = f"the API server refuses to delete this Job: {exc}"
        self._events.report(cached.job, Report(Severity.WARNING, "WriteRefused", message, subject=name))

    async def _plan(self, uid: str) -> None:
        cached = self._store.get(uid)
        if cached is None:
            self.budget.forget(uid)
        # A standby plans nothing: the plan would be outdated by the time it may act.
        while cached is not None and self._may_act():
            plan = await self._next_plan(cached)
            if plan is not None:
                self._carry_out(cached, plan)
                if plan.create is None and not plan.wants(*AWAITED):
                    return
                if await self._follow(cached, plan):
                    return
            cached = self._store.get(uid)

    async def _next_plan(self, cached: CachedJob) -> Plan | None:
        """What to do for the job now; None if the cache was behind, and is not any more."""
        runs = self._store.runs_of(cached)
        _prune(cached, runs)
        cached.forget_ended(runs)
        cached.forget_counted(now=self._clock.now(), hold=self._hold)
        if doubtful := self._verifier.about(cached):
            await self._verifier.clear(cached, doubtful)
            return None
        situation = self._situation(cached)
        plan = advance(situation)
        if cached.behind and plan.acts:
            await self._read_again(cached)
            return None
        if plan.spends and (wait := self.budget.take(cached)):
            plan = advance(replace(situation, held_until=shifted(situation.now, wait)))
        self._put_off_removals(cached, plan)
        return plan

    def _put_off_removals(self, cached: CachedJob, plan: Plan) -> None:
        """While the API server refuses to remove annotations, leave them. What they ask for was done or refused, and
        its names stay in the status as long as they do."""
        wait = cached.remembered.removals_wait - self._clock.monotonic()
        if wait > 0 and plan.wants(RemoveAnnotation):
            plan.actions = [action for action in plan.actions if not isinstance(action, RemoveAnnotation)]
            plan.wake_at(shifted(plan.situation.now, timedelta(seconds=wait)))

    async def _follow(self, cached: CachedJob, plan: Plan) -> bool:
        """Do what has to be awaited. Returns whether the job is planned again later, and not at once."""
        planned = cached.version
        try:
            await self._write_first(cached, plan)
            # A claim succeeds only if no other writer came first. If the job has changed, plan it again.
            if plan.create is not None and cached.version == planned:
                await self._fire(cached, plan.create)
                for report in plan.create.reports:
                    self._events.report(cached.job, report)
                # Queue the write behind the slots of other jobs that are due.
                self.writer.write_soon(cached)
                self.queue.add(cached.job.uid)
                return True
            if plan.wants(DeleteDkronJob):
                await self._remove(cached)
        except Conflict:
            log.info("another writer changed the job first; planning again", extra={"job": cached.job.dkron_name})
        except (Unavailable, Rejected) as exc:
            # Slots that pass until the API server accepts the write count as missed: no operator could fire them.
            cached.remembered.fireable_since = self._clock.monotonic()
            if isinstance(exc, Rejected) and not isinstance(exc, StatusRejected):
                text = f"the API server rejects a write that must precede the Job; slots wait for that write: {exc}"
                self._events.report(cached.job, Report(Severity.WARNING, "WriteRefused", text))
            raise
        return False

    async def _write_first(self, cached: CachedJob, plan: Plan) -> None:
        """Write what has to be written before anything else happens. Raises `Conflict` and `Unavailable`."""
        await self._forget(cached, plan)
        if plan.wants(AcceptJob):
            await self.acceptance(cached)
        elif plan.wants(WriteStatus):
            await self.writer.claim(cached, ())

    async def _read_again(self, cached: CachedJob) -> None:
        await self.writer.read_again(cached)
        # The fresh status may no longer hold runs that an old version of a parent shows, which would run again.
        for parent in self._store.parents(cached):
            if parent.behind:
                await self.writer.read_again(parent)

    def _nodes_changed(self) -> None:
        for cached in self._store:
            if cached.job.spec.tags or any(active.node_name for active in cached.status.active):
                self.queue.add(cached.job.uid)

    def _situation(self, cached: CachedJob) -> Situation:
        inline, caller = is_inline(cached.job.spec), self.calls.caller
        able, reach = self.due_queue.fireable_since, self.due_queue.handover_since
        if cached.remembered.fireable_since > able:
            able = reach = cached.remembered.fireable_since
        if cached.job.spec.tags:
            self.nodes.want()
        now = self._clock.now()
        attempts, ahead = split(cached.observed.attempts, cached.status, now)
        left = self.budget.left(cached.job.uid)
        return Situation(
            job=cached.job,
            status=cached.status,
            persisted=cached.base,
            now=now,
            fireable_since=self._clock.when(able, now),
            handover_since=self._clock.when(reach, now),
            hold=self._hold,
            attempts=attempts,
            accepted=cached.job.accepted or cached.remembered.unmarked,
            ahead=ahead,
            outcomes=cached.observed.outcomes,
            troubles=cached.observed.troubles,
            probed=cached.observed.probed,
            last_words=cached.observed.last_words,
            caller=caller,
            signature=self.calls.signature,
            calling=self.calls.under_way(cached.job.uid),
            barred=self._barred(cached, inline=inline),
            refusal=cached.remembered.refusal,
            duplicate=self._store.duplicate(cached),
            checked=cached.remembered.checked == cached.job.generation,
            unconfirmed_create=cached.remembered.unconfirmed_create,
            dependencies=self._store.dependencies.of(cached.job),
            nodes=self.nodes.view,
            blind=self.nodes.problem if cached.job.spec.tags else None,
            site=self.delivery.installation.site,
            endpoints=self.delivery.installation.endpoints,
            absent=cached.observed.absent,
            unsettled=cached.remembered.lately_counted.keys(),
            pauses=self._pauses(cached.job),
            held_until=None if left is None else shifted(now, left),
            runs=self._store.runs_of(cached),
            full_since=_full_since(cached, now),
        )

    def _barred(self, cached: CachedJob, *, inline: bool) -> Problem | None:
        """What this installation does not allow."""
        refused = self._refused(cached)
        if refused is not None:
            return refused
        if inline and not self.calls.allowed:
            return NOT_ALLOWED
        return cached.job.unknown if self._strict else None

    def _refused(self, cached: CachedJob) -> Problem | None:
        """What the installation's rules refuse. They build the pod, so they are asked once for each generation; a
        spec that could not be read may be readable later."""
        job, remembered = cached.job, cached.remembered
        key = job.generation, job.problem is None
        if remembered.judged is None or remembered.judged[0] != key:
            remembered.judged = key, self._rules.of_job(job, images=self._images)
        return remembered.judged[1]

    def _carry_out(self, cached: CachedJob, plan: Plan) -> None:
        """Everything that needs no answer before the next plan."""
        uid = cached.job.uid
        cached.note(*plan.changes)
        if any(isinstance(change, Held) and change.noted is None for change in plan.changes):
            # Slots that came due in the pause are missed slots, also for the plans that follow this one.
            cached.remembered.fireable_since = self._clock.monotonic()
        self.traces.note(cached, plan.changes)
        self.writer.write_soon(cached, patience=self._patience(plan))
        for action in plan.actions:
            self._begin(cached, action)
        if not (cached.job.accepted or cached.job.deleting or cached.remembered.unmarked):
            self.acceptance.queue.add(uid, SOON)
        self.due_queue.set(uid, plan.wake)

    def _begin(self, cached: CachedJob, action: Action) -> None:
        uid = cached.job.uid
        match action:
            case Report():
                self._events.report(cached.job, action)
            case ReadOutcome(name):
                self.observer.endings.add((uid, name))
            case ReadTrouble(name):
                self.observer.starts.add((uid, name))
            case BindRun() | ReadRun() | ExplainRefusal():
                self.runs.do(action)
            case StopJob(run):
                self.stopper.queue.add((uid, run.name))
            case BeginCall(attempt):
                self.calls.begin(cached, attempt, given=self._store.given(cached, attempt))
            case CancelCall(name):
                self.calls.cancel(uid, name)
            case DeleteJob(run):
                self.cleaning.add((uid, run.name))
            case DryRunJob():
                self.checker.queue.add(uid)
            case _:
                # The next plan needs the answers of the others: `_write_first` and `_plan` wait for these.
                pass

    def _patience(self, plan: Plan) -> float:
        """Seconds that a write may wait. The next claim of an inline call carries the pending changes along, so a job
        that is called every second costs one write for several calls."""
        claim = next_claim(plan)
        return 0.0 if claim is None else max(0.0, (claim - self._clock.now()).total_seconds() + MARGIN)

    async def _forget(self, cached: CachedJob, plan: Plan) -> None:
        dealt_with = [action.key for action in plan.of(RemoveAnnotation)]
        if not dealt_with:
            return
        body = {"metadata": {"annotations": dict.fromkeys(dealt_with)}}
        try:
            answer = await self._client.patch(DKRON_JOBS, cached.job.namespace, cached.job.name, body)
        except NotFound:
            self._store.miss_job(cached.job.uid)
        except Rejected as exc:
            cached.remembered.removals_wait = self._clock.monotonic() + REFUSED_AGAIN
            message = f"the API server refuses to remove the annotation {dealt_with[0]}, which was answered: {exc}"
            self._events.report(cached.job, Report(Severity.WARNING, "WriteRefused", message))
        else:
            self._store.see_job(answer)

    async def _delete(self, key: tuple[str, str]) -> None:
        uid, name = key
        cached = self._store.get(uid)
        run = cached.observed.attempts.get(name) if cached else None
        if cached is None or run is None:
            return
        if not await self.runs.settle(run):
            # The DkronRun may still have to be decided, and only the Job shows that it was.
            self.queue.add(uid)
            return
        try:
            await self._client.delete(JOBS, cached.job.namespace, name, uid=run.uid)
        except NotFound:
            self._store.lose_run_of(uid, name)
        except Rejected as exc:
            self._say_that_a_deletion_is_refused(cached, name, exc)
            raise
        else:
            cached.mark_job_deleting(name)


def _full_since(cached: CachedJob, now: datetime) -> datetime | None:
    """Since when the status has no room for another ended run and the oldest run has not been noted."""
    cached.remembered.full = fullness(cached.job, cached.base, cached.remembered.full, now=now)
    return None if cached.remembered.full is None else cached.remembered.full.since


def _next(cached: CachedJob) -> datetime:
    """When its next slot was due, as the replica that acted before wrote it."""
    return cached.base.next or LAST


def _prune(cached: CachedJob, runs: RunsOfJob) -> None:
    """Drop what was only kept until it is recorded, and unconfirmed creates that the watch has resolved: the Job is
    there, or another operator has seen it end."""
    entry = cached.remembered.unconfirmed_create
    if entry is not None and (entry.job in cached.observed.attempts or is_recorded(cached.status, entry.job)):
        cached.remembered.unconfirmed_create = None
    for run in [run for run in cached.observed.attempts.values() if run.gone]:
        if is_recorded(cached.base, run.name):
            cached.observed.absent.add(run.name)
            del cached.observed.attempts[run.name]
        elif not is_known(cached.status, run.name) and is_settled(cached.job, cached.status, run, runs=runs):
            del cached.observed.attempts[run.name]
    cached.observed.absent &= set(cached.status.counted)
    alive = {active.job for active in cached.status.active}
    for kept in (
        cached.observed.outcomes,
        cached.observed.troubles,
        cached.observed.probed,
        cached.observed.last_words,
    ):
        for name in [name for name in kept if name not in alive and is_recorded(cached.status, name)]:
            del kept[name]
