"""An issuer that signs readers on in their browser: by an authorization code with PKCE, for one public client.

It listens on the loopback by http, which a page on the loopback may use as well.
"""

import hashlib
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.support.issuer import AUDIENCE, Issuer, segment, signed

SESSION = "provider-session"
PAGE = """<!doctype html><title>Provider</title>
<a href="{path}&as=ann">Continue as ann</a> <a href="{path}&as=none">Refuse</a>"""


@dataclass
class Provider:
    """Who may sign on: `ann`, whose session is a cookie. `redirect` is where it sends readers back to."""

    issuer: Issuer
    redirect: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, Mapping[str, str]] = field(default_factory=dict)

    async def authorize(self, request: web.Request) -> web.StreamResponse:
        """Ask the reader, unless they have a session, and send them back with a code or an error."""
        asked = request.query
        wanted = {
            "client_id": AUDIENCE, "redirect_uri": self.redirect, "response_type": "code",
            "code_challenge_method": "S256", "scope": "openid email",
        }  # fmt: skip
        if wrong := {name: asked.get(name) for name in wanted if asked.get(name) != wanted[name]}:
            return web.Response(status=HTTPStatus.BAD_REQUEST, text=f"not as registered: {wrong}")
        answer: dict[str, str] = {"state": asked["state"], "iss": self.issuer.url}
        user = asked.get("as") or request.cookies.get(SESSION)
        if user is None and asked.get("prompt") != "none":
            return web.Response(text=PAGE.format(path=request.path_qs), content_type="text/html")
        if user is None:
            answer["error"] = "login_required"
        elif user != "ann":
            answer |= {"error": "access_denied", "error_description": "no \u202esuch user"}
        else:
            answer["code"] = secrets.token_urlsafe()
            self.codes[answer["code"]] = dict(asked)
        back = web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": f"{self.redirect}?{urlencode(answer)}"})
        if user == "ann":
            back.set_cookie(SESSION, user, httponly=True)
        return back

    async def token(self, request: web.Request) -> web.Response:
        """Give an ID token for a code, once, to who has the verifier of its challenge."""
        form = await request.post()
        asked = self.codes.pop(str(form.get("code")), {})
        challenge = segment(hashlib.sha256(str(form.get("code_verifier")).encode()).digest())
        is_fit = form.get("grant_type") == "authorization_code" and form.get("client_id") == AUDIENCE
        if not (is_fit and asked.get("code_challenge") == challenge and form.get("redirect_uri") == self.redirect):
            return self._shared({"error": "invalid_grant"}, status=HTTPStatus.BAD_REQUEST)
        claims = self.issuer.claims(time.time(), nonce=asked["nonce"], **self.claims)
        return self._shared({"id_token": signed(claims), "access_token": "opaque", "token_type": "Bearer"})

    async def describe(self, _: web.Request) -> web.Response:
        """The description, for the API and for the page."""
        url = self.issuer.url
        endpoints = {"authorization_endpoint": f"{url}/authorize", "token_endpoint": f"{url}/token"}
        scopes = {"scopes_supported": ["email", "openid", "offline_access"]}
        return self._shared({"issuer": url, "jwks_uri": f"{url}/keys", **endpoints, **scopes})

    def _shared(self, body: dict[str, Any], status: int = HTTPStatus.OK) -> web.Response:
        origin = self.redirect.removesuffix("/ui/")
        return web.json_response(body, status=status, headers={"Access-Control-Allow-Origin": origin})


@asynccontextmanager
async def running_provider(**claims: Any) -> AsyncIterator[Provider]:
    """A provider whose ID tokens have these claims as well."""
    provider = Provider(Issuer(), claims=claims)
    app = web.Application()
    app.router.add_get("/authorize", provider.authorize)
    app.router.add_post("/token", provider.token)
    app.router.add_get("/keys", provider.issuer.answer)
    app.router.add_get("/.well-known/openid-configuration", provider.describe)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    provider.issuer.url = f"http://127.0.0.1:{server.port}"
    try:
        yield provider
    finally:
        await server.close()
