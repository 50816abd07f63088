"""What leaves the operator: plain data, made by `render` functions, that a sender of `delivery/` takes as it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from dkron_crds.job import Execution
from dkron_crds.receivers import Elasticsearch, Fluent, Header, MailServer, Source, Syslog


@dataclass(frozen=True, slots=True)
class Ended:
    """An attempt that has ended, or has begun (`execution.finished_at` is then its start), with what there is to say.

    `output` is its end, `truncated` that there was more of it.
    """

    namespace: str
    job: str
    execution: Execution
    display_name: str = ""
    owner: str = ""
    owner_email: str = ""
    metadata: Mapping[str, str] | None = None
    output: str = ""
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the operator's own log."""

    fields: Mapping[str, object]
    success: bool


@dataclass(frozen=True, slots=True)
class File:
    """A file below the output directory; `folder` is relative to it."""

    folder: str
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A message of RFC 5424."""

    server: Syslog
    data: bytes


@dataclass(frozen=True, slots=True)
class Record:
    """An event of the forward protocol. `chunk` comes back as the acknowledgement."""

    server: Fluent
    at: datetime
    fields: Mapping[str, object]
    chunk: str


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail of plain text. `id` is its Message-ID without the brackets."""

    server: MailServer
    to: tuple[str, ...]
    subject: str
    text: str
    id: str


@dataclass(frozen=True, slots=True)
class Post:
    """An HTTP request to `url`, or to the address that `url_from` names, followed by `path`."""

    body: bytes
    url: str = ""
    url_from: Source | None = None
    path: str = ""
    method: str = "POST"
    headers: tuple[Header, ...] = ()
    username: str = ""
    password_from: Source | None = None


Message = Line | File | Entry | Record | Mail | Post


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message and the name of its receiver, for people and to tell queues apart: `log`, `email/default`."""

    receiver: str
    message: Message


def indexed(server: Elasticsearch, path: str, body: bytes) -> Post:
    """A document that is put into an index."""
    return Post(
        body=body, url=server.url, url_from=server.url_from, path=path, method="PUT",
        headers=(Header(name="Content-Type", value="application/json"), *server.headers),
        username=server.username, password_from=server.password_from,
    )  # fmt: skip
