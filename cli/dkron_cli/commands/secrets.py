"""`secrets`: the Secrets that jobs name. No Secret is read."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from dkron_cli.core.table import table
from dkron_cli.edge.connect import opened_cluster
from dkron_cli.edge.terminal import remark, show, structured
from dkron_cli.options import options_of

_BY_TEXT = re.compile(r"secretRef:([a-z0-9][a-z0-9.-]{0,252})/", re.ASCII)
_BY_FIELD = ("secretRef", "secretKeyRef", "nodePublishSecretRef", "secret")


async def secrets(
    ctx: typer.Context,
    uses: Annotated[str, typer.Option("--uses", help="Only jobs that use this Secret.", show_default=False)] = "",
) -> None:
    """List the Secrets that jobs use, and the jobs that use them.

    A backup does not contain them, and a new cluster needs them. dkronctl reads no Secret.
    """
    options = options_of(ctx)
    async with opened_cluster(options, "secrets") as cluster:
        jobs = await cluster.jobs()
    users: dict[tuple[str, str], list[str]] = {}
    for job in jobs:
        for name in secret_names(job.raw.get("spec") or {}):
            if uses in ("", name):
                users.setdefault((job.namespace, name), []).append(job.name)
    raw = [{"namespace": space, "secret": name, "jobs": names} for (space, name), names in sorted(users.items())]
    if structured(options, raw, names=lambda: [str(each["secret"]) for each in raw], one=False):
        return
    if not raw:
        remark("no job uses a Secret" if not uses else f'no job uses the Secret "{uses}"')
        return
    rows = [
        (space if options.all_namespaces else "", name, ", ".join(names))
        for (space, name), names in sorted(users.items())
    ]
    show(table(("NAMESPACE", "SECRET", "JOBS"), rows), options)


def secret_names(value: Any) -> list[str]:  # noqa: ANN401 - any JSON
    """Return the names of the Secrets in a spec, sorted: by `secretRef:` in a text, or by a field of a jobTemplate."""
    return sorted(set(_found(value)))


def _found(value: Any) -> Iterator[str]:  # noqa: ANN401
    match value:
        case str():
            yield from _BY_TEXT.findall(value)
        case Mapping():
            for key, item in value.items():
                if key in _BY_FIELD and isinstance(item, Mapping):
                    name = item.get("name") or item.get("secretName")
                    yield from [str(name)] if name else []
                if key == "imagePullSecrets" and isinstance(item, list):
                    yield from (str(each["name"]) for each in item if isinstance(each, Mapping) and each.get("name"))
                yield from _found(item)
        case list():
            for item in value:
                yield from _found(item)
