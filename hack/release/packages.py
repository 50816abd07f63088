"""The packages of an image, by what package managers left in it: Python's metadata, Debian's database, and the list of
the JavaScript packages that the build of the web page contains.

The interpreter may have come by neither, as in Python's own images; the environment says which it is.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from email.parser import Parser

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_METADATA = re.compile(r"opt/dkron/lib/python3\.\d+/site-packages/[^/]+\.dist-info/METADATA")
_PAGE = re.compile(r"opt/dkron/lib/python3\.\d+/site-packages/dkron_api/assets/ui/packages\.json")
_ENVIRONMENT = re.compile(r"opt/dkron/pyvenv\.cfg")
_INTERPRETER = re.compile(r"^version\s*=\s*(\S+)$", re.MULTILINE)
_DPKG = re.compile(r"var/lib/dpkg/status(\.d/[^/]+)?")
_SYSTEM = re.compile(r"(etc|usr/lib)/os-release")
_LONG = 100
"""Characters from which on a licence field holds the text of the licence, as old metadata may."""


@dataclass(frozen=True, slots=True)
class Package:
    """A package that is installed, by its name in the ecosystem that it comes from."""

    ecosystem: str
    """`pypi`, `npm`, `deb` or `generic`, as in package URLs."""
    name: str
    version: str
    summary: str = ""
    licence: str = ""
    architecture: str = ""
    needs: frozenset[str] = frozenset()
    """Names of packages of the same ecosystem, whether installed or not."""


def described(path: str) -> bool:
    """Whether a file of the image, by its path, is one that `installed` and `system` read."""
    return any(pattern.fullmatch(path) for pattern in (_METADATA, _PAGE, _ENVIRONMENT, _DPKG, _SYSTEM))


def installed(files: Mapping[str, bytes]) -> list[Package]:
    """All packages, in the order of their names."""
    found = [package for path, content in files.items() for package in _read(path, content.decode("utf-8", "replace"))]
    return sorted(found, key=lambda package: (package.ecosystem, package.name))


def system(files: Mapping[str, bytes]) -> Mapping[str, str]:
    """The operating system's description of itself, such as `{"ID": "debian", "VERSION_ID": "13"}`."""
    content = next((content for path, content in sorted(files.items()) if _SYSTEM.fullmatch(path)), b"")
    pairs = (line.split("=", 1) for line in content.decode().splitlines() if "=" in line)
    return {name: value.strip('"') for name, value in pairs}


def _read(path: str, text: str) -> Iterator[Package]:
    if _METADATA.fullmatch(path):
        yield _python(Parser().parsestr(text, headersonly=True))
    elif _PAGE.fullmatch(path):
        yield from (Package("npm", each["name"], each["version"], licence=each["license"]) for each in json.loads(text))
    elif _ENVIRONMENT.fullmatch(path):
        yield from (Package("generic", "python", version) for version in _INTERPRETER.findall(text))
    elif _DPKG.fullmatch(path):
        for stanza in re.split(r"\n{2,}", text.strip()):
            fields = Parser().parsestr(stanza + "\n", headersonly=True)
            if "Package" in fields and fields.get("Status", "install ok installed").endswith(" installed"):
                yield _debian(fields)


def _python(fields: Message) -> Package:
    licence = fields.get("License-Expression") or fields.get("License") or ""
    requirements = (Requirement(line) for line in fields.get_all("Requires-Dist") or ())
    return Package(
        ecosystem="pypi",
        name=canonicalize_name(fields["Name"]),
        version=fields["Version"],
        summary=fields.get("Summary", ""),
        licence=licence if len(licence) < _LONG and "\n" not in licence else "",
        needs=frozenset(canonicalize_name(each.name) for each in requirements),
    )


def _debian(fields: Message) -> Package:
    needs = re.split(r"[,|]", fields.get("Depends", "") + "," + fields.get("Pre-Depends", ""))
    return Package(
        ecosystem="deb",
        name=fields["Package"],
        version=fields["Version"],
        summary=fields.get("Description", "").split("\n")[0],
        architecture=fields.get("Architecture", ""),
        needs=frozenset(re.split(r"[\s:(]", need.strip())[0] for need in needs if need.strip()),
    )
