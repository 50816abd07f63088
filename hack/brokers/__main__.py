"""`python -m brokers`: fetch what the tests with brokers run, so that progress shows and no test waits for it."""

import sys

from brokers import kafka, rabbitmq
from localcluster.debian import NoPackages
from localcluster.errors import ClusterError

if __name__ == "__main__":
    try:
        try:
            rabbitmq.install()
        except NoPackages as exc:
            print(f"the tests with RabbitMQ will be left out: {exc}")
        kafka.install()
    except ClusterError as exc:
        sys.exit(f"brokers: {exc}")
