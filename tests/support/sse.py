"""Server-sent events as a test reads them: from bytes, or from a connection that stays open while the test goes on."""

import contextlib
import http.client
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from tests.support import waiting
from tests.support.rest import Rest

SILENCE = 60.0
"""Seconds without a byte, not even a heartbeat, after which a stream counts as dead."""


@dataclass(frozen=True, slots=True)
class Told:
    """One event. `id` is the id in force, as a browser remembers it."""

    id: str
    type: str
    data: Any

    @property
    def name(self) -> str:
        """The Dkron name of the job that it is about."""
        return str(self.data["job"]["name"] if "job" in self.data else self.data["execution"]["job_name"])

    def __str__(self) -> str:
        """`job created backup`: enough to compare sequences of events."""
        if self.type == "leader":
            return f"leader {self.data['leader']}"
        return f"{self.type} {self.data['action']} {self.name}" if "action" in self.data else self.type


class Parser:
    """Takes lines, remembers the id, and knows when an event is complete."""

    def __init__(self) -> None:
        self.last_id = ""
        self.comments = 0
        self._type = ""
        self._data: list[str] = []

    def line(self, text: str) -> Told | None:
        """The event that this line completes."""
        if not text:
            return self._complete()
        if text.startswith(":"):
            self.comments += 1
        field, _, value = text.partition(":")
        value = value.removeprefix(" ")
        match field:
            case "id":
                self.last_id = value
            case "event":
                self._type = value
            case "data":
                self._data.append(value)
        return None

    def _complete(self) -> Told | None:
        data, kind, self._data, self._type = self._data, self._type, [], ""
        return Told(self.last_id, kind or "message", json.loads("\n".join(data))) if data else None


def parsed(stream: bytes) -> list[Told]:
    """The events of a piece of a stream."""
    parser = Parser()
    lines = stream.decode().replace("\r\n", "\n").split("\n")
    return [told for line in lines if (told := parser.line(line)) is not None]


class NoStream(Exception):
    """There was another answer than a stream."""

    def __init__(self, status: int, text: bytes) -> None:
        super().__init__(f"no stream but {status}: {text!r}")
        self.status = status


class Listener:
    """A client of GET /v1/events in a thread of its own. `events` are those that came so far, `trouble` says what was
    wrong with the end of the stream. Raises NoStream."""

    def __init__(self, rest: Rest, query: str = "", *, last_id: str = "") -> None:
        self.events: list[Told] = []
        self.parser = Parser()
        self.trouble = ""
        headers: dict[str, str] = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_id} if last_id else {})
        self._connection = http.client.HTTPConnection(rest.host, rest.port, timeout=SILENCE)
        self._connection.request("GET", f"/v1/events{query}", headers=headers)
        self._response = self._connection.getresponse()
        if self._response.status != http.client.OK:
            text = self._response.read()
            self._connection.close()
            raise NoStream(self._response.status, text)
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    @property
    def last_id(self) -> str:
        """The id that a browser would come back with."""
        return self.parser.last_id

    @property
    def ended(self) -> bool:
        """Whether the server has closed the stream."""
        return not self._thread.is_alive()

    def wait(self, what: str, until: Callable[[list[Told]], object], *, seconds: float = 60.0) -> list[Told]:
        """Wait until the events that came are as wanted."""
        return waiting.wait_for(what, lambda: list(self.events), until, seconds=seconds, shown=shown)

    def wait_begun(self) -> Self:
        """Wait until the server has said where the stream begins: what happens from now on is told."""
        waiting.wait_for("the first id of the stream", lambda: self.last_id, bool, seconds=30.0)
        return self

    def wait_ended(self, *, seconds: float = 60.0) -> None:
        """Wait until the server has closed the stream."""
        waiting.wait_for("the end of the stream", lambda: self.ended, bool, seconds=seconds)

    def close(self) -> None:
        """Leave."""
        with contextlib.suppress(OSError):
            if self._connection.sock is not None:
                self._connection.sock.shutdown(2)
        self._thread.join(10.0)
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _listen(self) -> None:
        try:
            for line in self._lines():
                told = self.parser.line(line)
                if told is not None:
                    self.events.append(told)
        except (OSError, http.client.HTTPException, ValueError) as exc:
            self.trouble = repr(exc)

    def _lines(self) -> Iterator[str]:
        while line := self._response.readline():
            yield line.decode().rstrip("\r\n")


def shown(events: list[Told]) -> str:
    """Events for a person who reads a failed test."""
    return "\n".join(f"{told.id} {told} {json.dumps(told.data)[:200]}" for told in events) or "no event"
