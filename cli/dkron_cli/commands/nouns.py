"""Shared by the commands of `runs` and `backfills`: which object is meant, and how lists and facts are printed."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import typer

from dkron_cli.commands.arguments import usage
from dkron_cli.core.table import Table
from dkron_cli.edge.backend import Backend
from dkron_cli.edge.objects import Noun, Objects, objects_of, require
from dkron_cli.edge.terminal import remark, show, structured
from dkron_cli.errors import CliError, Code
from dkron_cli.options import Options

Object = dict[str, Any]


def commands(about: str) -> typer.Typer:
    """Return an empty group of commands."""
    return typer.Typer(help=about, add_completion=False, rich_markup_mode=None, no_args_is_help=True)


async def listed(options: Options, noun: Noun, table: Callable[[Sequence[Object]], Table], *, job: str = "") -> None:
    """Print the objects, the newest first; only of this job, if there is one."""
    async with objects_of(options, noun, every=True) as (backend, objects):
        found = [each for each in await objects.all() if not job or (each.get("spec") or {}).get("job") == job]
        where = backend.where
    found.sort(key=lambda each: str(each["metadata"].get("creationTimestamp") or ""), reverse=True)
    if structured(
        options, found, names=lambda: [f"{noun.kind}/{each['metadata']['name']}" for each in found], one=False
    ):
        return
    if found:
        show(table(found), options)
    else:
        remark(f"there are no {noun.route}{f' of {job}' if job else ''} {where}")


@asynccontextmanager
async def one(options: Options, noun: Noun, name: str) -> AsyncIterator[tuple[Backend, Objects, Object]]:
    """Yield the server, its objects, and the one of this name."""
    if options.all_namespaces:
        raise usage(f"a {noun.word} is in one namespace; name it with -n instead of -A")
    if not name:
        # A variable of a script that is not set.
        raise usage(f"the name of a {noun.word} is empty")
    async with objects_of(options, noun) as (backend, objects):
        yield backend, objects, await require(objects, noun, name, backend.where)


@asynccontextmanager
async def at_most(seconds: float | None, noun: Noun, name: str) -> AsyncIterator[None]:
    """Raise `CliError` if waiting takes longer than --timeout says."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        see = f"dkronctl {noun.route} describe {name} shows it"
        text = f"the {noun.word} {name} has not ended after {seconds:g}s and goes on; {see}"
        raise CliError(Code.CONFLICT, text) from None
