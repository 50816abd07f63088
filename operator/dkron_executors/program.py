"""One run in a pod: read the data from the operator, make the call, and print the result without secrets."""

import logging
import signal
import sys
import warnings
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from dkron_executors.handover import CONFIG, Handover
from dkron_executors.keys import MODELS, keys_of
from dkron_executors.keys.model import KeyProblem
from dkron_executors.result import Result
from dkron_executors.scrub import Scrub
from dkron_executors.secrets import resolve

TRACE = "TRACEPARENT"
"""The variable with the trace context of the run, if any."""
FAILED = 1
USAGE = 2
STOPPED = 128 + signal.SIGTERM
TERMINATION_LOG = Path("/dev/termination-log")
"""The file from which Kubernetes reads the reason that a pod shows (`terminationMessagePath`)."""
USE = f"usage: python -m dkron_executors {{{','.join(sorted(MODELS))}}}"
HELP = f"""{USE}

Make one call, as the environment variable {CONFIG} says: the operator sets it in the pods that run this.
The exit code is 0 if the call succeeded, 1 if it failed, 2 if no call was made.
"""


class Unusable(ValueError):
    """There is nothing to run. `str()` is one sentence."""


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run the executor named in `arguments`. Exit code 0 for success, 1 for failure, 2 if nothing could be run."""
    if list(arguments) in (["-h"], ["--help"]):
        sys.stdout.write(HELP)
        return 0
    signal.signal(signal.SIGTERM, _stop)
    warnings.simplefilter("ignore")
    # Clients log the data they were given, and only `Scrub` may print that.
    logging.getLogger().addHandler(logging.NullHandler())
    try:
        result = outcome(arguments, environment)
    except Unusable as exc:
        sys.stderr.write(f"{exc}\n")
        return USAGE
    if result.error and TERMINATION_LOG.exists():
        TERMINATION_LOG.write_text(result.error, encoding="utf-8")
    sys.stdout.buffer.write(printed(result))
    sys.stdout.flush()
    return 0 if result.success else FAILED


def outcome(arguments: Sequence[str], environment: Mapping[str, str]) -> Result:
    """Make the call, and remove secrets from the result. Raises `Unusable`."""
    executor, handover, values = _handed_over(arguments, environment)
    result = _result(executor, handover, values, traceparent=environment.get(TRACE, ""))
    scrub = Scrub([*values.values(), *handover.config.values()], secrets=values.values())
    return Result(scrub.line(result.error), scrub.output(result.output))


def printed(result: Result) -> bytes:
    """Return the output, preceded by the error on its own line."""
    return (f"{result.error}\n".encode() if result.error else b"") + result.output


def _handed_over(arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[str, Handover, dict[str, str]]:
    if len(arguments) != 1 or arguments[0] not in MODELS:
        raise Unusable(USE)
    text = environment.get(CONFIG)
    if text is None:
        raise Unusable(f"{CONFIG}: missing; the operator sets it for a job whose executor is {arguments[0]}")
    try:
        handover = Handover.read(text)
        values = {reference: environment[name] for reference, name in handover.secrets.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise Unusable(f"{CONFIG}: it is not a configuration that the operator wrote ({type(exc).__name__})") from None
    return arguments[0], handover, values


def _result(executor: str, handover: Handover, values: Mapping[str, str], *, traceparent: str) -> Result:
    model = keys_of(executor)
    try:
        keys = model.read(resolve(handover.config, values, inside=model.TEXTS_WITH_REFERENCES)).within(traceparent)
    except KeyProblem as exc:
        return Result(str(exc))
    try:
        result: Result = import_module(f"dkron_executors.run.{executor}").run(keys)
    except ModuleNotFoundError as exc:
        return Result(f"{executor}: {exc.name} is not installed; pip install 'dkron-operator[{executor}]' installs it")
    except Exception as exc:  # noqa: BLE001 - a traceback could reveal a secret, and the pod ends here anyway
        return Result(f"{executor}: {type(exc).__name__}: {exc}")
    if not getattr(keys, "debug", False):
        return result
    config = "".join(f"{key}: {text}\n" for key, text in sorted(handover.config.items()))
    return Result(result.error, config.encode() + result.output)


def _stop(_number: int, _frame: object) -> NoReturn:
    sys.exit(STOPPED)
