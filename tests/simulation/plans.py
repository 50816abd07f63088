"""Plans: what clients do, and what goes wrong, second by second. One can be written down, cut shorter, and carried out
again.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from tests.simulation.controllers import Course
from tests.simulation.network import Ill

RECOVERY, LATENESS, LONGEST_RUN, HANDOVER = 8.0, 1.5, 6.0, 8.0
"""The checker's allowance, how long a pod takes at most, and how long it takes until another replica leads: until the
Lease is over, and then two looks at it. In seconds."""


class What(StrEnum):
    """What happens."""

    CREATE = "create"
    EDIT = "edit"
    DISABLE = "disable"
    ENABLE = "enable"
    DELETE = "delete"
    RUN = "run"
    ASK = "ask"
    BACKFILL = "backfill"
    CANCEL = "cancel"
    STOP = "stop"
    WIPE = "wipe"
    SQUAT = "squat"
    FORGE = "forge"
    REMOVE = "remove"
    NODES = "nodes"
    DELETE_NAMESPACE = "delete-namespace"
    PAUSE = "pause"
    POOL = "pool"
    NO_POOL = "no-pool"
    QUOTA = "quota"
    KILL = "kill"
    TERMINATE = "terminate"
    FREEZE = "freeze"
    SKEW = "skew"
    ILL = "ill"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happens at a second, to a job or a replica (`on`; "" is all of them).

    `lasts`: until the process is started again, or goes on, or the trouble is over. A kill waits for a call that begins
    with `calls`, if it names any, and then for so many `steps` of the process; with `done`, until the API server has
    carried the call out. For a trouble, `ill`, `calls`, `share` and `status` are as in `network.Trouble`. `skew` are
    seconds. Squatting is to have a Job there by the name that the next slot's will have; forging, to have one that is
    like it in all but the name. Removing is to delete the newest Job of a job, as a hand does it, or a TTL. A stop is
    for the newest Job as well; with `begins` or `races`, for the next one whose pod begins or ends, a moment after
    that; with `waits`, for the attempt that waits for its backoff or in line. `nodes` are all that there are from then
    on. A namespace that is deleted takes nothing new as long as that `lasts`, and then loses the kinds of its `spec`,
    in that order. No seed draws these two, nor `done` nor `waits`: plans that are written by hand have them. Asking is
    to create a DkronRun with this spec, cancelling to delete the DkronRuns of a job. A backfill is a DkronBackfill with
    this spec, by its name; no seed draws one. A pause holds the job, or all of
    its namespace, for as long as it `lasts`; of its `spec`, `until` has it end by itself, and `drop` drop slots. A
    pool is created or edited, by its name, or is deleted. A quota
    allows so many `jobs` in the namespace, or any number.
    """

    at: float
    what: What
    on: str = ""
    lasts: float = 0.0
    spec: dict[str, Any] = field(default_factory=dict)
    force: bool = False
    begins: bool = False
    races: bool = False
    waits: bool = False
    done: bool = False
    nodes: tuple[str, ...] = ()
    steps: int = 0
    ill: Ill | None = None
    calls: str = ""
    share: float = 1.0
    status: int = 503
    skew: float = 0.0

    @property
    def ends(self) -> float:
        """When it is over."""
        return self.at + self.lasts

    @property
    def is_fault(self) -> bool:
        """Whether something goes wrong."""
        return self.what not in _BY_CLIENTS

    def __str__(self) -> str:
        plain = Event(at=self.at, what=self.what)
        told = {key: value for key, value in asdict(self).items() if value != getattr(plain, key)}
        return f"{self.at:8.3f} {self.what} " + " ".join(f"{key}={_shortly(value)}" for key, value in told.items())


_BY_CLIENTS = frozenset(
    {
        What.NODES, What.DELETE_NAMESPACE, What.FORGE, What.PAUSE, What.CREATE, What.EDIT, What.DISABLE, What.ENABLE,
        What.DELETE, What.RUN, What.ASK, What.BACKFILL, What.CANCEL, What.STOP, What.WIPE, What.POOL, What.NO_POOL,
        What.QUOTA,
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A seed decides what is left to chance. `elects`: one of the replicas acts, else all do. `calm` is when the last
    trouble is over; `ends` when all is looked at. `creates` a second are the budget of a namespace."""

    seed: int
    replicas: int
    elects: bool
    course: Course
    skews: tuple[float, ...]
    events: tuple[Event, ...]
    calm: float
    ends: float
    creates: float = 0.0
    archives: bool = False
    """Whether there is an archive."""
    archive_away: tuple[float, float] = (0.0, 0.0)

    def __str__(self) -> str:
        who = f"{self.replicas} replicas, {'one acts' if self.elects else 'all act'}"
        head = f"seed {self.seed}, {who}, calm from {self.calm:.1f} s, read at {self.ends:.1f} s"
        return "\n".join([head, *map(str, self.events)])

    def with_events(self, events: Sequence[Event]) -> "Plan":
        """The same with only these events."""
        return replace(self, events=tuple(events))

    def to_text(self) -> str:
        """For `from_text`."""
        return json.dumps(asdict(self))


def from_text(text: str) -> Plan:
    """The plan that was written down so. Raises ValueError, KeyError, TypeError."""
    raw = json.loads(text)
    events = (Event(**{**event, **_typed(event)}) for event in raw["events"])
    tuples = {name: tuple(raw[name]) for name in ("skews", "archive_away") if name in raw}
    return Plan(**{**raw, **tuples, "course": Course(**raw["course"]), "events": tuple(events)})


def _typed(event: dict[str, Any]) -> dict[str, Any]:
    ill = Ill(event["ill"]) if event["ill"] else None
    return {"what": What(event["what"]), "ill": ill, "nodes": tuple(event["nodes"])}


def _shortly(value: Any) -> str:
    return json.dumps(value, separators=(",", ":")) if isinstance(value, dict) else str(value).replace(" ", "-")
