"""Finds the words that CONTRIBUTING.md's table "Instead of" lists, in docstrings, comments, strings and pages.

A phrase is also found across the end of a line. One that begins with a capital is meant at the start of a statement:
its case counts, and questions, headings and links are left out."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GUIDE = "CONTRIBUTING.md"
LEFT_OUT = ("LICENSE", "api/dkron_api/assets/", "tests/unit/test_prose.py")
"""Texts of others, built files, and the tests of these words."""
NO_PROSE = (".png", ".svg", ".json", ".tgz")
GENERATED = re.compile(r"<!-- [^>]*: make generate writes.*?<!-- /", re.DOTALL)
"""A part of a page that repeats other files. JSON files do, too: it is their sources that are checked."""
GAP = r"[\s#\"*>]+f?[\s\"]*"
"""Between two words of a phrase: also the end of a line, the mark of a comment, or the joint of two strings."""
ROW = re.compile(r"^\| (`[^|]+`) \| ([^|]+) \|$", re.MULTILINE)


def table(guide: str) -> dict[str, str]:
    """Return the better words, by phrase."""
    return {phrase: better.strip() for row, better in ROW.findall(guide) for phrase in re.findall(r"`([^`]+)`", row)}


def findings(text: str, words: dict[str, str]) -> Iterator[tuple[int, str, str]]:
    """Yield line, phrase and the better words for each place. `nobody:x:…` is a line of /etc/passwd."""
    for phrase, better in words.items():
        pattern = rf"(?<![\w.\[-]){GAP.join(map(re.escape, phrase.split()))}(?![\w-]|:[x/])"
        start = phrase[0].isupper()
        for found in re.finditer(pattern, text, 0 if start else re.IGNORECASE):
            line_begin = text.rfind("\n", 0, found.start()) + 1
            heading = re.match(r"#+ ", text[line_begin : found.start()])
            if not start or not (heading or _asks(text, found.end())):
                yield text.count("\n", 0, found.start()) + 1, phrase, better


def _asks(text: str, at: int) -> bool:
    """Whether the sentence at this place is a question."""
    end = re.search(r"[.?!]\s|\n\s*\n|\?", text[at:])
    return end is not None and end[0].startswith("?")


def _blank(part: re.Match[str]) -> str:
    return "\n" * part[0].count("\n")


def main() -> int:
    """Print each finding as file:line, and return the exit code."""
    words = table((ROOT / GUIDE).read_text(encoding="utf-8"))
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
    count = 0
    for name in filter(None, listed.stdout.split("\0")):
        if name.startswith(LEFT_OUT) or name.endswith(NO_PROSE):
            continue
        text = GENERATED.sub(_blank, (ROOT / name).read_text(encoding="utf-8"))
        if name == GUIDE:
            text = ROW.sub("", text)
        for line, phrase, better in findings(text, words):
            count += 1
            print(f'{name}:{line}: "{phrase}"; write: {better}')
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
