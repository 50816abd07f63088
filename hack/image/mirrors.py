"""Where this machine gets Debian from: what its apt is set up with, for the suite that is wanted."""

import shutil
import subprocess
from collections.abc import Iterable

QUERY = ("apt-get", "indextargets", "--format", "$(ORIGIN) $(CODENAME) $(REPO_URI)", "Created-By: Packages")
QUERY_SECONDS = 60


def of(suite: str) -> list[str]:
    """Lines for a sources.list; none where apt does not know Debian, for mmdebstrap has a default."""
    if shutil.which(QUERY[0]) is None:
        return []
    answer = subprocess.run(QUERY, capture_output=True, text=True, timeout=QUERY_SECONDS, check=False)
    return lines(answer.stdout.splitlines(), suite=suite)


def lines(known: Iterable[str], *, suite: str) -> list[str]:
    """From `Debian bookworm http://…` for each repository to the same of another suite, its updates and security."""
    found = (line.split(" ") for line in known)
    debian = {(_renamed(row[1], suite), row[2]) for row in found if len(row) == 3 and row[0] == "Debian"}  # noqa: PLR2004
    return [f"deb {address} {name} main" for name, address in sorted(debian)]


def _renamed(codename: str, suite: str) -> str:
    """`bookworm-security` as `trixie-security`."""
    _, dash, pocket = codename.partition("-")
    return f"{suite}{dash}{pocket}"
