"""The command `dkron-operator`: settings, logging, and sentences instead of tracebacks."""

import asyncio
import logging
import os
import socket
import sys
from importlib.metadata import version

from pydantic import ValidationError
from pydantic_settings import CliApp, SettingsError

from dkron_crds.kube import access
from dkron_crds.kube.access import AccessError
from dkron_crds.kube.errors import KubeError
from dkron_operator import logs
from dkron_operator.app import NotInstalled, Operator
from dkron_operator.settings import Settings

log = logging.getLogger(__name__)

USAGE, FAILED = 2, 1


def main() -> None:
    """Run until stopped. Exit code 0 after an orderly stop, 1 if it could not go on, 2 for wrong options."""
    if "--version" in sys.argv[1:]:
        sys.stdout.write(f"dkron-operator {version('dkron-operator')}\n")
        return
    try:
        settings = CliApp.run(Settings)
    except (ValidationError, SettingsError) as exc:
        sys.stderr.write(f"dkron-operator: {_sentence(exc)}\n")
        sys.exit(USAGE)
    logs.configure(settings.log_format, settings.log_level)
    sys.exit(asyncio.run(_run(settings)))


async def _run(settings: Settings) -> int:
    try:
        operator = Operator(
            await access.load(settings.kubeconfig, settings.context),
            namespaces=settings.namespace,
            image=settings.default_image,
            identity=os.environ.get("POD_NAME") or socket.gethostname(),
        )
        await operator.run()
    except (AccessError, NotInstalled, KubeError) as exc:
        log.error("%s", exc)  # noqa: TRY400 - the sentence says it all
        return FAILED
    except Exception:
        log.exception("the operator cannot go on")
        return FAILED
    return 0


def _sentence(exc: ValidationError | SettingsError) -> str:
    if isinstance(exc, SettingsError):
        return str(exc)
    return "; ".join(f"--{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in exc.errors())
