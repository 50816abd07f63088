"""A RabbitMQ broker, from Debian's packages, unpacked beside the system instead of installed in it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from localcluster.debian import candidate, unpack
from localcluster.errors import ClusterError
from localcluster.servers import SHELF
from localcluster.servers.running import HOST, free_ports, running
from localcluster.shelves import fetched

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


def install() -> Path:
    """The folder with its files, and Erlang's."""
    return fetched(SHELF, PACKAGE, candidate(PACKAGE), partial(unpack, PACKAGE))


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


def _erlang(files: Path, folder: Path) -> tuple[Path, Path, Path]:
    """A program `erl`, Erlang's folder, and the one with its binaries."""
    erlang = next((base for base in (files / "usr/lib/erlang", Path("/usr/lib/erlang")) if base.is_dir()), None)
    if erlang is None:
        raise ClusterError(f"{files} has no Erlang")
    binaries = next(erlang.glob("erts-*")) / "bin"
    erl = folder / "bin" / "erl"
    erl.parent.mkdir()
    erl.write_text(ERL.format(erlang=erlang, binaries=binaries), encoding="utf-8")
    erl.chmod(0o755)
    return erl, erlang, binaries


def _script(files: Path) -> Path:
    return next((files / "usr/lib/rabbitmq/lib").glob("rabbitmq_server-*")) / "sbin" / "rabbitmq-server"
