"""`log`: the output becomes a line of the operator's own log."""

from typing import ClassVar

from dkron_crds.job import Execution
from dkron_processors.config import Forwarding
from dkron_processors.message import Ended, Line, Parcel
from dkron_processors.record import fields
from dkron_processors.site import Site


class Log(Forwarding):
    """Settings of `log`."""

    name: ClassVar[str] = "log"

    def note(self, _site: Site, _namespace: str, _execution: Execution) -> str | None:
        """The text that Dkron uses, by which its clients know where the output is."""
        return None if self.forward else "Output in dkron log"

    def render(self, _site: Site, ended: Ended) -> Parcel:
        """One line, whatever the output holds: line feeds are escaped in JSON."""
        return Parcel(self.name, Line(fields(ended), ended.execution.success))
