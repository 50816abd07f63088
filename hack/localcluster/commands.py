"""What each command of `hack/cluster` does, given its parsed options; returns the exit status."""

import argparse
import os
import shutil
import time

from localcluster import archives, build, local, processes, provider, tools, versions
from localcluster import logs as log_files
from localcluster.errors import ClusterError
from localcluster.launcher import obituary
from localcluster.nodes import parse
from localcluster.paths import cluster_folder
from localcluster.progress import duration, say
from localcluster.provider import Provider
from localcluster.record import Record, every, find

MEBIBYTE = 1 << 20
TABLE = "{:<20}{:<10}{:>10}{:>10}{:>8}"


def up(options: argparse.Namespace) -> int:
    """Start a cluster and say how to go on."""
    cluster = provider.up(
        options.name,
        nodes=options.nodes,
        kubernetes=options.k8s,
        provider=options.cluster,
        controller_flags=options.controller_flags,
    )
    say(f"cluster {cluster.name} is ready; go on with:")
    say(f"  export KUBECONFIG={cluster.kubeconfig}")
    own_kubectl = cluster.kubeconfig.parent / "bin" / "kubectl"
    if shutil.which("kubectl") is None and own_kubectl.exists():
        say(f"  export PATH={own_kubectl.parent}:$PATH")
    say("  kubectl get nodes")
    other = "" if cluster.name == "dkron" else f" --name {cluster.name}"
    say(f"  hack/cluster status{other}    (also: logs, kubectl, load-image, restart, down)")
    return 0


def down(options: argparse.Namespace) -> int:
    """Stop a cluster; done as well when there is none."""
    if _provider() == Provider.CURRENT:
        say("CLUSTER=current: left as it is")
        return 0
    record = find(options.name)
    if record is not None and record.provider != local.PROVIDER:
        provider.get(options.name).down()
    elif not local.down(options.name):
        say(f"cluster {options.name} does not run")
        return 0
    say(f"cluster {options.name} is gone")
    return 0


def status(options: argparse.Namespace) -> int:
    """Show a table of components; status 1 when one has died or the start has not finished."""
    record = _record(options.name)
    state = "ready" if record.ready else "starting, or its start has failed"
    print(f"cluster {record.name} ({record.provider}), Kubernetes {record.kubernetes}, nodes {record.nodes}: {state}")
    if record.provider != local.PROVIDER:
        return 0
    print(TABLE.format("COMPONENT", "STATE", "PID", "MEMORY", "PORT"))
    fallen = []
    for running in record.components:
        alive = processes.alive(running.identity)
        fallen += [] if alive else [running]
        memory = f"{processes.resident_bytes(running.identity.pid) // MEBIBYTE} MiB" if alive else "-"
        print(
            TABLE.format(
                running.name, "running" if alive else "died", running.identity.pid, memory, running.port or "-"
            )
        )
    for running in fallen:
        print(obituary(record, running))
    return 1 if fallen or not record.ready else 0


def list_clusters(_: argparse.Namespace) -> int:
    """List all clusters."""
    for record in every():
        state = "ready" if record.ready and _alive(record) else "broken" if record.ready else "starting or failed"
        print(f"{record.name}  {record.provider}  {record.kubernetes}  nodes={record.nodes}  {state}")
    return 0


def kubeconfig(options: argparse.Namespace) -> int:
    """Print the path and nothing else: of the named cluster, or if it does not run, of the first other that does."""
    names = (options.name, *options.others)
    found = (find(name) for name in names)
    name = next((record.name for record in found if record is not None and _alive(record)), None)
    if name is None and options.others and _provider() != Provider.CURRENT:
        raise ClusterError(
            f"no cluster runs that is called {' or '.join(names)}; start one with make cluster or make demo"
        )
    print(provider.get(name or options.name, provider=_provider()).kubeconfig)
    return 0


def logs(options: argparse.Namespace) -> int:
    """Show or follow logs; works for a cluster whose start has failed as well."""
    folder = cluster_folder(options.name) / "logs"
    known = {log.stem: log for log in sorted(folder.glob("*.log"))}
    if not known:
        raise ClusterError(f"there are no logs of a cluster {options.name}")
    if options.component and options.component not in known:
        raise ClusterError(f"cluster {options.name} has no component {options.component}; it has {', '.join(known)}")
    chosen = [known[options.component]] if options.component else list(known.values())
    log_files.show(chosen, lines=options.lines)
    if options.follow:
        log_files.show_coming(chosen)
    return 0


def kubectl(options: argparse.Namespace) -> int:
    """Become kubectl."""
    cluster = provider.get(options.name, provider=_provider())
    program = cluster.kubectl_program()
    environment = {**os.environ, "KUBECONFIG": str(cluster.kubeconfig)}
    os.execve(program, ["kubectl", *options.for_kubectl], environment)  # noqa: S606 - no shell is wanted


def load_image(options: argparse.Namespace) -> int:
    """Load an image, from an archive or by its name."""
    cluster = provider.get(options.name, provider=_provider())
    archive = options.archive or archives.of(options.image)
    if not archive.is_file():
        raise ClusterError(f"there is no file {archive}")
    started = time.monotonic()
    cluster.load_image(archive)
    say(f"cluster {cluster.name} has {options.image or archive} after {duration(time.monotonic() - started)}")
    return 0


def restart(options: argparse.Namespace) -> int:
    """Restart a component."""
    provider.get(options.name, provider=_provider()).restart(options.component, options.flags)
    say(f"{options.component} of cluster {options.name} is ready again")
    return 0


def build_tools(options: argparse.Namespace) -> int:
    """Build what a cluster with these options needs, so that its start is quick."""
    kubernetes, kind = versions.resolve(options.k8s), parse(options.nodes).kind
    chosen = provider.choose(options.cluster, kind)
    if chosen is Provider.LOCAL:
        local.prepare(kubernetes, kind)
    if chosen is Provider.KIND and shutil.which("kind") is None:
        build.ensure([tools.kind()])
    return 0


def _record(name: str) -> Record:
    record = find(name)
    if record is None:
        raise ClusterError(f"there is no cluster {name}; start it with: hack/cluster up --name {name}")
    return record


def _provider() -> str:
    return os.environ.get("CLUSTER") or Provider.AUTO


def _alive(record: Record) -> bool:
    """Whether its components run, as far as they are processes of ours."""
    return record.provider != local.PROVIDER or all(processes.alive(known.identity) for known in record.components)
