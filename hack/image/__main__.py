"""`python -m image`."""

import sys

from image.cli import main

sys.exit(main())
