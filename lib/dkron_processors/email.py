"""`email`: a mail about an execution, to addresses that the job names, through a mail server of the installation."""

from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field

from dkron_processors.config import Flag, Processor
from dkron_processors.mails import addresses, mail
from dkron_processors.message import Ended, Parcel
from dkron_processors.site import Site, find, lacking


class Email(Processor):
    """Settings of `email`. The output stays in the status."""

    name: ClassVar[str] = "email"
    provider: str = "default"
    emails: Annotated[tuple[str, ...], BeforeValidator(addresses)]
    on_success: Annotated[Flag, Field(alias="onSuccess")] = False

    def missing(self, site: Site) -> str:
        """The provider has to be a mail server of the installation."""
        servers = site.receivers.mail
        return "" if find(servers, self.provider) else f"provider: {lacking('mail', self.provider, servers)}"

    def render(self, site: Site, ended: Ended) -> Parcel | None:
        """A mail about a failure, and with `onSuccess` also about a success."""
        server = find(site.receivers.mail, self.provider)
        if server is None or (ended.execution.success and not self.on_success):
            return None
        return Parcel(f"{self.name}/{self.provider}", mail(server, self.emails, ended, purpose=self.name))
