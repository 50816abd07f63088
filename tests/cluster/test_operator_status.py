"""Status edited by hand: whatever a user writes there, no slot runs twice, and the operator goes on."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dkron_kube.paths import DKRON_JOBS
from tests.support import ledger
from tests.support.jobs import KEEP_ALL, dkron_job, simulated
from tests.support.kube import Kube, finished, marked_after
from tests.support.sites import Site

pytestmark = [pytest.mark.cluster(nodes="kwok"), pytest.mark.promise]

LONG_AGO = "2000-01-01T00:00:00Z"


def each_second(name: str, **spec: Any) -> dict[str, Any]:
    return dkron_job(name, schedule="* * * * * *", history=KEEP_ALL, jobTemplate=simulated(), **spec)


def wipe(kube: Kube, name: str) -> None:
    kube.patch(DKRON_JOBS, name, {"status": None}, subresource="status")


def forget_the_mark(kube: Kube, name: str) -> None:
    kube.write_status(name, lastScheduleTime=None, since=LONG_AGO)


def move_the_mark_back(kube: Kube, name: str) -> None:
    kube.write_status(name, lastScheduleTime=LONG_AGO)


def forget_what_was_counted(kube: Kube, name: str) -> None:
    kube.write_status(name, counted=[], executions=[], active=[])


EDITS = {
    "mark-moved-back": move_the_mark_back,
    "mark-forgotten": forget_the_mark,
    "counts-forgotten": forget_what_was_counted,
    "wiped": wipe,
}
"""Jobs by what is done to their status; all are tried at once."""


def assert_nothing_twice(account: ledger.Ledger) -> None:
    assert not account.late_or_double
    assert len(account.fired) > 2


def test_status_edits_under_load_run_no_slot_twice(shared_site: Site) -> None:
    kube = shared_site.kube
    kube.apply(*(each_second(name) for name in EDITS))
    for name, edit in EDITS.items():
        kube.wait_status(name, "two runs", finished(2))
        edit(kube, name)
    edited = datetime.now(UTC)
    for name in EDITS:
        kube.wait_status(name, "to go on", marked_after(edited + timedelta(seconds=2)))
    for name, account in ledger.close_all(kube, EDITS, every=1).items():
        assert_nothing_twice(account)
        if name != "wiped":
            account.assert_balanced()
