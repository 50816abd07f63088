"""The programs and their versions. Raising one here is all that an update takes; Renovate does so, by the module in the
comment above each.
"""

from localcluster.tools import Tool, in_place, installed

# Go module helm.sh/helm/v4
HELM = "4.3.1"
# Go module helm.sh/helm/v3
HELM_OLD = "3.22.0"
# Go module github.com/helm-unittest/helm-unittest
UNITTEST = "1.1.2"
# Go module github.com/yannh/kubeconform
KUBECONFORM = "0.8.0"
# Go module github.com/norwoodj/helm-docs
HELM_DOCS = "1.14.2"


def helm() -> Tool:
    """The newest Helm."""
    return installed(
        "helm", "helm.sh/helm/v4/cmd/helm", HELM, stamps={"helm.sh/helm/v4/internal/version.version": f"v{HELM}"}
    )


def helm_old() -> Tool:
    """The Helm before it, which many still have."""
    stamps = {"helm.sh/helm/v3/internal/version.version": f"v{HELM_OLD}"}
    return installed("helm", "helm.sh/helm/v3/cmd/helm", HELM_OLD, stamps=stamps)


def unittest() -> Tool:
    """Runs the chart's tests/*_test.yaml."""
    return in_place("helm-unittest", "github.com/helm-unittest/helm-unittest", UNITTEST, package="./cmd/helm-unittest")


def kubeconform() -> Tool:
    """Compares manifests with the schemas of a Kubernetes version."""
    return installed("kubeconform", "github.com/yannh/kubeconform/cmd/kubeconform", KUBECONFORM)


def helm_docs() -> Tool:
    """Writes the chart's README from the comments in its values."""
    return installed("helm-docs", "github.com/norwoodj/helm-docs/cmd/helm-docs", HELM_DOCS)


def every() -> list[Tool]:
    """All of them, in the order of building."""
    return [helm(), unittest(), kubeconform(), helm_docs(), helm_old()]
