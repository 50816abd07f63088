"""How pip reaches its packages on this machine, for a pip that runs in a build.

Both files go there as secrets: an address may hold a password, and none of it belongs into an image.
"""

import ast
import os
import ssl
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

QUERY_SECONDS = 60
OPTIONS = frozenset({"extra-index-url", "find-links", "index-url", "proxy", "retries", "timeout", "trusted-host"})
ADDRESSES = frozenset({"find-links"})
INSIDE = "/run/secrets/certificates"


def write(folder: Path) -> Mapping[str, Path]:
    """Write `pip.conf` and the certificates that this machine trusts into a folder; the path of each, by name."""
    settings, secrets = options(_configured()), {"pip.conf": folder / "pip.conf"}
    trusted = _certificates()
    if trusted is not None:
        secrets["certificates"], settings["cert"] = trusted, INSIDE
    lines = [f"{name} = {value}" for name, value in sorted(settings.items())]
    secrets["pip.conf"].touch(mode=0o600)
    secrets["pip.conf"].write_text("\n".join(["[global]", *lines, ""]), encoding="utf-8")
    return secrets


def options(listed: Iterable[str]) -> dict[str, str]:
    """What matters in a build, from lines as `pip config list` prints them: `global.index-url='https://…'`.

    The environment has the last word, as with pip. Folders of this machine are not there in a build.
    """
    chosen: dict[str, str] = {}
    for line in sorted(listed, key=lambda line: line.startswith(":env:")):
        key, _, literal = line.partition("=")
        name, value = key.rpartition(".")[2].removeprefix("default-"), _text(literal)
        if name in OPTIONS and (name not in ADDRESSES or "://" in value):
            chosen[name] = value.replace("\n", "\n    ")
    return chosen


def _text(literal: str) -> str:
    try:
        return str(ast.literal_eval(literal))
    except (SyntaxError, ValueError):
        return literal


def _configured() -> list[str]:
    command = [sys.executable, "-m", "pip", "config", "list"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=QUERY_SECONDS, check=False)
    return answer.stdout.splitlines()


def _certificates() -> Path | None:
    named = (os.environ.get("PIP_CERT"), os.environ.get("SSL_CERT_FILE"), ssl.get_default_verify_paths().cafile)
    return next((Path(path) for path in named if path and Path(path).is_file()), None)
