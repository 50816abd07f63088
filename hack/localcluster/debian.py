"""Debian's packages, unpacked beside the system instead of installed in it."""

import shutil
from pathlib import Path

from localcluster.errors import ClusterError
from localcluster.quiet import run_quietly

APT_SECONDS = 600


class NoPackages(ClusterError):
    """This machine has no apt-get."""


def candidate(package: str) -> str:
    """The version that Debian has. Raises `NoPackages` where there is no apt-get."""
    if shutil.which("apt-get") is None:
        raise NoPackages(f"{package} comes from Debian's packages, and there is no apt-get")
    for _ in range(2):
        answer = _run(["apt-cache", "policy", package])
        found = [line.split()[1] for line in answer.splitlines() if line.strip().startswith("Candidate:")]
        if found and found[0] != "(none)":
            return found[0]
        _run(["apt-get", "update", "--quiet"])
    raise ClusterError(f"apt-get knows no package {package}")


def unpack(package: str, folder: Path) -> None:
    """Put its files into the folder, and the files of packages that it needs and this machine lacks."""
    archives = folder / "archives"
    (archives / "partial").mkdir(parents=True)
    options = ["-o", f"Dir::Cache::archives={archives}", "-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User=root"]
    install = ["install", "--yes", "--quiet", "--download-only", "--no-install-recommends", "--reinstall", package]
    try:
        _run(["apt-get", *options, *install])
    except ClusterError:
        _run(["apt-get", "update", "--quiet"])
        _run(["apt-get", *options, *install])
    for archive in archives.glob("*.deb"):
        _run(["dpkg", "--extract", str(archive), str(folder)])
    shutil.rmtree(archives)


def _run(command: list[str]) -> str:
    done = run_quietly(command, seconds=APT_SECONDS, environment={"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"})
    if done.returncode != 0:
        raise ClusterError(f"{' '.join(command)} failed:\n{done.stdout.strip()[-800:]}")
    return done.stdout
