"""What all processors share: settings are texts, as in Dkron, and each is checked as soon as the spec changes."""

from typing import Annotated, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict

from dkron_crds.job import Attempt
from dkron_processors.message import Ended, Parcel
from dkron_processors.site import Site

SECRET = "secretRef:"  # noqa: S105 - the prefix of a reference, not a secret
_FLAGS = {
    **dict.fromkeys(("1", "t", "T", "true", "True", "TRUE"), True),
    **dict.fromkeys(("0", "f", "F", "false", "False", "FALSE", ""), False),
}


def _flag(text: object) -> object:
    if text not in _FLAGS:
        raise ValueError(f'"{text}" is neither "true" nor "false"')
    return _FLAGS[str(text)]


Flag = Annotated[bool, BeforeValidator(_flag)]
"""A boolean as text, in the spellings that Go accepts."""


class Processor(BaseModel):
    """The settings of one processor of a job, and what it makes of an execution."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=False, validate_by_alias=True)
    name: ClassVar[str]

    def missing(self, _site: Site) -> str:
        """The thing that the installation lacks for it, as a sentence; empty if nothing."""
        return ""

    def output_note(self, _site: Site, _namespace: str, _execution: Attempt) -> str | None:
        """What stands in the status instead of the output; None if the output stays there."""
        return None

    def render(self, site: Site, ended: Ended) -> Parcel | None:
        """The message to send; None if there is none. Called only if nothing is `missing`."""
        raise NotImplementedError


class Forwarding(Processor):
    """A processor that moves the output elsewhere, unless `forward` leaves it in the status."""

    forward: Flag = False
