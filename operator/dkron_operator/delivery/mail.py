"""Sends a `Mail` by SMTP.

Users who may not see the mail server read why it refused a mail, so no sentence quotes its replies.
"""

import ssl
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

import aiosmtplib

from dkron_crds.receivers import Tls
from dkron_operator.delivery.outbox import Undeliverable, Unreachable
from dkron_operator.delivery.secret_reader import SecretReader
from dkron_operator.kit.clock import Clock
from dkron_processors.message import Mail

PERMANENT = 500
"""From this reply code on, a mail server does not want a retry (RFC 5321, 4.2.1)."""
PATIENCE = 9.0
SHOWN = 3
"""How many refused addresses a sentence names."""


class Mailer:
    """Sends mails through the servers that they name."""

    def __init__(self, secret_reader: SecretReader, *, clock: Clock) -> None:
        self._secrets = secret_reader
        self._clock = clock

    async def send(self, mail: Mail) -> None:
        """Send the mail to those who may get it. Raises `Unreachable`, and `Undeliverable` also if someone may not."""
        if mail.to:
            await self._send(mail)
        if mail.refused:
            refused = ", ".join(mail.refused[:SHOWN]) + (", …" if len(mail.refused) > SHOWN else "")
            raise Undeliverable(
                f"mail server {mail.server.name} sends nothing to {refused}: its recipients do not include it"
            )

    async def _send(self, mail: Mail) -> None:
        server = mail.server
        password = await self._secrets.value(server.password_from) if server.password_from else ""
        where = f"mail server {server.name}"
        try:
            await aiosmtplib.send(
                self._composed(mail), sender=server.sender, recipients=list(mail.to), hostname=server.host,
                port=server.port, username=server.username or None, password=password or None,
                use_tls=server.tls is Tls.TLS, start_tls=server.tls is Tls.STARTTLS, timeout=PATIENCE,
            )  # fmt: skip
        except aiosmtplib.SMTPRecipientsRefused as exc:
            raise _judged(where, min(each.code for each in exc.recipients)) from None
        except aiosmtplib.SMTPResponseException as exc:
            raise _judged(where, exc.code) from None
        except (aiosmtplib.SMTPException, OSError, ssl.SSLError) as exc:
            raise Unreachable(f"{where}: {exc}") from None
        except ValueError as exc:
            raise Undeliverable(f"{where}: {exc}") from None

    def _composed(self, mail: Mail) -> EmailMessage:
        message = EmailMessage(policy=SMTP)
        message["From"] = mail.server.sender
        message["To"] = ", ".join(mail.to)
        message["Subject"] = mail.subject
        message["Date"] = format_datetime(self._clock.now())
        message["Message-ID"] = f"<{mail.id}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(mail.text.replace("\0", "\ufffd"))
        return message


def _judged(where: str, code: int) -> Exception:
    kind = Undeliverable if code >= PERMANENT else Unreachable
    return kind(f"{where}: {_named(code)}")


def _named(code: int) -> str:
    """Return the reply code with what it means."""
    try:
        status = aiosmtplib.SMTPStatus(code)
    except ValueError:
        return str(code)
    if status is aiosmtplib.SMTPStatus.invalid_response:
        return "its reply is not SMTP"
    return f"{code} {status.name.replace('_', ' ')}"
