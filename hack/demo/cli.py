"""The command line behind `make demo` and what follows it. Errors are one sentence and exit status 1."""

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from demo import stages
from demo.errors import DemoError
from demo.target import DEFAULT_NAME
from localcluster.errors import ClusterError
from localcluster.provider import Provider

WAIT_SECONDS = 180
AFTERWARDS = {"down": stages.down, "api-url": stages.api_url, "api-token": stages.api_token}
"""Commands about a demo that was started before."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit status."""
    # Ended by its caller, a start still stops what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    options = _parser().parse_args(arguments)
    provider = os.environ.get("CLUSTER") or Provider.AUTO
    try:
        if options.command in AFTERWARDS:
            return AFTERWARDS[options.command](options.name, provider=provider)
        kubernetes = os.environ.get("K8S", "")
        return stages.up(
            options.name, provider=provider, kubernetes=kubernetes, seconds=options.seconds, picture=options.picture
        )
    except (DemoError, ClusterError) as error:
        sys.stderr.write(f"demo: {error}\n")
        return 1
    except subprocess.TimeoutExpired as error:
        sys.stderr.write(f"demo: '{' '.join(map(str, error.cmd))}' did not end within {error.timeout:.0f} s\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("demo: interrupted; `make demo` goes on from here, `make demo-down` removes what there is\n")
        return 128 + signal.SIGINT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "demo", description="Run the operator and the examples in a separate cluster, and show their state."
    )
    parser.add_argument("command", choices=("up", *AFTERWARDS))
    parser.add_argument("--name", default=DEFAULT_NAME, help=f"name of the cluster (default: {DEFAULT_NAME})")
    parser.add_argument(
        "--seconds",
        type=float,
        default=WAIT_SECONDS,
        help=f"how long to wait for the examples without a terminal (default: {WAIT_SECONDS})",
    )
    parser.add_argument(
        "--picture", type=Path, help="a file for the table as SVG; the demo then waits as without a terminal"
    )
    return parser
