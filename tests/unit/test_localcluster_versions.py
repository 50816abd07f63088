"""What `K8S=` and `--nodes` may say, and the go.mod that a version leads to."""

import pytest

from localcluster import gotoolchain, nodes, versions
from localcluster.errors import ClusterError
from localcluster.nodes import NodeKind
from localcluster.tools import go_mod

UPSTREAM = """\
module k8s.io/kubernetes

go 1.26.0

godebug default=go1.26

require (
	go.etcd.io/etcd/server/v3 v3.6.8 // indirect
	k8s.io/api v0.0.0
)

replace (
	k8s.io/kubectl => ./staging/src/k8s.io/kubectl
	k8s.io/api => ./staging/src/k8s.io/api
)
"""


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        pytest.param("", versions.KUBERNETES[0], id="nothing means the default"),
        pytest.param("1.34", "1.34.4", id="a minor means its known patch"),
        pytest.param("1.34.2", "1.34.2", id="a full version is taken as it is"),
        pytest.param("v1.36.1", "1.36.1", id="a leading v is dropped"),
        pytest.param("1.40.1", "1.40.1", id="a full version need not be known"),
    ],
)
def test_a_kubernetes_version_is_resolved(wanted: str, expected: str) -> None:
    assert versions.resolve(wanted) == expected


@pytest.mark.parametrize("wanted", ["1", "1.40", "latest", "1.36.x", "2.0.0"])
def test_unknown_version_is_refused_with_the_known_ones(wanted: str) -> None:
    with pytest.raises(ClusterError, match=r"1\.36"):
        versions.resolve(wanted)


def test_go_mod_replaces_staging_modules_and_keeps_go_version() -> None:
    assert go_mod(UPSTREAM, "1.36.3") == (
        "module dkron-operator.local/control-plane\n\n"
        "go 1.26.0\n\n"
        "godebug default=go1.26\n\n"
        "require k8s.io/kubernetes v1.36.3\n\n"
        "replace k8s.io/api => k8s.io/api v0.36.3\n"
        "replace k8s.io/kubectl => k8s.io/kubectl v0.36.3\n"
    )


def test_the_version_of_go_is_read() -> None:
    outputs = ("go version go1.26.8 linux/amd64", "go version go1.27rc1 linux/arm64", "")
    assert [gotoolchain.parse_version(output) for output in outputs] == [(1, 26), (1, 27), (0, 0)]


@pytest.mark.parametrize(
    ("text", "kind", "count"),
    [
        ("none", NodeKind.NONE, 0),
        ("real", NodeKind.REAL, 1),
        ("kwok", NodeKind.KWOK, 1),
        ("kwok:500", NodeKind.KWOK, 500),
    ],
)
def test_nodes_are_read_and_written(text: str, kind: NodeKind, count: int) -> None:
    expected = nodes.Nodes(kind, count)
    assert nodes.parse(text) == expected
    assert nodes.parse(str(expected)) == expected


@pytest.mark.parametrize("text", ["", "kwok:", "kwok:0", "kwok:x", "real:2", "kind"])
def test_unknown_nodes_are_refused_with_the_known_ones(text: str) -> None:
    with pytest.raises(ClusterError, match="none, kwok, kwok:5 or real"):
        nodes.parse(text)
