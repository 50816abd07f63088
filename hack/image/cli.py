"""The command line behind `make image`. Standard output is the path of the archive and nothing else."""

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Sequence

from image import ImageError
from image.bases import DEFAULT
from image.building import build
from localcluster.errors import ClusterError


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the image; the exit status."""
    # Ended by its caller, a build still removes what it has begun.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    options = _parser().parse_args(arguments)
    try:
        print(build(base=options.base, refresh=options.refresh).archive)
    except (ImageError, ClusterError) as error:
        sys.stderr.write(f"image: {error}\n")
        return 1
    except subprocess.TimeoutExpired as error:
        sys.stderr.write(f"image: '{' '.join(map(str, error.cmd))}' did not end within {error.timeout:.0f} s\n")
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("image", description="Build the project's image, and an archive of it.")
    parser.add_argument(
        "--base", default=os.environ.get("BASE") or DEFAULT, help=f"the image to build on (default: $BASE or {DEFAULT})"
    )
    parser.add_argument("--refresh", action="store_true", help="pull or make the base again")
    return parser


if __name__ == "__main__":
    sys.exit(main())
