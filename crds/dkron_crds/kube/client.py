"""A thin client: plain dicts in and out, one timeout for each request, errors by what the caller can do.

Manifests stay dicts on purpose: typed models refuse fields that are newer than themselves, and a user's
jobTemplate may hold any. One create costs about a sixth of the typed client's CPU.
"""

import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

import aiohttp

from dkron_crds.kube.access import Access
from dkron_crds.kube.errors import Unavailable, from_status
from dkron_crds.kube.paths import Resource

Object = dict[str, Any]

MERGE_PATCH = "application/merge-patch+json"
METADATA = "application/json;as={kind};g=meta.k8s.io;v=v1"
CHUNK = 500
"""Objects asked for in one page of a list."""


class Call(NamedTuple):
    """What is counted of a request."""

    verb: str
    resource: str
    status: int


class KubeClient:
    """Calls to one API server. `calls` counts every answer by verb, resource and status (0: there was none)."""

    def __init__(self, access: Access, *, timeout: float = 30.0) -> None:
        self.access = access
        self.calls: Counter[Call] = Counter()
        self._session = access.open_session()
        self._timeout = aiohttp.ClientTimeout(total=timeout, sock_connect=10.0)

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Object:
        """One object. Raises `NotFound`."""
        return await self._call("get", resource, resource.path(namespace, name))

    async def create(self, resource: Resource, namespace: str | None, body: Object, *, dry_run: bool = False) -> Object:
        """Create, and return what the server made of it. Raises `AlreadyExists`, `Rejected`.

        A dry run changes nothing, and is strict about fields that the server does not know.
        """
        params = {"dryRun": "All", "fieldValidation": "Strict"} if dry_run else None
        return await self._call("create", resource, resource.path(namespace), body=body, params=params)

    async def patch(self, resource: Resource, namespace: str, name: str, body: Object) -> Object:
        """A JSON merge patch. With `metadata.resourceVersion` in it, raises `Conflict` if somebody wrote since."""
        path = resource.path(namespace, name)
        return await self._call("patch", resource, path, body=body, content_type=MERGE_PATCH)

    async def patch_status(self, resource: Resource, namespace: str, name: str, body: Object) -> Object:
        """The same for the status. Answers with the metadata alone: the caller knows the rest, and it may be long."""
        path = resource.path(namespace, name, "status")
        accept = METADATA.format(kind="PartialObjectMetadata")
        return await self._call("patch", resource, path, body=body, content_type=MERGE_PATCH, accept=accept)

    async def delete(self, resource: Resource, namespace: str | None, name: str, *, uid: str) -> None:
        """Delete this very object (not a namesake), its dependents in the background. Raises `NotFound`."""
        body = {"propagationPolicy": "Background", "preconditions": {"uid": uid}}
        await self._call("delete", resource, resource.path(namespace, name), body=body)

    async def list(
        self,
        resource: Resource,
        namespace: str | None,
        *,
        label_selector: str | None = None,
        metadata_only: bool = False,
    ) -> AsyncIterator[Object]:
        """Each object of a namespace, or of all, page by page. Raises `Expired` if the pages took too long."""
        params = {"limit": str(CHUNK)}
        if label_selector is not None:
            params["labelSelector"] = label_selector
        accept = METADATA.format(kind="PartialObjectMetadataList") if metadata_only else "application/json"
        while True:
            page = await self._call("list", resource, resource.path(namespace), params=params, accept=accept)
            # A list of metadata has null where there is nothing.
            for item in page["items"] or ():
                yield item
            token = page["metadata"].get("continue")
            if not token:
                return
            params["continue"] = token

    async def log_tail(self, resource: Resource, namespace: str, pod: str, *, container: str, size: int) -> bytes:
        """The last `size` bytes (and one more, if there are more) of a container's log, in bounded memory."""
        # Each line has at least its line feed, so as many lines as bytes hold all the bytes that are wanted.
        params = {"container": container, "tailLines": str(size + 1)}
        tail = bytearray()
        url = resource.path(namespace, pod, "log")
        try:
            async with self._session.get(url, params=params, timeout=self._timeout) as response:
                if response.status >= HTTPStatus.BAD_REQUEST:
                    await self._raise(response)
                async for piece in response.content.iter_chunked(65536):
                    tail += piece
                    del tail[: -(size + 1)]
                self.calls[Call("get", f"{resource.plural}/log", response.status)] += 1
        except (aiohttp.ClientError, TimeoutError) as exc:
            self.calls[Call("get", f"{resource.plural}/log", 0)] += 1
            raise Unavailable(_sentence(exc)) from exc
        return bytes(tail)

    async def _call(
        self,
        verb: str,
        resource: Resource,
        path: str,
        *,
        body: Object | None = None,
        params: Mapping[str, str] | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> Object:
        data = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        headers = {"Accept": accept} | ({} if data is None else {"Content-Type": content_type})
        status = 0
        try:
            async with self._session.request(
                _METHODS[verb], path, data=data, params=params, headers=headers, timeout=self._timeout
            ) as response:
                status = response.status
                if status >= HTTPStatus.BAD_REQUEST:
                    await self._raise(response)
                answer: Object = json.loads(await response.read())
                return answer
        except (aiohttp.ClientError, TimeoutError, ValueError) as exc:
            raise Unavailable(_sentence(exc)) from exc
        finally:
            self.calls[Call(verb, resource.plural, status)] += 1

    @staticmethod
    async def _raise(response: aiohttp.ClientResponse) -> None:
        text = (await response.read()).decode("utf-8", "replace")
        try:
            body: Object | str = json.loads(text)
        except json.JSONDecodeError:
            body = text
        if not isinstance(body, dict):
            body = text
        raise from_status(response.status, body, response.headers.get("Retry-After"))


_METHODS = {"get": "GET", "list": "GET", "create": "POST", "patch": "PATCH", "delete": "DELETE"}


def _sentence(exc: BaseException) -> str:
    return f"no answer from the API server: {exc or type(exc).__name__}"
