"""The archive at a real control plane: a SQLite file is locked while jobs run and the operator dies, is removed, or
is restored from a backup."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from dkron_archive.opening import open_archive
from dkron_archive.ports import ArchiveUnavailable
from dkron_archive.records import ArchivedExecution, Query
from dkron_kube.paths import DKRON_JOBS
from tests.support import ledger, waiting
from tests.support.api_sites import api_for
from tests.support.jobs import each_second
from tests.support.sites import Site

pytestmark = [pytest.mark.cluster(nodes="kwok"), pytest.mark.promise]

HISTORY = {"executions": 3, "successfulJobs": 1, "failedJobs": 1, "outputBytes": 0, "archivedOutputBytes": 0}


def archived(file: Path, namespace: str) -> list[ArchivedExecution]:
    """All executions of the namespace; none before the operator has made the tables."""

    async def read() -> list[ArchivedExecution]:
        archive = open_archive(f"sqlite:///{file}")
        try:
            return list((await archive.page(Query(namespace, limit=1000))).executions)
        except ArchiveUnavailable:
            return []
        finally:
            await archive.close()

    return asyncio.run(read())


@contextlib.contextmanager
def locked(file: Path) -> Iterator[None]:
    """Another process writes, and does not end."""
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("PRAGMA busy_timeout = 10000")
        other.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            other.execute("ROLLBACK")


def test_locked_archive_has_each_execution_once_in_the_end(own_site: Site, tmp_path: Path) -> None:
    kube, operator, file = own_site.kube, own_site.operator, tmp_path / "archive.db"
    operator.add("--archive", f"sqlite:///{file}").start()
    kube.apply(each_second("steady", history=HISTORY))
    kube.wait_for(
        "a first execution in the archive", lambda: archived(file, kube.namespace), lambda found: len(found) > 1
    )
    with locked(file):
        kube.wait_status("steady", "more than its history", lambda status: len(status["executions"]) > 8)
        operator.kill()
        operator.start()
        kube.wait_status("steady", "more after the crash", lambda status: len(status["executions"]) > 14)
        account = ledger.close(kube, "steady", every=1)
        account.assert_balanced()
    count = kube.wait_status("steady", "all to end", lambda status: not status.get("active"))["successCount"]
    found = kube.wait_for(
        "all in the archive", lambda: archived(file, kube.namespace), lambda found: len(found) >= count
    )
    assert len({each.id for each in found}) == len(found) == count
    assert {each.revision for each in found} != {""}
    assert kube.get(DKRON_JOBS, "steady")["status"]["unarchived"]["lost"] == 0


def test_removed_archive_is_made_again(own_site: Site, tmp_path: Path) -> None:
    kube, operator, file = own_site.kube, own_site.operator, tmp_path / "archive.db"
    operator.add("--archive", f"sqlite:///{file}").start()
    kube.apply(each_second("steady", history=HISTORY))
    kube.wait_for(
        "a first execution in the archive", lambda: archived(file, kube.namespace), lambda found: len(found) > 1
    )
    for suffix in ("", "-wal", "-shm"):
        file.with_name(file.name + suffix).unlink()
    lost = kube.get(DKRON_JOBS, "steady")["status"]["successCount"]
    kube.wait_for("a new file", lambda: archived(file, kube.namespace), lambda found: len(found) > 5)
    account = ledger.close(kube, "steady", every=1)
    account.assert_balanced()
    count = kube.wait_status("steady", "all to end", lambda status: not status.get("active"))["successCount"]
    found = kube.wait_for(
        "the others in the new file", lambda: archived(file, kube.namespace), lambda found: len(found) >= count - lost
    )
    assert len({each.id for each in found}) == len(found) <= count
    assert {each.revision for each in found} != {""}
    assert kube.get(DKRON_JOBS, "steady")["status"]["unarchived"]["lost"] == 0


def test_restored_archive_leaves_lost_slots_unknown(own_site: Site, tmp_path: Path) -> None:
    """Runs after the backup, which neither the status nor the archive has, were not skipped."""
    kube, operator, file = own_site.kube, own_site.operator, tmp_path / "archive.db"
    backup = file.with_name("backup.db")
    operator.add("--archive", f"sqlite:///{file}").start()
    kube.apply(each_second("steady", history=HISTORY))
    kube.wait_for("some in the archive", lambda: archived(file, kube.namespace), lambda found: len(found) > 3)
    with contextlib.closing(sqlite3.connect(file)) as running:
        running.execute("VACUUM INTO ?", (str(backup),))
    saved = len(archived(backup, kube.namespace))
    kube.wait_for(
        "more than its history", lambda: archived(file, kube.namespace), lambda found: len(found) > saved + 10
    )
    operator.stop()
    for suffix in ("-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)
    backup.replace(file)
    operator.start()
    kube.wait_for("more in the archive", lambda: archived(file, kube.namespace), lambda found: len(found) > saved + 8)
    with api_for(kube, tmp_path, "--archive", f"sqlite:///{file}") as site:
        answer = waiting.wait_for(
            "an explanation",
            lambda: site.rest.get("/v1/jobs/steady/explain?from=1h"),
            lambda each: each.status == 200,
            seconds=20,
        )
    account = ledger.close(kube, "steady", every=1)
    words = {datetime.fromisoformat(each["slot"]): each["what"] for each in answer.json()["slots"]}
    assert {slot for slot, what in words.items() if what == "skipped"} <= set(account.unfired)
    assert {slot for slot, what in words.items() if what == "ran"} <= set(account.fired)
    lost = [slot for slot, what in words.items() if what == "unknown"]
    assert len(lost) > 5, words
    assert datetime.fromisoformat(answer.json()["known_since"]) > max(lost)
