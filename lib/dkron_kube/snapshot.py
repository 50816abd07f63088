"""All objects of a kind, read once, and the version from which a watch goes on.

The API server reads a list in pages from etcd, and takes three times as long for it as for a watch that begins with all
objects, which comes from its cache. This watch also needs memory for one object at a time, however many there are.
Kubernetes 1.33 refuses it by default, and then the objects come in pages.
"""

from collections.abc import AsyncIterator, Callable

from dkron_kube.client import KubeClient, Object
from dkron_kube.errors import Rejected, Unavailable
from dkron_kube.paths import Resource
from dkron_kube.watch_events import Event, Kind, Lines, parse

COMPLETE = "k8s.io/initial-events-end"
"""The annotation of the bookmark after the last object."""
LONGEST, SILENCE = 600, 60.0
"""Seconds that the watch may take until it is complete, and that it may be silent."""


async def snapshot(
    client: KubeClient,
    resource: Resource,
    namespace: str | None,
    *,
    label_selector: str | None = None,
    cut_off: Callable[[], None] = lambda: None,
) -> AsyncIterator[Event]:
    """Yield each object, as an event, and changes of these meanwhile. The last event is a bookmark: a watch that goes
    on at its version misses nothing. `cut_off` is called when a stream ends early and pages follow: no event tells what
    was deleted between them. Raises `Expired` if pages took too long, `Unavailable` and the usual errors."""
    selector = {} if label_selector is None else {"labelSelector": label_selector}
    try:
        async for event in _streamed(client, resource, namespace, selector):
            yield event
    except (Rejected, Unavailable) as error:
        # If the API server refuses lists as well, or does not answer, that is the error.
        if isinstance(error, Unavailable):
            cut_off()
        async for event in _paged(client, resource, namespace, selector):
            yield event


async def _streamed(
    client: KubeClient, resource: Resource, namespace: str | None, selector: dict[str, str]
) -> AsyncIterator[Event]:
    query = {
        **selector,
        "sendInitialEvents": "true",
        "resourceVersionMatch": "NotOlderThan",
        "allowWatchBookmarks": "true",
        "timeoutSeconds": str(LONGEST),
    }
    lines = Lines()
    async with client.watch(resource, namespace, query=query, silence=SILENCE) as pieces:
        async for piece in pieces:
            for line in lines.feed(piece):
                event = parse(line)
                if event.kind is not Kind.BOOKMARK:
                    yield event
                elif COMPLETE in (event.item["metadata"].get("annotations") or {}):
                    yield event
                    return
    raise Unavailable(f"the API server ended the watch of {resource.plural} before it had sent all")


async def _paged(
    client: KubeClient, resource: Resource, namespace: str | None, selector: dict[str, str]
) -> AsyncIterator[Event]:
    page: Object = {}
    async for page in client.pages(resource, namespace, selector=selector):
        for item in page["items"] or ():
            yield Event(Kind.ADDED, item, item["metadata"]["resourceVersion"])
    yield Event(Kind.BOOKMARK, {}, page["metadata"]["resourceVersion"])
