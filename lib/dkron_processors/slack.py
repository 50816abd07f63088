"""`slack`: a message to a webhook of the installation."""

import json
from typing import Annotated, ClassVar

from pydantic import Field

from dkron_crds.receivers import Header, SlackTeam
from dkron_processors.config import Flag, Processor
from dkron_processors.message import Ended, Parcel, Post, Refused
from dkron_processors.record import report
from dkron_processors.site import Site, allows, find, lacking

LONGEST_OUTPUT = 3000
"""In characters; Slack cuts off much longer messages."""
JSON = Header(name="Content-Type", value="application/json")


class Slack(Processor):
    """Settings of `slack`. The output stays in the status."""

    name: ClassVar[str] = "slack"
    team: str = "default"
    channel: Annotated[str, Field(max_length=80, pattern=r"^\S*$")] = ""
    on_success: Annotated[Flag, Field(alias="onSuccess")] = False

    def missing(self, site: Site) -> str:
        """The team has to be one of the installation."""
        teams = site.receivers.slack
        return "" if find(teams, self.team) else f"team: {lacking('slack', self.team, teams)}"

    def render(self, site: Site, ended: Ended) -> Parcel | None:
        """A message about a failure, and with `onSuccess` also about a success."""
        team = find(site.receivers.slack, self.team)
        if team is None or (ended.execution.success and not self.on_success):
            return None
        return Parcel(f"{self.name}/{self.team}", self._post(team, ended))

    def _refused(self, team: SlackTeam) -> str:
        if not self.channel or allows(team.channels, self.channel):
            return ""
        return f"it sends nothing to channel {self.channel}: the channels of this team do not include it"

    def _post(self, team: SlackTeam, ended: Ended) -> Post | Refused:
        if refused := self._refused(team):
            return Refused(refused)
        content = {"username": team.bot_name, "text": message(ended)}
        if self.channel:
            content["channel"] = self.channel
        return Post(json.dumps(content).encode(), url=team.url, url_from=team.url_from, headers=(JSON,))


def message(ended: Ended) -> str:
    """The report and the end of the output, in Slack's markup. Nothing in it can mention people."""
    output = ended.output[-LONGEST_OUTPUT:].replace("```", "'''")
    text = f"{report(ended)}\n```\n{output}\n```" if output.strip() else report(ended)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
