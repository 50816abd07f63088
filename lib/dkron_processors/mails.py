"""A mail about an execution: its addresses, subject and text."""

import re
from hashlib import sha256

from dkron_crds.receivers import MailServer
from dkron_processors.message import Ended, Mail
from dkron_processors.record import report
from dkron_processors.site import allows

MOST_ADDRESSES = 20
_ADDRESS = re.compile(r"[^\s@<>,;:\"()\[\]\\]{1,64}@[^\s@<>,;:\"()\[\]\\]{1,255}")
"""Enough to exclude everything that a mail server would interpret differently; the server judges the rest."""


def addresses(text: object) -> tuple[str, ...]:
    """Addresses separated by commas. Raises ValueError."""
    found = tuple(part.strip() for part in str(text).split(",") if part.strip())
    if not 0 < len(found) <= MOST_ADDRESSES:
        raise ValueError(f"one to {MOST_ADDRESSES} addresses are needed, separated by commas")
    for address in found:
        if _ADDRESS.fullmatch(address) is None:
            raise ValueError(f'"{address}" is not an address such as ops@example.com')
    return found


def mail(server: MailServer, to: tuple[str, ...], ended: Ended, *, purpose: str, text: str | None = None) -> Mail:
    """The mail. `text` replaces the report and the output. It goes to those addresses that
    the server's `recipients` allow. The Message-ID is the same each time the mail is sent."""
    outcome = "Success" if ended.execution.success else "Failed"
    subject = f"{server.subject_prefix}{outcome} {ended.job} execution report"
    body = f"{report(ended)}\n\n{ended.output}" if text is None else text
    unique = sha256(f"{ended.namespace}/{purpose}/{ended.execution.id}".encode()).hexdigest()[:32]
    allowed = tuple(address for address in to if allows(server.recipients, address))
    refused = tuple(address for address in to if address not in allowed)
    return Mail(server, allowed, " ".join(subject.split()), body, f"{unique}@dkron.io", refused)
