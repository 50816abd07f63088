"""Every pinned version, in one place. Raising one here is all that an update takes; Renovate does so where a comment
names the Go module.
"""

import re

from localcluster.errors import ClusterError

# The newest patch of each minor that is built and tried. The first is the default.
KUBERNETES = ("1.36.3", "1.37.2", "1.35.4", "1.34.4", "1.33.13")
SUPPORTED = (KUBERNETES[-1], KUBERNETES[1])
"""The oldest and the newest: what holds with both is taken to hold in between."""
# Go module sigs.k8s.io/kwok
KWOK = "0.8.0"
# Go module github.com/coredns/coredns
COREDNS = "1.15.0"
# Go module sigs.k8s.io/kind
KIND = "0.33.0"
# Go module github.com/cert-manager/cert-manager
CERT_MANAGER = "1.19.1"
"""Of its custom resources, and of the controllers in servers/certmanager.py."""
# Go module sigs.k8s.io/kueue
KUEUE = "0.17.0"
"""Of its custom resources, and of the manager in servers/kueue.py."""
GO_PACKAGE = "1.26.6"
GO_MINIMUM = (1, 26)

_WANTED = re.compile(r"v?(1\.\d+)(\.\d+)?")


def resolve(wanted: str) -> str:
    """Turn `1.36`, `1.36.3` or `v1.36.3` into a full version; empty means the default.

    A full version is taken as it is, known or not: the Go module proxy has the last word.
    """
    if not wanted:
        return KUBERNETES[0]
    match = _WANTED.fullmatch(wanted)
    if match is None:
        raise ClusterError(f"K8S={wanted} is no Kubernetes version; write 1.36 or 1.36.3")
    minor, patch = match.groups()
    if patch:
        return minor + str(patch)
    for known in KUBERNETES:
        if known.startswith(minor + "."):
            return known
    raise ClusterError(f"K8S={wanted}: no patch of it is known; name one in full, or take {', '.join(KUBERNETES)}")
