"""Makes pictures small: 256 colours are enough for a page of text. Pillow comes from PyPI into the cache of tools."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from localcluster.pypi import installed

PILLOW = "12.3.0"
_PROGRAM = """
import sys
from PIL import Image
for path in sys.argv[1:]:
    with Image.open(path) as picture:
        few = picture.convert("RGB").quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    few.save(path, optimize=True)
"""


def shrink(pictures: Sequence[Path]) -> None:
    """Write these PNG files anew, with a palette."""
    environment = {**os.environ, "PYTHONPATH": str(installed("pillow", PILLOW))}
    subprocess.run([sys.executable, "-c", _PROGRAM, *map(str, pictures)], env=environment, check=True)
