"""How to reach the cluster: a kubeconfig or the pod's own service account, and HTTP sessions made from either.

Loading is left to the official client, which knows contexts, exec plugins, OIDC and the in-cluster files.
Tokens rotate (a projected one within the hour), so the header is asked for anew before every request.
"""

import os
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import aiohttp
from kubernetes.aio import config as _loaders
from kubernetes.aio.client import Configuration

loaders: Any = _loaders
NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
KEEP_ALIVE = 75.0
"""Seconds that an idle connection stays open: less than the API server's 90, and many slots apart."""
TOKEN_LIFE = 60.0
"""Seconds for which a token is used before its source is asked again."""


class Watched(Protocol):
    """Who is told of watches."""

    def __call__(self, path: str, *, begun: bool) -> None:
        """A watch of this path was asked for."""


def _ignore(path: str) -> None:
    """Nobody wants to know."""


class AccessError(Exception):
    """There is no usable way to reach a cluster. `str()` is a sentence for the person who started us."""


@dataclass(frozen=True, slots=True)
class Access:
    """Where the API server is, and how to prove who we are."""

    server: str
    namespace: str
    tls: ssl.SSLContext | bool
    authorization: Callable[[], Awaitable[str | None]]
    proxy: str | None = None

    def open_session(
        self,
        *,
        watched: Watched | None = None,
        listed: Callable[[str], None] = _ignore,
        reading: Sequence[aiohttp.ClientMiddlewareType] = (),
    ) -> aiohttp.ClientSession:
        """A session that sends the current credentials with each request. The caller closes it.

        `watched` is told by path of each watch that was asked for in it, and whether the server lets it begin; with
        it, `listed` of each path that was read otherwise. `reading` are middlewares through which answers are read.
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


async def load(kubeconfig: Path | None = None, context: str | None = None) -> Access:
    """The way to the cluster: the kubeconfig or context that was named, else the pod's service account, else the
    default kubeconfig. Raises `AccessError`."""
    in_cluster = "KUBERNETES_SERVICE_HOST" in os.environ and kubeconfig is None and context is None
    if not in_cluster:
        _require_file(_described(kubeconfig))
    try:
        return await (_from_pod() if in_cluster else _from_kubeconfig(kubeconfig, context))
    except Exception as exc:
        # The loader lets through whatever YAML, TLS and its plugins raise.
        where = "the service account of the pod" if in_cluster else f"kubeconfig {_described(kubeconfig)}"
        raise AccessError(f"cannot use {where}: {_sentence(exc)}") from exc


def _require_file(paths: str) -> None:
    """The loader would go on with nothing, and complain of what that lacks."""
    if not any(Path(path).expanduser().is_file() for path in paths.split(os.pathsep)):
        raise AccessError(f"cannot use kubeconfig {paths}: there is no such file")


def _sentence(exc: Exception) -> str:
    if isinstance(exc, TypeError | AttributeError | LookupError):
        return "it has not the form of a kubeconfig"
    return " ".join(str(exc).split()) or type(exc).__name__


def _described(kubeconfig: Path | None) -> str:
    return str(kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config")


async def _from_pod() -> Access:
    configuration = Configuration()
    loaders.load_incluster_config(client_configuration=configuration)
    namespace = NAMESPACE_FILE.read_text(encoding="utf-8").strip()  # noqa: ASYNC240 - a few bytes of memory file system

    async def reload() -> None:
        loaders.load_incluster_config(client_configuration=configuration)

    return _access(configuration, namespace=namespace, reload=reload)


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


def _access(configuration: Configuration, *, namespace: str, reload: Callable[[], Awaitable[None]]) -> Access:
    fresh_until = time.monotonic() + TOKEN_LIFE

    async def authorization() -> str | None:
        nonlocal fresh_until
        if time.monotonic() >= fresh_until:
            try:
                await reload()
            except Exception as exc:
                # A plugin that fails, a file that is being replaced: the next request tries again.
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
