"""Access to the cluster: HTTP sessions from a kubeconfig or the pod's own service account.

The official client does the loading: it supports contexts, exec plugins, OIDC and the in-cluster files. Tokens rotate
(a projected one within the hour), so every request asks for the current header.
"""

import asyncio
import base64
import json
import logging
import os
import re
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import aiohttp
from kubernetes.aio import config as _loaders
from kubernetes.aio.client import Configuration

log = logging.getLogger(__name__)
loaders: Any = _loaders
NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
TOKEN_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
CA_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/ca.crt")
KEEP_ALIVE = 75.0
"""Seconds that an idle connection stays open: less than the API server's 90, and long enough to span many slots."""
TOKEN_LIFE = 60.0
"""Seconds for which a token is used before it is loaded again."""
PATIENCE, GLANCE = 5.0, 0.1
"""Seconds for which a request waits for a token that another program has yet to write, and between two looks."""


class Watched(Protocol):
    """Callback for the start of watches."""

    def __call__(self, path: str, *, begun: bool) -> None:
        """Called when a watch of this path was requested; `begun` is whether the server accepted it."""


def _ignore(path: str) -> None:
    """The default callback: does nothing."""


class AccessError(Exception):
    """There is no usable way to reach a cluster. `str()` is a sentence for the user who started the program."""


@dataclass(frozen=True, slots=True)
class Account:
    """The service account of the pod in which this process runs."""

    namespace: str

    name: str = ""
    """Empty if the token does not say it."""


@dataclass(frozen=True, slots=True)
class Access:
    """The address of the API server and the credentials for it."""

    server: str
    namespace: str
    tls: ssl.SSLContext | bool
    authorization: Callable[[], Awaitable[str | None]]
    proxy: str | None = None

    account: Account | None = None
    """The pod's own account, if that is what is used."""

    def open_session(
        self,
        *,
        watched: Watched | None = None,
        listed: Callable[[str], None] = _ignore,
        reading: Sequence[aiohttp.ClientMiddlewareType] = (),
    ) -> aiohttp.ClientSession:
        """Return a session that sends the current credentials with each request. The caller closes it.

        `watched` is called with the path of each watch requested in the session, and whether the server accepted it.
        If `watched` is given, `listed` is called with the path of each other successful request. `reading` are
        middlewares that process the responses.
        """
        noting = () if watched is None else (_noting(watched, listed),)
        middlewares = (self._authorize, *noting, *reading)
        return aiohttp.ClientSession(
            base_url=self.server,
            connector=aiohttp.TCPConnector(ssl=self.tls, limit=0, keepalive_timeout=KEEP_ALIVE),
            headers={"Accept": "application/json", "User-Agent": "dkron-operator"},
            middlewares=middlewares,
            proxy=self.proxy,
        )

    async def _authorize(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        value = await self.authorization()
        if value is not None:
            request.headers["Authorization"] = value
        return await handler(request)


def _noting(watched: Watched, listed: Callable[[str], None]) -> aiohttp.ClientMiddlewareType:
    async def note(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        if "watch" not in request.url.query:
            response = await handler(request)
            if response.ok:
                listed(request.url.path)
            return response
        try:
            response = await handler(request)
        except Exception:
            watched(request.url.path, begun=False)
            raise
        watched(request.url.path, begun=response.ok)
        return response

    return note


_MISSING = re.compile(r"Expected object with name (?P<name>.+) in .*/(?P<kind>context|cluster|user)s list")
"""How the loader says that a kubeconfig lacks an entry."""


async def load(kubeconfig: Path | None = None, context: str | None = None, *, token_file: Path | None = None) -> Access:
    """Load access from the given kubeconfig or context, else the pod's service account, else the default kubeconfig.
    With `token_file`, the token of the pod comes from this file, which another program writes and may not have written
    yet: until then, requests wait, and fail. Raises `AccessError`."""
    in_cluster = "KUBERNETES_SERVICE_HOST" in os.environ and kubeconfig is None and context is None
    if not in_cluster:
        _require_file(_described(kubeconfig))
    try:
        if in_cluster:
            return await _from_pod() if token_file is None else _from_shared_file(token_file)
        return await _from_kubeconfig(kubeconfig, context)
    except Exception as exc:
        # The loader passes on all exceptions of YAML, TLS and its plugins.
        where = "the service account of the pod" if in_cluster else f"kubeconfig {_described(kubeconfig)}"
        raise AccessError(f"cannot use {where}: {_sentence(exc)}") from exc


def _require_file(paths: str) -> None:
    """Check that the file exists: without it the loader would continue with an empty config and report a misleading
    error."""
    if not any(Path(path).expanduser().is_file() for path in paths.split(os.pathsep)):
        raise AccessError(f"cannot use kubeconfig {paths}: the file does not exist")


def _sentence(exc: Exception) -> str:
    if isinstance(exc, TypeError | AttributeError | LookupError):
        return "it is not a valid kubeconfig"
    if missing := _MISSING.search(str(exc)):
        return f'it has no {missing["kind"]} "{missing["name"]}"'
    return " ".join(str(exc).split()) or type(exc).__name__


def _described(kubeconfig: Path | None) -> str:
    return str(kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config")


async def _from_pod() -> Access:
    configuration = Configuration()
    loaders.load_incluster_config(client_configuration=configuration)
    # A few bytes of a file system in memory.
    namespace, token = (file.read_text(encoding="utf-8").strip() for file in (NAMESPACE_FILE, TOKEN_FILE))

    async def reload() -> None:
        loaders.load_incluster_config(client_configuration=configuration)

    account = Account(namespace, account_name(token))
    return _access(configuration, namespace=namespace, reload=reload, account=account)


def _from_shared_file(token_file: Path) -> Access:
    host, port = (os.environ[f"KUBERNETES_SERVICE_{part}"] for part in ("HOST", "PORT"))
    configuration = Configuration(host=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}")
    configuration.ssl_ca_cert = str(CA_FILE)

    async def reload() -> None:
        configuration.api_key["BearerToken"] = f"Bearer {await _written(token_file)}"

    namespace = NAMESPACE_FILE.read_text(encoding="utf-8").strip()
    if not token_file.is_file():
        log.info("waiting for the token in %s, which the operator in this pod writes", token_file)
    return _access(configuration, namespace=namespace, reload=reload, fresh=False)


async def _written(token_file: Path) -> str:
    """Return the token in the file, once there is one. Raises `AccessError` if that takes too long."""
    until = time.monotonic() + PATIENCE
    while not (token := _read(token_file)):
        if time.monotonic() >= until:
            raise AccessError(f"{token_file} has no token yet: the operator in this pod writes it")
        await asyncio.sleep(GLANCE)
    return token


def _read(token_file: Path) -> str:
    """A few bytes of a file system in memory; empty if the file is not there yet."""
    return token_file.read_text(encoding="utf-8").strip() if token_file.is_file() else ""


async def _from_kubeconfig(kubeconfig: Path | None, context: str | None) -> Access:
    configuration = Configuration()
    path = None if kubeconfig is None else str(kubeconfig)

    async def reload() -> None:
        await loaders.load_kube_config(
            config_file=path, context=context, client_configuration=configuration, persist_config=False
        )

    loader = await loaders.load_kube_config(
        config_file=path, context=context, client_configuration=configuration, persist_config=False
    )
    namespace = loader.current_context["context"].get("namespace") or "default"
    return _access(configuration, namespace=namespace, reload=reload)


def account_name(token: str) -> str:
    """Return the name of the service account in a token, which is not verified: it is the own one. Empty if the token
    has no such name."""
    try:
        body = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        kind, account, _, name = str(claims["sub"]).split(":")
    except (ValueError, LookupError, TypeError):
        return ""
    return name if (kind, account) == ("system", "serviceaccount") else ""


def _access(
    configuration: Configuration,
    *,
    namespace: str,
    reload: Callable[[], Awaitable[None]],
    account: Account | None = None,
    fresh: bool = True,
) -> Access:
    """`fresh` is whether the configuration has its credentials already."""
    fresh_until = time.monotonic() + TOKEN_LIFE if fresh else 0.0

    async def authorization() -> str | None:
        nonlocal fresh_until
        if time.monotonic() >= fresh_until:
            try:
                await reload()
            except AccessError:
                raise
            except Exception as exc:
                # A failing plugin or a file that is being replaced: the next request tries again.
                raise AccessError(f"cannot renew the credentials: {_sentence(exc)}") from exc
            fresh_until = time.monotonic() + TOKEN_LIFE
        token = configuration.api_key.get("BearerToken")
        return None if token is None else str(token)

    return Access(
        server=configuration.host,
        namespace=namespace,
        tls=_tls(configuration),
        authorization=authorization,
        proxy=configuration.proxy,
        account=account,
    )


def _tls(configuration: Configuration) -> ssl.SSLContext | bool:
    if not configuration.host.startswith("https:"):
        return True
    tls = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    if configuration.cert_file:
        tls.load_cert_chain(configuration.cert_file, configuration.key_file)
    if not configuration.verify_ssl:
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    return tls
