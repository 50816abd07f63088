"""Which sender sends which message."""

from pathlib import Path

from dkron_kube.client import KubeClient
from dkron_operator.delivery.file import Files
from dkron_operator.delivery.fluent import send_record
from dkron_operator.delivery.http import Poster
from dkron_operator.delivery.log_line import write_line
from dkron_operator.delivery.mail import Mailer
from dkron_operator.delivery.secret_reader import SecretReader
from dkron_operator.delivery.syslog import send_entry
from dkron_operator.delivery.trouble import Undeliverable
from dkron_operator.kit.clock import Clock
from dkron_processors.message import Entry, File, Line, Mail, Message, Post, Record, Refused

OVERHEAD = 1024
"""Approximate bytes that a message takes besides its text."""


class Senders:
    """All senders."""

    def __init__(
        self, client: KubeClient, *, namespace: str, output_dir: str, output_quota: int = 0, clock: Clock
    ) -> None:
        secret_reader = SecretReader(client, namespace=namespace, clock=clock.monotonic)
        self._files = Files(Path(output_dir), quota=output_quota, clock=clock.monotonic)
        self._mailer = Mailer(secret_reader, clock=clock)
        self._poster = Poster(secret_reader)

    async def close(self) -> None:
        """Close the connections."""
        await self._poster.close()

    async def send(self, message: Message) -> None:
        """Send it. Raises `Unreachable`, `Undeliverable`, TimeoutError."""
        match message:
            case Refused(why):
                raise Undeliverable(why)
            case Line():
                await write_line(message)
            case File():
                await self._files.write(message)
            case Entry():
                await send_entry(message)
            case Record():
                await send_record(message)
            case Mail():
                await self._mailer.send(message)
            case Post():
                await self._poster.send(message)


def weight(message: Message) -> int:
    """Approximate bytes that a message takes while it waits."""
    match message:
        case Line(fields=fields) | Record(fields=fields):
            return OVERHEAD + len(str(fields.get("message") or ""))
        case File(text=text) | Mail(text=text):
            return OVERHEAD + len(text)
        case Entry(data=data) | Post(body=data):
            return OVERHEAD + len(data)
        case Refused():
            return OVERHEAD
