"""A RabbitMQ broker, from Debian's packages, unpacked beside the system instead of installed in it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from brokers.cache import fetched
from brokers.running import HOST, free_ports, running
from localcluster.errors import ClusterError
from localcluster.quiet import run_quietly

PACKAGE = "rabbitmq-server"
ERL = """\
#!/bin/sh
export ROOTDIR={erlang} BINDIR={binaries} EMU=beam PROGNAME=erl
exec {binaries}/erlexec "$@"
"""
"""Erlang's own looks for its files where the package would have been installed."""
CONFIG = """\
listeners.tcp.1 = {host}:{port}
default_user = dkron
default_pass = {password}
disk_free_limit.absolute = 1MB
"""
APT_SECONDS = 600


def install() -> Path:
    """The folder with its files, and Erlang's."""
    return fetched(PACKAGE, _candidate(), _unpack)


@contextmanager
def rabbitmq(folder: Path, *, password: str) -> Iterator[str]:
    """Its `host:port`. The user is `dkron`, with all rights in the virtual host `/`."""
    files = install()
    port, distribution, mapper = free_ports(3)
    erl, erlang, binaries = _erlang(files, folder)
    (folder / "rabbitmq.conf").write_text(CONFIG.format(host=HOST, port=port, password=password), encoding="utf-8")
    (folder / "plugins").write_text("[].\n", encoding="utf-8")
    env = {
        "PATH": f"{erl.parent}:{os.environ['PATH']}",
        "ERL_EPMD_ADDRESS": HOST,
        "ERL_EPMD_PORT": str(mapper),
        "RABBITMQ_NODENAME": "dkron@localhost",
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_LOGS": "-",
        "LANG": "C.UTF-8",
    }
    # Its own mapper of names to ports would outlive it.
    with (
        running([binaries / "epmd", "-port", str(mapper), "-address", HOST], port=mapper, folder=folder, env=env),
        running([_script(files)], port=port, folder=folder, env={**env, "ROOTDIR": str(erlang)}),
    ):
        yield f"{HOST}:{port}"


def _candidate() -> str:
    """The version that Debian has."""
    if shutil.which("apt-get") is None:
        raise ClusterError(f"{PACKAGE} comes from Debian's packages, and there is no apt-get")
    for _ in range(2):
        answer = _run(["apt-cache", "policy", PACKAGE])
        found = [line.split()[1] for line in answer.splitlines() if line.strip().startswith("Candidate:")]
        if found and found[0] != "(none)":
            return found[0]
        _run(["apt-get", "update", "--quiet"])
    raise ClusterError(f"apt-get knows no package {PACKAGE}")


def _unpack(folder: Path) -> None:
    archives = folder / "archives"
    (archives / "partial").mkdir(parents=True)
    options = ["-o", f"Dir::Cache::archives={archives}", "-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User=root"]
    install = ["install", "--yes", "--quiet", "--download-only", "--no-install-recommends", "--reinstall", PACKAGE]
    try:
        _run(["apt-get", *options, *install])
    except ClusterError:
        _run(["apt-get", "update", "--quiet"])
        _run(["apt-get", *options, *install])
    for archive in archives.glob("*.deb"):
        _run(["dpkg", "--extract", str(archive), str(folder)])
    shutil.rmtree(archives)


def _erlang(files: Path, folder: Path) -> tuple[Path, Path, Path]:
    """A program `erl`, Erlang's folder, and the one with its binaries."""
    erlang = next((base for base in (files / "usr/lib/erlang", Path("/usr/lib/erlang")) if base.is_dir()), None)
    if erlang is None:
        raise ClusterError(f"there is no Erlang in {files}")
    binaries = next(erlang.glob("erts-*")) / "bin"
    erl = folder / "bin" / "erl"
    erl.parent.mkdir()
    erl.write_text(ERL.format(erlang=erlang, binaries=binaries), encoding="utf-8")
    erl.chmod(0o755)
    return erl, erlang, binaries


def _script(files: Path) -> Path:
    return next((files / "usr/lib/rabbitmq/lib").glob("rabbitmq_server-*")) / "sbin" / "rabbitmq-server"


def _run(command: list[str]) -> str:
    done = run_quietly(command, seconds=APT_SECONDS, environment={"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"})
    if done.returncode != 0:
        raise ClusterError(f"{' '.join(command)} failed:\n{done.stdout.strip()[-800:]}")
    return done.stdout
