"""Where a link in a file of the repository leads on the site, and which pages the site has.

The same text is read on a forge, where links are paths between files. On the site some of these files are pages: the
files of docs/ and a few that have their place elsewhere; all others are at the address of the repository.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath
from typing import Any
from urllib.parse import urlsplit

GUESTS: Mapping[str, str] = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "bench/README.md": "figures.md",
    "charts/dkron-operator/README.md": "values.md",
    "examples/README.md": "examples.md",
}
"""Files outside of docs/ that are pages, and their paths on the site."""
ROOT = Path(__file__).parents[2]
REPOSITORY = "https://github.com/dkron-operator/dkron-operator"
DOCS = PurePosixPath("docs")


def pages_of(documents: Iterable[str]) -> dict[str, str]:
    """Path on the site of each page by its path in the repository; `documents` are the paths in docs/."""
    return {**{f"docs/{path}": path for path in documents}, **GUESTS}


def with_folders(navigation: Any, documents: Iterable[str]) -> Any:  # noqa: ANN401 - a tree of lists, maps and texts
    """The navigation with each pattern (`adr/0*.md`) replaced by what it stands for, in order.

    Raises ValueError for a pattern that fits nothing.
    """
    known = sorted(documents)
    if isinstance(navigation, Mapping):
        return {title: with_folders(below, known) for title, below in navigation.items()}
    if isinstance(navigation, list):
        return [entry for each in navigation for entry in _entries(each, known)]
    return navigation


def _entries(entry: object, documents: list[str]) -> list[Any]:
    if not (isinstance(entry, str) and "*" in entry):
        return [with_folders(entry, documents)]
    found = [path for path in documents if PurePosixPath(path).match(entry)]
    if not found:
        raise ValueError(f"nav: {entry} fits no page in docs/")
    return found


Kind = Callable[[str], str]


class BrokenLink(ValueError):
    """A link to something that is not in the repository."""


def in_the_repository(path: str) -> str:
    """`blob` for a file, `tree` for a folder, as in addresses of the repository; empty if there is neither."""
    place = ROOT / path
    return "blob" if place.is_file() else "tree" if place.is_dir() else ""


def destination(link: str, *, source: str, pages: Mapping[str, str], kind: Kind = in_the_repository) -> str:
    """The link as it has to stand on the site.

    `source` is the file with the link and the keys of `pages` are files, both as paths in the repository; the values
    are their paths on the site. Raises BrokenLink.
    """
    parts = urlsplit(link)
    if parts.scheme or parts.netloc or not parts.path:
        return link
    target = normpath(PurePosixPath(source).parent / parts.path)
    anchor = f"#{parts.fragment}" if parts.fragment else ""
    page = pages.get(target) or pages.get(f"{target}/README.md")
    if page:
        return relpath(page, PurePosixPath(pages[source]).parent) + anchor
    where = "" if parts.path.startswith("/") or target.startswith("..") else kind(target)
    if not where:
        raise BrokenLink(f"{source} has a link to {link}, which is not in the repository")
    if DOCS in PurePosixPath(target).parents:
        return relpath(PurePosixPath(target).relative_to(DOCS), PurePosixPath(pages[source]).parent) + anchor
    return f"{REPOSITORY}/{where}/main/{target}{anchor}"
