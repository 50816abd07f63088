"""The installation: what its DkronCluster currently offers to processors, and which endpoints it tells about runs."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from dkron_crds.base import first_problem
from dkron_crds.cluster import ClusterSpec
from dkron_crds.lease import INSTALLATION
from dkron_kube.client import KubeClient
from dkron_kube.informer import Callbacks, Informer, WatchState
from dkron_kube.paths import DKRON_CLUSTERS
from dkron_kube.watch import Selection
from dkron_operator.kit.listeners import Listeners
from dkron_operator.notifications.endpoints import Endpoint, read_endpoints
from dkron_processors.site import Site

Object = dict[str, Any]
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ClusterView:
    """The DkronCluster, as the subject of an Event."""

    namespace: str
    name: str
    uid: str
    kind: str = "DkronCluster"


class Installation:
    """Follows the DkronCluster of a namespace."""

    def __init__(
        self,
        client: KubeClient,
        *,
        namespace: str,
        output_dir: str,
        on_event: Callable[[], None] = lambda: None,
    ) -> None:
        self.on_change: Listeners[[tuple[str, ...] | None]] = Listeners()
        """Called after a change with the problems of its receivers and notifications; None if it has none."""
        self._output_dir = output_dir
        self._raw: Object | None = None
        self.cluster: ClusterView | None = None
        self.site = Site(output_dir=output_dir)
        self.endpoints: tuple[Endpoint, ...] = ()
        self.problems: tuple[str, ...] = ()
        callbacks: Callbacks[Object] = Callbacks(
            read=lambda item: item,
            # One object has its kind and name, or none.
            synced=lambda items, _: self._upsert(items[0]) if items else self._apply({}),
            upsert=self._upsert,
            remove=lambda _: self._apply({}),
            on_event=on_event,
        )
        what = f"receivers and notifications of DkronCluster {namespace}/{INSTALLATION}"
        state = WatchState(what, meanwhile="continuing without it")
        fields = f"metadata.name={INSTALLATION}"
        self.informer = Informer(
            client, DKRON_CLUSTERS, namespace, callbacks, state=state, selection=Selection(fields=fields)
        )

    async def read(self) -> None:
        """Read it for the first time, so that no job seems to lack a receiver that exists."""
        await self.informer.list_once()

    def _upsert(self, item: Object) -> None:
        metadata = item["metadata"]
        self.cluster = ClusterView(metadata["namespace"], metadata["name"], metadata["uid"])
        self._apply(item.get("spec") or {})

    def _apply(self, raw: Object) -> None:
        # Its status is written each second, its spec hardly ever.
        if raw == self._raw:
            return
        self._raw = raw
        try:
            spec = ClusterSpec.from_wire(raw)
            site = Site(spec.receivers, self._output_dir)
            endpoints, problems = read_endpoints(spec.notifications, site)
        except ValidationError as exc:
            self.problems = (f"spec.{first_problem(exc)}",)
        except Exception as exc:
            # Keep the receivers of before: an unreadable DkronCluster must not keep jobs from running.
            log.exception("the DkronCluster cannot be read")
            self.problems = (f"spec: the operator cannot read it ({type(exc).__name__})",)
        else:
            self.site, self.endpoints, self.problems = site, endpoints, problems
        self.on_change(self.problems if raw.get("receivers") or raw.get("notifications") else None)
