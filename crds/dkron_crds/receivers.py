"""Where the operator of an installation may send output and mail: `DkronCluster.spec.receivers`.

Addresses and credentials are configured only here, in the operator's own namespace. The author of a DkronJob can
choose among the configured receivers but cannot make the operator connect to any other address.
"""

from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import ConfigDict, Field

from dkron_crds.base import ATOMIC_LIST, WireModel
from dkron_crds.rules import HEADER_HAS_ONE_VALUE, ONE_URL, validations

MAX_RECEIVERS = 16
MAX_HEADERS = 16
MAX_PATTERNS = 64

LIST_BY_NAME: Final[dict[str, Any]] = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}

EntryName = Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
Host = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9._:-]+$")]
Port = Annotated[int, Field(ge=1, le=65535)]
Pattern = Annotated[str, Field(min_length=1, max_length=320, pattern=r"^[^\s,?\[\]]+$")]
Patterns = Annotated[tuple[Pattern, ...], Field(max_length=MAX_PATTERNS, json_schema_extra=ATOMIC_LIST)]
Url = Annotated[str, Field(max_length=2048, pattern=r"^(https?://\S+)?$")]


class SecretKey(WireModel):
    """A key of a Secret in the namespace of the DkronCluster."""

    name: Annotated[str, Field(min_length=1, max_length=253)]
    """The name of the Secret."""

    key: Annotated[str, Field(min_length=1, max_length=253)]
    """The key in it."""


class Source(WireModel):
    """The source of a value that must not appear in this object."""

    secret_key_ref: SecretKey
    """A key of a Secret in the namespace of the DkronCluster. The operator reads the Secret by name when it sends,
    and needs permission to get it."""


class Header(WireModel):
    """A header of an HTTP request."""

    model_config = ConfigDict(json_schema_extra=validations(HEADER_HAS_ONE_VALUE))

    name: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")]
    """Its name, for example Authorization."""

    value: Annotated[str, Field(max_length=4096, pattern=r"^[^\r\n]*$")] = ""
    """Its value, in plain text."""

    value_from: Source | None = None
    """The source of its value, if that is a secret."""


Headers = Annotated[
    tuple[Header, ...],
    Field(max_length=MAX_HEADERS, json_schema_extra=LIST_BY_NAME),
]


class Tls(StrEnum):
    """How a connection to a mail server is protected."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


class MailServer(WireModel):
    """An SMTP server."""

    name: EntryName
    """The name by which processors and notifications refer to it. Those that name no server use "default"."""

    host: Host
    """Its host name or IP address."""

    port: Port = 587
    """The TCP port it listens on."""

    tls: Tls = Tls.STARTTLS
    """How the connection is protected: starttls (usually port 587), tls from the start (usually port 465), or none.
    The operator verifies the server's certificate against the authorities that its image trusts."""

    sender: Annotated[str, Field(min_length=3, max_length=320, pattern=r"^[^\r\n]+$")]
    """The sender address of the mails."""

    subject_prefix: Annotated[str, Field(max_length=128, pattern=r"^[^\r\n]*$")] = "[Dkron] "
    """Prefix of each subject."""

    username: Annotated[str, Field(max_length=256)] = ""
    """The account, if the server requires one. Used together with passwordFrom."""

    password_from: Source | None = None
    """The source of the account's password."""

    recipients: Patterns = ()
    """The addresses to which jobs may have mail sent: ops@example.com, or *@example.com, where * stands for any text
    and case does not matter. This counts for the processor email and for the ownerEmail of jobs. Mail to other
    addresses is not delivered. If empty, jobs may have mail sent to any address."""


class SlackTeam(WireModel):
    """An incoming webhook of Slack, or of any service that accepts the same messages."""

    model_config = ConfigDict(json_schema_extra=validations(ONE_URL))

    name: EntryName
    """The name by which processors refer to it: their `team`."""

    url: Url = ""
    """The URL of the webhook."""

    url_from: Source | None = None
    """The source of the URL, if it is a secret, as it is with Slack."""

    bot_name: Annotated[str, Field(max_length=80)] = "dkron"
    """The name under which messages appear."""

    channels: Patterns = ()
    """The channels that jobs may name: #ops, or #team-*, where * stands for any text and case does not matter. Messages
    to other channels are not delivered. If empty, jobs may name any channel. Those that name none are always allowed:
    the webhook itself knows its channel."""


class Elasticsearch(WireModel):
    """An index of Elasticsearch or OpenSearch."""

    model_config = ConfigDict(json_schema_extra=validations(ONE_URL))

    name: EntryName
    """The name by which processors refer to it: their `config`."""

    url: Url = ""
    """The URL of the server."""

    url_from: Source | None = None
    """The source of the URL, if it is a secret."""

    index: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[a-z0-9][a-z0-9._-]*$")] = "dkron"
    """The name of the index, or its prefix if indexDateFormat is given."""

    index_date_format: Annotated[str, Field(max_length=32, pattern=r"^(%[YmdHjGV]|[._-])*$")] = ""
    """Suffix of the index, built from the time at which an execution ended (UTC): %Y year, %m month, %d day, %H hour,
    %j day of the year, %G and %V ISO year and week; for example "-%Y.%m.%d"."""

    headers: Headers = ()
    """Headers of each request, for example an API key."""

    username: Annotated[str, Field(max_length=256)] = ""
    """The account, if the server requires one. Used together with passwordFrom."""

    password_from: Source | None = None
    """The source of the account's password."""


class Syslog(WireModel):
    """A syslog server."""

    address: Annotated[
        str,
        Field(max_length=512, pattern=r"^((udp|tcp)://(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}|unix:///\S+)$"),
    ]
    """Its address: udp://host:514, tcp://host:601 or unix:///dev/log. Messages follow RFC 5424; over TCP they are
    framed by their length (RFC 6587)."""


class Fluent(WireModel):
    """A fluentd or Fluent Bit that listens for the forward protocol."""

    host: Host
    """Its host name or IP address."""

    port: Port = 24224
    """The TCP port it listens on."""

    tag: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9._-]+$")] = "dkron"
    """The tag of each record."""


class Receivers(WireModel):
    """Where the operator may send mail and the output of executions."""

    mail: Annotated[tuple[MailServer, ...], Field(max_length=MAX_RECEIVERS, json_schema_extra=LIST_BY_NAME)] = ()
    """SMTP servers, for the processor email and for notifications by mail."""

    slack: Annotated[tuple[SlackTeam, ...], Field(max_length=MAX_RECEIVERS, json_schema_extra=LIST_BY_NAME)] = ()
    """Webhooks for the processor slack."""

    elasticsearch: Annotated[
        tuple[Elasticsearch, ...], Field(max_length=MAX_RECEIVERS, json_schema_extra=LIST_BY_NAME)
    ] = ()
    """Indices for the processor elasticsearch."""

    syslog: Syslog | None = None
    """The server for the processor syslog."""

    fluent: Fluent | None = None
    """The server for the processor fluent."""
