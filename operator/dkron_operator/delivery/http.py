"""Sends a `Post`: an HTTP request to the address that the installation names, and nowhere else: redirects are not
followed.

Users who may not see the receiver read why it refused a message, so no sentence quotes its answer.
"""

from http import HTTPStatus

import aiohttp

from dkron_executors.run.http import named_status
from dkron_operator.delivery.outbox import Undeliverable, Unreachable
from dkron_operator.delivery.secret_reader import SecretReader
from dkron_processors.message import Post

AGAIN = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
SUCCESS, REDIRECT = 200, 300
PATIENCE = aiohttp.ClientTimeout(total=9.0)


class Poster:
    """Sends requests with one session, which is opened on first use."""

    def __init__(self, secret_reader: SecretReader) -> None:
        self._secrets = secret_reader
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def send(self, post: Post) -> None:
        """Send the request. Raises `Unreachable`, `Undeliverable`; no message contains the address, which may be a
        secret."""
        base = await self._secrets.value(post.url_from) if post.url_from else post.url
        headers = {
            header.name: await self._secrets.value(header.value_from) if header.value_from else header.value
            for header in post.headers
        }
        if post.username:
            password = await self._secrets.value(post.password_from) if post.password_from else ""
            headers["Authorization"] = aiohttp.encode_basic_auth(post.username, password)
        try:
            await self._request(post, base.rstrip("/") + post.path if post.path else base, headers)
        except (aiohttp.InvalidURL, ValueError):
            raise Undeliverable("the url or a header is not valid") from None
        except aiohttp.ClientConnectorError as exc:
            raise Unreachable(f"cannot connect: {exc.strerror or type(exc.os_error).__name__}") from None
        except aiohttp.ClientError as exc:
            raise Unreachable(f"no answer: {type(exc).__name__}") from None

    async def _request(self, post: Post, url: str, headers: dict[str, str]) -> None:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=PATIENCE, cookie_jar=aiohttp.DummyCookieJar(), headers={"User-Agent": "dkron-operator"}
            )
        async with self._session.request(
            post.method, url, data=post.body, headers=headers, allow_redirects=False
        ) as response:
            if SUCCESS <= response.status < REDIRECT:
                return
            busy = response.status in AGAIN or response.status >= HTTPStatus.INTERNAL_SERVER_ERROR
            problem = Unreachable if busy else Undeliverable
            raise problem(f"it answered {named_status(response.status)}")
