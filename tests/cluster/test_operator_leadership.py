"""Several replicas at a real API server: one acts, the others wait, and whatever becomes of it, each slot runs once."""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from aiohttp.test_utils import unused_port

import localcluster
from dkron_kube.access import account_name
from dkron_kube.paths import LEASES
from localcluster.cluster import LocalCluster
from tests.support import ledger
from tests.support.ice import ice
from tests.support.jobs import KEEP_RECORDS, TIDY, at, dkron_job, each_second, simulated
from tests.support.kube import SERVICE_ACCOUNTS, Kube, Object, condition, finished, is_ready, marked_after
from tests.support.operator_process import OperatorProcess
from tests.support.rights import LEAST, change_rights, limited_access, without
from tests.support.scrape import read
from tests.support.shifted_operator import ShiftedOperator
from tests.support.sites import install, namespace
from tests.support.web_server import Web

pytestmark = [pytest.mark.cluster(nodes="kwok"), pytest.mark.promise]

LIFE = timedelta(seconds=5)
"""How long the Lease lives by default."""
LONGER = ("--lease-duration", "10", "--lease-renew-deadline", "8", "--lease-retry-period", "2")
STOP = timedelta(seconds=11)
"""Longer than a Lease lives on those terms."""
SECOND = timedelta(seconds=1)
PATIENCE = 90.0
"""Seconds for a start while everything else is busy."""
READS = {"get", "list", "watch"}


class Replicas:
    """Operators of one namespace, by name; started by `start`, and stopped in order at the end."""

    def __init__(self, kube: Kube, folder: Path, kubeconfig: Path | None = None) -> None:
        self.kube = kube
        self._folder = folder
        self._kubeconfig = kubeconfig or kube.kubeconfig
        self.known: dict[str, OperatorProcess] = {}

    def start(self, name: str, *options: str, shift: timedelta | None = None) -> OperatorProcess:
        """Start the replica of this name, for the first time or again."""
        if name not in self.known:
            environment = {"POD_NAME": name, "POD_IP": "10.1.2.3"}
            where = ("--kubeconfig", str(self._kubeconfig), "--namespace", self.kube.namespace)
            log = self._folder / f"{name}.log"
            self.known[name] = (
                OperatorProcess(log, *where, *options, environment=environment)
                if shift is None
                else ShiftedOperator(log, *where, *options, environment=environment, shift=shift)
            )
        replica = self.known[name].start(wait=False)
        replica.wait_for_line("ready with", seconds=PATIENCE)
        return replica

    def wait_leader(self, name: str, *, seconds: float = 30) -> Object:
        """Wait until this one holds the Lease."""
        return self.kube.wait_for(
            f"{name} to lead", self.kube.lease, lambda s: s.get("holderIdentity") == name, seconds=seconds
        )

    def tails(self) -> str:
        """What each has written last."""
        return "\n".join(f"--- {name}\n{each.tail()}" for name, each in self.known.items())

    def close(self) -> None:
        for each in self.known.values():
            if each.running:
                each.stop()
            each.assert_clean()


@contextlib.contextmanager
def replicas_of(kube: Kube, folder: Path, kubeconfig: Path | None = None) -> Iterator[Replicas]:
    made = Replicas(kube, folder, kubeconfig)
    kube.appendix = made.tails
    try:
        yield made
        made.close()
    finally:
        for each in made.known.values():
            if each.running:
                each.resume()
                each.kill()


@pytest.fixture
def replicas(cluster: localcluster.Cluster, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Replicas]:
    install(cluster)
    purpose = request.node.name.removeprefix("test_")
    with namespace(cluster.kubeconfig, purpose) as kube, replicas_of(kube, tmp_path) as made:
        yield made


def goes_on(kube: Kube, *names: str) -> None:
    """Wait until slots that come due from now on are decided."""
    moment = datetime.now(UTC)
    for name in names:
        kube.wait_status(name, "to go on", marked_after(moment))


def overlaps(status: Object) -> list[tuple[str, str]]:
    """Executions of which one began before the other had ended."""
    runs = sorted(status["executions"], key=lambda run: at(run["startedAt"]))
    return [(a["job"], b["job"]) for a, b in pairwise(runs) if at(b["startedAt"]) < at(a["finishedAt"])]


def started_slots(replica: OperatorProcess, since: datetime) -> list[str]:
    """Slots after this moment of which it says that it has started them."""
    lines = (line for line in replica.lines() if line["msg"] == "started")
    return [line["slot"] for line in lines if at(line["slot"]) > since]


# --- who waits -------------------------------------------------------------------------------------------------------


def test_standby_is_ready_and_writes_nothing(replicas: Replicas, tmp_path: Path) -> None:
    kube, port = replicas.kube, unused_port()
    kube.create(SERVICE_ACCOUNTS, {"metadata": {"name": "rest"}})
    rest = ("--rest-account", "rest", "--rest-token-file", str(tmp_path / "token"))
    first = replicas.start("first")
    replicas.wait_leader("first")
    second = replicas.start("second", "--monitoring-port", str(port), *rest)
    second.wait_for_line("waiting: first holds the Lease")
    kube.apply(each_second("often"), dkron_job("broken", schedule="@every 1s", jobTemplate={"spec": {"no": "field"}}))
    kube.wait_status("often", "some runs", finished(4))

    def page(path: str) -> tuple[int, str]:
        try:
            with urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as refusal:
            return refusal.code, refusal.read().decode()

    kube.wait_for("the one that waits to be ready", partial(page, "/readyz"), lambda answer: answer[0] == 200)
    told = read(page("/metrics")[1])
    assert (told.one("leader"), told.sum("slots_total")) == (0, 0)
    assert kube.cluster_status()["leader"] == "first"
    second.stop()
    calls = second.lines()[-1]["calls"]
    written = [call for call in calls if call.split()[0] not in READS]
    assert written == ["create serviceaccounts/token 201"], "it has only read, but for the token of its own pod"
    assert account_name((tmp_path / "token").read_text("ascii")) == "rest"
    goes_on(kube, "often")
    first.check()


def test_foreign_lease_holder_is_reported_and_awaited(replicas: Replicas) -> None:
    kube = replicas.kube
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
    spec = {"holderIdentity": "a-stranger", "leaseDurationSeconds": 8, "renewTime": now, "acquireTime": now}
    kube.create(LEASES, {"metadata": {"name": "dkron"}, "spec": spec})
    operator = replicas.start("first")
    told = operator.wait_for_line("waiting: a-stranger holds the Lease")
    assert (told["level"], told["seconds"]) == ("INFO", 8)
    kube.apply(each_second("often"))
    replicas.wait_leader("first")
    kube.wait_status("often", "a run", finished(1))
    # One that was forgotten for an hour is told of, and gone when a user deletes it.
    operator.stop()
    kube.patch(LEASES, "dkron", {"spec": {"holderIdentity": "a-stranger", "leaseDurationSeconds": 3600}})
    replicas.start("first").wait_for_line("lasts 3600 s; this operator's own lasts 5 s")
    kube.wait_passed(datetime.now(UTC) + LIFE + SECOND)
    kube.delete(LEASES, "dkron")
    replicas.wait_leader("first")
    goes_on(kube, "often")


# --- from one to the next ------------------------------------------------------------------------------------------


def by_sigterm(leader: OperatorProcess) -> None:
    leader.stop()


def by_sigkill(leader: OperatorProcess) -> None:
    leader.kill()


@pytest.mark.timeout(300)
def test_leader_changes_lose_no_slot_and_run_none_twice(replicas: Replicas) -> None:
    # No more slots than a history has room for, however slow the machine is.
    kube, names, often = replicas.kube, ("all", "latest", "skip", "forbid", "tidy"), {"schedule": "@every 2s"}
    replicas.start("first")
    replicas.wait_leader("first")
    replicas.start("second")
    kube.apply(
        each_second("all", missedRuns="all", **often),
        each_second("latest", **often),
        each_second("tidy", missedRuns="all", history=TIDY, **often),
        each_second("skip", missedRuns="skip", **often),
        each_second("forbid", concurrency="forbid", missedRuns="all", jobTemplate=simulated(run_for="1s"), **often),
    )
    goes_on(kube, *names)
    leader, other = "first", "second"
    ways: tuple[Callable[[OperatorProcess], None], ...] = (by_sigterm, by_sigkill)
    for way in ways:
        way(replicas.known[leader])
        replicas.wait_leader(other)
        goes_on(kube, *names)
        replicas.start(leader)
        leader, other = other, leader
    accounts = ledger.close_all(kube, names, every=2)
    for account in accounts.values():
        account.assert_balanced()
    assert accounts["all"].skipped == accounts["tidy"].skipped == 0, "all of them ran, in time or late"
    assert not overlaps(kube.status("forbid"))
    kube.wait_for("it to be shown who leads", lambda: kube.cluster_status().get("leader"), lambda name: name == leader)


@pytest.mark.timeout(300)
def test_frozen_leader_does_nothing_after_it_wakes(replicas: Replicas) -> None:
    kube = replicas.kube
    first = replicas.start("first")
    replicas.wait_leader("first")
    kube.apply(each_second("often"), each_second("single", concurrency="forbid"))
    goes_on(kube, "often", "single")
    replicas.start("second")
    first.pause()
    frozen = datetime.now(UTC)
    replicas.wait_leader("second")
    goes_on(kube, "often", "single")
    woken = datetime.now(UTC).replace(microsecond=0)
    first.resume()
    first.wait_for_line("waiting: second holds the Lease")
    goes_on(kube, "often", "single")
    assert started_slots(first, since=frozen) == []
    # Without a rival, it goes on when it wakes.
    first.stop()
    second = replicas.known["second"]
    second.pause()
    kube.wait_passed(datetime.now(UTC) + LIFE)
    second.resume()
    second.wait_for_line("this replica does nothing until it can")
    goes_on(kube, "often", "single")
    for name, account in ledger.close_all(kube, ("often", "single"), every=1).items():
        # A Lease does not fence: the create that it was about to send may leave when it wakes.
        late = ledger.begun_late(kube, name, due_before=frozen, created_after=woken)
        assert late <= 1, "it does nothing more"
        account.assert_balanced(late=late)


@pytest.mark.timeout(300)
def test_api_server_that_stops_moves_no_leader(replicas: Replicas, cluster: localcluster.Cluster) -> None:
    if not isinstance(cluster, LocalCluster):
        pytest.skip("the API server of this cluster cannot be stopped")
    kube = replicas.kube
    first = replicas.start("first", *LONGER)
    replicas.wait_leader("first")
    replicas.start("second", *LONGER).wait_for_line("waiting: first holds the Lease")
    kube.apply(each_second("often", missedRuns="all"))
    for _ in range(2):
        goes_on(kube, "often")
        with ice(cluster):
            first.pause()
            kube.wait_passed(datetime.now(UTC) + STOP)
        # The one that waits is answered first.
        kube.wait_passed(datetime.now(UTC) + SECOND / 2)
        first.resume()
    goes_on(kube, "often")
    assert kube.lease()["leaseTransitions"] == 0
    account = ledger.close(kube, "often", every=1)
    account.assert_balanced()
    assert account.skipped == 0


def test_rights_revoked_in_flight_cost_no_slot(cluster: localcluster.Cluster, tmp_path: Path) -> None:
    install(cluster)
    with namespace(cluster.kubeconfig, "no lease any more") as kube:
        kube.create_lease()
        limited = limited_access(kube, LEAST, folder=tmp_path)
        with replicas_of(kube, tmp_path, limited) as replicas:
            first = replicas.start("first")
            replicas.wait_leader("first")
            second = replicas.start("second")
            second.wait_for_line("waiting: first holds the Lease")
            kube.apply(each_second("often"), each_second("single", concurrency="forbid"))
            goes_on(kube, "often", "single")
            change_rights(kube, without(LEAST, "leases", "patch"))
            first.wait_for_line('cannot patch resource "leases"')
            goes_on(kube, "often", "single")
            second.wait_for_line('cannot patch resource "leases"')
            goes_on(kube, "often", "single")
            change_rights(kube, LEAST)
            for account in ledger.close_all(kube, ("often", "single"), every=1).values():
                account.assert_balanced(rivals=True)
            assert not overlaps(kube.status("single"))
            kube.wait_for(
                "one of them to wait again",
                lambda: [name for name, each in replicas.known.items() if "works again" in each.text()],
                lambda names: len(names) == 2,
                seconds=60,
            )


def test_clocks_an_hour_apart_do_not_change_the_leader(replicas: Replicas) -> None:
    kube = replicas.kube
    first = replicas.start("first")
    replicas.wait_leader("first")
    kube.apply(each_second("often"))
    goes_on(kube, "often")
    ahead = replicas.start("ahead", shift=timedelta(hours=1))
    replicas.start("behind", shift=-timedelta(hours=1))
    kube.wait_passed(datetime.now(UTC) + LIFE + 2 * SECOND)
    assert kube.lease()["holderIdentity"] == "first"
    goes_on(kube, "often")
    # The next leader goes by its own clock: the hour between is missed, or is there again, and runs nothing twice.
    # Slots that have run an hour ahead of time do not run when it comes.
    replicas.known["behind"].stop()
    first.stop()
    replicas.wait_leader("ahead")
    kube.wait_status("often", "to be an hour ahead", marked_after(datetime.now(UTC) + timedelta(minutes=59)))
    replicas.start("first")
    ahead.stop()
    replicas.wait_leader("first")
    kube.wait_status(
        "often", "its own time", lambda status: at(status["lastScheduleTime"]) <= datetime.now(UTC) + SECOND
    )
    ahead_of_time = {at(slot) for slot in kube.status("often")["ranAhead"]}
    assert ahead_of_time
    goes_on(kube, "often")
    account = ledger.close(kube, "often", every=1)
    # Slots that the clock that was ahead took for missed stay in the count.
    assert replace(account, fired=account.fired - Counter(ahead_of_time)).late_or_double == []


# --- two at once -----------------------------------------------------------------------------------------------------


@pytest.fixture
def unelected(cluster: localcluster.Cluster, tmp_path: Path) -> Iterator[Replicas]:
    """Replicas that may not read the Lease, so that each acts."""
    install(cluster)
    with namespace(cluster.kubeconfig, "two that act") as kube:
        limited = limited_access(kube, without(LEAST, "leases", "get"), folder=tmp_path)
        with replicas_of(kube, tmp_path, limited) as made:
            yield made


def test_two_that_act_at_once_run_nothing_twice(unelected: Replicas, web: Web) -> None:
    """An election prevents this; the promise holds without one."""
    kube, names = unelected.kube, ("often", "single", "newest")
    for name in ("first", "second"):
        unelected.start(name, "--inline-calls", "4", "--inline-allow", "127.0.0.0/8")
    called = each_second("called", executor="http")
    del called["spec"]["jobTemplate"]
    called["spec"]["executorConfig"] = {"method": "GET", "url": f"{web.url}/status/200/fine", "inline": "true"}
    kube.apply(
        each_second("often"),
        each_second("single", concurrency="forbid", jobTemplate=simulated(run_for="1500ms")),
        each_second("newest", concurrency="replace", jobTemplate=simulated(run_for="1500ms")),
        called,
        dkron_job("asked", jobTemplate=simulated(), history=KEEP_RECORDS),
    )
    kube.wait_status("asked", "to be there", is_ready)
    for number in range(3):
        kube.ask_run("asked", f"r{number}", datetime.now(UTC).isoformat())
    kube.wait_status("often", "some runs", finished(12))
    kube.edit("called", disabled=True)
    accounts = ledger.close_all(kube, names, every=1)
    # One may start again what the other has replaced in the same moment: docs/reliability.md.
    newest = accounts.pop("newest")
    assert (newest.unfired, newest.skipped, newest.fired.keys() - set(newest.due)) == ([], 0, set())
    for account in accounts.values():
        account.assert_balanced(rivals=True)
    assert not overlaps(kube.status("single"))
    asked = kube.wait_status("asked", "to have had its runs", finished(3))["executions"]
    assert len(asked) == len({run["group"] for run in asked}) == 3
    calls = kube.wait_status(
        "called", "to rest", lambda s: condition(s, "Suspended").get("status") == "True" and not s.get("active")
    )
    assert 0 < len(web.asked) <= len(calls["executions"]), "each attempt is called once, or not at all"
    assert kube.cluster_status().get("leader", "") == ""
    assert "without a Lease" in condition(kube.cluster_status(), "Ready")["message"]
