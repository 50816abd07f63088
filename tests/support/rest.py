"""A client of the REST API that adds and hides nothing: no header that was not given, no redirect followed.

Tests of exact bytes and headers need that; others profit from seeing what went over the wire.
"""

import http.client
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

REQUEST_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Headers in the order and spelling of the wire; one may come twice."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """A header by its name in any case, values of a repeated one joined; None if it did not come."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        return ", ".join(values) if values else None

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8")

    def json(self) -> Any:
        """The body as JSON; an AssertionError shows what it is if that is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise AssertionError(f"no JSON in the answer:\n{self}") from None

    def __str__(self) -> str:
        lines = [f"HTTP {self.status}", *(f"{key}: {value}" for key, value in self.headers)]
        return "\n".join([*lines, "", self.body.decode("utf-8", "backslashreplace")])


@dataclass(frozen=True, slots=True)
class Rest:
    """The API at one address. Each request has a connection of its own."""

    host: str
    port: int

    def request(
        self,
        method: str,
        path: str,
        body: bytes | str | Mapping[str, Any] | Sequence[Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        seconds: float = REQUEST_SECONDS,
    ) -> Answer:
        """Send it; a mapping or sequence goes as JSON, text as UTF-8. The path is sent as it stands."""
        content = encoded(body)
        connection = http.client.HTTPConnection(self.host, self.port, timeout=seconds)
        try:
            connection.putrequest(method, path, skip_accept_encoding=True)
            for key, value in (headers or {}).items():
                connection.putheader(key, value)
            if content is not None:
                connection.putheader("Content-Length", str(len(content)))
            connection.endheaders(content)
            response = connection.getresponse()
            return Answer(response.status, tuple(response.getheaders()), response.read())
        finally:
            connection.close()

    def get(self, path: str, **options: Any) -> Answer:
        """GET; options as for `request`."""
        return self.request("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> Answer:
        """POST."""
        return self.request("POST", path, body, **options)

    def put(self, path: str, body: Any = None, **options: Any) -> Answer:
        """PUT."""
        return self.request("PUT", path, body, **options)

    def delete(self, path: str, **options: Any) -> Answer:
        """DELETE."""
        return self.request("DELETE", path, **options)


def encoded(body: bytes | str | Mapping[str, Any] | Sequence[Any] | None) -> bytes | None:
    """The bytes that go over the wire."""
    if body is None or isinstance(body, bytes):
        return body
    return (body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)).encode(errors="backslashreplace")
