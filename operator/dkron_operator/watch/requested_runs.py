"""Watches DkronRuns. They are optional: without the kind or the right to watch it, jobs run all the same, and no
DkronRun starts any."""

from collections.abc import Callable, Iterable

from dkron_kube.client import KubeClient
from dkron_kube.errors import KubeError, Unavailable
from dkron_kube.informer import Callbacks, Informer, WatchState
from dkron_kube.paths import DKRON_RUNS
from dkron_operator.cache.dependencies import Key
from dkron_operator.cache.requested_runs import RequestedRuns
from dkron_operator.plan.situation.requested_runs import RequestedRun


def run_informer(
    client: KubeClient,
    runs: RequestedRuns,
    namespace: str | None,
    *,
    changed: Callable[[Key], None],
    on_event: Callable[[], None] = lambda: None,
) -> Informer[RequestedRun]:
    """Feeds the cache for a namespace, or all (None). `changed` gets the key of each job concerned."""

    def report(keys: Iterable[Key | None]) -> None:
        for key in filter(None, keys):
            changed(key)

    def failed(error: KubeError) -> None:
        # No answer says nothing; a refusal means that there are none for this operator.
        if not isinstance(error, Unavailable):
            runs.give_up(namespace)

    runs.await_list(namespace)
    callbacks = Callbacks(
        read=runs.read,
        synced=lambda items, version: report(runs.replace(namespace, items, version)),
        upsert=lambda run: report([runs.upsert(run)]),
        remove=lambda item: report([runs.remove(item["metadata"]["uid"])]),
        on_event=on_event,
        on_failure=failed,
    )
    state = WatchState(f"DkronRuns of {namespace or 'all namespaces'}", meanwhile="continuing without it")
    return Informer(client, DKRON_RUNS, namespace, callbacks, state=state)
