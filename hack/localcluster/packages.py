"""Debian packages that a cluster needs beside its own tools. Installed by apt-get as root, else named in a sentence."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from localcluster.debian import NoPackages
from localcluster.errors import ClusterError
from localcluster.nodes import NodeKind
from localcluster.progress import say
from localcluster.quiet import run_quietly

INSTALL_SECONDS = 600
CNI_FOLDERS = (Path("/usr/lib/cni"), Path("/opt/cni/bin"))
BUSYBOX = Path("/bin/busybox")


@dataclass(frozen=True, slots=True)
class Package:
    """A Debian package and the program on PATH or the file that shows it to be there."""

    name: str
    program: str


ALWAYS = (Package("openssl", "openssl"),)
REAL_NODE = (
    Package("containerd", "containerd"),
    Package("runc", "runc"),
    Package("iptables", "iptables"),
    Package("iproute2", "ip"),
    Package("util-linux", "nsenter"),
)


def ensure(kind: NodeKind) -> None:
    """Install what is missing for such nodes."""
    if kind is NodeKind.REAL and os.geteuid() != 0:
        raise ClusterError("a real node needs root (namespaces, mounts, cgroups); use sudo, or --nodes none or kwok:N")
    install(missing(kind))


def install(absent: Sequence[str]) -> None:
    """Install these Debian packages, or raise a ClusterError that says how; it is a `NoPackages` where there is no
    apt-get."""
    if not absent:
        return
    names = " ".join(absent)
    if shutil.which("apt-get") is None:
        raise NoPackages(
            f"programs are missing, and there is no apt-get; install what your distribution calls these: {names}"
        )
    if os.geteuid() != 0:
        raise ClusterError(f"programs are missing; run as root: apt-get install --no-install-recommends {names}")
    say(f"installing Debian packages: {names}")
    _apt_get(absent)


def missing(kind: NodeKind) -> list[str]:
    """The names of the packages that such nodes need and this machine lacks."""
    wanted = ALWAYS + (REAL_NODE if kind is NodeKind.REAL else ())
    absent = [package.name for package in wanted if shutil.which(package.program) is None]
    if kind is NodeKind.REAL and cni_folder() is None:
        absent.append("containernetworking-plugins")
    if kind is NodeKind.REAL and not static_busybox():
        absent.append("busybox-static")
    return absent


def cni_folder() -> Path | None:
    """Where the CNI plugins are, by Debian's or upstream's custom."""
    return next((folder for folder in CNI_FOLDERS if (folder / "ptp").exists()), None)


def static_busybox() -> bool:
    """Whether there is a busybox that runs in an image without libraries."""
    return BUSYBOX.exists() and b"/ld-" not in BUSYBOX.read_bytes()[:4096]


def _apt_get(names: Sequence[str]) -> None:
    install = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *names]
    if _run(install).returncode != 0:
        _run(["apt-get", "update", "--quiet"])
        again = _run(install)
        if again.returncode != 0:
            raise ClusterError(f"apt-get could not install {' '.join(names)}:\n{again.stdout.strip()[-800:]}")


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return run_quietly(command, seconds=INSTALL_SECONDS, environment={"DEBIAN_FRONTEND": "noninteractive"})
