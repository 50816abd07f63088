"""How long a user waits for `dkronctl` before it asks anybody: help, a schedule without a cluster, completion.

Each call is a process of its own; a bare Python and one that imports typer stand beside it.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

PROGRAM = ["-m", "dkron_cli"]
CALLS: dict[str, list[str]] = {
    "bare Python": ["-c", "pass"],
    "import typer": ["-c", "import typer.main"],
    "dkronctl --help": [*PROGRAM, "--help"],
    "dkronctl run --help": [*PROGRAM, "run", "--help"],
    "dkronctl next EXPRESSION": [*PROGRAM, "next", "0 30 2 * * *", "--tz", "Europe/Madrid"],
    "completion of a command": [*PROGRAM],
}
COMPLETING = {"_DKRONCTL_COMPLETE": "complete_bash", "COMP_WORDS": "dkronctl ex", "COMP_CWORD": "1"}
AIMS = {"dkronctl --help": 0.25, "dkronctl next EXPRESSION": 0.30}
"""Seconds that a call should not take on an idle machine."""


def seconds(name: str) -> float:
    """The time from the start to the end of the process."""
    environment = os.environ | (COMPLETING if name.startswith("completion") else {})
    began = time.perf_counter()
    done = subprocess.run([sys.executable, *CALLS[name]], env=environment, capture_output=True, check=False)
    taken = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(f"{name} ended with {done.returncode}: {done.stderr.decode()}")
    return taken


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="calls of each, in turns")
    rounds = parser.parse_args().rounds
    for name in CALLS:
        # The first call writes bytecode.
        seconds(name)
    times: dict[str, list[float]] = {name: [] for name in CALLS}
    for _ in range(rounds):
        for name, taken in times.items():
            taken.append(seconds(name))
    bare = min(times["bare Python"])
    print("| call | fastest, s | median, s | times a bare Python | aim, s |\n| --- | --- | --- | --- | --- |")
    for name, taken in times.items():
        fastest, median = min(taken), statistics.median(taken)
        print(f"| {name} | {fastest:.2f} | {median:.2f} | {fastest / bare:.0f} | {AIMS.get(name, '')} |")


if __name__ == "__main__":
    main()
