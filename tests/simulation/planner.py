"""The plan of a seed: what is drawn, how likely, and what goes together.

What came later draws from a source of its own, so that all the rest of a plan stays as it was.
"""

from dataclasses import replace
from random import Random
from typing import Any

from tests.simulation.controllers import Course
from tests.simulation.network import Ill
from tests.simulation.plans import HANDOVER, LATENESS, LONGEST_RUN, RECOVERY, Event, Plan, What

WIPED = 0.3
"""How likely a status is cleared by hand, if it may be."""
WIPED_MEANWHILE = 0.4
"""How likely no operator is there then."""
FORGERIES = 0.06
"""How likely there is a Job that looks as if the operator had made it."""
KEPT = 60.0
"""How long a finished Job is there at least, in seconds."""
OLD_LISTS = 0.15
"""How likely lists are old for a while, in which a replica lists all."""
LONG_LISTS = 0.06
"""How likely lists come in short pages for a while, in which a replica lists all."""
CUTS = 0.12
"""How likely a watch breaks, and may have to list again."""

GONE_UNSEEN = 0.2
"""How likely a job is deleted then."""
STOPS = 0.2
"""How likely executions are stopped."""
CHAINS = 0.06
"""How likely jobs run after another one."""
LEFT_OUT = 0.1
"""How likely an edit leaves out a zone or an end that the job had."""
TTLS = 0.1
"""How likely Jobs have a time to live."""
THIRDS = 0.04
"""How likely there are three replicas where there are several."""
PAUSES = 0.15
"""How likely a pause holds a job, or all."""
ASKS = 0.2
"""How likely DkronRuns of a job are created."""
CANCELS = 0.3
"""How likely one of them is deleted again soon."""
TIMES = ("2026-02-01T00:00:00Z", "2026-03-01T11:59:40Z", "2026-03-01T13:00:00Z")
"""Which times DkronRuns stand for: long before a story, a slot in it, and after it."""
HANDOVERS = 0.12
"""How likely one of several dies when nothing else is wrong, of jobs that do not run what they have missed."""
LEASES = 0.1
"""How likely calls about the Lease fail for a while, where one of several acts."""
OUTAGES = 0.05
"""How likely the only operator is away for so long that runs which may not overlap queue up."""
BACKOFFS = 0.1
"""How likely retries wait longer than the clocks are apart."""
ALL_KEPT = 100
"""How many executions a history keeps that forgets none in a story."""
FAR_AHEAD = 0.06
"""How likely a clock is ten minutes ahead for a while."""
JUMPS = 0.1
"""How likely a clock that could be minutes ahead for a while is: it excuses a job for as long."""
LINES = 0.15
"""How likely runs of jobs wait in line."""
WAITING = 0.8
"""How likely each of them does, before and after an edit."""
ARCHIVES = 0.5
"""How likely there is an archive."""
CALM = (85.0, 115.0)
"""Seconds at the end of each story in which nothing is wrong: what a fault has left behind shows in them."""


def plan(seed: int) -> Plan:
    """The plan of a seed."""
    return _Planner(seed).plan()


_FAULTS = (
    *("kill", "kill", "kill at a call", "kill at a call", "kill at a call", "terminate", "freeze", "skew"),
    *("call", "call", "call", "call", "watch", "watch", "squat"),
)


class _Planner:
    def __init__(self, seed: int) -> None:
        self._random = Random(seed)  # noqa: S311 - no secret
        self._seed = seed
        self._replicas = self._random.choice((1, 2, 2))
        if self._replicas > 1 and Random(f"a third {seed}").random() < THIRDS:  # noqa: S311 - no secret
            self._replicas = 3
        self._elects = self._random.random() < 0.6
        # Mostly short: what goes wrong needs few events. Some are long enough for the clean-up of Jobs.
        self._length = self._random.choice((10.0, 12.0, 15.0, 15.0, 15.0, 20.0, 20.0, 20.0, 25.0, 75.0))
        # Where several act, what one of them replaces another may start once more (docs/reliability.md).
        self._rivals = split = self._replicas > 1 and not self._elects
        self._follow = self._replicas > 1 and self._elects
        """Whether another replica follows when the leader goes."""
        self._policies = (
            ("allow", "allow", "allow", "forbid") if split else ("allow", "allow", "allow", "forbid", "replace")
        )
        self._events: list[Event] = []

    def plan(self) -> Plan:
        rand = self._random
        for number in range(rand.choice((1, 1, 1, 2))):
            self._job(f"j{number}")
        for _ in range(rand.choice((0, 0, 0, 1, 1, 2, 2, 3, 4))):
            self._fault()
        self._wipe()
        self._old_lists()
        self._others()
        self._left_out()
        self._cuts()
        self._stops()
        self._chains()
        self._long_lists()
        self._pauses()
        self._asks()
        self._forgeries()
        self._handovers()
        self._outages()
        self._leases()
        self._backoffs()
        self._far_ahead()
        self._list_dependents()
        self._list_pauses()
        lines = self._lines()
        events = sorted(self._events, key=lambda event: event.at)
        calm = max([self._length, *(event.ends for event in events)])
        lasts = max(lines, rand.choice((1.0, 1.0, 3.0, LONGEST_RUN)))
        archives, away = self._archive(calm)
        return Plan(
            archives=archives,
            archive_away=away,
            seed=self._seed,
            replicas=self._replicas,
            elects=self._elects,
            course=Course(
                fails=rand.choice((0.0, 0.3, 0.6)), stuck=rand.choice((0.0, 0.0, 0.1)), lasts=lasts, ttl=self._ttl()
            ),
            skews=tuple(round(rand.uniform(-0.3, 0.3), 3) for _ in range(self._replicas)),
            events=tuple(events),
            calm=calm,
            ends=round(
                calm + (HANDOVER if self._follow else 0.0) + RECOVERY + LATENESS + lasts + rand.uniform(*CALM),
                3,
            ),
        )

    def _when(self) -> float:
        """Mostly around a full second, when slots are due."""
        at = self._random.uniform(1.0, self._length)
        return round(round(at) + self._random.uniform(-0.1, 0.4) if self._random.random() < 0.7 else at, 3)

    def _job(self, name: str) -> None:
        rand = self._random
        self._add(round(rand.uniform(0.0, 4.0), 3), What.CREATE, on=name, spec=self._spec())
        for _ in range(rand.choice((0, 0, 1, 2))):
            self._add(self._when(), What.RUN, on=name, force=rand.random() < 0.2)
        for _ in range(rand.choice((0, 0, 0, 0, 0, 1, 2))):
            what = rand.choice((What.EDIT, What.DISABLE, What.ENABLE))
            self._add(self._when(), what, on=name, spec=self._spec() if what is What.EDIT else {})
        if rand.random() < 0.08:
            at = self._when()
            self._add(at, What.DELETE, on=name)
            if rand.random() < 0.7:
                self._add(at + rand.choice((0.1, 1.0, 5.0)), What.CREATE, on=name, spec=self._spec())

    def _spec(self) -> dict[str, Any]:
        rand = self._random
        spec: dict[str, Any] = {
            "schedule": rand.choice(("@every 4s", "@every 7s", "*/5 * * * * *", "*/10 * * * * *", "0 * * * * *")),
            "executorConfig": {"command": "true"},
            "concurrency": rand.choice(self._policies),
            "missedRuns": rand.choice(("skip", "latest", "all")),
            "retries": rand.choice((0, 0, 1, 2)),
            "retryBackoff": {"initial": rand.choice(("1s", "2s")), "factor": 2, "max": "4s"},
            "history": {
                "executions": rand.choice((ALL_KEPT, ALL_KEPT, 5)),
                "successfulJobs": rand.choice((0, 1, 3)),
                "failedJobs": rand.choice((0, 1)),
            },
        }
        if rand.random() < 0.25:
            spec["startingDeadlineSeconds"] = rand.choice((2, 10, 30))
        return spec

    def _fault(self) -> None:
        rand, on = self._random, self._replica()
        lasts = round(rand.choice((0.5, 2.0, 5.0, 10.0)) * rand.uniform(0.5, 1.0), 3)
        match rand.choice(_FAULTS):
            case "kill":
                steps = rand.choice((0, 1, 3, 10, 30, 100))
                self._add(self._when(), What.KILL, on=on or "operator-0", lasts=lasts, steps=steps)
            case "kill at a call":
                calls = rand.choice(
                    ("create jobs", "create jobs", "write dkronjobs", "write dkronjobs", "delete", "patch")
                )
                steps = rand.choice((0, 1, 2, 3, 4, 6, 10))
                self._add(self._when(), What.KILL, on=on or "operator-0", lasts=lasts, steps=steps, calls=calls)
            case "squat":
                self._add(self._when(), What.SQUAT, on="j0", lasts=lasts + 5.0)
            case "terminate":
                self._add(self._when(), What.TERMINATE, on=on or "operator-0", lasts=lasts)
            case "freeze":
                self._add(self._when(), What.FREEZE, on=on or "operator-0", lasts=lasts * 2)
            case "skew":
                skew = rand.choice((-90.0, -3.0, 3.0))
                self._add(self._when(), What.SKEW, on=on or "operator-0", lasts=lasts, skew=skew)
            case "call":
                ill = rand.choice((Ill.LOSE, Ill.LOSE, Ill.DROP, Ill.REFUSE, Ill.SLOW, Ill.MEDDLE))
                calls = rand.choice(("", "", "create jobs", "write dkronjobs", "delete", "get", "list", "patch"))
                self._add(
                    self._when(), What.ILL, on=on, lasts=lasts, ill=ill, calls=calls,
                    share=rand.choice((0.2, 0.5, 1.0)), status=rand.choice((429, 500, 503)),
                )  # fmt: skip
            case "watch":
                ill = rand.choice((Ill.FREEZE, Ill.GAP, Ill.REPEAT))
                calls = rand.choice(("", "jobs", "dkronjobs"))
                self._add(self._when(), What.ILL, on=on, lasts=lasts, ill=ill, calls=calls, share=0.5)

    def _wipe(self) -> None:
        """A status is cleared by hand. With it goes what no Job shows (docs/reliability.md): that a request had its
        run, that an attempt came and was replaced, and by which clock steps are counted. Where there is none of that,
        nothing may get lost or run twice."""
        wipes = self._source("wipes")
        mine = [event for event in self._events if event.on == "j0"]
        vague = any(event.what is What.RUN or event.spec.get("retries") for event in mine)
        if wipes.random() < WIPED and not vague and not any(event.what is What.SKEW for event in self._events):
            at = round(wipes.uniform(5.0, self._length), 3)
            self._add(at, What.WIPE, on="j0")
            if wipes.random() < WIPED_MEANWHILE:
                for number in range(self._replicas):
                    self._add(at - 1.0, What.KILL, on=f"operator-{number}", lasts=2.0)

    def _old_lists(self) -> None:
        """An API server that has fallen behind, and a replica that lists by it: it starts, or its watches do."""
        old = self._source("old lists")
        if old.random() > OLD_LISTS:
            return
        at, lasts = round(old.uniform(1.0, self._length / 2), 3), old.choice((2.0, 10.0, 30.0, 80.0, 80.0))
        on, calls = f"operator-{old.randrange(self._replicas)}", old.choice(("", "jobs", "dkronjobs"))
        self._add(at, What.ILL, on=on, lasts=lasts, ill=Ill.OLD, calls=calls)
        if lasts > KEPT:
            # A Job in the list was deleted since, and nothing is left of it.
            for event in self._events:
                if event.spec:
                    event.spec["history"] = {"executions": 1, "successfulJobs": 0, "failedJobs": 0}
        # So late that the clean-up had time for what the list still shows.
        then = round(at + lasts * (old.uniform(0.9, 0.97) if lasts > KEPT else old.uniform(0.3, 0.9)), 3)
        if lasts > KEPT or old.random() < 0.7:
            self._add(then, What.KILL, on=on, lasts=0.0)
        else:
            self._add(then - 1.0, What.ILL, on=on, lasts=1.0, ill=Ill.GAP, share=0.5)

    def _list_dependents(self) -> None:
        """An operator that starts by a list from before a dependent job was made counts a run of the parent that ended
        meanwhile as an overrun, and does not make the run. Old lists are from after that."""
        made = max((event.at for event in self._events if event.spec.get("dependsOn")), default=0.0)
        for number, event in enumerate(self._events):
            if event.ill is Ill.OLD and event.calls != "jobs":
                self._events[number] = replace(event, at=max(event.at, made + 1.0))

    def _list_pauses(self) -> None:
        """An operator that starts by a list from before a pause runs what that holds, until its watch tells of it, a
        moment later. Lists of pauses are not old."""
        if self._has(What.PAUSE):
            for number, event in enumerate(self._events):
                if event.ill is Ill.OLD and not event.calls:
                    self._events[number] = replace(event, calls="dkronjobs")

    def _others(self) -> None:
        """Rarer events: a quota or a namespace that ends, which refuse Jobs; a status that is refused as invalid; a
        Job that a user deletes; a clock that is minutes ahead for a while."""
        rand = self._source("others")
        at, on = round(rand.uniform(4.0, self._length), 3), f"operator-{rand.randrange(self._replicas)}"
        lasts = round(rand.uniform(0.5, 8.0), 3)
        match rand.randrange(12):
            case 0:
                self._add(at, What.ILL, lasts=lasts, ill=Ill.REFUSE, calls="create jobs", status=403)
            case 1:
                self._add(at, What.ILL, lasts=lasts, ill=Ill.REFUSE, calls="write dkronjobs", status=422, share=0.5)
            case 2 | 3:
                self._add(at, What.REMOVE, on="j0")
            case 4 if rand.random() < JUMPS and self._can_judge_far_clock():
                self._add(at, What.SKEW, on=on, lasts=lasts, skew=180.0)

    def _can_judge_far_clock(self) -> bool:
        """Whether an observer can tell what a clock that is minutes ahead makes due. An `@every` that is edited
        then begins where no observer knows; and a list from that time, read long after, gives the mark of then for one
        that is now within what clocks may differ."""
        edited = any(event.what is What.EDIT and "@every" in event.spec["schedule"] for event in self._events)
        old = any(event.ill is Ill.OLD and event.lasts > KEPT for event in self._events)
        return not (self._rivals or self._has(What.WIPE) or edited or old)

    def _left_out(self) -> None:
        """An edit that leaves out what the schedule had beside its text. The zone differs only by hours, so the slots
        are the same. By a clock that is minutes ahead they would begin where no observer knows."""
        rand = self._source("left out")
        if rand.random() > LEFT_OUT or any(event.skew > HANDOVER for event in self._events):
            return
        first = next(event for event in self._events if event.what is What.CREATE and event.on == "j0")
        plain = dict(first.spec)
        first.spec.update(rand.choice(({"timezone": "Asia/Tokyo"}, {"expiresAt": "2100-01-01T00:00:00Z"})))
        self._add(round(rand.uniform(first.at + 1.0, self._length), 3), What.EDIT, on="j0", spec=plain)

    def _cuts(self) -> None:
        """A watch that breaks, and an API server that may not know any more what came after that: a job may be gone."""
        cuts = self._source("cuts")
        if cuts.random() < CUTS:
            at, lasts = round(cuts.uniform(1.0, self._length), 3), round(cuts.uniform(0.2, 4.0), 3)
            on, calls = f"operator-{cuts.randrange(self._replicas)}", cuts.choice(("", "jobs", "dkronjobs"))
            self._add(at, What.ILL, on=on, lasts=lasts, ill=Ill.CUT, calls=calls, share=cuts.choice((0.0, 1.0, 1.0)))
            if cuts.random() < GONE_UNSEEN and not self._has(What.DELETE):
                self._add(round(at + lasts / 2, 3), What.DELETE, on="j0")

    def _stops(self) -> None:
        """Executions that a user stops, some just as they begin or end. A wipe takes with it that one was stopped;
        and where several act, another may make it once more (docs/reliability.md)."""
        stops = self._source("stops")
        if stops.random() < STOPS and not self._rivals and not self._has(What.WIPE):
            for _ in range(stops.choice((1, 2, 3))):
                at = round(stops.uniform(3.0, self._length), 3)
                how = stops.choice(({"begins": True}, {"begins": True}, {"races": True}, {}))
                self._add(at, What.STOP, on="j0", **how)

    def _chains(self) -> None:
        """Jobs that run after one that is due, and after one of their own kind. A wipe takes with it who has heard of
        which end."""
        chains = self._source("chains")
        if chains.random() > CHAINS or self._has(What.WIPE):
            return
        parents = ["j0", "c0"][: chains.choice((1, 2, 2))]
        for number, parent in enumerate(parents):
            when = chains.choice(("success", "success", "failure", "always"))
            spec = {
                "schedule": "", "dependsOn": [{"job": parent, "when": when}], "executorConfig": {"command": "true"},
                "concurrency": chains.choice(("allow", "allow", "forbid")), "retries": chains.choice((0, 0, 1)),
                "retryBackoff": {"initial": "1s", "factor": 2, "max": "4s"},
                "history": {"executions": 100, "successfulJobs": chains.choice((0, 1)), "failedJobs": 0},
            }  # fmt: skip
            self._add(round(chains.uniform(0.0, 4.0), 3), What.CREATE, on=f"c{number}", spec=spec)

    def _long_lists(self) -> None:
        """Lists in many pages, of which the later ones may come too late; and a replica that lists: it starts, or its
        watches break."""
        long = self._source("long lists")
        if long.random() > LONG_LISTS or any(event.ill is Ill.OLD for event in self._events):
            return
        at, lasts = round(long.uniform(1.0, self._length / 2), 3), long.choice((6.0, 9.0, 12.0))
        on, share = f"operator-{long.randrange(self._replicas)}", long.choice((0.0, 0.5, 0.5, 0.9))
        self._add(at, What.ILL, on=on, lasts=lasts, ill=Ill.PAGES, share=share)
        then = round(at + lasts * long.uniform(0.0, 0.5), 3)
        if long.random() < 0.5:
            self._add(then, What.KILL, on=on, lasts=0.0)
        else:
            self._add(then, What.ILL, on=on, lasts=0.3, ill=Ill.CUT)

    def _pauses(self) -> None:
        """A pause. With a clock that is minutes off, no observer can say when one ends by itself."""
        pauses = self._source("pauses")
        if pauses.random() > PAUSES:
            return
        at = round(pauses.uniform(1.0, self._length * 0.7), 3)
        spec = {"drop": pauses.random() < 0.4, "until": pauses.random() < 0.4 and not self._has(What.SKEW)}
        lasts = pauses.choice((0.3, 4.0, 8.0, 12.0, 20.0))
        self._add(at, What.PAUSE, on=pauses.choice(("", "j0")), lasts=lasts, spec=spec)

    def _asks(self) -> None:
        """DkronRuns, some of them at the deletion of their job, and before it is there. A wipe takes with it that one
        has had its run."""
        asks = self._source("asks")
        if asks.random() > ASKS or self._has(What.WIPE):
            return
        job = asks.choice([event.on for event in self._events if event.what is What.CREATE])
        gone = [event.at for event in self._events if event.what is What.DELETE and event.on == job]
        for _ in range(asks.choice((1, 1, 2, 3))):
            at = asks.choice(gone) + asks.uniform(-1.0, 0.5) if gone and asks.random() < 0.5 else 0.0
            at = round(at or asks.uniform(0.5, self._length), 3)
            spec = {"scheduledTime": asks.choice(TIMES)} if asks.random() < 0.3 else {}
            self._add(at, What.ASK, on=job, force=asks.random() < 0.3, spec=spec)
            if asks.random() < CANCELS:
                self._add(round(at + asks.choice((0.0, 0.02, 0.1, 0.5, 5.0)), 3), What.CANCEL, on=job)

    def _forgeries(self) -> None:
        forgeries = self._source("forgeries")
        if forgeries.random() < FORGERIES:
            self._add(round(forgeries.uniform(4.0, self._length), 3), What.FORGE, on="j0")

    def _handovers(self) -> None:
        """A death so long that another replica follows. What came due in between was not missed. A clock that is wrong
        would excuse all of it."""
        handovers = self._source("handovers")
        if handovers.random() > HANDOVERS or not self._follow or self._has(What.SKEW):
            return
        for event in self._events:
            if event.spec.get("missedRuns"):
                event.spec["missedRuns"] = "skip"
        at, on = round(handovers.uniform(8.0, self._length + 8.0), 3), f"operator-{handovers.randrange(self._replicas)}"
        self._add(at, What.KILL, on=on, lasts=20.0)

    def _outages(self) -> None:
        outages = self._source("outages")
        if outages.random() > OUTAGES or self._replicas > 1:
            return
        for event in self._events:
            if "missedRuns" in event.spec:
                event.spec.update(concurrency="forbid", missedRuns="all")
                event.spec.pop("startingDeadlineSeconds", None)
        at, lasts = round(outages.uniform(5.0, self._length), 3), round(outages.uniform(9.0, 14.0), 3)
        self._add(at, What.KILL, on="operator-0", lasts=lasts)

    def _leases(self) -> None:
        """Calls about the Lease fail, and nothing else does."""
        leases = self._source("leases")
        if leases.random() > LEASES or not self._follow or self._has(What.SKEW):
            return
        at, lasts = round(leases.uniform(1.0, self._length), 3), leases.choice((4.0, 12.0, 18.0, 25.0))
        on, ill = f"operator-{leases.randrange(self._replicas)}", leases.choice((Ill.LOSE, Ill.DROP, Ill.REFUSE))
        for calls in ("get leases", "patch leases"):
            self._add(at, What.ILL, on=on, lasts=lasts, ill=ill, calls=calls)

    def _lines(self) -> float:
        """Jobs whose runs wait in line, and requests that meet each other there. Returns how long runs last at most, if
        they last longer than others. A wipe takes with it which request has had its run."""
        lines = self._source("lines")
        if lines.random() > LINES:
            return 0.0
        for event in self._events:
            if "concurrency" in event.spec and lines.random() < WAITING:
                queue: dict[str, Any] = {"max": lines.choice((1, 2, 3, 4)), "order": lines.choice(("oldest", "newest"))}
                if lines.random() < 0.3:
                    queue["expires"] = lines.choice(("3s", "6s", "12s"))
                event.spec.update(concurrency="queue", queue=queue)
        at = round(lines.uniform(4.0, self._length), 3)
        if not self._has(What.WIPE):
            for _ in range(lines.choice((0, 1, 2, 4))):
                self._add(round(at + lines.uniform(0.0, 1.0), 3), What.RUN, on="j0", force=lines.random() < 0.1)
        return lines.choice((0.0, 3.0, LONGEST_RUN))

    def _far_ahead(self) -> None:
        """A clock that is so far ahead for a while that marks are taken back, as far as the history shows what has run.
        If the job changes then, no observer can tell what ran long before its slot from what should not have run."""
        ahead = self._source("far ahead")
        changes = (What.EDIT, What.DISABLE, What.ENABLE, What.DELETE, What.WIPE, What.SKEW, What.PAUSE)
        kept = [event.spec["history"]["executions"] for event in self._events if event.what is What.CREATE]
        simple = min(kept) == ALL_KEPT and not self._rivals and not any(self._has(what) for what in changes)
        if ahead.random() < FAR_AHEAD and simple:
            at, lasts = round(ahead.uniform(4.0, self._length), 3), round(ahead.uniform(0.5, 8.0), 3)
            on = f"operator-{ahead.randrange(self._replicas)}"
            self._add(at, What.SKEW, on=on, lasts=lasts, skew=600.0)

    def _archive(self, calm: float) -> tuple[bool, tuple[float, float]]:
        """Whether there is an archive, and when it is away."""
        archive = self._source("archive")
        begin = archive.uniform(0.0, calm)
        return archive.random() < ARCHIVES, (begin, begin + archive.choice((0.0, 0.0, 3.0, 12.0)))

    def _backoffs(self) -> None:
        backoffs = self._source("backoffs")
        if backoffs.random() < BACKOFFS:
            for event in self._events:
                if event.spec.get("retries"):
                    event.spec["retryBackoff"] = {"initial": "6s", "factor": 1, "max": "6s"}

    def _source(self, name: str) -> Random:
        return Random(f"{name} {self._seed}")  # noqa: S311 - no secret

    def _ttl(self) -> float | None:
        """Jobs that are removed when they have been over for so many seconds. No Job shows the records that a wipe
        takes away then; and where several act, another may make it once more (docs/reliability.md)."""
        times = self._source("times to live")
        if times.random() > TTLS or self._rivals or self._has(What.WIPE):
            return None
        return times.choice((0.0, 0.0, 1.0, 5.0))

    def _has(self, what: What) -> bool:
        return any(event.what is what for event in self._events)

    def _replica(self) -> str:
        return self._random.choice(("", *(f"operator-{number}" for number in range(self._replicas))))

    def _add(self, at: float, what: What, **more: Any) -> None:
        self._events.append(Event(at=at, what=what, **more))
