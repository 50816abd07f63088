"""Whether a checkout may become a release, by CHANGELOG.md and by git. Pure: what is known of it comes in.

CHANGELOG.md is as https://keepachangelog.com has it: a section for each version, the newest first.
"""

import re
from dataclasses import dataclass

from image.source import Source

UNRELEASED = "Unreleased"
_HEADING = re.compile(r"^## \[?(?P<name>[^\]\s]+)\]?(?: - (?P<date>\d{4}-\d{2}-\d{2}))?[ \t]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Section:
    """The section of the changelog about one version."""

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


def section_of(changelog: str, name: str) -> Section | None:
    """The section of one version."""
    return next((each for each in sections(changelog) if each.name == name), None)


def notes(changelog: str, version: str) -> str:
    """The section about a version; for one without a section that is only tried, the section of unreleased changes."""
    found = section_of(changelog, version) or section_of(changelog, UNRELEASED)
    return found.text if found else ""


def refusal(*, version: str, notes: str, source: Source, tag: str) -> str:
    """One sentence that says why not, and what to do; empty if nothing speaks against it.

    `notes` is the text of CHANGELOG.md; `tag` is the one that is being released, empty if none is known.
    """
    if not source.commit:
        return "this checkout has no commit, so a release could not be traced to its source; use a clone"
    if source.changed:
        return "files differ from the commit, see `git status`; commit or remove them"
    section = section_of(notes, version)
    if section is None or not section.date:
        return f"CHANGELOG.md has no section `## {version} - YYYY-MM-DD`; move what is under Unreleased there"
    if not section.text:
        return f"CHANGELOG.md says nothing about {version}"
    if tag and tag != f"v{version}":
        return f"the tag is {tag} and pyproject.toml says {version}; a release {version} is tagged v{version}"
    return ""
