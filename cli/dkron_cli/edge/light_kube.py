"""The client of a command that reads a list or an object and ends: the standard library reads these, and the full
client, which takes longer to load than the answer, is loaded for all else."""

import asyncio
import http.client
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from dkron_cli.edge.quick import Response, ask
from dkron_cli.options import Options
from dkron_crds.bounds import bounded
from dkron_kube import access
from dkron_kube.access import Access, AccessError
from dkron_kube.errors import Unavailable, from_status

if TYPE_CHECKING:
    from dkron_kube.client import KubeClient
    from dkron_kube.paths import Resource

MANAGER = "dkronctl"
PATIENCE = 30.0
PAGE = 500
METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
Object = dict[str, Any]


class LightKube:
    """A KubeClient whose `get` and `list` need nothing else to be loaded."""

    def __init__(self, access: Access, *, patience: float = PATIENCE) -> None:
        self.access = access
        self._patience = patience
        self._full: KubeClient | None = None

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - of the client
        """Load the full client."""
        if self._full is None:
            from dkron_kube.client import KubeClient  # noqa: PLC0415 - slow, and the reason for this module

            self._full = KubeClient(self.access, field_manager=MANAGER)
        return getattr(self._full, name)

    async def close(self) -> None:
        """Close the connections."""
        if self._full is not None:
            await self._full.close()

    async def get(self, resource: "Resource", namespace: str | None, name: str) -> Object:
        """Return one object. Raises `NotFound`."""
        if self._full is not None:
            # It has a connection already.
            return await self._full.get(resource, namespace, name)
        return await self._read(resource.path(namespace, name))

    async def list(
        self,
        resource: "Resource",
        namespace: str | None,
        *,
        label_selector: str | None = None,
        field_selector: str | None = None,
        metadata_only: bool = False,
    ) -> AsyncIterator[Object]:
        """Yield each object of a namespace, or of all namespaces, page by page. Raises `KubeError`."""
        selectors = {"labelSelector": label_selector, "fieldSelector": field_selector}
        query = {"limit": str(PAGE)} | {key: value for key, value in selectors.items() if value is not None}
        accept = METADATA if metadata_only else "application/json"
        while True:
            page = await self._read(f"{resource.path(namespace)}?{urlencode(query)}", accept=accept)
            if not isinstance(page.get("metadata"), dict) or not isinstance(page.get("items"), list | None):
                raise Unavailable(f"the API server's answer is not a list of {resource.plural}")
            for item in page["items"] or ():
                yield item
            if not (token := page["metadata"].get("continue")):
                return
            query["continue"] = token

    async def _read(self, path: str, *, accept: str = "application/json") -> Object:
        """Raises `KubeError`."""
        try:
            authorization = await self.access.authorization()
            headers = {"Accept": accept, "User-Agent": MANAGER}
            headers |= {} if authorization is None else {"Authorization": authorization}
            answer = await asyncio.to_thread(self._ask, path, headers)
            read = _object(answer.body)
        except (AccessError, OSError, http.client.HTTPException, ValueError) as error:
            raise Unavailable(f"no answer from the API server: {error or type(error).__name__}") from error
        if answer.status != http.client.OK:
            raise from_status(answer.status, read or answer.body.decode("utf-8", "replace"), answer.retry_after)
        if read is None:
            raise Unavailable("no answer from the API server: it is not an object")
        return read

    def _ask(self, path: str, headers: dict[str, str]) -> Response:
        found = self.access
        tls = found.tls if isinstance(found.tls, ssl.SSLContext) else None
        return ask(
            found.server,
            path,
            headers=headers,
            timeout=self._patience,
            tls=tls,
            proxy=found.proxy,
            name=found.server_name,
        )


async def open_kube(options: Options, *, patience: float = PATIENCE) -> tuple[LightKube, str]:
    """Return the client of the cluster that the options name, and the namespace. Raises `AccessError`."""
    found = await access.load(Path(options.kubeconfig) if options.kubeconfig else None, options.context or None)
    return LightKube(found, patience=patience), options.namespace or found.namespace


def _object(body: bytes) -> Object | None:
    """Return the JSON object, bounded; None if it is something else."""
    try:
        read = bounded(body)
    except ValueError:
        return None
    return read if isinstance(read, dict) else None
