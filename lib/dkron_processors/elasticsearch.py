"""`elasticsearch`: the output becomes a document with the id of the execution."""

import json
from typing import ClassVar
from urllib.parse import quote

from dkron_crds.job import Attempt
from dkron_processors.config import Forwarding
from dkron_processors.message import Ended, Parcel, indexed
from dkron_processors.record import fields
from dkron_processors.site import Site, find, lacking


class Elasticsearch(Forwarding):
    """Settings of `elasticsearch`."""

    name: ClassVar[str] = "elasticsearch"
    config: str = "default"

    def missing(self, site: Site) -> str:
        """The config has to be one of the installation."""
        servers = site.receivers.elasticsearch
        return "" if find(servers, self.config) else f"config: {lacking('elasticsearch', self.config, servers)}"

    def output_note(self, _site: Site, _namespace: str, _execution: Attempt) -> str | None:
        """Where the output is."""
        return None if self.forward else "Output in Elasticsearch"

    def render(self, site: Site, ended: Ended) -> Parcel | None:
        """A document. Sending it again writes the same document."""
        server = find(site.receivers.elasticsearch, self.config)
        if server is None:
            return None
        document = {"@timestamp": fields(ended)["finished_at"], **fields(ended)}
        index = server.index + ended.execution.ended_at.strftime(server.index_date_format)
        path = f"/{index}/_doc/{quote(ended.execution.id, safe='')}"
        return Parcel(f"{self.name}/{self.config}", indexed(server, path, json.dumps(document).encode()))
