"""The values that a payload can use, and how they are filled for an execution."""

from collections.abc import Mapping
from datetime import UTC, datetime

from dkron_crds.job import Execution, Trigger
from dkron_crds.notifications import When
from dkron_processors.message import Ended
from dkron_processors.record import fields, report

_NASTY = '"quotes", back\\slash, {{ braces }},\n\ttab \x00 \u2028 </script> é 日本'
_DAY = datetime(2026, 1, 1, tzinfo=UTC)
SAMPLED = (When.SUCCESS, When.FAILURE, When.START)


def values(ended: Ended, event: When) -> dict[str, object]:
    """All values by name."""
    known = fields(ended)
    output = known.pop("message")
    return {
        **known,
        "event": str(event),
        "output": output,
        "display_name": ended.display_name or ended.job,
        "owner": ended.owner,
        "owner_email": ended.owner_email,
        "metadata": _Metadata(ended.metadata or {}),
        "node_name": known["host"],
        "report": report(ended) if event is not When.START else f"{ended.display_name or ended.job} has begun",
    }


class _Metadata(dict[str, str]):
    """The job's metadata; a missing key is empty."""

    def __missing__(self, key: str) -> str:
        return ""

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str)


def samples() -> tuple[Mapping[str, object], ...]:
    """Sample values that every payload has to handle."""
    return tuple(values(_sample(success=event is not When.FAILURE), event) for event in SAMPLED)


def _sample(*, success: bool) -> Ended:
    execution = Execution(
        id="1767225600000000000-sample", job="sample", slot=_DAY, trigger=Trigger.SCHEDULE, group=1, attempt=1,
        started_at=_DAY, finished_at=_DAY, success=success, exit_code=None if success else 1,
        reason="" if success else "Error", message=_NASTY[:20], node_name="node",
    )  # fmt: skip
    return Ended(
        namespace="default", job="sample", execution=execution, display_name=_NASTY, owner=_NASTY,
        owner_email="owner@example.com", metadata={}, output=_NASTY,
    )  # fmt: skip


NAMES = frozenset(samples()[0])
