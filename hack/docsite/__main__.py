"""`python -m docsite check|external FOLDER`: checks a site that was built, or the addresses that it names."""

import asyncio
import sys
from pathlib import Path

from docsite.built import external, files_in, pages_in, problems, unreachable
from docsite.links import REPOSITORY

SITE = "https://dkron-operator.github.io/dkron-operator/"
OWN = (REPOSITORY, SITE)
"""Addresses that are right if the files of the repository are, which the build has looked at."""


def main(arguments: list[str]) -> int:
    """Tell what is wrong; the exit status."""
    what, folder = arguments
    pages = pages_in(Path(folder))
    if what == "external":
        links = {url: page for url, page in external(pages).items() if not url.startswith(OWN)}
        wrong = asyncio.run(unreachable(links))
    else:
        links = {}
        wrong = list(problems(pages, files=files_in(Path(folder)), site=SITE))
    sys.stderr.writelines(f"{sentence}\n" for sentence in wrong)
    if not wrong:
        good = f"{len(links)} addresses elsewhere answer" if links else "all links resolve"
        sys.stdout.write(f"{folder}: {len(pages)} pages, and {good}\n")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
