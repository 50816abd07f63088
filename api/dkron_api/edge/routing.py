"""Which handler a path leads to. aiohttp looks for each beginning of a path that ends before a slash: a path of sixty
thousand slashes would keep everybody waiting for a second, so those that are longer than any route are not looked for.
"""

from aiohttp import web
from aiohttp.web_urldispatcher import MatchInfoError, UrlMappingMatchInfo

SEGMENTS = 32
"""Slashes that a path may have: routes have six, and folders of a user interface a few more."""
TOO_LONG = f"the path has more than {SEGMENTS} segments"


def bound_paths(app: web.Application) -> None:
    """Have the router answer 414 to what is longer."""
    resolve = app.router.resolve

    async def resolving(request: web.Request) -> UrlMappingMatchInfo:
        if request.rel_url.raw_path.count("/") > SEGMENTS:
            return MatchInfoError(web.HTTPRequestURITooLong(text=TOO_LONG))
        return await resolve(request)

    app.router.resolve = resolving  # type: ignore[method-assign]
