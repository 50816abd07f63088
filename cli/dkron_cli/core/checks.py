"""What `doctor` finds: from objects that were read, each with what to do about it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dkron_cli.core.table import Table, table
from dkron_crds.lease import ADDRESS, LEASE_SECONDS, VERSION
from dkron_reports.agenda import planning, with_first
from dkron_reports.job import Job
from dkron_reports.reading import items, mapping, number, objects, whole
from dkron_reports.slices import at_once
from dkron_reports.troubles import SEVERE, Kind, Troubles
from dkron_reports.words import instant, plural, read_time, span

Object = Mapping[str, Any]
OK, WARNING, PROBLEM = "ok", "warning", "problem"
OF_RUNS = (Kind.FAILING, Kind.STALE)
"""Troubles of what a job runs, not of the installation."""
ARCHIVES = "Archives"
"""The condition of a DkronCluster whose operator has an archive."""
OFFSET = timedelta(seconds=5)
CROWD = 50
NAMED = 5


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check: a word, what was found, and what to do about it."""

    word: str
    found: str
    remedy: str = ""


@dataclass(slots=True)
class Inspection:
    """Data of an installation. `older` are the definitions that are older than this program knows them."""

    older: Mapping[str, int]
    allowed: Mapping[str, bool]
    server_time: datetime | None
    is_told: bool = False
    """Whether the DkronCluster may be read, or that there is none is known."""
    installation: Object | None = None
    lease: Object | None = None
    hidden: str = ""
    """Why the state of the operator cannot be read as a whole."""
    jobs: Sequence[Job] | None = None
    """None if they may not be read."""


def checked(found: Inspection, own: str, revision: int, now: datetime) -> Iterator[Check]:
    """Check an installation. `own` is the version of this program, `revision` the revision of the definitions it
    knows."""
    yield definitions(found.older, revision)
    yield from rights(found.allowed)
    yield from clock(found.server_time, now)
    if found.is_told:
        yield from installation(found.installation)
        yield from versions(found.installation, own)
        yield from archive(found.installation, found.jobs or ())
        yield from lease(found.lease, now)
    if found.hidden:
        yield Check(WARNING, f"the operator's state cannot be read: {found.hidden}", "ask for a role to read it")
    if found.jobs is not None:
        yield from jobs_in_trouble(found.jobs, now)
        yield from crowds(found.jobs, now)


def check_table(checks: Sequence[Check]) -> Table:
    """Return the table of `doctor`, problems first."""
    order = {PROBLEM: 0, WARNING: 1, OK: 2}
    rows = [(each.word, each.found, each.remedy) for each in sorted(checks, key=lambda each: order[each.word])]
    return table(("RESULT", "FOUND", "DO"), rows)


def installation(cluster: Object | None) -> Iterator[Check]:
    """Check the DkronCluster."""
    if cluster is None:
        text = "there is no DkronCluster dkron in this namespace"
        yield Check(WARNING, text, "name the namespace of the operator with -n, or start the operator")
        return
    status = cluster.get("status") or {}
    conditions = {each.get("type"): each for each in status.get("conditions") or ()}
    ready = conditions.get("Ready") or {}
    if ready.get("status") == "True":
        leader = status.get("leader") or "an operator without a Lease"
        yield Check(OK, f"{leader} leads, {plural(int(status.get('replicas') or 0), 'replica')}")
    else:
        why = f"{ready.get('reason', 'Unknown')}: {ready.get('message', '')}".strip(": ")
        yield Check(PROBLEM, f"no operator leads ({why})", "start the operator; kubectl get pods shows its pods")
    conflict, delivers = conditions.get("Conflicted") or {}, conditions.get("Delivers") or {}
    if conflict.get("status") == "True":
        remedy = "let only one installation watch each namespace"
        yield Check(PROBLEM, f"two installations fire jobs: {conflict.get('message', '')}", remedy)
    if delivers.get("status") == "False":
        yield Check(
            PROBLEM, f"output is not delivered: {delivers.get('message', '')}", "fix spec.receivers of the DkronCluster"
        )
    if (cluster.get("spec") or {}).get("paused"):
        yield Check(WARNING, "the REST API rejects new and changed jobs", "dkronctl resume --api-writes")


def archive(cluster: Object | None, jobs: Sequence[Job]) -> Iterator[Check]:
    """Check whether the archive takes records, and whether it has all; nothing for an operator without one."""
    conditions = {each.get("type"): each for each in objects(mapping(cluster or {}, "status"), "conditions")}
    archives = conditions.get(ARCHIVES)
    if archives is None:
        return
    unarchived = ((job.name, mapping(mapping(job.raw, "status"), "unarchived")) for job in jobs)
    losses = [(name, lost) for name, owed in unarchived if (lost := number(owed, "lost"))]
    if losses:
        names = ", ".join(name for name, _ in losses[:NAMED]) + (" …" if len(losses) > NAMED else "")
        count = sum(lost for _, lost in losses)
        text = f"the archive never got {plural(count, 'record')}, because it was away: {names}"
        yield Check(WARNING, text, "keep it from being away for so long: a status holds only its newest executions")
    if archives.get("status") != "False":
        yield Check(OK, "the archive takes records")
        return
    # It may have some of these: a status that owes nothing more says so with its next write.
    owed = sum(map(_owed, jobs))
    behind = f"; at most {plural(owed, 'execution')} wait for it" if owed else ""
    why = str(archives.get("message") or archives.get("reason")).rstrip(".")
    remedy = "jobs run on; make its database answer before their statuses are full"
    yield Check(PROBLEM, f"the archive takes no records ({why}){behind}", remedy)


def _owed(job: Job) -> int:
    status = mapping(job.raw, "status")
    names = {entry.get("job") for entry in objects(status, "outbox") if "Archive" in items(entry, "to")}
    return sum(each.get("job") in names for each in objects(status, "executions"))


def versions(cluster: Object | None, own: str) -> Iterator[Check]:
    """Compare the operator's version with this program's."""
    running = str(((cluster or {}).get("status") or {}).get("version") or "")
    if not running:
        return
    if running == own:
        yield Check(OK, f"operator and dkronctl have version {own}")
    else:
        yield Check(WARNING, f"the operator has version {running}, dkronctl {own}", "use the same version of both")


def definitions(older: Mapping[str, int], needed: int) -> Check:
    """Check the revisions of the custom resources."""
    if not older:
        return Check(OK, f"the custom resources have revision {needed} or newer")
    kinds = ", ".join(f"{kind} has revision {number}" for kind, number in older.items())
    return Check(
        PROBLEM, f"the custom resources are older than {needed}: {kinds}", "kubectl apply --server-side -f crds/"
    )


def lease(found: Object | None, now: datetime) -> Iterator[Check]:
    """Check whether the leader renews its Lease."""
    spec = (found or {}).get("spec") or {}
    renewed = read_time(spec.get("renewTime"))
    if renewed is None or not spec.get("holderIdentity"):
        return
    age = now - renewed
    seconds = whole(spec.get("leaseDurationSeconds")) or LEASE_SECONDS
    if age > timedelta(seconds=seconds) + OFFSET:
        text = f"{spec['holderIdentity']} has not renewed the Lease for {span(age)}"
        yield Check(PROBLEM, text, "the operator is gone or cannot write; look at its pods and its log")
    else:
        notes = ((found or {}).get("metadata") or {}).get("annotations") or {}
        where = notes.get(ADDRESS) or notes.get(VERSION) or ""
        yield Check(OK, f"{spec['holderIdentity']} renewed the Lease {span(age)} ago{f' ({where})' if where else ''}")


def clock(server: datetime | None, now: datetime) -> Iterator[Check]:
    """Compare this machine's clock with the API server's, which tells whole seconds."""
    if server is None:
        return
    offset = now - server
    if abs(offset) > OFFSET:
        side = "ahead of" if offset > timedelta() else "behind"
        text = f"this machine's clock is {span(abs(offset))} {side} the API server's"
        yield Check(WARNING, text, "synchronize the clocks (NTP); times in this report are off by that much")
    else:
        yield Check(OK, "this machine's clock agrees with the API server's")


def rights(allowed: Mapping[str, bool]) -> Iterator[Check]:
    """Check what the user may do. A user without any right has learned nothing else about the jobs."""
    if missing := [verb for verb, yes in allowed.items() if not yes]:
        word = WARNING if any(allowed.values()) else PROBLEM
        yield Check(word, f"you may not {', '.join(missing)}", "ask for a role; dkronctl can VERB names the permission")
    else:
        yield Check(OK, f"you may {', '.join(allowed)}")


def jobs_in_trouble(jobs: Sequence[Job], now: datetime) -> Iterator[Check]:
    """Check all jobs."""
    groups: dict[tuple[str, str, str], list[Job]] = {}
    for job in jobs:
        for each in Troubles(job).at(now):
            if each.kind not in OF_RUNS:
                word = PROBLEM if each.kind in SEVERE else WARNING
                groups.setdefault((word, each.found, each.remedy), []).append(job)
    for (word, what, remedy), found in groups.items():
        names = ", ".join(job.name for job in found[:NAMED])
        more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
        yield Check(word, f"{plural(len(found), 'job')} {what}: {names}{more}", remedy)
    if not groups:
        yield Check(OK, f"{plural(len(jobs), 'job')}, none of them stuck")


def crowds(jobs: Sequence[Job], now: datetime) -> Iterator[Check]:
    """Check for seconds of the next hour in which many jobs are due."""
    first = with_first(jobs, now=now)
    full = at_once(planning(first, now=now, end=now + timedelta(hours=1), most=0, least=CROWD)).crowded
    if full:
        second, count = full[0]
        text = f"{plural(len(full), 'second')} of the next hour with {CROWD} jobs or more; {count} at {instant(second)}"
        yield Check(WARNING, text, 'write "~" for seconds or minutes; see dkronctl agenda')
