"""Runs components one by one and notes each down, so that nothing that runs is unknown to the next command."""

from collections.abc import Callable, Mapping
from functools import partial

from localcluster import logs, processes
from localcluster.api import OK, request
from localcluster.components import containerd, control_plane, coredns, kube_proxy, kubelet, kwok, namespaces
from localcluster.components.component import Component
from localcluster.errors import ClusterError
from localcluster.layout import Layout
from localcluster.record import Record, Running, save
from localcluster.waiting import wait_for

READY_SECONDS = 120
TAIL_LINES = 15

RENDER: Mapping[str, Callable[[Layout], Component]] = {
    "etcd": control_plane.etcd,
    "apiserver": control_plane.apiserver,
    "controller-manager": control_plane.controller_manager,
    "scheduler": control_plane.scheduler,
    "kwok": kwok.component,
    "namespaces": namespaces.component,
    "containerd": containerd.component,
    "kubelet": kubelet.component,
    "kube-proxy": kube_proxy.component,
    "coredns": coredns.component,
}


class Launcher:
    """Starts the components of one cluster; `record` is what is written down so far."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.layout = record.layout

    def run(self, name: str, flags: tuple[str, ...] = ()) -> None:
        """Write a component's files and start it with `flags` after its own."""
        component = RENDER[name](self.layout)
        for path, content in component.files.items():
            target = self.layout.folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content, encoding="utf-8")
        argv = component.argv + flags
        if component.in_node:
            argv = namespaces.entering(self.holder, argv)
        log = self.layout.log(name)
        log.parent.mkdir(parents=True, exist_ok=True)
        identity = processes.spawn(argv, log=log, folder=self.layout.folder, environment=component.environment)
        self.record = save(self.record.with_component(Running(name, identity, component.port)))

    def wait_ready(self, *names: str) -> None:
        """Wait until these components answer."""
        for name in names:
            url = RENDER[name](self.layout).health
            self.wait(f"{name} to answer on {url}", partial(_unhealthy, url))

    def wait(self, what: str, missing: Callable[[], str]) -> None:
        """Wait for a condition for as long as all components live."""
        wait_for(what, seconds=READY_SECONDS, missing=missing, guard=self.check)

    def check(self) -> None:
        """Raise, with the end of its log, for a component that has died."""
        for running in dead(self.record):
            raise ClusterError(obituary(self.record, running))

    @property
    def holder(self) -> int:
        """The process that keeps the node's namespaces."""
        running = self.record.component("namespaces")
        if running is None or not processes.alive(running.identity):
            raise ClusterError(f"the node of cluster {self.record.name} is gone; start the cluster again")
        return running.identity.pid


def dead(record: Record) -> list[Running]:
    """The components that were started and no longer run."""
    return [running for running in record.components if not processes.alive(running.identity)]


def obituary(record: Record, running: Running) -> str:
    """Name a dead component and quote the end of its log."""
    log = record.layout.log(running.name)
    lines = "\n".join(f"  {line}" for line in logs.tail(log, lines=TAIL_LINES))
    return f"{running.name} of cluster {record.name} has died; the end of its log ({log}):\n{lines}"


def _unhealthy(url: str) -> str:
    answer = request(url)
    return "" if answer.status == OK else f"the answer was: {answer.status or ''} {answer.body[:300].strip()}"
