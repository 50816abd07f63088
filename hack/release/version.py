"""The version, which stands in pyproject.toml and nowhere else by hand, and what it is called in other places.

Python (PEP 440) and Helm (Semantic Versioning) write a version that precedes a release differently: `0.2.0rc1` is
`0.2.0-rc.1` there. Only versions that both can say are taken. The chart and lines in pages that people copy hold it
too: `make generate` writes it there.
"""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from dkron_runtime.image import REPOSITORY
from release import ReleaseError

PROJECT = "pyproject.toml"
_VERSION = re.compile(r"(?P<release>\d+\.\d+\.\d+)(?:(?P<stage>a|b|rc)(?P<number>\d+))?")
_STAGES = {"a": "alpha", "b": "beta", "rc": "rc"}
ROOT = Path(__file__).parents[2]
PAGES = (
    "README.md",
    "docs/**/*.md",
    "charts/*/*.md",
    "charts/*/*.gotmpl",
    "charts/*/values.yaml",
    "examples/**/*.yaml",
)
CHART = "charts/*/Chart.yaml"
_ANY = r"\d+\.\d+\.\d+[\w.-]*\b"
_IMAGE = re.compile(rf"(?P<before>\b{re.escape(REPOSITORY)}:){_ANY}")
_OPTION = re.compile(rf"(?P<before>dkron-operator/charts/dkron-operator --version[= ]){_ANY}")
_CHART = re.compile(rf"^(?P<before>version: \"?){_ANY}", re.MULTILINE)
_APPLICATION = re.compile(rf"^(?P<before>appVersion: \"?){_ANY}", re.MULTILINE)


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


def renewed(text: str, *, version: str, chart: bool) -> str:
    """A text with this version in each place that holds one; `chart` says that it is a Chart.yaml."""
    text = _IMAGE.sub(rf"\g<before>{version}", text)
    text = _OPTION.sub(rf"\g<before>{semantic(version)}", text)
    if chart:
        text = _CHART.sub(rf"\g<before>{semantic(version)}", text)
        text = _APPLICATION.sub(rf"\g<before>{version}", text)
    return text


def outdated(root: Path, version: str) -> Iterator[tuple[Path, str]]:
    """Each file that says another version, and what it should be."""
    for path, chart in _files(root):
        text = path.read_text(encoding="utf-8")
        wanted = renewed(text, version=version, chart=chart)
        if wanted != text:
            yield path, wanted


def _files(root: Path) -> Iterator[tuple[Path, bool]]:
    for pattern in PAGES:
        yield from ((path, False) for path in sorted(root.glob(pattern)))
    yield from ((path, True) for path in sorted(root.glob(CHART)))
