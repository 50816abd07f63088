"""The start of a cluster, step by step: credentials, control plane, then the nodes it was asked for."""

import base64
import json
import secrets
import time
from pathlib import Path

from localcluster import certificates, cgroups, images, link
from localcluster.api import CONFLICT, CREATED, OK, Answer, request
from localcluster.components import containerd, kwok, namespaces
from localcluster.components.containerd import import_image
from localcluster.errors import ClusterError
from localcluster.launcher import Launcher
from localcluster.layout import Layout
from localcluster.nodes import NodeKind
from localcluster.progress import duration, say


def start(launcher: Launcher, *, controller_flags: tuple[str, ...]) -> None:
    """Start everything and wait until pods can be created (and run, when there are nodes)."""
    started = time.monotonic()
    layout = launcher.layout
    _write_credentials(layout)
    _link_kubectl(layout)
    launcher.run("etcd")
    if layout.real:
        _open_node(launcher)
    launcher.run("apiserver")
    if layout.real:
        launcher.run("containerd")
        _import_images(launcher)
    _start_control_plane(launcher, controller_flags)
    say(f"control plane ready after {duration(time.monotonic() - started)}")
    if layout.nodes.kind is NodeKind.KWOK:
        _start_simulated_nodes(launcher)
    if layout.real:
        _start_real_node(launcher)
    if layout.nodes.count:
        say(f"{layout.nodes.count} node(s) ready after {duration(time.monotonic() - started)}")


def administrator(layout: Layout) -> str:
    """The administrator's token."""
    return layout.token_file.read_text(encoding="ascii").partition(",")[0]


def _write_credentials(layout: Layout) -> None:
    certificates.create(layout.certificates, layout.addresses)
    token = secrets.token_hex(16)
    layout.token_file.touch(mode=0o600)
    layout.token_file.write_text(f"{token},admin,admin,system:masters\n", encoding="ascii")
    authority = layout.certificates.authority.read_bytes()
    layout.node_kubeconfig.parent.mkdir(parents=True, exist_ok=True)
    for path, server in ((layout.kubeconfig, layout.server), (layout.node_kubeconfig, layout.node_server)):
        path.touch(mode=0o600)
        content = kubeconfig(cluster=layout.name, server=server, authority=authority, token=token)
        path.write_text(content, encoding="utf-8")


def _link_kubectl(layout: Layout) -> None:
    layout.kubectl.parent.mkdir(exist_ok=True)
    layout.kubectl.symlink_to(layout.kubernetes_program("kubectl"))


def _start_control_plane(launcher: Launcher, controller_flags: tuple[str, ...]) -> None:
    launcher.wait_ready("etcd", "apiserver")
    launcher.run("controller-manager", controller_flags)
    launcher.run("scheduler")
    launcher.wait_ready("controller-manager", "scheduler")
    # Pods are refused until the controller manager has made the account that they run as.
    launcher.wait("the service account of the namespace default", lambda: _service_account_missing(launcher.layout))


def _start_simulated_nodes(launcher: Launcher) -> None:
    launcher.run("kwok")
    launcher.wait_ready("kwok")
    for number in range(1, launcher.layout.nodes.count + 1):
        answer = _api(launcher.layout, "/api/v1/nodes", body=kwok.node(number))
        if answer.status not in {CREATED, CONFLICT}:
            raise ClusterError(f"the API server refused node {number}: {answer.body}")
    _wait_for_nodes(launcher)


def _open_node(launcher: Launcher) -> None:
    launcher.run("namespaces")
    ready = Path(f"/proc/{launcher.holder}/root") / namespaces.READY
    launcher.wait("the node's namespaces", lambda: "" if ready.exists() else "its script has not finished")
    link.create(launcher.layout.addresses, holder=launcher.holder)
    cgroups.create(launcher.layout.name)


def _import_images(launcher: Launcher) -> None:
    archives = images.write_node_images(launcher.layout.folder / "node", pause=containerd.PAUSE_IMAGE)
    launcher.wait_ready("containerd")
    for archive in archives:
        import_image(launcher.holder, archive)


def _start_real_node(launcher: Launcher) -> None:
    for name in ("kubelet", "kube-proxy", "coredns"):
        launcher.run(name)
    launcher.wait_ready("kubelet", "kube-proxy", "coredns")
    _wait_for_nodes(launcher)


def _wait_for_nodes(launcher: Launcher) -> None:
    wanted = launcher.layout.nodes.count
    launcher.wait(f"{wanted} node(s) to be ready", lambda: _nodes_missing(launcher.layout, wanted))


def _service_account_missing(layout: Layout) -> str:
    answer = _api(layout, "/api/v1/namespaces/default/serviceaccounts/default")
    return "" if answer.status == OK else f"the API server says {answer.status} {answer.body[:200].strip()}"


def _nodes_missing(layout: Layout, wanted: int) -> str:
    answer = _api(layout, "/api/v1/nodes")
    if answer.status != OK:
        return f"the API server says {answer.status} {answer.body[:200].strip()}"
    ready = ready_nodes(answer.body)
    return "" if ready >= wanted else f"{ready} of {wanted} are"


def ready_nodes(node_list: str) -> int:
    """How many nodes of a NodeList are ready and free of the taint that keeps pods away from new ones."""
    nodes = json.loads(node_list)["items"]
    return sum(1 for node in nodes if _is_ready(node))


def _is_ready(node: dict[str, dict[str, list[dict[str, str]]]]) -> bool:
    conditions = {condition["type"]: condition["status"] for condition in node["status"].get("conditions", [])}
    taints = [taint["key"] for taint in node["spec"].get("taints", [])]
    return conditions.get("Ready") == "True" and "node.kubernetes.io/not-ready" not in taints


def _api(layout: Layout, path: str, *, body: dict[str, object] | None = None) -> Answer:
    return request(
        layout.server + path,
        method="POST" if body else "GET",
        authority=layout.certificates.authority,
        token=administrator(layout),
        body=body,
    )


def kubeconfig(*, cluster: str, server: str, authority: bytes, token: str) -> str:
    """A kubeconfig with one cluster, one user and one context, with everything inside it; as JSON, which is YAML."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": cluster,
        "clusters": [
            {
                "name": cluster,
                "cluster": {"server": server, "certificate-authority-data": base64.b64encode(authority).decode()},
            }
        ],
        "users": [{"name": "admin", "user": {"token": token}}],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": "admin"}}],
    }
    return json.dumps(content, indent=2) + "\n"
