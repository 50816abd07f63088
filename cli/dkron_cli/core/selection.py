"""Which jobs a command means: those that are named, those with labels, and those in a state. Pure."""

import re
from dataclasses import dataclass

from dkron_reports.job import Job, condition
from dkron_reports.reading import Object

Labels = tuple[tuple[str, str], ...]
_KIND = re.compile(r"^dkron(job|run|backfill|pause)\.dkron\.io/")
"""How -o name begins, also with kubectl. The other commands take these names."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Jobs by name, jobs with all of these labels, or all."""

    names: tuple[str, ...] = ()
    labels: Labels = ()

    def __str__(self) -> str:
        return f"jobs with {written(self.labels)}" if self.labels else "jobs"


ALL = Selection()


def plain(name: str) -> str:
    """Return a name that may be as -o name prints it."""
    return _KIND.sub("", name)


def read_selector(text: str) -> Labels:
    """Return the labels of a selector such as `team=a,tier=1`. Raises ValueError with a sentence."""
    found = []
    for part in filter(str.strip, text.split(",")):
        key, equals, value = part.strip().partition("=")
        if not (key and equals) or key.endswith("!") or "=" in value:
            raise ValueError(f'-l: "{part}" is not a label; use key=value, and commas between several')
        found.append((key, value))
    return tuple(sorted(found))


def written(labels: Labels) -> str:
    """Return the selector of these labels, as `read_selector` and the API server read it."""
    return ",".join(f"{key}={value}" for key, value in labels)


def has_all(labels: Labels, known: Object) -> bool:
    """Whether all labels are among those that are known."""
    return all(known.get(key) == value for key, value in labels)


def states_of(job: Job) -> set[str]:
    """Return the words that a list shows for the state and the result of a job, and what more it says of them."""
    more = {
        "Paused": bool(job.paused),
        "NotReady": condition(job.raw, "Ready").get("status") == "False" or bool(job.raw.get("problem")),
        "running": bool(job.active),
        "waiting": bool(job.waiting),
    }
    return {word for word in (job.state, job.result, *(key for key, holds in more.items() if holds)) if word}


def is_in(job: Job, state: str) -> bool:
    """Whether a job is in a state, in capitals or not."""
    return state.lower() in {word.lower() for word in states_of(job)}
