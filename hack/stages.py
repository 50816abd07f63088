"""`python hack/stages.py`: all stages of `make test`, whatever becomes of each, and one table at the end. Short stages
that mostly wait run side by side.

0: all of them succeeded, 1: some did not, or printed a secret of a test. The end lists the tests that
failed, and all that was left out, as where the machine has no apt-get.
"""

import os
import re
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby

STAGES = {
    "test-unit": "unit: rules and tables, no cluster",
    "test-simulation": "simulation: the operator in virtual time",
    "test-alerts": "alerts: by promtool",
    "lint-chart": "chart: both Helms, without a cluster",
    "test-brokers": "brokers: real servers for the executors that send messages",
    "test-archive": "archive: on a real PostgreSQL",
    "test-cluster": "cluster: a real control plane, simulated nodes",
    "test-page": "page: the web page in a browser, and nothing else on the machine",
    "test-storm": "storm: a fault every few seconds, and nothing else on the machine",
    "test-e2e": "e2e: a real node, real pods",
}
"""The targets of make, and what each of them is."""
SIDE_BY_SIDE = frozenset({"test-alerts", "lint-chart", "test-brokers", "test-archive"})
"""Each of them is shown when it has ended."""
CLOSING = re.compile(r"^=*\s*((?:\d+ [a-z]+(?:, )?)+) in [\d.]+s\b")
"""How pytest ends: `== 2 failed, 5 passed, 1 rerun in 3.21s ==`."""
LEFT_OUT = "left out: "
TRIED = ("failed: ", "tried again: ")
"""What tests/conftest.py says of a test that failed, and of its first try: name and error in one line."""
COUNTS = ("passed", "failed", "error", "rerun", "skipped")
PIECE = 65536
SHOWN = 5
"""Lines with secrets, and failed tests, that are shown of each stage."""
MARK = "s3cr3t"
"""A test writes it into each value of a Secret and each password that it makes, so that these are found wherever they
go. Tokens are found by their form."""


def _encoded(mark: bytes) -> list[str]:
    """The characters that the mark makes in base64, wherever it begins."""
    return [b64encode(bytes(skipped) + mark).decode()[-(-skipped * 8 // 6) :].rstrip("=")[:-1] for skipped in range(3)]


FORMS = (
    MARK,
    *map(re.escape, _encoded(MARK.encode())),
    # What `dkron-api token` makes, and not the name of a metric.
    r"\bdkron_(?=[\w-]*[A-Z])[\w-]{43}(?![\w-])",
    # A JSON Web Token, as service accounts have them.
    r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}",
)
SECRET = re.compile("|".join(FORMS))


@dataclass(frozen=True, slots=True)
class Stage:
    """What became of one: its exit code, how many tests did what, and how many seconds it took."""

    target: str
    code: int
    counts: dict[str, int]
    seconds: float
    left_out: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    """Lines that it printed with a secret of a test in them, without that."""
    tried: tuple[str, ...] = ()
    """The tests that failed, and those that failed once: a line each."""

    @property
    def outcome(self) -> str:
        """One word."""
        return "passed" if self.code == 0 and not self.secrets else "FAILED"


def lines_with_secrets(text: str) -> list[str]:
    """The lines that hold a secret of a test; in each `***` replaces it. Pure."""
    return [SECRET.sub("***", line) for line in text.splitlines() if SECRET.search(line)]


def counted(lines: Iterable[str]) -> dict[str, int]:
    """How many tests did what, by all closing lines of pytest among these. Pure."""
    counts = dict.fromkeys(COUNTS, 0)
    for line in lines:
        if closing := CLOSING.match(line):
            for number, word in re.findall(r"(\d+) ([a-z]+)", closing[1]):
                key = word if word in counts else word.removesuffix("s")
                counts[key] = counts.get(key, 0) + int(number)
    return counts


def table(stages: Sequence[Stage]) -> Iterator[str]:
    """The lines of the summary. Pure."""
    yield f"{'stage':17}{'':8}" + "".join(f"{word:>9}" for word in COUNTS) + f"{'time':>9}"
    for stage in stages:
        numbers = "".join(f"{stage.counts.get(word, 0) or '-':>9}" for word in COUNTS)
        minutes, seconds = divmod(round(stage.seconds), 60)
        yield f"{stage.target:17}{stage.outcome:8}{numbers}{f'{minutes}:{seconds:02}':>9}"
    yield from dict.fromkeys(line for stage in stages for line in stage.left_out)
    yield from (f"{stage.target} printed a secret: {line}" for stage in stages for line in stage.secrets)
    yield from (line for stage in stages for line in stage.tried)


def run(target: str, arguments: Sequence[str], show: Callable[[bytes], None]) -> Stage:
    """Run one target of make. `show` gets what it prints as it comes."""
    began, text = time.monotonic(), bytearray()
    command = ["make", "--no-print-directory", target, *arguments]
    reading, writing = os.pipe()
    with subprocess.Popen(command, stdout=writing, stderr=writing) as process:
        os.close(writing)
        while piece := os.read(reading, PIECE):
            show(piece)
            text += piece
        os.close(reading)
    said = text.decode(errors="replace")
    lines, secrets = said.splitlines(), tuple(lines_with_secrets(said)[:SHOWN])
    left_out = tuple(line for line in lines if line.startswith(LEFT_OUT))
    tried = tuple(line for line in lines if line.startswith(TRIED))[:SHOWN]
    return Stage(target, process.returncode, counted(lines), time.monotonic() - began, left_out, secrets, tried)


def one_by_one(targets: Iterable[str], arguments: Sequence[str]) -> Iterator[Stage]:
    """Run these, and show what they print as it comes."""
    for target in targets:
        _show(_title(target))
        yield run(target, arguments, _show)


def side_by_side(targets: Sequence[str], arguments: Sequence[str]) -> Iterator[Stage]:
    """Run these at the same time, and show what each has printed, one after the other."""
    printed = {target: bytearray(_title(target)) for target in targets}
    with ThreadPoolExecutor(len(targets)) as pool:
        running = [pool.submit(run, target, arguments, printed[target].extend) for target in targets]
        for target, each in zip(targets, running, strict=True):
            stage = each.result()
            _show(bytes(printed[target]))
            yield stage


def _title(target: str) -> bytes:
    return f"== {STAGES[target]}\n".encode()


def _show(piece: bytes) -> None:
    sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()


def main(arguments: Sequence[str]) -> int:
    """Run all of them. `arguments` go to make."""
    stages: list[Stage] = []
    for together, targets in groupby(STAGES, key=SIDE_BY_SIDE.__contains__):
        stages += (side_by_side if together else one_by_one)(tuple(targets), arguments)
    _show("\n".join(("", "== all stages", *table(stages), "")).encode())
    return 0 if all(stage.outcome == "passed" for stage in stages) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
