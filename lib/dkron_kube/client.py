"""A thin Kubernetes client: plain dicts in and out, a timeout for each request, errors classified by what the caller
can do.

Manifests are dicts on purpose: typed models reject fields newer than themselves, and a user's jobTemplate may contain
any field. A create costs about a sixth of the typed client's CPU.
"""

import json
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from copy import copy
from time import perf_counter
from typing import Any, NamedTuple, Protocol, Self

import aiohttp

from dkron_kube.access import Access
from dkron_kube.answers import map_errors, pieces, read_object, require_success
from dkron_kube.errors import NotLeader, Unavailable
from dkron_kube.paging import Paging
from dkron_kube.paths import SERVICE_ACCOUNTS, TOKEN_REQUESTS, Resource

Object = dict[str, Any]

MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
METADATA = "application/json;as={kind};g=meta.k8s.io;v=v1"
CHUNK = 500
"""Objects requested in one page of a list. `paging` requests fewer if they are long."""
OPENAPI = Resource("", "v3", "openapi")
"""The resource name under which schema requests are counted."""
CONNECT = 10.0
"""Seconds within which a connection must be established."""


class Call(NamedTuple):
    """The labels by which requests are counted."""

    verb: str
    resource: str
    status: int


class ObservedRequest(Protocol):
    """A call in progress."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers to send with it."""

    def end(self, status: int) -> None:
        """The call was answered with this status, or not at all (0). For a stream: it has begun."""


class RequestObserver(Protocol):
    """Receives calls, for example to create a span for each. `verb` and `resource` are Kubernetes terms, `method` and
    `path` HTTP terms."""

    def begin(self, verb: str, resource: str, method: str, path: str) -> ObservedRequest | None:
        """A call begins. Return None to ignore it."""


class KubeClient:
    """Calls to one API server. `calls` counts every answer by verb, resource and status (0: there was none).
    `observe` is told of each as well, and how many seconds it took; of a stream, until its first byte could come.

    `field_manager` is the name under which the server records who wrote a field; by default it takes the User-Agent.
    `observer` is told of each call.
    """

    def __init__(
        self,
        access: Access,
        *,
        timeout: float = 30.0,
        field_manager: str | None = None,
        observer: RequestObserver | None = None,
        observe: Callable[[Call, float], None] = lambda _call, _seconds: None,
    ) -> None:
        self.access = access
        self._observer = observer
        self.calls: Counter[Call] = Counter()
        self._observe = observe
        self._may_write: Callable[[], bool] = lambda: True
        self._session = access.open_session(reading=[Paging()])
        self._timeout = aiohttp.ClientTimeout(total=timeout, sock_connect=CONNECT)
        self._manager = {} if field_manager is None else {"fieldManager": field_manager}

    def guarded(self, may_write: Callable[[], bool]) -> Self:
        """The same client, with the same connections, that asks `may_write` right before each write. If it says no, the
        call raises `NotLeader`."""
        guarded = copy(self)
        guarded._may_write = may_write
        return guarded

    def apart(self) -> Self:
        """The same client with connections of its own, which has to be closed, too: its calls wait for no other, and
        a call that follows one without an answer opens a new connection."""
        apart = copy(self)
        apart._session = self.access.open_session(reading=[Paging()])
        return apart

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Object:
        """Return one object. Raises `NotFound`."""
        return await self._call("get", resource, resource.path(namespace, name))

    async def subresource(
        self, resource: Resource, namespace: str, name: str, subresource: str, *, query: Mapping[str, str]
    ) -> Object:
        """Return a part of an object that has a path of its own. Raises `NotFound`, also if the API server has no
        resources of this kind."""
        part = resource._replace(plural=f"{resource.plural}/{subresource}")
        return await self._call("get", part, resource.path(namespace, name, subresource), params=query)

    async def openapi(self, group: str, version: str) -> Object:
        """Return the OpenAPI v3 document of a group's version. Raises `NotFound`, also before the server has built
        it."""
        return await self._call("get", OPENAPI, f"/openapi/v3/apis/{group}/{version}")

    async def create(self, resource: Resource, namespace: str | None, body: Object, *, dry_run: bool = False) -> Object:
        """Create an object, and return it as the server stored it. Raises `AlreadyExists`, `Rejected`.

        The server rejects unknown fields instead of dropping them. A dry run changes nothing.
        """
        params = {"fieldValidation": "Strict"} | ({"dryRun": "All"} if dry_run else {})
        return await self._call("create", resource, resource.path(namespace), body=body, params=params)

    async def request_token(self, namespace: str, account: str, *, seconds: int) -> Object:
        """Return a TokenRequest with a new token of a service account, for the API server. The server may choose
        another life than `seconds`: `spec.expirationSeconds`. Raises `NotFound`, `Rejected`."""
        path = SERVICE_ACCOUNTS.path(namespace, account, "token")
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": seconds},
        }
        return await self._call("create", TOKEN_REQUESTS, path, body=body)

    async def patch(self, resource: Resource, namespace: str, name: str, body: Object) -> Object:
        """Apply a JSON merge patch. With `metadata.resourceVersion` in it, raises `Conflict` if the object has
        changed since."""
        path = resource.path(namespace, name)
        return await self._call("patch", resource, path, body=body, content_type=MERGE_PATCH)

    async def json_patch(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        operations: Sequence[Object],
        *,
        dry_run: bool = False,
    ) -> Object:
        """Apply a JSON patch. Raises `Stale` if a `test` fails or a path is missing, `Rejected` if the result is
        invalid. A dry run changes nothing."""
        path = resource.path(namespace, name)
        params = {"dryRun": "All"} if dry_run else None
        return await self._call("patch", resource, path, body=operations, params=params, content_type=JSON_PATCH)

    async def patch_status(
        self, resource: Resource, namespace: str, name: str, body: Object, *, whole: bool = False
    ) -> Object:
        """Apply a JSON merge patch to the status. Returns only the metadata unless `whole` is set: the object may be
        long, and a caller that writes the whole status knows the rest."""
        path = resource.path(namespace, name, "status")
        accept = "application/json" if whole else METADATA.format(kind="PartialObjectMetadata")
        return await self._call("patch", resource, path, body=body, content_type=MERGE_PATCH, accept=accept)

    async def delete(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        *,
        uid: str,
        version: str | None = None,
        foreground: bool = False,
    ) -> None:
        """Delete exactly this object, not another one of the same name; with `version`, only if it has not changed
        since. Its dependents are deleted in the background, or first with `foreground`; then the object stays until
        they are gone.

        Raises `NotFound`, `Conflict`.
        """
        preconditions = {"uid": uid} | ({} if version is None else {"resourceVersion": version})
        policy = "Foreground" if foreground else "Background"
        body = {"propagationPolicy": policy, "preconditions": preconditions}
        await self._call("delete", resource, resource.path(namespace, name), body=body)

    async def list(
        self,
        resource: Resource,
        namespace: str | None,
        *,
        label_selector: str | None = None,
        field_selector: str | None = None,
        metadata_only: bool = False,
    ) -> AsyncIterator[Object]:
        """Yield each object of a namespace, or of all namespaces, page by page. Raises `Expired` if the pages took
        too long."""
        selectors = {"labelSelector": label_selector, "fieldSelector": field_selector}
        selector = {key: value for key, value in selectors.items() if value is not None}
        async for page in self.pages(resource, namespace, selector=selector, metadata_only=metadata_only):
            # A list of metadata has null where there is nothing.
            for item in page["items"] or ():
                yield item

    async def pages(
        self, resource: Resource, namespace: str | None, *, selector: Mapping[str, str], metadata_only: bool = False
    ) -> AsyncIterator[Object]:
        """Yield the pages of a list, each with its metadata, all as of the same moment. Raises `Expired` if they took
        too long.

        `selector` holds query parameters of the API server: labelSelector, fieldSelector.
        """
        params = {"limit": str(CHUNK), **selector}
        accept = METADATA.format(kind="PartialObjectMetadataList") if metadata_only else "application/json"
        while True:
            page = await self._call("list", resource, resource.path(namespace), params=params, accept=accept)
            match page:
                case {"items": list() | None, "metadata": dict()}:
                    yield page
                case _:
                    raise Unavailable(f"the API server's answer is not a list of {resource.plural}")
            token = page["metadata"].get("continue")
            if not token:
                return
            params["continue"] = token

    @asynccontextmanager
    async def watch(
        self,
        resource: Resource,
        namespace: str | None,
        *,
        query: Mapping[str, str],
        silence: float,
        metadata_only: bool = False,
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Yield the bytes of a watch as they arrive, in pieces of any size: one JSON document per line.

        `query` holds parameters of the API server. The stream breaks after `silence` seconds without a byte. Raises
        `Unavailable` when it breaks, and the usual errors of a call if the server rejects it.
        """
        patience = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT, sock_read=silence)
        call = Call("watch", resource.plural, 0)
        params = {"watch": "true", **query}
        accept = METADATA.format(kind="PartialObjectMetadata") if metadata_only else "application/json"
        path = resource.path(namespace)
        async with self._stream(call, path, params=params, patience=patience, accept=accept) as body:
            yield body

    async def log_tail(self, resource: Resource, namespace: str, pod: str, *, container: str, size: int) -> bytes:
        """Return the last `size` bytes of a container's log (and one more if there are more), in bounded memory."""
        # Each line has at least its line feed, so as many lines as bytes hold all the bytes that are wanted.
        params = {"container": container, "tailLines": str(size + 1)}
        tail = bytearray()
        call, path = Call("get", f"{resource.plural}/log", 0), resource.path(namespace, pod, "log")
        async with self._stream(call, path, params=params, patience=self._timeout) as body:
            async for piece in body:
                tail += piece
                del tail[: -(size + 1)]
        return bytes(tail)

    async def follow_log(
        self,
        resource: Resource,
        namespace: str,
        pod: str,
        *,
        container: str,
        follow: bool,
        query: Mapping[str, str] | None = None,
    ) -> AsyncGenerator[bytes]:
        """Yield the log of a container in pieces of any size; with `follow`, as it grows, until the container has
        ended.

        It reads no more than the caller consumes. `query` holds further parameters of the API server, such as
        tailLines, sinceTime, timestamps. Close it (`contextlib.aclosing`) when leaving early. Raises `Rejected` while
        a kubelet starts the container. The log of a pod without a node is empty and ends at once.
        """
        # A followed log is silent for as long as the container is.
        silence = None if follow else self._timeout.total
        patience = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT, sock_read=silence)
        params = {"container": container, "follow": str(follow).lower(), **(query or {})}
        call, path = Call("get", f"{resource.plural}/log", 0), resource.path(namespace, pod, "log")
        async with self._stream(call, path, params=params, patience=patience) as body:
            async for piece in body:
                yield piece

    @asynccontextmanager
    async def _stream(
        self,
        call: Call,
        path: str,
        *,
        params: Mapping[str, str],
        patience: aiohttp.ClientTimeout,
        accept: str = "application/json",
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        status, began = 0, perf_counter()
        exchange = self._begin(call, path)
        headers = {"Accept": accept, **({} if exchange is None else exchange.headers)}
        try:
            with map_errors():
                response = await self._session.get(path, params=params, headers=headers, timeout=patience)
                status = response.status
        finally:
            self._count(call._replace(status=status), began, exchange)
        async with response:
            with map_errors():
                await require_success(response)
            async with aclosing(pieces(response)) as body:
                yield body

    async def _call(
        self,
        verb: str,
        resource: Resource,
        path: str,
        *,
        body: Object | Sequence[Object] | None = None,
        params: Mapping[str, str] | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> Object:
        if verb in _CHANGES and not self._may_write():
            raise NotLeader(f"{verb} {resource.plural} is not sent: this process may not write at the moment")
        data = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        headers = {"Accept": accept} | ({} if data is None else {"Content-Type": content_type})
        query = {**(params or {}), **(self._manager if verb in _WRITES else {})}
        status, began, call = 0, perf_counter(), Call(verb, resource.plural, 0)
        exchange = self._begin(call, path)
        if exchange is not None:
            headers |= exchange.headers
        try:
            with map_errors():
                async with self._session.request(
                    _METHODS[verb], path, data=data, params=query, headers=headers, timeout=self._timeout
                ) as response:
                    status = response.status
                    await require_success(response)
                    return read_object(await response.read())
        finally:
            self._count(call._replace(status=status), began, exchange)

    def _begin(self, call: Call, path: str) -> ObservedRequest | None:
        if self._observer is None:
            return None
        return self._observer.begin(call.verb, call.resource, _METHODS[call.verb], path)

    def _count(self, call: Call, began: float, exchange: ObservedRequest | None) -> None:
        self.calls[call] += 1
        self._observe(call, perf_counter() - began)
        if exchange is not None:
            exchange.end(call.status)


_METHODS = {"get": "GET", "list": "GET", "watch": "GET", "create": "POST", "patch": "PATCH", "delete": "DELETE"}
_WRITES = {"create", "patch"}
"""Verbs whose field manager the server records."""
_CHANGES = {*_WRITES, "delete"}
