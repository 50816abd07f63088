"""Watches DkronBackfills. They are optional: without the kind or the right to watch it, jobs run all the same, and no
backfill begins."""

from collections.abc import Callable

from dkron_kube.client import KubeClient
from dkron_kube.informer import Callbacks, Informer, WatchState
from dkron_kube.paths import DKRON_BACKFILLS
from dkron_operator.backfill.controller import Backfills
from dkron_operator.backfill.view import Known


def backfill_informer(
    client: KubeClient,
    backfills: Backfills,
    namespace: str | None,
    *,
    on_event: Callable[[], None] = lambda: None,
) -> Informer[Known]:
    """Tells the controller of the DkronBackfills of a namespace, or of all (None)."""
    callbacks = Callbacks(
        read=backfills.read,
        synced=lambda items, _: backfills.replace(namespace, items),
        upsert=backfills.upsert,
        remove=lambda item: backfills.remove(item["metadata"]["uid"]),
        on_event=on_event,
    )
    state = WatchState(f"DkronBackfills of {namespace or 'all namespaces'}", meanwhile="continuing without it")
    return Informer(client, DKRON_BACKFILLS, namespace, callbacks, state=state)
