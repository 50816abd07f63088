"""The keys of `grpc`: one call by reflection (Dkron behaviour §6.3)."""

import base64
import re
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BeforeValidator

from dkron_executors.keys.model import Keys
from dkron_executors.keys.values import Debug, Seconds, headers, json_value, quoted

LAST_CODE = 16
"""UNAUTHENTICATED. See https://grpc.io/docs/guides/status-codes/"""

_NAME = r"[A-Za-z_]\w*"
_TARGET = re.compile(
    rf"(?P<host>[^/\s:\[\]]+|\[[0-9A-Fa-f:.]+\]):(?P<port>\d{{1,5}})/(?P<service>{_NAME}(?:\.{_NAME})*)/(?P<method>{_NAME})",
    re.ASCII,
)
_METADATA = re.compile(r"[0-9a-z_.-]+", re.ASCII)

Metadata = tuple[tuple[str, str | bytes], ...]


def target(text: str) -> str:
    """Check `host:port/package.Service/Method`."""
    match = _TARGET.fullmatch(text)
    if match is None or not 0 < int(match["port"]) <= 65535:  # noqa: PLR2004 - the last port
        raise ValueError(f"{quoted(text)} is not host:port/package.Service/Method")
    return text


def json_text(text: str) -> str:
    """Check JSON, which stays a string until the message type is known."""
    json_value(text)
    return text


def metadata(text: str) -> Metadata:
    """Return headers as gRPC metadata: names in lower case, and bytes (in base64) if the name ends in `-bin`."""
    return tuple(_metadatum(name.lower(), value) for name, value in headers(text))


def _metadatum(name: str, value: str) -> tuple[str, str | bytes]:
    if _METADATA.fullmatch(name) is None or name.startswith("grpc-"):
        raise ValueError(f'"{name}" is not a name that gRPC allows')
    if not name.endswith("-bin"):
        if not value.isascii():
            raise ValueError(
                f'the value of "{name}" has non-ASCII characters; gRPC requires the name "{name}-bin" for that'
            )
        return name, value
    try:
        return name, base64.b64decode(value, validate=True)
    except ValueError:
        raise ValueError(f'the value of "{name}" is not base64') from None


def code(text: str) -> int:
    """Parse the number of a status code."""
    number = int(text) if re.fullmatch(r"\d{1,2}", text, re.ASCII) else LAST_CODE + 1
    if number > LAST_CODE:
        raise ValueError(f"{quoted(text)} is not a status code of gRPC, 0 to {LAST_CODE}")
    return number


class Grpc(Keys):
    """One gRPC call, without TLS, to a server with reflection."""

    TEXTS_WITH_REFERENCES: ClassVar[frozenset[str]] = frozenset({"headers"})

    url: Annotated[str, AfterValidator(target)]
    """The method to call: `host:port/package.Service/Method`."""

    body: Annotated[str, AfterValidator(json_text)] = "{}"
    """The message as JSON, in the Protocol Buffers JSON format."""

    headers: Annotated[Metadata, BeforeValidator(metadata)] = ()
    """Metadata as a JSON array of strings, `["authorization: Bearer secretRef:token/value"]`. If a name ends in
    `-bin`, its value is base64."""

    timeout: Seconds = 30
    """Seconds for the whole call, 1 to 86400."""

    expect_code: Annotated[int, BeforeValidator(code)] = 0
    """The number of the status code that counts as success: 0 is OK, 5 is NOT_FOUND."""

    debug: Debug = False
    """Any text: print the config before the output, without secrets."""

    @property
    def server(self) -> str:
        """`host:port`."""
        return self.url.split("/")[0]

    @property
    def service(self) -> str:
        """The full name of the service."""
        return self.url.split("/")[1]

    @property
    def method(self) -> str:
        """The name of the method in the service."""
        return self.url.split("/")[2]
