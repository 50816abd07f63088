"""`python -m tests.chaos FILE`: judge a history. 0: nothing to object to, 1: objections, 2: not a history, 3: not
judged.
"""

import sys
from pathlib import Path

from tests.chaos.ending import NO_VERDICT
from tests.chaos.reading import read
from tests.chaos.verdict import judge


def main(arguments: list[str]) -> int:
    """Read the file, print the verdict."""
    if len(arguments) != 1:
        print(
            "usage: python -m tests.chaos FILE   (JSON Lines, see tests/chaos/reading.py; - is standard input)",
            file=sys.stderr,
        )
        return 2
    try:
        text = sys.stdin.read() if arguments[0] == "-" else Path(arguments[0]).read_text(encoding="utf-8")
        verdict = judge(read(text.splitlines()))
    except (OSError, ValueError) as error:
        print(f"{arguments[0]}: {error}", file=sys.stderr)
        return 2
    print(verdict)
    if verdict.unjudged:
        return NO_VERDICT
    return 0 if verdict.valid else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
