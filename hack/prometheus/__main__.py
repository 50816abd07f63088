"""`python -m prometheus`: fetch Prometheus, so that progress shows and no test waits for it."""

import sys

from localcluster.debian import NoPackages
from localcluster.errors import ClusterError
from prometheus import programs

if __name__ == "__main__":
    try:
        programs.find("prometheus")
    except NoPackages as exc:
        print(f"the tests with Prometheus will be left out: {exc}")
    except ClusterError as exc:
        sys.exit(f"prometheus: {exc}")
