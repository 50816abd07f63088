"""When a spec changes, ask the API server in a dry run whether it would take the Job, before the slot is due."""

import asyncio
import logging

from dkron_kube.errors import AlreadyExists, NotFound, QuotaExceeded, Rejected
from dkron_kube.paths import JOBS
from dkron_operator.act.ports import Ports
from dkron_operator.cache.cached_job import CachedJob
from dkron_operator.cache.store import Store
from dkron_operator.kit.workqueue import Workers, WorkQueue
from dkron_operator.plan.job.build import build_job
from dkron_operator.plan.job.rules import JobSettings
from dkron_operator.plan.situation.cause import scheduled
from dkron_operator.plan.situation.view import JobView
from dkron_pods.config import ConfigError
from dkron_pods.inline import is_inline
from dkron_pods.problem import Problem

log = logging.getLogger(__name__)

WIDTH = 4
SECOND_LOOK = 300.0
"""Seconds after which a refused template is tried again: admission rules change without the spec."""


class DryRun:
    """Dry runs by uid of the DkronJob."""

    def __init__(self, ports: Ports, store: Store, jobs: WorkQueue[str], *, settings: JobSettings) -> None:
        self._client = ports.client
        self._clock = ports.clock
        self._large = ports.large_jobs
        self._store = store
        self._jobs = jobs
        self._settings = settings
        self.queue: WorkQueue[str] = WorkQueue("check", width=WIDTH, spare=1, group_of=store.namespace_of)
        self.workers = (Workers(self.queue, self._check),)

    async def _check(self, uid: str) -> None:
        cached = self._store.get(uid)
        if cached is None or cached.job.problem is not None or cached.remembered.checked == cached.job.generation:
            return
        job = cached.job
        refusal = await self._refusal(job)
        if cached.job.generation == job.generation:
            self._conclude(cached, refusal)
        self._jobs.add(uid)

    def _conclude(self, cached: CachedJob, refusal: Problem | None) -> None:
        cached.remembered.checked, cached.remembered.refusal = cached.job.generation, refusal
        if refusal is not None:
            log.warning("refused: %s", refusal.message, extra={"job": cached.job.dkron_name})
            asyncio.get_running_loop().call_later(SECOND_LOOK, self._look_again, cached.job.uid)

    def _look_again(self, uid: str) -> None:
        cached = self._store.get(uid)
        if cached is not None and cached.remembered.refusal is not None:
            cached.remembered.checked = -1
            self._jobs.add(uid)

    async def _refusal(self, job: JobView) -> Problem | None:
        if is_inline(job.spec):
            return None
        now, settings = self._clock.now(), self._settings
        claim = scheduled(now).entry(uid=job.uid, name=job.name, at=now)
        try:
            body = build_job(job, claim, images=settings.images, own=settings.own_tags, confine=settings.confine)
        except ConfigError as exc:
            return Problem(exc.reason, str(exc))
        except Exception as exc:
            # The API server was not asked, and the same spec would fail the same way again.
            log.exception("the Job of %s/%s cannot be built", job.namespace, job.name)
            return Problem("InvalidTemplate", f"the Job cannot be built from this spec ({type(exc).__name__})")
        try:
            async with self._large.turn(job):
                await self._client.create(JOBS, job.namespace, body, dry_run=True)
        except (AlreadyExists, NotFound, QuotaExceeded):
            # A quota that is used up says nothing about later slots.
            return None
        except Rejected as exc:
            return Problem("InvalidTemplate", _plain(str(exc)))
        return None


def _plain(message: str) -> str:
    """The API server's message without the name of the dry-run Job."""
    _, found, rest = message.partition("is invalid: ")
    return rest if found else message
