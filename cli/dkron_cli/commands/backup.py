"""`backup` and `restore`: all custom resources, with the record of past runs."""

import asyncio
import time
from typing import Annotated, Any

import typer

from dkron_cli.commands.arguments import usage
from dkron_cli.commands.lint import read
from dkron_cli.core.manifests import Unreadable, objects
from dkron_cli.core.objects import KEPT, Object, admitted, is_same, misshapen, parents_first, with_history
from dkron_cli.edge.backend import need_cluster
from dkron_cli.edge.cluster import Cluster
from dkron_cli.edge.connect import opened_cluster
from dkron_cli.edge.errors import readable
from dkron_cli.edge.kube_objects import ClusterObjects
from dkron_cli.edge.terminal import print_json, remark, run, say
from dkron_cli.edge.writing import change_spec, write_past
from dkron_cli.errors import CliError, Code, Interrupted
from dkron_cli.options import DryRun, Options, options_of
from dkron_crds.names import API_VERSION
from dkron_from_dkron.manifest import manifest
from dkron_kube.errors import NotFound
from dkron_kube.paths import DKRON_CLUSTERS, DKRON_JOBS, DKRON_PAUSES, DKRON_POLICIES, DKRON_POOLS, Resource
from dkron_reports.words import plural

RESOURCES = {
    "DkronCluster": DKRON_CLUSTERS, "DkronPolicy": DKRON_POLICIES, "DkronPool": DKRON_POOLS,
    "DkronPause": DKRON_PAUSES, "DkronJob": DKRON_JOBS,
}  # fmt: skip
"""In the order in which a restore makes them: what is paused must not run."""
PATIENCE, INTERVAL = 10.0, 0.5
"""Seconds to wait for the operator to see the pauses that were made, and between two looks."""


async def backup(ctx: typer.Context) -> None:
    """Print all objects, with the record of past runs.

    One JSON document for dkronctl restore: the DkronJobs, DkronPauses, DkronPools, DkronPolicies and DkronClusters
    of the namespace, or of all namespaces with -A. It has no Secrets; dkronctl secrets lists the Secrets that jobs use.
    """
    options = options_of(ctx)
    async with opened_cluster(options, "backup") as cluster:
        where = None if options.all_namespaces else cluster.namespace
        found: list[Object] = []
        with readable():
            for kind, resource in RESOURCES.items():
                known = {"apiVersion": API_VERSION, "kind": kind}
                found += [with_history({**raw, **known}) async for raw in cluster.kube.list(resource, where)]
    print_json({"apiVersion": "v1", "kind": "List", "items": found}, indent=1)
    remark(f"{plural(len(found), 'object')}; Secrets are not among them, see dkronctl secrets")


def restore(
    ctx: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A backup, or - for standard input.")],
    disabled: Annotated[
        bool, typer.Option("--disabled", help="Restore all jobs disabled, while another cluster still runs them.")
    ] = False,
    dry_run: DryRun = False,
) -> None:
    """Restore a backup, into this or another cluster.

    Missing objects are created, with the record of past runs. Changed objects get the spec of the backup and keep their
    own record. -n restores into this namespace instead of the original ones. Slots between the backup and the restore
    do not run later. Pauses come first, and jobs after the operator has seen the pauses.
    """
    options = options_of(ctx)
    need_cluster(options, "restore")
    try:
        found = objects(read(file))
    except Unreadable as error:
        raise CliError(Code.FAILED, f"{file}:{error.line}: {error}") from None
    strange = [each for each in found if not isinstance(each, dict) or each.get("kind") not in RESOURCES]
    if strange or not found:
        kinds = ", ".join(RESOURCES)
        raise usage(f"{file} is not a backup; a backup is a list of {kinds}, as dkronctl backup prints it")
    for number, each in enumerate(found, 1):
        if wrong := misshapen(each):
            raise CliError(Code.FAILED, f"{file}: object {number} ({each['kind']}): {wrong}")
    try:
        run(_restore(options, found, disabled=disabled, dry_run=dry_run))
    except Interrupted:
        remark("\ninterrupted; repeat the command to continue")
        raise typer.Exit(Code.INTERRUPTED) from None


async def _restore(options: Options, found: list[dict[str, Any]], *, disabled: bool, dry_run: bool) -> None:
    counts = {"created": 0, "updated": 0, "unchanged": 0}
    unseen: list[tuple[str, str]] = []
    async with opened_cluster(options, "restore") as cluster:
        for pretend in (True, False):
            # All of it is checked before the first write.
            if pretend or not dry_run:
                for raw in _ordered(found):
                    if unseen and raw["kind"] == "DkronJob":
                        await _until_listed(cluster, unseen)
                        unseen = []
                    wanted = manifest(raw)
                    if options.namespace or not wanted["metadata"].get("namespace"):
                        wanted["metadata"]["namespace"] = cluster.namespace
                    if raw["kind"] == "DkronJob":
                        wanted["spec"] = admitted(wanted["spec"], disabled=disabled)
                    word = await _restore_one(cluster, raw, wanted, pretend=pretend)
                    if raw["kind"] == "DkronPause" and word == "created" and not pretend:
                        unseen.append((wanted["metadata"]["namespace"], wanted["metadata"]["name"]))
                    if pretend is dry_run:
                        counts[word] += 1
                        if word != "unchanged":
                            name = f"{raw['kind']} {wanted['metadata']['namespace']}/{wanted['metadata']['name']}"
                            say(f"{name} {'would be ' if pretend else ''}{word}")
    told_counts = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    remark(f"{told_counts}{' (dry run: nothing was written)' if dry_run else ''}")


async def _restore_one(cluster: Cluster, raw: Object, wanted: Object, *, pretend: bool) -> str:
    resource: Resource = RESOURCES[raw["kind"]]
    where, name = wanted["metadata"]["namespace"], wanted["metadata"]["name"]
    with readable():
        try:
            stored = await cluster.kube.get(resource, where, name)
        except NotFound:
            made = await cluster.kube.create(resource, where, wanted, dry_run=pretend)
            past = {key: value for key, value in (raw.get("status") or {}).items() if key in KEPT}
            if past and not pretend and raw["kind"] == "DkronJob":
                await write_past(cluster.kube, made, past)
            return "created"
        same = is_same(stored, wanted) if raw["kind"] == "DkronJob" else stored.get("spec") == wanted["spec"]
        if same:
            return "unchanged"
        await change_spec(cluster.kube, resource, stored, wanted, dry_run=pretend)
        return "updated"


async def _until_listed(cluster: Cluster, pauses: list[tuple[str, str]]) -> None:
    """Wait until the operator knows of the pauses, which their conditions say. Without an operator no job runs."""
    deadline = time.monotonic() + PATIENCE
    for where, name in pauses:
        stored = ClusterObjects(cluster.kube, DKRON_PAUSES, where)
        while (found := await stored.find(name)) and not (found.get("status") or {}).get("conditions"):
            if time.monotonic() > deadline:
                remark("no operator has seen the pauses yet; an operator reads them at its start, before it runs a job")
                return
            await asyncio.sleep(INTERVAL)


def _ordered(found: list[dict[str, Any]]) -> list[Object]:
    kinds = list(RESOURCES)
    others = sorted((each for each in found if each["kind"] != "DkronJob"), key=lambda each: kinds.index(each["kind"]))
    return [*others, *parents_first([each for each in found if each["kind"] == "DkronJob"])]
