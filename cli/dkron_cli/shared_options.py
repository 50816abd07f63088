"""The options that every command has, before or after its name. Light: `dkronctl --help` imports it."""

import re
from typing import Annotated, Any

import typer

from dkron_cli.complete import contexts, namespaces
from dkron_cli.options import FORMATS, options_of
from dkron_crds.names import NAMESPACE_PATTERN

NAMESPACE = re.compile(NAMESPACE_PATTERN)


def _keep(ctx: typer.Context, param: typer.CallbackParam, value: Any) -> Any:  # noqa: ANN401 - of any option
    """Store a given option. What stands after the command takes precedence over what stands before it."""
    options = options_of(ctx)
    if value and param.name is not None:
        setattr(options, param.name, value)
    if param.name == "namespace" and value and NAMESPACE.fullmatch(value) is None:
        raise typer.BadParameter(f'"{value}" is not a valid name of a namespace', param_hint="--namespace")
    if options.output and options.output not in FORMATS:
        raise typer.BadParameter(f'"{options.output}" is not a format; use {", ".join(FORMATS)}', param_hint="--output")
    return value


def _formats(incomplete: str) -> list[str]:
    return [each for each in FORMATS if each.startswith(incomplete)]


def _option(*names: str, show_default: bool = False, **more: Any) -> Any:  # noqa: ANN401 - of typer
    return typer.Option(*names, callback=_keep, expose_value=False, show_default=show_default, **more)


def _shared(  # noqa: PLR0913 - an option each
    namespace: Annotated[
        str, _option("--namespace", "-n", help="Namespace; default: the context's.", autocompletion=namespaces)
    ] = "",
    all_namespaces: Annotated[
        bool, _option("--all-namespaces", "-A", help="All namespaces.", show_default=True)
    ] = False,
    context: Annotated[str, _option("--context", help="Context of the kubeconfig.", autocompletion=contexts)] = "",
    kubeconfig: Annotated[str, _option("--kubeconfig", help="Kubeconfig; default: as kubectl.")] = "",
    output: Annotated[
        str, _option("--output", "-o", help="Format: json, yaml, wide or name.", autocompletion=_formats)
    ] = "",
    no_color: Annotated[bool, _option("--no-color", help="No colours, as with NO_COLOR.", show_default=True)] = False,
    server: Annotated[
        str,
        _option("--server", help="REST API to use instead of a cluster, also of Dkron; https unless it begins with "
                "http:// or is the loopback [DKRON_SERVER]."),
    ] = "",
    token: Annotated[
        str,
        _option("--token", help="Token for it; the list of processes shows it, so better give it by the variable "
                "[DKRON_TOKEN] or by --token-file."),
    ] = "",
    token_file: Annotated[str, _option("--token-file", metavar="FILE", help="File with the token for it.")] = "",
) -> None:  # fmt: skip
    """Declare the shared options; typer reads the signature."""


def shared_parameters() -> list[Any]:
    """Return the shared options as parameters of a command of typer."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command()(_shared)
    return list(typer.main.get_command(app).params)
