"""Limits the paths given to the router. aiohttp looks up each prefix of a path that ends before a slash: a path of
sixty thousand slashes would block all requests for a second. Paths longer than any route are therefore not looked up.
"""

from aiohttp import web
from aiohttp.web_urldispatcher import MatchInfoError, UrlMappingMatchInfo

SEGMENTS = 32
"""Maximum slashes in a path: routes have up to six, and folders of a user interface a few more."""
TOO_LONG = f"the path has more than {SEGMENTS} segments"


def bound_paths(app: web.Application) -> None:
    """Make the router answer 414 to longer paths."""
    resolve = app.router.resolve

    async def resolving(request: web.Request) -> UrlMappingMatchInfo:
        if request.rel_url.raw_path.count("/") > SEGMENTS:
            return MatchInfoError(web.HTTPRequestURITooLong(text=TOO_LONG))
        return await resolve(request)

    app.router.resolve = resolving  # type: ignore[method-assign]
