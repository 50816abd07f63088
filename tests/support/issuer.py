"""An OpenID Connect issuer on the loopback, with TLS, keys that a test rotates, and tokens of any kind."""

import base64
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import jwt
import trustme
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

AUDIENCE = "dkron"
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_CURVES: dict[str, type[ec.EllipticCurve]] = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}


@cache
def private_key(algorithm: str, name: str) -> Any:  # noqa: ARG001 - kept by it
    """A key for signatures of this algorithm; another one for each name."""
    if algorithm in _CURVES:
        return ec.generate_private_key(_CURVES[algorithm]())
    return (
        ed25519.Ed25519PrivateKey.generate()
        if algorithm == "EdDSA"
        else rsa.generate_private_key(public_exponent=65537, key_size=2048)
    )


def public_jwk(algorithm: str, kid: str, *, name: str = "") -> dict[str, Any]:
    """The public half as the issuer publishes it."""
    public = private_key(algorithm, name).public_key()
    jwk: dict[str, Any] = jwt.get_algorithm_by_name(algorithm).to_jwk(public, as_dict=True)
    return jwk | {"kid": kid, "alg": algorithm, "use": "sig"}


def segment(value: object) -> str:
    """A part of a JWT."""
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass
class Issuer:
    """Its state: `keys` is its key set, `away` lets it fail. `asked` are the paths that were asked for."""

    url: str = ""
    ca: Path = Path()
    keys: list[dict[str, Any]] = field(default_factory=lambda: [public_jwk("ES256", "k1")])
    description: dict[str, Any] = field(default_factory=dict)
    away: bool = False
    moved: bool = False
    """Its keys are elsewhere."""
    body: bytes | None = None
    asked: list[str] = field(default_factory=list)

    def claims(self, now: float, **other: Any) -> dict[str, Any]:
        """Claims of a token that is valid for five minutes; None leaves one out."""
        chosen = {"iss": self.url, "aud": AUDIENCE, "sub": "ann", "exp": int(now) + 300, "iat": int(now)} | other
        return {name: value for name, value in chosen.items() if value is not None}

    async def answer(self, request: web.Request) -> web.Response:
        """A key set, or the description."""
        self.asked.append(request.path)
        if self.away:
            return web.Response(status=503)
        if self.moved and request.path == "/keys":
            return web.Response(status=302, headers={"Location": "/keys-of-another"})
        if request.path.startswith("/keys"):
            return web.Response(body=self.body if self.body is not None else json.dumps({"keys": self.keys}).encode())
        return web.json_response({"issuer": self.url, "jwks_uri": f"{self.url}/keys"} | self.description)


def signed(
    claims: dict[str, Any], *, algorithm: str = "ES256", kid: str | None = "k1", name: str = "", **header: Any
) -> str:
    """A token by a key of the issuer."""
    headers = ({} if kid is None else {"kid": kid}) | header
    return jwt.encode(claims, private_key(algorithm, name), algorithm=algorithm, headers=headers)


@asynccontextmanager
async def running_issuer(folder: Path) -> AsyncIterator[Issuer]:
    """An issuer whose certificate is by an authority of its own, `issuer.ca`."""
    authority, issuer = trustme.CA(), Issuer(ca=folder / "issuer-ca.pem")
    authority.cert_pem.write_to_path(issuer.ca)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(tls)
    app = web.Application()
    app.router.add_get("/{path:.*}", issuer.answer)
    server = TestServer(app, host="localhost", scheme="https")
    await server.start_server(ssl=tls)
    issuer.url = f"https://localhost:{server.port}"
    try:
        yield issuer
    finally:
        await server.close()
