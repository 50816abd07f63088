"""The image that all programs of this version run in: the operator, the REST API, and pods of executors."""

from importlib.metadata import version

REPOSITORY = "ghcr.io/dkron-operator/dkron-operator"


def own_image() -> str:
    """The image of the version that is installed here, such as `ghcr.io/…/dkron-operator:0.1.0`.

    A tag cannot hold the `+` of a local version (`0.1.0+mine`); it is a `-` there, as in Helm charts.
    """
    return f"{REPOSITORY}:{version('dkron-operator').replace('+', '-')}"
