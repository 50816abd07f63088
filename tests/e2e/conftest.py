"""Fixtures of the tests with a real node."""

from tests.support.forks import quick_starts
from tests.support.own_image import image
from tests.support.sites import module_site, own_site, shared_site

__all__ = ["image", "module_site", "own_site", "quick_starts", "shared_site"]
