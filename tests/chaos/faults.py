"""The faults of a storm, done: to processes, to components of the cluster, and by hand to what is stored there.

By hand only that is done of which it is promised what holds (docs/reliability.md): a Job or a pod that runs is deleted,
a mark is moved back while an operator runs, a status is wiped.
"""

import contextlib
import heapq
import signal
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TypeVar

from urllib3.exceptions import HTTPError

from dkron_crds.base import rfc3339
from dkron_kube.paths import DKRON_JOBS, JOBS, PODS
from localcluster.cluster import LocalCluster
from localcluster.errors import ClusterError
from tests.chaos.history import Fault as Broken
from tests.chaos.jobs import ASKED, PARENTS, SCHEDULED, STEADY
from tests.chaos.network import Network
from tests.chaos.operators import Crew
from tests.chaos.plan import ON_THE_WAY, WRONG, Blow, Fault
from tests.chaos.recorder import Recorder
from tests.support.ice import signal_server
from tests.support.kube import Kube, Object, Refused

T = TypeVar("T")

WIPED = frozenset(SCHEDULED) - STEADY - PARENTS - frozenset(ASKED)
"""Jobs whose status may be wiped. A request that is not removed yet, and what others wait for, would go with it."""
CONTROLLER_FLAGS = ("--kube-api-qps=100", "--kube-api-burst=200")
"""With the default limits the Job controller would need minutes to catch up after a fault."""
RESTARTS = 3
STEP_BACK = timedelta(seconds=30)
COMPONENTS_OF = {Fault.API_SERVER: "apiserver", Fault.ETCD: "etcd", Fault.CONTROLLERS: "controller-manager"}


class Faults:
    """Does what a plan says. `told` hears of each fault when it is over; `kube` is never disturbed by anything but the
    API server itself. What lasts a while is undone by `undo`."""

    def __init__(
        self,
        kube: Kube,
        recorder: Recorder,
        *,
        crew: Crew,
        network: Network,
        cluster: LocalCluster,
        told: Callable[[Broken], None],
    ) -> None:
        self._kube = kube
        self._crew = crew
        self._network = network
        self._recorder = recorder
        self._cluster = cluster
        self._told = told
        self._order = count()
        self._undo: list[tuple[float, int, Callable[[], None]]] = []

    def do(self, blow: Blow, now: float) -> str:
        """Do it; what was met; empty if there was nothing. `now` and the plan are in seconds after the beginning."""
        if blow.fault in COMPONENTS_OF:
            return self._restart(COMPONENTS_OF[blow.fault])
        if blow.fault in ON_THE_WAY:
            return self._break(blow, now)
        lasting = {
            Fault.KILL: self._take_away, Fault.STOP: self._take_away, Fault.FREEZE: self._take_away,
            Fault.CLOCK: self._set_clock, Fault.API_FREEZE: self._freeze_server, Fault.API_AWAY: self._end_server,
        }  # fmt: skip
        return lasting[blow.fault](blow, now) if blow.fault in lasting else self._by_hand(blow)

    def undo(self, now: float) -> None:
        """End what has lasted long enough."""
        while self._undo and self._undo[0][0] <= now:
            heapq.heappop(self._undo)[2]()

    def is_over(self) -> bool:
        """Whether nothing lasts any more."""
        return not self._undo

    def heal(self) -> None:
        """End all that still lasts."""
        self.undo(float("inf"))
        self._crew.heal()

    def leave(self) -> None:
        """Leave the cluster as it was found."""
        self._thaw_server()

    def _later(self, when: float, work: Callable[[], None]) -> None:
        heapq.heappush(self._undo, (when, next(self._order), work))

    def _take_away(self, blow: Blow, now: float) -> str:
        able = self._crew.able()
        if not able:
            return ""
        number = _one(able, blow.pick)
        if blow.fault is Fault.FREEZE:
            self._crew.freeze(number)
        else:
            self._crew.end(number, signal.SIGKILL if blow.fault is Fault.KILL else signal.SIGTERM)
        back = self._crew.thaw if blow.fault is Fault.FREEZE else self._crew.call
        self._later(now + blow.seconds, lambda: back(number))
        return f"operator {number + 1} for {blow.seconds} s"

    def _set_clock(self, blow: Blow, now: float) -> str:
        number, share = divmod(blow.pick * len(self._crew.operators), 1)
        shift = timedelta(seconds=round(WRONG * (2 * share - 1)))
        if not self._crew.set_clock(int(number), shift):
            return ""
        self._later(now + blow.seconds, lambda: self._crew.set_right(int(number)))
        return f"operator {int(number) + 1}, by {shift.total_seconds():+.0f} s for {blow.seconds} s"

    def _freeze_server(self, blow: Blow, now: float) -> str:
        begin = datetime.now(UTC)
        if any(work == self._melt for _, _, work in self._undo):
            return ""
        signal_server(self._cluster, signal.SIGSTOP)
        self._frozen_since = begin
        self._later(now + blow.seconds, self._melt)
        return f"for {blow.seconds} s"

    def _melt(self) -> None:
        signal_server(self._cluster, signal.SIGCONT)
        what, begin, end = "SIGSTOP of the API server", self._frozen_since, datetime.now(UTC)
        self._told(Broken(what=what, begin=begin, end=end, holds=True))

    def _end_server(self, blow: Blow, now: float) -> str:
        begin = datetime.now(UTC)
        signal_server(self._cluster, signal.SIGKILL)
        self._later(now + blow.seconds, lambda: self._begin_server(begin))
        return f"for {blow.seconds} s"

    def _begin_server(self, begin: datetime) -> None:
        self._restart_with("apiserver", ())
        self._told(Broken(what=Fault.API_AWAY, begin=begin, end=datetime.now(UTC)))

    def _break(self, blow: Blow, now: float) -> str:
        number, fault = int(blow.pick * len(self._network)), blow.fault
        if not self._network.break_(number, fault):
            return ""
        self._later(now + blow.seconds, lambda: self._mend(number, fault))
        return f"operator {number + 1} for {blow.seconds} s"

    def _mend(self, number: int, fault: Fault) -> None:
        broken = self._network.repair(number, fault)
        if broken is not None:
            self._told(broken)

    def _restart(self, component: str) -> str:
        self._thaw_server()
        begin = datetime.now(UTC)
        flags = CONTROLLER_FLAGS if component == "controller-manager" else ()
        self._restart_with(component, flags)
        self._told(Broken(what=f"restart of {component}", begin=begin, end=datetime.now(UTC)))
        return component

    def _restart_with(self, component: str, flags: tuple[str, ...]) -> None:
        for left in reversed(range(RESTARTS)):
            try:
                self._cluster.restart(component, flags)
            except ClusterError:
                # On a busy machine an API server may give up while it starts, or come up without ever being ready.
                if not left:
                    raise
            else:
                return

    def _thaw_server(self) -> None:
        """What stands still cannot be restarted, and nothing else be restarted beside it."""
        frozen = [entry for entry in self._undo if entry[2] == self._melt]
        for entry in frozen:
            self._undo.remove(entry)
            heapq.heapify(self._undo)
            self._melt()

    def _by_hand(self, blow: Blow) -> str:
        hands = {Fault.JOB: self._job, Fault.POD: self._pod, Fault.MARK: self._mark, Fault.WIPE: self._wipe}
        try:
            return hands[blow.fault](blow.pick)
        except (HTTPError, Refused):
            # The API server is away, or what was chosen has gone.
            return ""

    def _job(self, pick: float) -> str:
        """A Job whose attempt is recorded as running, so that its mark is written."""
        running = [
            str(entry["job"]) for job in self._kube.all(DKRON_JOBS) for entry in _active(job) if entry.get("uid")
        ]
        if not running:
            return ""
        name = _one(sorted(running), pick)
        self._cut(name, "Job", lambda: self._kube.delete(JOBS, name))
        return name

    def _pod(self, pick: float) -> str:
        pods = [pod for pod in self._kube.all(PODS) if pod["status"].get("phase") == "Running"]
        if not pods:
            return ""
        metadata = _one(sorted((pod["metadata"] for pod in pods), key=lambda it: str(it["name"])), pick)
        owner = metadata["ownerReferences"][0]["name"]
        self._cut(owner, "pod", lambda: self._kube.delete(PODS, metadata["name"]))
        return str(metadata["name"])

    def _cut(self, job: str, what: str, work: Callable[[], None]) -> None:
        begin = datetime.now(UTC)
        try:
            work()
        finally:
            # Without an answer it may be deleted all the same.
            self._told(Broken(what=f"{what} of {job} deleted by hand", begin=begin, end=datetime.now(UTC), hits=(job,)))

    def _mark(self, pick: float) -> str:
        marks: dict[str, str] = {
            job["metadata"]["name"]: job["status"]["lastScheduleTime"]
            for job in self._kube.all(DKRON_JOBS)
            if (job.get("status") or {}).get("lastScheduleTime")
        }
        if not marks or not self._crew.is_settled():
            return ""
        name, begin = _one(sorted(marks), pick), datetime.now(UTC)
        back = rfc3339(datetime.fromisoformat(marks[name]) - STEP_BACK)
        try:
            self._kube.write_status(name, lastScheduleTime=back)
        finally:
            self._told(Broken(what=f"mark of {name} moved back by hand", begin=begin, end=datetime.now(UTC)))
        self._await_mark(name, back)
        return name

    def _await_mark(self, name: str, back: str) -> None:
        """Nothing else is broken before the operator has written it again: only while it remembers, it can."""

        def mark() -> str:
            return str((self._kube.find(DKRON_JOBS, name) or {}).get("status", {}).get("lastScheduleTime"))

        with contextlib.suppress(AssertionError):
            self._kube.wait_for(f"the mark of {name} to move on", mark, lambda now: now != back, seconds=10)

    def _wipe(self, pick: float) -> str:
        there: set[str] = {job["metadata"]["name"] for job in self._kube.all(DKRON_JOBS)}
        names = sorted(there & WIPED)
        if not names or not self._crew.able():
            return ""
        name = _one(names, pick)
        self._recorder.wipe(name)
        return name


def _active(job: Object) -> list[Object]:
    active: list[Object] = (job.get("status") or {}).get("active") or []
    return active


def _one(of: Sequence[T], pick: float) -> T:
    return of[int(pick * len(of))]
