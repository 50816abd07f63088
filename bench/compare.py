"""Is this version slower than another one? The main figures of both, in turns, as ratios with a verdict.

    python bench/compare.py COMMIT [--rounds 3] [--only execution second rest restart]

The commit gets a worktree and an environment of its own, which are gone at the end. In each round each group of figures
is measured for the commit and then for the working tree (`figures.py`), each time in a new cluster, so that other load
hits both alike. The table is on stdout:

    figure | base | now | ratio | noise | verdict

`base` and `now` are medians, and less is better. `ratio` is the median of the rounds' ratios, `noise` is the difference
of their largest and their smallest, at least 5 %. A figure is worse where its ratio is above 1 by more than the noise:
then the exit status is 1. Half an hour for three rounds; progress is on stderr.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from figures import GROUPS, Figures
from verdict import lines

ROOT = Path(__file__).parent.parent


@contextlib.contextmanager
def installed(commit: str) -> Iterator[Path]:
    """The Python of an environment that has this commit, in a worktree outside the checkout. Gone at the end."""
    with tempfile.TemporaryDirectory(prefix="dkron-compare-") as parent:
        folder = Path(parent) / "base"
        _run("git", "-C", str(ROOT), "worktree", "add", "--quiet", "--detach", str(folder), commit)
        try:
            _run("make", "-C", str(folder), "venv")
            yield folder / ".venv/bin/python"
        finally:
            _run("git", "-C", str(ROOT), "worktree", "remove", "--force", str(folder))


def _run(*command: str) -> None:
    if subprocess.run(command, stdout=sys.stderr, check=False).returncode:
        sys.exit(f"'{' '.join(command)}' failed")


def measured(python: Path, group: str) -> Figures:
    """The figures of a group, of the version that this Python has."""
    command = [str(python), str(ROOT / "bench" / "figures.py"), group]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "hack")}
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, env=environment)
    if result.returncode:
        sys.exit(f"the figures of '{group}' could not be measured with {python}")
    found: Figures = json.loads(result.stdout)
    return found


def main() -> None:
    """Measure both, print the table; exit status 1 for a figure that got worse."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit", help="what the working tree is compared with")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (default 3)")
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=list(GROUPS), help="groups of figures")
    options = parser.parse_args()
    began = time.monotonic()
    with installed(options.commit) as python:
        sides: dict[Path, list[Figures]] = {python: [], Path(sys.executable): []}
        for turn in range(options.rounds):
            for rounds in sides.values():
                rounds.append({})
            for group in options.only:
                for side, rounds in sides.items():
                    name = "base" if side == python else "now"
                    at = f"{time.monotonic() - began:.0f} s"
                    sys.stderr.write(f"== {at}: round {turn + 1} of {options.rounds}, {group}, {name}\n")
                    rounds[-1].update(measured(side, group))
    table = lines(*sides.values())
    print("figure | base | now | ratio | noise | verdict")
    print(*table, sep="\n")
    sys.exit(any(each.verdict == "worse" for each in table))


if __name__ == "__main__":
    main()
