"""The image that all programs of this version run in: the operator, the REST API, and pods of executors."""

from importlib.metadata import version

REPOSITORY = "ghcr.io/dkron-operator/dkron-operator"


def own_image() -> str:
    """Return the image of the installed version, such as `ghcr.io/…/dkron-operator:0.1.0`.

    A tag cannot contain the `+` of a local version (`0.1.0+mine`); it becomes a `-`, as in Helm charts.
    """
    return f"{REPOSITORY}:{version('dkron-operator').replace('+', '-')}"
