"""DkronRuns as JSON. Pure."""

from pydantic import ValidationError

from dkron_api.translate.record import Object, lenient
from dkron_crds.run import RunPhase, RunSpec, RunStatus
from dkron_from_dkron.values import Unreadable

STATES = tuple(str(phase).lower() for phase in RunPhase)


_NOT_SHOWN = {"phase", "conditions", "dkron_job", "group", "observed_generation"}


def show_run(stored: Object) -> Object:
    """Return a DkronRun as the REST API shows it, without the values that it gives to parameters. Raises Unreadable if
    its spec does not match the definition."""
    metadata, status = stored["metadata"], lenient(RunStatus, stored.get("status") or {})
    counts = status.model_dump(mode="json", exclude=_NOT_SHOWN)
    return {
        "name": metadata["name"],
        "created_at": metadata.get("creationTimestamp"),
        **_spec(stored).model_dump(mode="json", exclude={"parameters"}),
        "state": str(status.phase).lower(),
        "status": counts,
    }


def show_listed(stored: Object) -> Object:
    """Return a DkronRun of a list, in which no run has its attempts. Raises Unreadable."""
    shown = show_run(stored)
    del shown["status"]["attempts"]
    return shown


def _spec(stored: Object) -> RunSpec:
    try:
        return RunSpec.from_wire(stored.get("spec") or {})
    except ValidationError as exc:
        raise Unreadable("the DkronRun does not match the current definition; kubectl shows it") from exc
