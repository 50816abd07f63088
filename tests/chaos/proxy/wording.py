"""Rules as text: `create jobs: drop-after, chance=0.3`. What can be said is in `MANUAL`."""

from collections.abc import Callable

from tests.chaos.proxy.rules import (
    Answer,
    CutWatch,
    Delay,
    DropAfter,
    DropBefore,
    ExpireWatch,
    Fault,
    FreezeWatch,
    Replay,
    Rule,
)

MANUAL = """\
a rule is VERB RESOURCE [NAME]: FAULT[, OPTION=VALUE...]
  VERB      get, list, watch, create, update, patch, delete; * is any, as in a shell
  RESOURCE  jobs, dkronjobs, dkronjobs/status, leases, events, ...
  NAME      a name or a pattern
faults
  delay=SECONDS     the request arrives late
  drop-before       the request never arrives, the connection is cut
  drop-after        the request is carried out, the answer is lost
  answer=STATUS     the request never arrives, this is answered: 403, 409, 410, 429, 500, 503; with retry-after=SECONDS
  replay            a list is answered as the first time
  cut[=SECONDS]     a watch is cut, at once or after that time
  freeze            a watch is open and silent
  expire            a watch ends with the event 410
options
  skip=N            spare the first N
  times=N           strike so often at most
  chance=0..1       strike at random, see --seed
examples
  create jobs: drop-after, chance=0.3
  patch dkronjobs/status: answer=409, times=10
  * *: answer=429, retry-after=5
  watch jobs: freeze"""

_FAULTS: dict[str, Callable[[str], Fault]] = {
    "delay": lambda text: Delay(float(text)),
    "drop-before": lambda _: DropBefore(),
    "drop-after": lambda _: DropAfter(),
    "answer": lambda text: Answer(int(text)),
    "replay": lambda _: Replay(),
    "cut": lambda text: CutWatch(float(text or 0)),
    "freeze": lambda _: FreezeWatch(),
    "expire": lambda _: ExpireWatch(),
}
_OPTIONS = ("retry-after", "skip", "times", "chance")


def parse(text: str) -> Rule:
    """The rule that a text says. Raises ValueError with a sentence."""
    calls, colon, rest = text.partition(":")
    what, *options = (part.strip() for part in rest.split(","))
    fault_name, _, value = what.partition("=")
    words = calls.split()
    if not colon or len(words) not in (2, 3):
        raise ValueError(f"{text!r} is no rule: say VERB RESOURCE [NAME]: FAULT")
    if fault_name not in _FAULTS:
        raise ValueError(f"{text!r}: there is no fault {fault_name!r}, only {', '.join(_FAULTS)}")
    said = _options(text, options)
    try:
        fault = _FAULTS[fault_name](value)
        if isinstance(fault, Answer) and "retry-after" in said:
            fault = Answer(fault.status, int(said["retry-after"]))
        return Rule(
            fault=fault,
            verb=words[0],
            resource=words[1],
            name=words[2] if len(words) > 2 else "*",
            skip=int(said.get("skip", 0)),
            times=int(said["times"]) if "times" in said else None,
            chance=float(said.get("chance", 1)),
        )
    except ValueError as error:
        raise ValueError(f"{text!r}: {error}") from None


def _options(text: str, options: list[str]) -> dict[str, str]:
    said = dict(option.partition("=")[::2] for option in options)
    unknown = said.keys() - set(_OPTIONS)
    if unknown:
        raise ValueError(f"{text!r}: there is no option {', '.join(sorted(unknown))}, only {', '.join(_OPTIONS)}")
    return said
