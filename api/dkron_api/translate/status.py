"""The state of the process: GET /v1, /health and /debug/vars, in Dkron's shapes with accurate values.

Raft and serf have no counterpart, so Dkron's fields about their internals are left out (Dkron behaviour §1.3, §1.9).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dkron_api.translate.record import Job
from dkron_crds.attempt_state import AttemptState
from dkron_crds.node_tags import DKRONS, AgentTags
from dkron_reports.slices import Steps

LONGEST_SILENCE = 300.0
"""Seconds without a response from the API server after which the cache is not trusted. Watches get a bookmark about
every minute."""


@dataclass(frozen=True, slots=True)
class Agent:
    """The data for GET /v1. `leader` is the holder of the Lease, empty if there is none; `cache_age` is in seconds."""

    name: str
    version: str
    namespace: str
    leader: str
    members: int
    jobs: int
    active: int
    cache_age: float
    tags: AgentTags = DKRONS


def status(agent: Agent) -> dict[str, dict[str, str]]:
    """Return the status of the node: maps of strings with sorted keys."""
    return {
        "agent": {"name": agent.name, "version": agent.version},
        "serf": {
            "active": str(agent.active),
            "cache_age": f"{agent.cache_age:.1f}",
            "jobs": str(agent.jobs),
            "leader": agent.leader,
            "members": str(agent.members),
        },
        "tags": dict(sorted({**agent.tags.own, "namespace": agent.namespace, "version": agent.version}.items())),
    }


@dataclass(frozen=True, slots=True)
class CacheState:
    """The state of the job cache. `age` is in seconds, `trouble` is the API server's last error, `ended` lists parts
    of the service that have ended and are being restarted."""

    ready: bool
    age: float
    trouble: str = ""
    ended: tuple[str, ...] = ()


def issues(cache: CacheState) -> list[str]:
    """Return the problems of the cache as sentences; empty if there are none."""
    because = f": {cache.trouble}" if cache.trouble else ""
    found = _ended(cache.ended)
    if not cache.ready:
        found.append(f"not all DkronJobs have been read from the API server yet{because}")
    elif cache.age > LONGEST_SILENCE:
        found.append(f"the API server has not responded for {cache.age:.0f} seconds{because}")
    return found


def health(cache: CacheState, *, leader: bool) -> tuple[int, dict[str, Any]]:
    """Return status code and body of GET /health. `leader`: whether this node holds the Lease."""
    found = issues(cache)
    if found:
        return 503, {"issues": found, "leader": leader, "status": "unhealthy"}
    return 200, {"leader": leader, "status": "healthy"}


def liveness(ended: Sequence[str]) -> tuple[int, dict[str, Any]]:
    """Return status code and body of GET /livez. `ended` are as in `CacheState`."""
    if ended:
        return 503, {"issues": _ended(ended), "status": "unhealthy"}
    return 200, {"status": "healthy"}


def debug_vars(
    *, cmdline: Sequence[str], jobs: Iterable[Job], memory: Mapping[str, int], node: str, led: bool
) -> dict[str, Any]:
    """Return GET /debug/vars: Dkron's own variables. `led`: whether any replica fires jobs."""
    scheduled = (job for job in jobs if not job.raw["spec"].get("disabled") and not job.parents)
    return {
        "cmdline": list(cmdline),
        "cron_entries": {job.name: job.raw["spec"].get("schedule", "") for job in scheduled},
        "memstats": dict(memory),
        "node": node,
        "scheduler_started": led,
    }


def _ended(parts: Iterable[str]) -> list[str]:
    return [f"a part of the service has stopped and is being restarted: {part}" for part in parts]


def running(jobs: Iterable[Job]) -> Steps[int]:
    """Return the number of running executions, in steps."""
    count = 0
    for job in jobs:
        active = job.raw_status.get("active") or ()
        count += sum(entry.get("state") == AttemptState.RUNNING for entry in active)
        yield
    return count
