"""The keys of `nats`: one message (Dkron behaviour §6.3)."""

import re
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, model_validator

from dkron_executors.keys.model import Keys
from dkron_executors.keys.values import Debug, quoted

SCHEMES = ("nats", "tls")

_SUBJECT = re.compile(r"[^\s.*>]+(\.[^\s.*>]+)*")


def servers(text: str) -> str:
    """Check a comma-separated list of addresses."""
    for address in text.split(","):
        try:
            parts = urlsplit(address.strip())
            usable = parts.scheme in SCHEMES and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable:
            raise ValueError(f"{quoted(address.strip())} is not an address such as nats://nats:4222")
    return text


def plain_subject(text: str) -> str:
    """Check a subject that can be published to: one without wildcards."""
    if _SUBJECT.fullmatch(text) is None:
        raise ValueError(f"{quoted(text)} is not a subject, such as orders.created; wildcards cannot be published to")
    return text


class Nats(Keys):
    """One message to a NATS server."""

    url: Annotated[str, AfterValidator(servers)]
    """The server, `nats://nats:4222` or `tls://…`; separate several with commas. It may contain user and password."""

    subject: Annotated[str, AfterValidator(plain_subject)]
    """The subject."""

    message: str = ""
    """The message."""

    user_name: str = ""
    """The user, if it is not in `url`."""

    password: str = ""
    """The password of `userName`."""

    debug: Debug = False
    """Any text: print the config before the output, without secrets."""

    @model_validator(mode="after")
    def _user_for_the_password(self) -> Self:
        if self.password and not self.user_name:
            raise ValueError("userName: missing; password requires it")
        return self
