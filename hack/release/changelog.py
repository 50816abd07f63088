"""CHANGELOG.md as https://keepachangelog.com has it: a section for each version, the newest first."""

import re
from dataclasses import dataclass

UNRELEASED = "Unreleased"
_HEADING = re.compile(r"^## \[?(?P<name>[^\]\s]+)\]?(?: - (?P<date>\d{4}-\d{2}-\d{2}))?[ \t]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Section:
    """What is said about one version."""

    name: str
    date: str
    """As `2026-11-25`; empty for what is not released."""
    text: str


def sections(changelog: str) -> list[Section]:
    """All sections, in the order of the file."""
    headings = [*_HEADING.finditer(changelog)]
    ends = [*(heading.start() for heading in headings[1:]), len(changelog)]
    return [
        Section(heading["name"], heading["date"] or "", changelog[heading.end() : end].strip())
        for heading, end in zip(headings, ends, strict=True)
    ]


def section(changelog: str, name: str) -> Section | None:
    """The section of one version."""
    return next((each for each in sections(changelog) if each.name == name), None)


def notes(changelog: str, version: str) -> str:
    """What is said about a version, or, for one that has no section and is only tried, about what is not released."""
    found = section(changelog, version) or section(changelog, UNRELEASED)
    return found.text if found else ""
