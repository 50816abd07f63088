"""The cost of a pod of an executor before it calls a server: CPU seconds of Python until the client is there.

Each start is a process of its own, with what `python -m dkron_executors <name>` loads; a bare Python stands beside it.
"""

import argparse
import os
import subprocess
import sys

from dkron_executors.keys import MODELS

BARE = "pass"
START = "import dkron_executors.program, dkron_executors.keys.{0}, dkron_executors.run.{0}"


def cpu_seconds(code: str) -> float:
    """User and system time of a Python that runs this."""
    process = subprocess.Popen([sys.executable, "-c", code])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{code} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--rounds", type=int, default=7, help="starts of each; the cheapest counts: other work only adds"
    )
    rounds = parser.parse_args().rounds
    codes = {"bare Python": BARE, **{name: START.format(name) for name in sorted(MODELS)}}
    for code in codes.values():
        # The first start writes bytecode.
        cpu_seconds(code)
    times: dict[str, list[float]] = {name: [] for name in codes}
    for _ in range(rounds):
        for name, code in codes.items():
            times[name].append(cpu_seconds(code))
    bare = min(times["bare Python"])
    print("| executor | CPU, s | times a bare Python |\n| --- | --- | --- |")
    for name, taken in times.items():
        print(f"| {name} | {min(taken):.2f} | {min(taken) / bare:.0f} |")


if __name__ == "__main__":
    main()
