"""Checks the site as it was built: every link and anchor leads somewhere, and no page loads anything from elsewhere.

properdocs looks at links in Markdown; this looks at what a browser gets, theme, navigation and raw HTML included. It
also finds Markdown that a forge understands and the site does not, since that ends up as text in a paragraph.
"""

import asyncio
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http import HTTPStatus
from pathlib import Path
from posixpath import dirname, join, normpath
from urllib.parse import unquote, urlsplit

import aiohttp

LEFT_OVER = re.compile(r"^(?:\||[-*+] |\d+\. |#{1,6} |```|\[.*\]: )", re.MULTILINE)
LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
NOT_LOADED = frozenset({"canonical", "prev", "next", "edit"})
"""Relations of a `link` that only say something."""
AT_ONCE = 8
SECONDS = aiohttp.ClientTimeout(total=20)
BUSY = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS})
"""What servers say to programs about pages that people can read."""


@dataclass
class Contents:
    """The anchors of a page, and its links."""

    anchors: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)
    left_over: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found = Contents()
        self._paragraph: list[str] | None = None
        self._code = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = {name: value or "" for name, value in attrs}
        self.found.anchors |= {has[name] for name in ("id", "name") if name in has}
        if tag == "a" and "href" in has:
            self.found.links.append(has["href"])
        attribute = LOADED.get(tag, "")
        if has.get(attribute) and has.get("rel") not in NOT_LOADED:
            self.found.loaded.append(has[attribute])
        if tag == "p":
            self._paragraph = []
        self._code += tag == "code"

    def handle_data(self, data: str) -> None:
        if self._paragraph is not None:
            self._paragraph.append("…" if self._code else data)

    def handle_endtag(self, tag: str) -> None:
        self._code -= tag == "code"
        if tag == "p" and self._paragraph is not None:
            text, self._paragraph = "".join(self._paragraph), None
            self.found.left_over += [text[at.start() :].splitlines()[0] for at in LEFT_OVER.finditer(text)]


def read(html: str) -> Contents:
    """What one page has, and what it wants."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.found


def pages_in(site: Path) -> dict[str, Contents]:
    """All pages below a folder by their paths in it."""
    return {
        path.relative_to(site).as_posix(): read(path.read_text(encoding="utf-8"))
        for path in sorted(site.rglob("*.html"))
    }


def files_in(site: Path) -> set[str]:
    """All files below a folder by their paths in it."""
    return {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}


def problems(pages: Mapping[str, Contents], *, files: Collection[str], site: str) -> Iterator[str]:
    """A sentence for each thing that is wrong; `site` is the address at which it is served, with a slash at its end."""
    for path, page in pages.items():
        yield from (f"{path}: loads {url} from another host" for url in page.loaded if urlsplit(url).netloc)
        yield from (f"{path}: unsupported Markdown: {text}" for text in page.left_over)
        for link in dict.fromkeys([*page.links, *page.loaded]):
            target, anchor = _target(link, path, site=site)
            if target is None:
                continue
            if target not in files:
                yield f"{path}: {link} leads nowhere"
            elif anchor and target in pages and anchor not in pages[target].anchors:
                yield f"{path}: {link} leads to a missing anchor"


def external(pages: Mapping[str, Contents]) -> dict[str, str]:
    """Each link to elsewhere, without its anchor, and a page that has it."""
    return {
        link.partition("#")[0]: path
        for path, page in pages.items()
        for link in page.links
        if urlsplit(link).scheme in {"http", "https"}
    }


def _target(link: str, path: str, *, site: str) -> tuple[str | None, str]:
    """The file that a link of this page means, None for one elsewhere, and the anchor in it."""
    base = urlsplit(site).path
    parts = urlsplit(base + link.removeprefix(site) if link.startswith(site) else link)
    if parts.scheme or parts.netloc:
        return None, ""
    if not parts.path:
        return path, unquote(parts.fragment)
    whole = parts.path.removeprefix(base) if parts.path.startswith(base) else join(dirname(path), parts.path)
    folder = whole.endswith("/") or not whole or whole.rsplit("/", 1)[-1] in {".", ".."}
    return normpath(join(whole, "index.html") if folder else whole), unquote(parts.fragment)


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
