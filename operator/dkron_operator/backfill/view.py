"""A DkronBackfill as a view: who it is, apart from what it says."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from dkron_crds.backfill import BackfillSpec, BackfillStatus

Object = dict[str, Any]


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

    @property
    def kind(self) -> str:
        """The kind of the object, for Events about it."""
        return "DkronBackfill"

    def parse(self) -> tuple[BackfillSpec, BackfillStatus]:
        """Return the spec and the status. Raises pydantic.ValidationError."""
        return BackfillSpec.from_wire(self.body["spec"]), BackfillStatus.from_wire(self.body.get("status") or {})
