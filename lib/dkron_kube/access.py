"""Access to the cluster: HTTP sessions from a kubeconfig or the pod's own service account.

Tokens rotate (a projected one within the hour), so every request asks for the current header.
"""

import asyncio
import base64
import json
import logging
import os
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol, cast

from dkron_kube.exec_plugin import run_plugin
from dkron_kube.kubeconfig import Content, Kubeconfig, select

if TYPE_CHECKING:
    import aiohttp

log = logging.getLogger(__name__)
NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
TOKEN_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
CA_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/ca.crt")
KEEP_ALIVE = 75.0
"""Seconds that an idle connection stays open: less than the API server's 90, and long enough to span many slots."""
TOKEN_LIFE = 60.0
"""Seconds that a token is used before it is loaded again."""
PATIENCE, GLANCE = 5.0, 0.1
"""Seconds that a request waits for a token that another program has yet to write, and between two looks."""


class Watched(Protocol):
    """Callback for the start of watches."""

    def __call__(self, path: str, *, begun: bool) -> None:
        """Called when a watch of this path was requested; `begun` is whether the server accepted it."""


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
    server_name: str = ""
    """The name in the server's certificate, if the address has another."""

    account: Account | None = None
    """The pod's own account, if that is what is used."""

    def open_session(
        self,
        *,
        watched: Watched | None = None,
        reading: "Sequence[aiohttp.ClientMiddlewareType]" = (),
    ) -> "aiohttp.ClientSession":
        """Return a session that sends the current credentials with each request. The caller closes it.

        `watched` is called with the path of each watch requested in the session, and whether the server accepted it.
        `reading` are middlewares that process the responses.
        """
        import aiohttp  # noqa: PLC0415 - slow, and completion at a prompt needs only the credentials

        noting = () if watched is None else (_noting(watched),)
        middlewares = (self._authorize, *noting, *reading)
        return aiohttp.ClientSession(
            base_url=self.server,
            connector=aiohttp.TCPConnector(ssl=self.tls, limit=0, keepalive_timeout=KEEP_ALIVE),
            headers={"Accept": "application/json", "User-Agent": "dkron-operator"},
            middlewares=middlewares,
            proxy=self.proxy,
        )

    async def _authorize(
        self, request: "aiohttp.ClientRequest", handler: "aiohttp.ClientHandlerType"
    ) -> "aiohttp.ClientResponse":
        value = await self.authorization()
        if self.server_name:
            request.server_hostname = self.server_name
        if value is not None:
            request.headers["Authorization"] = value
        return await handler(request)


def _noting(watched: Watched) -> "aiohttp.ClientMiddlewareType":
    async def record(
        request: "aiohttp.ClientRequest", handler: "aiohttp.ClientHandlerType"
    ) -> "aiohttp.ClientResponse":
        if "watch" not in request.url.query:
            return await handler(request)
        try:
            response = await handler(request)
        except Exception:
            watched(request.url.path, begun=False)
            raise
        watched(request.url.path, begun=response.ok)
        return response

    return record


async def load(kubeconfig: Path | None = None, context: str | None = None, *, token_file: Path | None = None) -> Access:
    """Load access from the given kubeconfig or context, else the pod's service account, else the default kubeconfig.
    With `token_file`, the token of the pod comes from this file, which another program writes and may not have written
    yet: until then, requests wait, and fail. Raises `AccessError`."""
    in_cluster = "KUBERNETES_SERVICE_HOST" in os.environ and kubeconfig is None and context is None
    try:
        return _from_pod(token_file) if in_cluster else await _from_kubeconfig(kubeconfig, context)
    except Exception as exc:
        # YAML, TLS and plugins have exceptions of their own.
        where = "the service account of the pod" if in_cluster else f"kubeconfig {_described(kubeconfig)}"
        raise AccessError(f"cannot use {where}: {_sentence(exc)}") from exc


def _sentence(exc: Exception) -> str:
    if isinstance(exc, TypeError | AttributeError | LookupError):
        return "it is not a valid kubeconfig"
    if isinstance(exc, OSError) and exc.filename and exc.strerror:
        return f"{exc.filename}: {exc.strerror}"
    return " ".join(str(exc).split()) or type(exc).__name__


def _described(kubeconfig: Path | None) -> str:
    return str(kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config")


def _from_pod(token_file: Path | None) -> Access:
    """`token_file` has another writer; without it, the account's own one."""
    try:
        host, port = (os.environ[f"KUBERNETES_SERVICE_{part}"] for part in ("HOST", "PORT"))
    except KeyError as missing:
        raise ValueError(f"{missing.args[0]} is not set") from None
    # A few bytes of a file system in memory.
    namespace = NAMESPACE_FILE.read_text(encoding="utf-8").strip()
    account = None if token_file else Account(namespace, account_name(TOKEN_FILE.read_text(encoding="utf-8")))

    async def renewed() -> str | None:
        return f"Bearer {await _written(token_file or TOKEN_FILE)}"

    if token_file is not None and not token_file.is_file():
        log.info("waiting for the token in %s, which the operator in this pod writes", token_file)
    return Access(
        server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
        namespace=namespace,
        tls=ssl.create_default_context(cafile=str(CA_FILE)),
        authorization=_kept(renewed),
        account=account,
    )


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


def kubeconfigs(kubeconfig: Path | None = None) -> list[tuple[Path, Any]]:
    """Return the parsed kubeconfigs with their folders: this one, else the files of KUBECONFIG that exist, else the one
    of the home. Raises ValueError with a sentence."""
    import yaml  # noqa: PLC0415 - slow, and a pod needs none

    paths = [kubeconfig] if kubeconfig else [Path(each) for each in _described(None).split(os.pathsep) if each]
    found = [path for each in paths if (path := each.expanduser()).exists()]
    if not found:
        raise ValueError("the file does not exist")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    read = []
    for path in found:
        try:
            read.append((path.absolute().parent, yaml.load(path.read_bytes(), loader)))  # noqa: S506 - a safe one
        except yaml.YAMLError as error:
            raise ValueError(f"{path} is not YAML: {error}") from None
    return read


async def _from_kubeconfig(kubeconfig: Path | None, context: str | None) -> Access:
    def read() -> Kubeconfig:
        return select(kubeconfigs(kubeconfig), context or "")

    config = read()
    tls = _tls(config)

    async def credentials(config: Kubeconfig) -> str | None:
        certificate, key, token = config.certificate, config.key, config.token
        if config.auth_provider:
            return await _of_provider(kubeconfig, context)
        if config.plugin is not None:
            printed = await run_plugin(config.plugin)
            certificate, key, token = printed.certificate or certificate, printed.key or key, printed.token
        elif config.token_file is not None:
            token = config.token_file.read_text(encoding="utf-8").strip()
        if certificate and isinstance(tls, ssl.SSLContext):
            _use_certificate(tls, certificate, key)
        if token:
            return f"Bearer {token}"
        return f"Basic {base64.b64encode(config.basic.encode()).decode()}" if config.basic else None

    async def renewed() -> str | None:
        return await credentials(read())

    return Access(
        server=config.server,
        namespace=config.namespace,
        tls=tls,
        authorization=_kept(renewed, first=await credentials(config), fresh=True),
        proxy=config.proxy or None,
        server_name=config.server_name,
    )


async def _of_provider(kubeconfig: Path | None, context: str | None) -> str | None:
    """Return the header of a provider that client-go has in itself, as of OIDC: the official client knows them."""
    from kubernetes.aio import config as _loaders  # noqa: PLC0415 - slow, and rare
    from kubernetes.aio.client import Configuration  # noqa: PLC0415

    configuration, loaders = Configuration(), cast("Any", _loaders)
    path = None if kubeconfig is None else str(kubeconfig)
    await loaders.load_kube_config(
        config_file=path, context=context, client_configuration=configuration, persist_config=False
    )
    token = configuration.api_key.get("BearerToken")
    return None if token is None else str(token)


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


def _kept(
    renewed: Callable[[], Awaitable[str | None]], *, first: str | None = None, fresh: bool = False
) -> Callable[[], Awaitable[str | None]]:
    """Return the header, renewed each TOKEN_LIFE. `fresh` is whether `first` is one."""
    value, fresh_until = first, time.monotonic() + TOKEN_LIFE if fresh else 0.0

    async def authorization() -> str | None:
        nonlocal value, fresh_until
        if time.monotonic() >= fresh_until:
            try:
                value = await renewed()
            except AccessError:
                raise
            except Exception as exc:
                # A failing plugin or a file that is being replaced: the next request tries again.
                raise AccessError(f"cannot renew the credentials: {_sentence(exc)}") from exc
            fresh_until = time.monotonic() + TOKEN_LIFE
        return value

    return authorization


def _tls(config: Kubeconfig) -> ssl.SSLContext | bool:
    if not config.server.startswith("https:"):
        return True
    if isinstance(config.ca, bytes):
        tls = ssl.create_default_context(cadata=config.ca.decode())
    else:
        tls = ssl.create_default_context(cafile=config.ca)
    if not config.verify:
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    return tls


def _use_certificate(tls: ssl.SSLContext, certificate: bytes | Path, key: Content) -> None:
    """OpenSSL reads certificates and keys from files only."""
    with TemporaryDirectory(prefix="dkron-") as folder:

        def file(name: str, content: bytes | Path) -> Path:
            if isinstance(content, Path):
                return content
            path = Path(folder, name)
            path.touch(mode=0o600)
            path.write_bytes(content)
            return path

        tls.load_cert_chain(file("certificate", certificate), None if key is None else file("key", key))
