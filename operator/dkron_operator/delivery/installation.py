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
from dkron_kube.errors import KubeError
from dkron_kube.paths import DKRON_CLUSTERS
from dkron_kube.watch import follow
from dkron_operator.kit.listeners import Listeners
from dkron_operator.kit.log_once import WatchLogOnce
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
    """Follows the DkronCluster of a namespace. It is a `Sink` of the watch."""

    def __init__(
        self,
        client: KubeClient,
        *,
        namespace: str,
        output_dir: str,
        on_event: Callable[[], None] = lambda: None,
    ) -> None:
        self._client = client
        self.on_change: Listeners[[tuple[str, ...] | None]] = Listeners()
        """Called when what it offers has changed, with what is wrong with its receivers and notifications; None if it
        names none."""
        self._on_event = on_event
        self.namespace = namespace
        self._output_dir = output_dir
        self._raw: Object | None = None
        self._log_once = WatchLogOnce(log, f"receivers and notifications of DkronCluster {namespace}/{INSTALLATION}")
        self.cluster: ClusterView | None = None
        self.site = Site(output_dir=output_dir)
        self.endpoints: tuple[Endpoint, ...] = ()
        self.problems: tuple[str, ...] = ()

    @property
    def _names_any(self) -> bool:
        """Whether it names any receiver or notification."""
        raw = self._raw or {}
        return bool(raw.get("receivers") or raw.get("notifications"))

    async def read(self) -> None:
        """Read it for the first time, so that no job seems to lack a receiver that exists."""
        try:
            async for item in self._client.list(DKRON_CLUSTERS, self.namespace):
                if item["metadata"]["name"] == INSTALLATION:
                    self.see(item)
        except KubeError as exc:
            self.failed(exc)

    async def run(self) -> None:
        """Follow it until cancelled."""
        await follow(self._client, DKRON_CLUSTERS, self.namespace, self, name=INSTALLATION)

    def replace(self, items: list[Object], version: int) -> None:  # noqa: ARG002 - as the watch calls it
        """A list of all objects of its kind and name: one, or none."""
        self._log_once.listed()
        if items:
            self.see(items[0])
        else:
            self._take({})

    def went_back(self) -> None:
        """Nothing to do: the next list replaces everything."""

    def see(self, item: Object) -> None:
        """It was added or modified."""
        metadata = item["metadata"]
        self.cluster = ClusterView(metadata["namespace"], metadata["name"], metadata["uid"])
        self._take(item.get("spec") or {})

    def lose(self, item: Object) -> None:  # noqa: ARG002 - as the watch calls it
        """It was deleted."""
        self._take({})

    def alive(self) -> None:
        """The API server answers."""
        self._on_event()
        self._log_once.alive()

    def failed(self, error: KubeError) -> None:
        """It cannot be read; what was known stays."""
        self._log_once.goes_on(error)

    def _take(self, raw: Object) -> None:
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
        self.on_change(self.problems if self._names_any else None)
