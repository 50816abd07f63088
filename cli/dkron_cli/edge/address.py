"""The address of a REST API and the token for it, from the options. Light: completion needs it."""

from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from dkron_cli.errors import CliError, Code
from dkron_cli.options import Options

SCHEMES = ("http://", "https://")
LONGEST_TOKEN = 16384
"""Bytes: more than a header may have."""


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


def token_of(options: Options) -> str:
    """Return the token; empty for none. Raises `CliError`."""
    return _in(Path(options.token_file)) if options.token_file else options.token


def _in(file: Path) -> str:
    """Return the token in a file. No error shows what is in it."""
    try:
        with file.open("rb") as opened:
            token = opened.read(LONGEST_TOKEN + 1).strip().decode("ascii")
    except OSError as error:
        raise CliError(Code.USAGE, f"--token-file: cannot read {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        token = ""
    if not 0 < len(token) <= LONGEST_TOKEN or not token.isprintable() or " " in token:
        raise CliError(Code.USAGE, f"--token-file: {file} must contain only a token, in one line of ASCII")
    return token
