"""/ and /ui/: serves the page of this project, or the user's own build of Dkron's web UI (Dkron behaviour §10.1).

A build of Dkron's UI is not part of this project. Its index is a template with placeholders such as
`{{ .DKRON_LEADER }}`, which are filled for each request; all other files are served unchanged. The folder is listed
once, so a path can only refer to files that existed then.

The content security policy allows only scripts of the build: its files, and the inline scripts of its index, by their
hashes. So no text of a job can become a script.
"""

import hashlib
import re
from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler

from dkron_api.edge.keys import TENANTS
from dkron_api.edge.urls import public_path
from dkron_api.routes.cluster import leader
from dkron_api.routes.page import BUILD, Page, read_page
from dkron_api.settings import AuthMode, Settings, UnusableOption
from dkron_api.translate import gojson
from dkron_api.translate.readiness import status_of
from dkron_api.translate.record import Job

INDEX = "index.html"
HTML = frozenset({"text/html", "text/*", "*/*"})
HTML_UTF8 = "text/html; charset=utf-8"
_MARK = re.compile(r"""(?P<quote>["'])?\{\{-?\s*\.(?P<name>\w+)\s*-?\}\}(?(quote)(?P=quote))""", re.ASCII)
_NO = re.compile(r"q=0(\.0*)?", re.ASCII)
_ATTRIBUTES = r"""(?:\s(?:[^>"']|"[^"]*"|'[^']*')*)?"""
_SCRIPT = re.compile(f"<script(?P<attributes>{_ATTRIBUTES})>(?P<text>.*?)</script", re.IGNORECASE | re.DOTALL)
_SOURCE = re.compile(r"\ssrc\s*=", re.IGNORECASE)
# Dkron's UI draws with React components that insert their styles as elements, so inline styles are allowed.
_POLICY = (
    "default-src 'none'; script-src {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; manifest-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

Value = str | int | bool


def routes(settings: Settings, *, build: Path = BUILD) -> tuple[web.RouteDef, ...]:
    """Return the routes of this installation. `build` is the folder of our own page; without it, `/` leads to
    `/openapi.json`. Raises `UnusableOption` if the folder of the settings has no user interface."""
    shown: Interface | Page | None
    if settings.ui_dir is None:
        shown = read_page(settings, build)
    else:
        shown = Interface(settings.ui_dir, asks=AuthMode.NONE not in settings.auth)
    if shown is None:
        return (web.get("/", front_door("/openapi.json"), allow_head=False),)
    return (
        web.get("/", front_door("/ui/"), allow_head=False),
        # Unlike Dkron's routes, the page's answer HEAD, which proxies and monitors send.
        web.get("/ui", _to_folder),
        web.get("/ui/{path:.*}", shown.serve),
    )


def front_door(target: str) -> Handler:
    """GET /: redirect browsers to `target`; answer 404 to other clients."""

    async def enter(request: web.Request) -> web.StreamResponse:
        if accepts_html(request.headers.get("Accept")):
            return web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": public_path(request, target)})
        return web.Response(status=HTTPStatus.NOT_FOUND)

    return enter


async def _to_folder(request: web.Request) -> web.StreamResponse:
    return web.Response(status=HTTPStatus.MOVED_PERMANENTLY, headers={"Location": public_path(request, "/ui/")})


class Interface:
    """The files of a build, by their paths below /ui/. `asks` is whether the API asks callers for a token."""

    def __init__(self, folder: Path, *, asks: bool) -> None:
        self._asks = asks
        self._files = files_below(folder)
        index = self._files.pop(INDEX, None)
        if index is None:
            text = f"--ui-dir: the folder {folder} for the UI has no {INDEX}; use a folder with a build of Dkron's UI"
            raise UnusableOption(text)
        try:
            self._template = index.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as exc:
            raise UnusableOption(f"--ui-dir: {index} cannot be read: {exc}") from exc
        self._scripts = inline_scripts(self._template)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """GET /ui/*: the file, or the index if there is no such file."""
        file = self._files.get(request.match_info["path"])
        if file is not None:
            return web.FileResponse(file, headers=security_headers())
        if self._asks:
            # A browser fetches the page without a token: its values tell of no job, and it asks for a token itself.
            values = page_values((), leading="") | {"DKRON_ACL_ENABLED": True}
        else:
            leading = leader(request.app)
            jobs = request.app[TENANTS].own.job_index
            values = page_values(jobs, leading="" if leading is None else leading.identity)
        scripts = [fill(script, values) for script in self._scripts]
        headers = {"Content-Type": HTML_UTF8, "Cache-Control": "no-store", **security_headers(scripts)}
        return web.Response(body=fill(self._template, values).encode(), headers=headers)


def files_below(folder: Path) -> dict[str, Path]:
    """Return all files below a folder by their relative paths, except links to targets outside the folder."""
    root = folder.resolve()
    if not root.is_dir():
        text = f"--ui-dir: the folder {folder} for the UI does not exist; --ui-dir must name a build of Dkron's UI"
        raise UnusableOption(text)
    files = (path for path in sorted(root.rglob("*")) if path.is_file() and path.resolve().is_relative_to(root))
    return {path.relative_to(root).as_posix(): path for path in files}


def page_values(jobs: Iterable[Job], *, leading: str) -> dict[str, Value]:
    """Return the initial values of the page. As in Dkron, a partially failed job counts only in the total."""
    by_status = Counter(map(status_of, jobs))
    return {
        "DKRON_API_URL": "../v1",
        "DKRON_LEADER": leading or "no leader",
        "DKRON_TOTAL_JOBS": by_status.total(),
        "DKRON_SUCCESSFUL_JOBS": by_status["success"],
        "DKRON_FAILED_JOBS": by_status["failed"],
        "DKRON_UNTRIGGERED_JOBS": by_status[""],
        "DKRON_ACL_ENABLED": False,
    }


def fill(template: str, values: Mapping[str, Value]) -> str:
    """Fill the placeholders of the template with JavaScript values that cannot end the surrounding script.

    A placeholder in quotes becomes a string, an unknown one null. A page of another version then misses a value
    instead of breaking its whole script.
    """

    def filled(mark: re.Match[str]) -> str:
        value = values.get(mark["name"])
        quoted = mark["quote"] is not None
        return gojson.encode(_text(value) if quoted else value).decode()

    return _MARK.sub(filled, template)


def inline_scripts(page: str) -> list[str]:
    """Return the texts of the scripts that stand in a page, without those that are files."""
    return [found["text"] for found in _SCRIPT.finditer(page) if not _SOURCE.search(found["attributes"])]


def security_headers(scripts: Iterable[str] = ()) -> dict[str, str]:
    """Return the headers that keep a page to files of this server, to these inline scripts, and out of frames."""
    digests = (b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    hashes = dict.fromkeys(f"'sha256-{digest}'" for digest in digests)
    return {
        "Content-Security-Policy": _POLICY.format(scripts=" ".join(["'self'", *hashes])),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
    }


def accepts_html(accept: str | None) -> bool:
    """Whether the client accepts HTML: it says so, or sends no Accept header."""
    return not accept or any(_is_html(part) for part in accept.split(","))


def _is_html(part: str) -> bool:
    kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
    return kind in HTML and not any(_NO.fullmatch(parameter) for parameter in parameters)


def _text(value: Value | None) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else gojson.encode(value).decode()
