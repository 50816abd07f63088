"""Fixtures of the tests with cert-manager."""

from tests.support.sites import kube

__all__ = ["kube"]
