"""Requests to a REST API: ours, or a Dkron's. Each refusal becomes a sentence."""

import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, TypedDict, Unpack

import aiohttp

from dkron_cli.edge.backend import missing
from dkron_cli.errors import CliError, Code

PATIENCE = 30.0
"""Seconds."""
RETRY = "check --server and DKRON_SERVER"
SENTENCE = 300
_BY_FORCE = re.compile(r'; (?:add \?force=|send \{"force").*')
"""How the end of a refusal tells a program to force a run."""
NO_TLS = (aiohttp.ClientConnectorSSLError, ssl.SSLError)


class Sent(TypedDict, total=False):
    """The parts of a request beside its path, and the words for its refusal."""

    job: str
    what: str
    """The thing that a server without the route cannot do."""
    body: object
    seconds: float
    """For how long it waits for the answer; 0 for no limit."""
    headers: Mapping[str, str] | None
    conflict: Code
    """The code of a 409."""


class RestCalls:
    """The connections to one REST API."""

    def __init__(self, address: str, token: str) -> None:
        headers = {"User-Agent": "dkronctl", "Accept": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._server = address.rstrip("/")
        self._session = aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=PATIENCE))

    @property
    def where(self) -> str:
        """The address, at the end of a sentence."""
        return f"at {self._server}"

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def call(self, method: str, path: str, **sent: Unpack[Sent]) -> Any:  # noqa: ANN401 - any JSON
        """Send a request and return its JSON."""
        answer, _ = await self.answer(method, path, **sent)
        return answer

    async def answer(self, method: str, path: str, **sent: Unpack[Sent]) -> tuple[Any, Mapping[str, str]]:
        """Send a request, and return its JSON with the headers."""
        total = sent.get("seconds", PATIENCE) or None
        timeout = aiohttp.ClientTimeout(total=total, sock_connect=PATIENCE)
        body, headers, url = sent.get("body"), sent.get("headers"), self._server + path
        with answered():
            async with self._session.request(method, url, json=body, timeout=timeout, headers=headers) as response:
                if response.status >= HTTPStatus.BAD_REQUEST:
                    raise await self._refused(response, sent)
                try:
                    return await response.json(content_type=None), response.headers
                except ValueError:
                    raise self.no_dkron() from None

    async def _refused(self, response: aiohttp.ClientResponse, sent: Sent) -> CliError:
        said = " ".join((await response.text(errors="replace"))[:SENTENCE].split())
        if response.status == HTTPStatus.NOT_FOUND:
            return self._not_found(said, sent.get("job", ""), sent.get("what", ""))
        code, otherwise, advice = _REFUSALS.get(response.status, (Code.FAILED, "", ""))
        code = sent.get("conflict", code) if response.status == HTTPStatus.CONFLICT else code
        return CliError(code, f"{said or otherwise or f'{self._server} answered {response.status}'}{advice}")

    def _not_found(self, said: str, job: str, what: str) -> CliError:
        if what and (not said or "page not found" in said):
            return CliError(Code.USAGE, f"this server cannot {what}; use a kubeconfig instead of --server")
        if said and "page not found" not in said:
            return CliError(Code.NOT_FOUND, said)
        if job:
            return missing(job, self.where)
        return self.no_dkron()

    @contextmanager
    def as_ours_does(self) -> Iterator[None]:
        """Turn what JSON of another kind breaks into a sentence."""
        try:
            yield
        except (AttributeError, KeyError, TypeError, ValueError):
            raise self.no_dkron() from None

    def no_dkron(self) -> CliError:
        """Return the error for a server that is neither ours nor a Dkron."""
        return CliError(Code.UNREACHABLE, f"{self._server} does not answer like Dkron's REST API; {RETRY}")


_REFUSALS: dict[int, tuple[Code, str, str]] = {
    HTTPStatus.UNAUTHORIZED: (Code.FORBIDDEN, "the server wants a token", "; set DKRON_TOKEN or --token-file"),
    HTTPStatus.FORBIDDEN: (Code.FORBIDDEN, "the server does not allow it", ""),
    HTTPStatus.CONFLICT: (Code.CONFLICT, "the server is busy with another change", ""),
    HTTPStatus.PRECONDITION_FAILED: (Code.CONFLICT, "another client was first", "; check, and repeat"),
    HTTPStatus.SERVICE_UNAVAILABLE: (Code.UNREACHABLE, "the server is not ready", "; try again"),
}


@contextmanager
def answered() -> Iterator[None]:
    """Turn what keeps a server from answering into a sentence."""
    try:
        yield
    except TimeoutError as error:
        raise CliError(Code.CONFLICT, "the server did not answer in time; the request may still take effect") from error
    except (aiohttp.ClientError, ssl.SSLError, OSError, ValueError) as error:
        plain = " (an address without http:// means https)" if isinstance(error, NO_TLS) else ""
        raise CliError(
            Code.UNREACHABLE, f"no answer from the REST API: {error or type(error).__name__}; {RETRY}{plain}"
        ) from error


@contextmanager
def by_force(advice: str) -> Iterator[None]:
    """Have a refusal end with how the command forces a run, empty if it cannot, and not with how a program does."""
    try:
        yield
    except CliError as error:
        raise CliError(error.code, _BY_FORCE.sub(advice, str(error))) from error.__cause__
