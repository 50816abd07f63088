"""The address of a REST API, and whether a token may go there in the clear. Pure."""

from ipaddress import ip_address
from urllib.parse import urlsplit

SCHEMES = ("http://", "https://")


def address_of(server: str) -> str:
    """Return the address with its scheme: without one it is https, and http on the loopback. Raises ValueError with a
    sentence."""
    if "://" in server and not server.startswith(SCHEMES):
        raise ValueError("--server needs an address that starts with http:// or https://")
    scheme = "" if "://" in server else "http://" if is_loopback(server) else "https://"
    return scheme + server


def in_the_clear(address: str) -> bool:
    """Whether others on the network can read what goes to an address with a scheme."""
    return address.startswith("http://") and not is_loopback(address)


def is_loopback(address: str) -> bool:
    """Whether the host of an address, with or without a scheme, is this machine."""
    try:
        host = (urlsplit(address if "://" in address else f"//{address}").hostname or "").rstrip(".")
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
