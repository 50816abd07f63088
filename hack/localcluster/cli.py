"""The command line, `hack/cluster`: what can be asked for. Errors are one sentence and exit status 1; or 3 where
programs are missing and there is no apt-get: then `make test` leaves out the tests that need them.
"""

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from localcluster import commands, versions
from localcluster.debian import NoPackages
from localcluster.errors import ClusterError
from localcluster.provider import Provider

NO_PACKAGES = 3
DESCRIPTION = """\
Start and stop a Kubernetes for tests and demonstrations.

CLUSTER=auto is kind if a Docker engine answers and NODES=real, else `local`: the real control
plane, built from Go modules and run as processes of this machine. See docs/local-cluster.md.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit status."""
    own, for_kubectl = split(list(sys.argv[1:] if arguments is None else arguments))
    # Ended by its caller, a start still stops what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        options = _parser().parse_args(own)
        options.for_kubectl = [*getattr(options, "arguments", []), *for_kubectl]
        run: Callable[[argparse.Namespace], int] = options.run
        return run(options)
    except ClusterError as error:
        sys.stderr.write(f"cluster: {error}\n")
        return NO_PACKAGES if isinstance(error, NoPackages) else 1
    except subprocess.TimeoutExpired as error:
        sys.stderr.write(f"cluster: '{' '.join(map(str, error.cmd))}' did not end within {error.timeout:.0f} s\n")
        return 1
    except (KeyboardInterrupt, BrokenPipeError):
        return 128 + signal.SIGINT


def split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Our arguments, and those behind `--`, which are kubectl's."""
    if "--" not in arguments:
        return arguments, []
    at = arguments.index("--")
    return arguments[:at], arguments[at + 1 :]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("cluster", description=DESCRIPTION, formatter_class=argparse.RawTextHelpFormatter)
    group = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    named = argparse.ArgumentParser(add_help=False)
    named.add_argument("--name", default="dkron", help="which cluster (default: dkron)")
    kind = _kind_of_cluster()

    def add(
        name: str,
        run: Callable[[argparse.Namespace], int],
        description: str,
        *parents: argparse.ArgumentParser,
    ) -> argparse.ArgumentParser:
        command = group.add_parser(name, parents=list(parents), help=description, description=description)
        command.set_defaults(run=run)
        return command

    up = add("up", commands.up, "start a cluster, or find it running", named, kind)
    up.add_argument("--controller-flags", default="", metavar="FLAGS", help='such as --controller-flags="--v=4"')
    add("down", commands.down, "stop a cluster and delete all that it created", named)
    add("status", commands.status, "show running and dead components", named)
    add("list", commands.list_clusters, "list the clusters of this user")
    kubeconfig = add("kubeconfig", commands.kubeconfig, "print the path of a cluster's kubeconfig", named)
    kubeconfig.add_argument(
        "--or",
        dest="others",
        action="append",
        default=[],
        metavar="NAME",
        help="use this cluster if the other does not run",
    )
    _logs(add("logs", commands.logs, "show the logs of components", named))
    _kubectl(add("kubectl", commands.kubectl, "run kubectl: hack/cluster kubectl -- get nodes", named))
    load = add("load-image", commands.load_image, "make an image available to pods", named)
    source = load.add_mutually_exclusive_group(required=True)
    source.add_argument("--archive", type=Path, help="a tar file, OCI or Docker")
    source.add_argument("--image", help="one that docker, podman or `make image` has built or pulled here")
    restart = add("restart", commands.restart, "restart one component with other flags", named)
    restart.add_argument("component", help="such as controller-manager")
    restart.add_argument("--flags", default="", help='such as --flags="--kube-api-qps=1000"; none: its own only')
    add("build", commands.build_tools, "build the tools of a cluster without starting it", kind)
    return parser


def _kind_of_cluster() -> argparse.ArgumentParser:
    kind = argparse.ArgumentParser(add_help=False)
    kind.add_argument(
        "--nodes",
        default=os.environ.get("NODES") or "real",
        help="none, kwok, kwok:5 or real (default: $NODES or real)",
    )
    kind.add_argument(
        "--k8s",
        default=os.environ.get("K8S", ""),
        metavar="VERSION",
        help=f"1.36 or 1.36.3 (default: $K8S or {versions.KUBERNETES[0]})",
    )
    kind.add_argument(
        "--cluster",
        default=os.environ.get("CLUSTER") or Provider.AUTO,
        help="auto, kind, local or current (default: $CLUSTER or auto)",
    )
    return kind


def _logs(command: argparse.ArgumentParser) -> None:
    command.add_argument("component", nargs="?", default="", help="such as apiserver; all without it")
    command.add_argument("-f", "--follow", action="store_true", help="follow new lines")
    command.add_argument("-n", "--lines", type=int, default=20, help="how many lines of each (default: 20)")


def _kubectl(command: argparse.ArgumentParser) -> None:
    command.add_argument("arguments", nargs="*", help="arguments of kubectl, after -- if they contain options")
