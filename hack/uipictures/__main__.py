"""`python -m uipictures [--views FOLDER]`: write the pictures of the documentation, or of each view."""

import argparse
import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from localcluster.pypi import installed
from uipictures.example import NOW, objects
from uipictures.server import running

PILLOW = "12.3.0"
_SHRINK = """
import sys
from PIL import Image
for path in sys.argv[1:]:
    with Image.open(path) as picture:
        few = picture.convert("RGB").quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    few.save(path, optimize=True)
"""
ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"


def shrink(pictures: Sequence[Path]) -> None:
    """Write these PNG files with a palette: 256 colours are enough for a page of text. Pillow comes from PyPI."""
    environment = {**os.environ, "PYTHONPATH": str(installed("pillow", PILLOW))}
    subprocess.run([sys.executable, "-c", _SHRINK, *map(str, pictures)], env=environment, check=True)


async def take(folder: Path | None, only: str) -> int:
    """Take the pictures; the exit status of the browser."""
    example = objects()
    run = next(each for each in example["dkronjobs"] if each["metadata"]["name"] == "nightly-backup")
    async with running(example) as url:
        wanted = {
            "url": url, "now": int(NOW.timestamp() * 1000), "run": run["status"]["executions"][0]["id"],
            "folder": str(folder or IMAGES), "each": folder is not None, "only": only,
        }  # fmt: skip
        process = await asyncio.create_subprocess_exec("node", "pictures.mjs", json.dumps(wanted), cwd=ROOT / "ui")
        return await process.wait()


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--views", type=Path, help="a picture of each view: light, dark, and as on a phone")
    parser.add_argument("--only", default="", metavar="BEGIN", help="only pictures whose names begin so")
    arguments = parser.parse_args()
    folder = arguments.views
    if folder is not None:
        folder = folder.resolve()
        folder.mkdir(parents=True, exist_ok=True)
    if failed := asyncio.run(take(folder, arguments.only)):
        return failed
    if folder is None:
        shrink(sorted(IMAGES.glob("ui*.png")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
