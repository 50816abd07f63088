"""The link between the host and a real node: a veth pair, and routes to the node's pods and Services.

So the host reaches pods and Services by their addresses, and pods reach the API server. Removing the host's end
removes the other end and the routes.
"""

import subprocess
from pathlib import Path

from localcluster.addresses import Addresses
from localcluster.errors import ClusterError

NODE_INTERFACE = "eth0"
COMMAND_SECONDS = 10


def create(addresses: Addresses, *, holder: int) -> None:
    """Connect the host with the network namespace of process `holder`."""
    host, length = addresses.interface, addresses.link.prefixlen
    inside = ("nsenter", f"--target={holder}", "--net", "--")
    _run("ip", "link", "add", host, "type", "veth", "peer", "name", NODE_INTERFACE, "netns", str(holder))
    _run("ip", "address", "add", f"{addresses.host}/{length}", "dev", host)
    _run("ip", "link", "set", host, "up")
    _run(*inside, "ip", "address", "add", f"{addresses.node}/{length}", "dev", NODE_INTERFACE)
    _run(*inside, "ip", "link", "set", NODE_INTERFACE, "up")
    _run(*inside, "ip", "route", "add", "default", "via", str(addresses.host))
    for network in (addresses.pods, addresses.services):
        _run("ip", "route", "add", str(network), "via", str(addresses.node), "dev", host)


def remove(addresses: Addresses) -> None:
    """Remove the host's end, if there is one."""
    if Path("/sys/class/net", addresses.interface).exists():
        subprocess.run(
            ["ip", "link", "delete", addresses.interface], capture_output=True, timeout=COMMAND_SECONDS, check=False
        )


def _run(*command: str) -> None:
    result = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False)
    if result.returncode != 0:
        raise ClusterError(f"'{' '.join(command)}' failed: {result.stderr.strip()}")
