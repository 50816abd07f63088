"""`log` and `syslog`: the output becomes a line of the operator's own log, or one message of RFC 5424, facility cron,
severity informational, as in Dkron."""

from typing import ClassVar

from dkron_crds.base import rfc3339
from dkron_crds.job import Attempt
from dkron_processors.config import Forwarding
from dkron_processors.message import Ended, Entry, Line, Parcel
from dkron_processors.record import fields, headline
from dkron_processors.site import Site

CRON, INFORMATIONAL = 9, 6
PRIORITY = CRON * 8 + INFORMATIONAL
LONGEST_DATAGRAM = 60_000
"""In bytes. A longer message loses its beginning: a datagram has room for at most 65,507."""
LONGEST_HOST = 255


class Log(Forwarding):
    """Settings of `log`."""

    name: ClassVar[str] = "log"

    def output_note(self, _site: Site, _namespace: str, _execution: Attempt) -> str | None:
        """The text that Dkron uses, by which its clients know where the output is."""
        return None if self.forward else "Output in dkron log"

    def render(self, _site: Site, ended: Ended) -> Parcel:
        """One line, whatever the output holds: line feeds are escaped in JSON."""
        return Parcel(self.name, Line(fields(ended), ended.execution.success))


class Syslog(Forwarding):
    """Settings of `syslog`."""

    name: ClassVar[str] = "syslog"

    def missing(self, site: Site) -> str:
        """The installation needs a server."""
        return "" if site.receivers.syslog else "the DkronCluster has no spec.receivers.syslog"

    def output_note(self, _site: Site, _namespace: str, _execution: Attempt) -> str | None:
        """The text that Dkron uses."""
        return None if self.forward else "Output in syslog"

    def render(self, site: Site, ended: Ended) -> Parcel | None:
        """One message; its text begins with the job, the execution id and how it went."""
        server = site.receivers.syslog
        if server is None:
            return None
        execution = ended.execution
        host = "".join(character for character in execution.node_name if "!" <= character <= "~")[:LONGEST_HOST]
        head = (
            f"<{PRIORITY}>1 {rfc3339(execution.ended_at)} {host or '-'} "
            f"dkron - - - [{ended.namespace}/{ended.job}] execution {execution.id} {headline(ended)}\n"
        ).encode()
        output = ended.output.encode()[-(LONGEST_DATAGRAM - len(head)) :]
        return Parcel(self.name, Entry(server, head + output.decode("utf-8", "ignore").encode()))
