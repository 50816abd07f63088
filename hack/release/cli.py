"""The command line behind `make release`. Standard output is the files that were made and nothing else."""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from image import ImageError, source
from localcluster.errors import ClusterError
from localcluster.progress import say
from release import ReleaseError, building, gate, version
from release.building import ROOT, Plan


def main(arguments: Sequence[str] | None = None) -> int:
    """Build a release; the exit status."""
    options = _parser().parse_args(arguments)
    try:
        for file in building.build(_plan(options)):
            print(file)
    except (ReleaseError, ImageError, ClusterError) as error:
        sys.stderr.write(f"release: {error}\n")
        return 1
    except subprocess.TimeoutExpired as error:
        sys.stderr.write(f"release: '{' '.join(map(str, error.cmd))}' did not end within {error.timeout:.0f} s\n")
        return 1
    return 0


def _plan(options: argparse.Namespace) -> Plan:
    own, here = version.of_project(ROOT), source.read(ROOT)
    version.semantic(own)
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    reason = gate.refusal(version=own, notes=text, source=here, tag=options.tag)
    if reason and not options.trial:
        raise ReleaseError(f"{reason} (or try it with TRIAL=1)")
    if reason:
        say(f"this is a trial and must not be published: {reason}")
    return Plan(version=own, source=here, folder=options.out, notes=gate.notes(text, own))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("release", description="Build all files of a release.")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="the output folder, which is emptied first")
    parser.add_argument("--tag", default="", help="the tag that is being released, such as v1.2.3")
    parser.add_argument("--trial", action="store_true", help="build this checkout even if it must not be published")
    return parser


if __name__ == "__main__":
    sys.exit(main())
