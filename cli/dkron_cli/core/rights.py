"""The rights that commands take, as the API server knows them."""

from typing import NamedTuple

from dkron_crds.names import GROUP


class Right(NamedTuple):
    """What the API server is asked for."""

    group: str
    resource: str
    verb: str
    subresource: str = ""

    def __str__(self) -> str:
        sub, group = (f"/{self.subresource}" if self.subresource else ""), (f".{self.group}" if self.group else "")
        return f"{self.verb} {self.resource}{sub}{group}"


RUN = Right(GROUP, "dkronruns", "create")
READ = Right(GROUP, "dkronjobs", "get")
CHANGE = Right(GROUP, "dkronjobs", "patch")
READ_VALUES = Right(GROUP, "dkronruns", "list")

VERBS = {
    "get": (READ,),
    "list": (Right(GROUP, "dkronjobs", "list"),),
    "create": (Right(GROUP, "dkronjobs", "create"),),
    "delete": (Right(GROUP, "dkronjobs", "delete"),),
    "edit": (CHANGE,),
    "enable": (CHANGE,),
    "disable": (CHANGE,),
    "run": (RUN,),
    "stop": (CHANGE,),
    "retry": (RUN, READ),
    "restore": (Right(GROUP, "dkronjobs", "patch", "status"),),
    "pause": (Right(GROUP, "dkronpauses", "create"),),
    "resume": (Right(GROUP, "dkronpauses", "delete"),),
    "logs": (Right("", "pods", "get", "log"),),
}
"""The rights that each command takes, all of them."""
