"""Asks for every address outside of the site once. It needs the internet, so it is no part of the build."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus

import aiohttp

AT_ONCE = 8
SECONDS = aiohttp.ClientTimeout(total=20)
BUSY = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS})
"""What servers say to programs about pages that people can read."""


async def unreachable(links: Mapping[str, str]) -> list[str]:
    """A sentence for each address that does not answer, or not well; `links` is from address to page."""
    free = asyncio.Semaphore(AT_ONCE)
    async with aiohttp.ClientSession(timeout=SECONDS, trust_env=True) as session:
        answers = await asyncio.gather(*(_trouble(url, session=session, free=free) for url in links))
    return [f"{page}: {url}: {trouble}" for (url, page), trouble in zip(links.items(), answers, strict=True) if trouble]


async def _trouble(url: str, *, session: aiohttp.ClientSession, free: asyncio.Semaphore) -> str:
    try:
        async with free, session.get(url) as answer:
            return "" if answer.ok or answer.status in BUSY else str(answer.status)
    except (aiohttp.ClientError, TimeoutError) as error:
        return str(error) or type(error).__name__
