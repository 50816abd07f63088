"""The keys of `nats`: one message (Dkron behaviour §6.3)."""

from typing import Annotated, Self

from pydantic import AfterValidator, model_validator

from dkron_executors.keys.model import Keys
from dkron_executors.keys.values import Debug, is_url, matching, quoted

_SUBJECT = matching(r"[^\s.*>]+(\.[^\s.*>]+)*", "a subject, such as orders.created; wildcards cannot be published to")


def servers(text: str) -> str:
    """Check a comma-separated list of addresses."""
    for address in text.split(","):
        if not is_url(address.strip(), "nats", "tls"):
            raise ValueError(f"{quoted(address.strip())} is not an address such as nats://nats:4222")
    return text


class Nats(Keys):
    """One message to a NATS server."""

    url: Annotated[str, AfterValidator(servers)]
    """The server, `nats://nats:4222` or `tls://…`; separate several with commas. It may contain user and password."""

    subject: Annotated[str, _SUBJECT]
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
