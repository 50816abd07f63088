"""What the tests with cert-manager share."""

from tests.support.sites import kube

__all__ = ["kube"]
