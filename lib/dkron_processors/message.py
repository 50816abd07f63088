"""What leaves the operator: plain data that the `render` functions make and the senders of `delivery/` send."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from dkron_crds.job import Attempt
from dkron_crds.receivers import Elasticsearch, Fluent, Header, MailServer, Source, Syslog


@dataclass(frozen=True, slots=True)
class Ended:
    """An attempt that has ended, and the job's details about it. For an attempt that has begun, `execution.ended_at`
    is its start."""

    namespace: str
    job: str
    execution: Attempt
    display_name: str = ""
    owner: str = ""
    owner_email: str = ""
    metadata: Mapping[str, str] | None = None
    output: str = ""
    """The end of the output."""

    truncated: bool = False
    """Whether there was more output than that."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the operator's own log."""

    fields: Mapping[str, object]
    success: bool


@dataclass(frozen=True, slots=True)
class File:
    """A file below the output directory."""

    folder: str
    """Relative to the output directory."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A message of RFC 5424."""

    server: Syslog
    data: bytes


@dataclass(frozen=True, slots=True)
class Record:
    """An event of the forward protocol."""

    server: Fluent
    at: datetime
    fields: Mapping[str, object]
    chunk: str
    """The server repeats this id as its acknowledgement."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A plain-text mail."""

    server: MailServer
    to: tuple[str, ...]
    subject: str
    text: str
    id: str
    """Its Message-ID without the brackets."""

    refused: tuple[str, ...] = ()
    """Addresses to which the job would have it sent, and to which the installation sends nothing."""


@dataclass(frozen=True, slots=True)
class Post:
    """An HTTP request."""

    body: bytes
    url: str = ""
    url_from: Source | None = None
    """The Secret with the URL, if `url` is not given."""

    path: str = ""
    """Appended to the URL."""

    method: str = "POST"
    headers: tuple[Header, ...] = ()
    username: str = ""
    password_from: Source | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A message that the installation does not send."""

    why: str


Message = Refused | Line | File | Entry | Record | Mail | Post


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message and the name of its receiver."""

    receiver: str
    """Shown to users, and identifies the queue: `log`, `email/default`."""

    message: Message
    note: str = ""
    """The text that the status shows in place of the output, because this message moves it; empty if it moves
    nothing."""

    is_urgent: bool = True
    """Whether other messages of its namespace are dropped before it. Outputs are, and so are failures and
    recoveries."""


def indexed(server: Elasticsearch, path: str, body: bytes) -> Post:
    """A request that puts a document into an index."""
    return Post(
        body=body, url=server.url, url_from=server.url_from, path=path, method="PUT",
        headers=(Header(name="Content-Type", value="application/json"), *server.headers),
        username=server.username, password_from=server.password_from,
    )  # fmt: skip
