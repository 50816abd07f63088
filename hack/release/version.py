"""The version, which stands in pyproject.toml and nowhere else, and what it is called in other places.

Python (PEP 440) and Helm (Semantic Versioning) write a version that precedes a release differently: `0.2.0rc1` is
`0.2.0-rc.1` there. Only versions that both can say are taken.
"""

import re
import tomllib
from pathlib import Path

from release.errors import ReleaseError

PROJECT = "pyproject.toml"
_VERSION = re.compile(r"(?P<release>\d+\.\d+\.\d+)(?:(?P<stage>a|b|rc)(?P<number>\d+))?")
_STAGES = {"a": "alpha", "b": "beta", "rc": "rc"}


def of_project(root: Path) -> str:
    """The version of a checkout, as Python writes it."""
    project = tomllib.loads((root / PROJECT).read_text(encoding="utf-8"))["project"]
    return str(project["version"])


def semantic(version: str) -> str:
    """The same version as Helm writes it. Raises ReleaseError for one that it could not."""
    match = _VERSION.fullmatch(version)
    if match is None:
        raise ReleaseError(f"{PROJECT}: version '{version}' must have the form 1.2.3 or 1.2.3rc1 (a, b, rc)")
    stage = match["stage"]
    return f"{match['release']}-{_STAGES[stage]}.{match['number']}" if stage else match["release"]


def precedes_a_release(version: str) -> bool:
    """Whether it is one to try: an alpha, a beta or a release candidate."""
    return semantic(version) != version
