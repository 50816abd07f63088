"""Free ports on the loopback address, one for each listener of the control plane."""

import socket
from collections.abc import Collection
from dataclasses import astuple, dataclass


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of one cluster, all on the host."""

    etcd: int
    etcd_peer: int
    apiserver: int
    controller_manager: int
    scheduler: int
    kwok: int


def free(*, taken: Collection[int]) -> Ports:
    """Ask the kernel for ports that are free now and that no other cluster has noted down."""
    found: list[int] = []
    held: list[socket.socket] = []
    try:
        while len(found) < len(Ports.__slots__):
            held.append(socket.create_server(("127.0.0.1", 0)))
            port: int = held[-1].getsockname()[1]
            if port not in taken:
                found.append(port)
    finally:
        for listener in held:
            listener.close()
    return Ports(*found)


def numbers(ports: Ports) -> tuple[int, ...]:
    """The ports as plain numbers."""
    return astuple(ports)
