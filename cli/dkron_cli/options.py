"""The values of the options that every command has. Light: `dkronctl --help` imports it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import typer

FORMATS = ("json", "name", "wide", "yaml")
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would happen; the server checks it.")]
"""An option of the commands that write many objects."""


@dataclass(slots=True)
class Options:
    """The values of the shared options. Empty texts are absent."""

    namespace: str = ""
    all_namespaces: bool = False
    context: str = ""
    kubeconfig: str = ""
    output: str = ""
    no_color: bool = False
    server: str = ""
    token: str = ""
    token_file: str = ""
    """It takes precedence over the token."""

    @property
    def structured(self) -> bool:
        """Whether programs read the output."""
        return self.output in ("json", "yaml", "name")


def options_of(ctx: typer.Context) -> Options:
    """Return the shared options of this call."""
    root = ctx.find_root()
    if not isinstance(root.obj, Options):
        root.obj = from_environment(os.environ)
    return root.obj


def from_environment(environment: Mapping[str, str]) -> Options:
    """Return the options that variables set."""
    return Options(
        server=environment.get("DKRON_SERVER", ""),
        token=environment.get("DKRON_TOKEN", ""),
        no_color=bool(environment.get("NO_COLOR")),
    )
