"""Which sender sends which message."""

import logging
from pathlib import Path

from dkron_kube.client import KubeClient
from dkron_operator.delivery.file import Files
from dkron_operator.delivery.fluent import send_record
from dkron_operator.delivery.http import Poster
from dkron_operator.delivery.mail import Mailer
from dkron_operator.delivery.outbox import Undeliverable
from dkron_operator.delivery.secret_reader import SecretReader
from dkron_operator.delivery.syslog import send_entry
from dkron_operator.kit.clock import Clock
from dkron_processors.message import Entry, File, Line, Mail, Message, Post, Record, Refused

log = logging.getLogger("dkron.output")
log.setLevel(logging.INFO)


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


async def write_line(line: Line) -> None:
    """Write one line to the operator's own log, whatever log level is set; a failed execution is a warning."""
    fields = dict(line.fields)
    # A field named message would clash with the line's own.
    fields["output"] = fields.pop("message", "")
    log.log(logging.INFO if line.success else logging.WARNING, "output of an execution", extra=fields)
