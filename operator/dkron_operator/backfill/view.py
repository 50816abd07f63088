"""A DkronBackfill as views: what a watch keeps of it, and what one look reads."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Self

Object = dict[str, Any]


class Known(NamedTuple):
    """The part of a DkronBackfill that a watch keeps."""

    uid: str
    namespace: str
    name: str
    rests: bool
    """Whether nothing is left to do: it has ended, its status knows the newest edit, and it is not to be deleted by
    itself."""

    @classmethod
    def read(cls, body: Object) -> Self:
        """Read an object."""
        metadata, spec, status = body["metadata"], body.get("spec") or {}, body.get("status") or {}
        generation = metadata.get("generation", 0)
        rests = bool(status.get("finishedAt")) and "ttlSecondsAfterFinished" not in spec
        rests = rests and status.get("observedGeneration", generation) == generation
        return cls(metadata["uid"], metadata["namespace"], metadata["name"], rests)


@dataclass(frozen=True, slots=True)
class View:
    """A DkronBackfill, as the API server has it."""

    namespace: str
    name: str
    uid: str
    version: str
    """The resourceVersion."""

    generation: int
    created: datetime
    deleting: bool
    """Whether the object has a deletionTimestamp."""

    body: Object = field(repr=False)
    kind: str = "DkronBackfill"

    @classmethod
    def read(cls, body: Object) -> Self:
        """Read the metadata."""
        metadata = body["metadata"]
        return cls(
            namespace=metadata["namespace"],
            name=metadata["name"],
            uid=metadata["uid"],
            version=metadata["resourceVersion"],
            generation=metadata.get("generation", 0),
            created=datetime.fromisoformat(metadata["creationTimestamp"]),
            deleting="deletionTimestamp" in metadata,
            body=body,
        )
