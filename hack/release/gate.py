"""Whether a checkout may become a release. Pure: what is known of it comes in."""

from image.source import Source
from release import changelog


def refusal(*, version: str, notes: str, source: Source, tag: str) -> str:
    """One sentence that says why not, and what to do; empty if nothing speaks against it.

    `notes` is the text of CHANGELOG.md; `tag` is the one that is being released, empty if none is known.
    """
    if not source.commit:
        return "this checkout has no commit, so a release could not be traced to its source; use a clone"
    if source.changed:
        return "files differ from the commit, see `git status`; commit or remove them"
    section = changelog.section(notes, version)
    if section is None or not section.date:
        return f"CHANGELOG.md has no section `## {version} - YYYY-MM-DD`; move what is under Unreleased there"
    if not section.text:
        return f"CHANGELOG.md says nothing about {version}"
    if tag and tag != f"v{version}":
        return f"the tag is {tag} and pyproject.toml says {version}; a release {version} is tagged v{version}"
    return ""
