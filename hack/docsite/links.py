"""Where a link in a file of the repository leads on the site.

The same text is read on a forge, where links are paths between files. On the site some of these files are pages, and
all others are at the address of the repository.
"""

from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[2]
REPOSITORY = "https://github.com/dkron-operator/dkron-operator"
DOCS = PurePosixPath("docs")

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
