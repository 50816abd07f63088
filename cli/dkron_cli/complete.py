"""Completes names at the prompt. Fast, and silent: an error would garble the line.

It asks by the standard library, because a full client takes longer to load than the answer.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import typer

from dkron_cli.options import Options, options_of
from dkron_crds.names import GROUP, VERSION, is_legal

PATIENCE = 10.0
"""Seconds for an answer. The prompt can be interrupted."""

Fetch = Callable[[Options], Iterable[str]]


def _names(route: str) -> Callable[[typer.Context, str], list[str]]:
    def names(ctx: typer.Context, incomplete: str) -> list[str]:
        return _beginning(ctx, incomplete, lambda options: _objects(options, route))

    return names


job_names, run_names = _names("jobs"), _names("runs")
backfill_names, pause_names = _names("backfills"), _names("pauses")


def namespaces(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the namespaces that begin so, if the user may list them."""
    return _beginning(ctx, incomplete, lambda options: _of_cluster(options, ("", "v1", "namespaces"), every=True))


def contexts(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the contexts of the kubeconfig that begin so."""
    return _beginning(ctx, incomplete, _contexts, plain=False)


def zones(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the time zones that begin so."""
    from zoneinfo import available_timezones  # noqa: PLC0415 - every command imports this module

    return _beginning(ctx, incomplete, lambda _: available_timezones(), plain=False)


def parameters(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the words that -p takes for the job, as `region=`; for an enum each value, as `region=eu`."""
    from dkron_cli.core.selection import plain  # noqa: PLC0415

    # The parser stops at an option that waits for its value, and leaves the words before it.
    job = plain(str(ctx.params.get("job") or next(iter(ctx.args), "")))
    return _beginning(ctx, incomplete, lambda options: _values(options, job), plain=False)


def _beginning(ctx: typer.Context, incomplete: str, fetch: Fetch, *, plain: bool = True) -> list[str]:
    """`plain` is whether the candidates are names, which no server may fill with what garbles a line."""
    try:
        found = sorted(name for name in fetch(options_of(ctx)) if name.startswith(incomplete))
    except Exception:  # noqa: BLE001 - whatever is wrong, the prompt stays
        return []
    return [name for name in found if (is_legal(name) if plain else name.isprintable() and " " not in name)]


def _objects(options: Options, route: str) -> list[str]:
    if options.server:
        return [each["name"] for each in _of_rest(options, f"/v1/{route}")]
    return _of_cluster(options, (GROUP, VERSION, f"dkron{route}"))


def _contexts(options: Options) -> list[str]:
    from dkron_kube.access import kubeconfigs  # noqa: PLC0415
    from dkron_kube.kubeconfig import contexts as contexts_of  # noqa: PLC0415

    file = Path(options.kubeconfig) if options.kubeconfig else None
    return contexts_of([document for _, document in kubeconfigs(file)])


def _values(options: Options, job: str) -> list[str]:
    from urllib.parse import quote  # noqa: PLC0415

    declared: list[dict[str, Any]]
    if options.server:
        declared = _of_rest(options, f"/v1/jobs/{quote(job, safe='')}/details").get("parameters") or []
    else:
        declared = _spec(options, job).get("parameters") or []
    return [f"{each['name']}={value}" for each in declared for value in each.get("values") or ("",)]


def _spec(options: Options, job: str) -> Any:  # noqa: ANN401 - JSON
    import asyncio  # noqa: PLC0415

    from dkron_cli.edge.light_kube import open_kube  # noqa: PLC0415
    from dkron_crds.names import object_name  # noqa: PLC0415
    from dkron_kube.paths import DKRON_JOBS  # noqa: PLC0415

    async def found() -> Any:  # noqa: ANN401 - JSON
        kube, namespace = await open_kube(options, patience=PATIENCE)
        return (await kube.get(DKRON_JOBS, namespace, object_name(job)))["spec"]

    return asyncio.run(found())


def _of_cluster(options: Options, kind: tuple[str, str, str], *, every: bool = False) -> list[str]:
    """Return the names of the objects of a kind, in the namespace or in all."""
    import asyncio  # noqa: PLC0415

    from dkron_cli.edge.light_kube import open_kube  # noqa: PLC0415
    from dkron_kube.paths import Resource  # noqa: PLC0415

    async def names() -> list[str]:
        kube, namespace = await open_kube(options, patience=PATIENCE)
        listed = kube.list(Resource(*kind), None if every else namespace, metadata_only=True)
        return [each["metadata"]["name"] async for each in listed]

    return asyncio.run(names())


def _of_rest(options: Options, path: str) -> Any:  # noqa: ANN401 - JSON
    from dkron_cli.edge.address import address_of, token_of  # noqa: PLC0415
    from dkron_cli.edge.quick import read_json  # noqa: PLC0415

    token = token_of(options)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return read_json(address_of(options.server), path, headers=headers, timeout=PATIENCE)
