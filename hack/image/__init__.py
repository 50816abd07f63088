"""Builds the project's image with what there is: `image.build()`. Without a registry its base is made here, too."""

from image.building import build
from image.errors import ImageError

__all__ = ["ImageError", "build"]
