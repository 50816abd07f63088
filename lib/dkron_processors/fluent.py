"""`fluent`: the output becomes a record for fluentd or Fluent Bit."""

from base64 import b64encode
from hashlib import sha256
from typing import ClassVar

from dkron_crds.job import Attempt
from dkron_processors.config import Forwarding
from dkron_processors.message import Ended, Parcel, Record
from dkron_processors.record import fields
from dkron_processors.site import Site


class Fluent(Forwarding):
    """Settings of `fluent`."""

    name: ClassVar[str] = "fluent"

    def missing(self, site: Site) -> str:
        """The installation needs a server."""
        return "" if site.receivers.fluent else "the DkronCluster has no spec.receivers.fluent"

    def output_note(self, _site: Site, _namespace: str, _execution: Attempt) -> str | None:
        """The text that Dkron uses."""
        return None if self.forward else "Output sent to Fluent"

    def render(self, site: Site, ended: Ended) -> Parcel | None:
        """A record with Dkron's fields host, job_name and message, and more."""
        server = site.receivers.fluent
        if server is None:
            return None
        chunk = b64encode(sha256(ended.execution.id.encode()).digest()[:16]).decode()
        return Parcel(self.name, Record(server, ended.execution.ended_at, fields(ended), chunk))
