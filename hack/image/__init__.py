"""Builds the project's image with what there is. Without a registry its base is made here, too."""


class ImageError(Exception):
    """Says in a sentence what is wrong, where, and what can be done about it."""
