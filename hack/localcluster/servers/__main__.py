"""`python -m localcluster.servers brokers|postgresql|prometheus|kueue|cert-manager`: get what tests run.

So progress shows, and no test waits for it.
"""

import sys
from collections.abc import Callable, Mapping

from localcluster import build
from localcluster.debian import NoPackages
from localcluster.errors import ClusterError
from localcluster.locks import locked
from localcluster.paths import cache_home
from localcluster.servers import certmanager, kafka, kueue, postgresql, prometheus, rabbitmq

WANTED: Mapping[str, tuple[Callable[[], object], ...]] = {
    "brokers": (rabbitmq.install, kafka.install),
    "postgresql": (postgresql.install,),
    "prometheus": (lambda: prometheus.find("prometheus"),),
    "kueue": (lambda: build.ensure([kueue.program()]),),
    "cert-manager": (lambda: build.ensure([certmanager.program()]),),
}


def main(name: str) -> None:
    """Get all of one kind. Debian's packages may be missing where there is no apt-get: tests with them are left out."""
    # Two of apt-get at the same time would meet its own lock.
    with locked(cache_home() / "servers.lock", purpose="getting servers for tests", seconds=build.BUILD_SECONDS):
        for install in WANTED[name]:
            try:
                install()
            except NoPackages as exc:
                print(f"some tests are left out: {exc}")


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except ClusterError as exc:
        sys.exit(f"{sys.argv[1]}: {exc}")
