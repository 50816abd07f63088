"""The entry point of the pod: `python -m dkron_executors <name>`."""

import os
import sys

from dkron_executors.program import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
