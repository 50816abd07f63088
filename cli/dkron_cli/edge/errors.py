"""Turns errors of Kubernetes into sentences and exit codes."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from dkron_cli.errors import CliError, Code
from dkron_kube.access import AccessError
from dkron_kube.errors import AlreadyExists, Conflict, Expired, KubeError, NotFound, Rejected, Unavailable

NO_KIND = "the server could not find the requested resource"
INSTALL = "the cluster has no custom resources of dkron-operator; install the chart, or kubectl apply -f crds/"


@contextmanager
def readable() -> Iterator[None]:
    """Turn the errors of the block into `CliError`."""
    try:
        yield
    except AccessError as error:
        raise CliError(Code.UNREACHABLE, f"{error}; check --kubeconfig, --context and KUBECONFIG") from error
    except KubeError as error:
        raise as_cli_error(error) from error


def as_cli_error(error: KubeError) -> CliError:
    """Return the sentence and the exit code for an error of Kubernetes."""
    text = " ".join(str(error).split())
    match error:
        case Unavailable(status=HTTPStatus.UNAUTHORIZED):
            return CliError(Code.FORBIDDEN, f"the API server does not accept the credentials ({text}); log in again")
        case Unavailable():
            return CliError(Code.UNREACHABLE, f"{text}; check that the cluster runs and can be reached")
        case NotFound():
            return CliError(Code.NOT_FOUND, INSTALL if NO_KIND in text or "404 page" in text else text)
        case Conflict() | AlreadyExists() | Expired():
            return CliError(Code.CONFLICT, f"{text}; check, and repeat the command")
        case Rejected(status=HTTPStatus.FORBIDDEN):
            return CliError(Code.FORBIDDEN, f"{text}; ask for a role that allows it")
        case _:
            return CliError(Code.FAILED, text)
