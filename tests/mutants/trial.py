"""Tries a mutant: the tests run on a copy of the program that has the mistake, and have to fail."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.catalog import ROOT, UNIT, Mutant, mutated

SLOWEST = 900
"""Seconds for the tests of one mutant: one that makes them hang is found, too."""
PLANS = "tests/unit/simulation/test_seeds.py::test_stored_plan_passes"
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)
_PLAN = re.compile(r".*\[(.+)]")
_SEED = re.compile(r"^seed (\d+) fails", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Found:
    """What tests have said to a mutant: `by` is the test or the seed that failed, empty if none did."""

    by: str


class Untried(Exception):
    """The tests could not be run."""


def by_unit_tests(mutant: Mutant) -> Found:
    """Which unit test finds it. Raises `Outdated`, `Untried`."""
    with _copy(mutant) as environment:
        return _tested(environment, map(str, mutant.unit_tests))


def check_unit_tests(mutants: Iterable[Mutant]) -> None:
    """Run the tests of these on the programs as they are: one that fails there finds nothing. Raises `Untried`."""
    if found := _tested(dict(os.environ), sorted({str(test) for each in mutants for test in each.unit_tests})).by:
        raise Untried(f"{found} fails on the source as it is")


def by_simulation(mutant: Mutant, *, seeds: int) -> Found:
    """Which of the plans that earlier seeds have left finds it, or which of the first seeds. Raises `Outdated`,
    `Untried`."""
    with _copy(mutant) as environment:
        if found := _tested(environment, [PLANS]).by:
            return Found(_PLAN.sub(r"plan \1", found))
        return _simulated(environment, seeds)


def _tested(environment: dict[str, str], tests: Iterable[str]) -> Found:
    pytest = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=no", "-p", "no:cacheprovider"]
    code, told = _run([*pytest, "--hypothesis-seed=0", *tests], environment)
    match = _FAILED.search(told)
    if code == 0:
        return Found("")
    if code == 1 and match is not None:
        return Found(match.group(1).rpartition("/")[2])
    if code == _HUNG:
        return Found("it hangs")
    raise Untried(f"pytest ended with {code}:\n{told[-2000:]}")


def _simulated(environment: dict[str, str], seeds: int) -> Found:
    command = [sys.executable, "-m", "tests.simulation", "--seeds", str(seeds), "--jobs", "1"]
    code, told = _run(command, environment)
    match = _SEED.search(told)
    if code == 0:
        return Found("")
    if code == 1 and match is not None:
        return Found(f"seed {match.group(1)}")
    if code == _HUNG:
        return Found("it hangs")
    raise Untried(f"the simulation ended with {code}:\n{told[-2000:]}")


_HUNG = -1


@contextmanager
def _copy(mutant: Mutant) -> Iterator[dict[str, str]]:
    """The environment in which Python imports a copy of the program that has the mistake."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as place:
        copy = Path(place) / mutant.program
        shutil.copytree(ROOT / mutant.program, copy, ignore=shutil.ignore_patterns("__pycache__"))
        target = Path(place) / mutant.path
        target.write_text(mutated(mutant, target.read_text()))
        programs = [copy if program == mutant.program else ROOT / program for program in UNIT]
        paths = [*programs, ROOT / "crds", ROOT / "lib", ROOT, ROOT / "hack"]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, paths)),
            # Examples that fail here fail nowhere else.
            "HYPOTHESIS_STORAGE_DIRECTORY": str(Path(place) / "hypothesis"),
        }
        _check_import(environment, copy / mutant.path.parts[1])
        yield environment


def _check_import(environment: dict[str, str], package: Path) -> None:
    code, told = _run([sys.executable, "-c", f"import {package.name} as it; print(it.__file__)"], environment)
    if code or not Path(told.strip()).is_relative_to(package):
        raise Untried(f"the copy in {package} is not what Python imports: {told}")


def _run(command: Sequence[str], environment: dict[str, str]) -> tuple[int, str]:
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True, timeout=SLOWEST
        )
    except subprocess.TimeoutExpired:
        return _HUNG, ""
    return done.returncode, done.stdout + done.stderr
