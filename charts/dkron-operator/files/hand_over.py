"""What a pod of the REST API does before it ends: it goes on answering until another pod answers in its place.

Where no pod of the Service is ready, Kubernetes sends requests to those that are about to end, as long as they answer.
So nobody notices a change of `api.mode`, which deletes the pods of the API before those of the operator have it beside
them.
"""

import os
import socket
import sys
import time
import urllib.parse
import urllib.request

SETTLE = 3.0
"""Seconds for which nodes and gateways go on to send requests here after another pod was ready."""


DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def answered_by_another(url: str, own: str) -> bool:
    """Whether another pod answers at the Service."""
    try:
        with DIRECT.open(f"{url}/health", timeout=2) as answer:
            return str(answer.headers["X-Whom"]) != own
    except OSError:
        return False


def has_name(url: str) -> bool:
    """Whether there is a Service of this name. It goes before the pods when the release is uninstalled."""
    try:
        socket.getaddrinfo(urllib.parse.urlsplit(url).hostname, None)
    except OSError:
        return False
    return True


def main(url: str, seconds: float) -> None:
    """Wait for another pod, `seconds` at most."""
    until = time.monotonic() + seconds
    own = os.environ["POD_NAME"]
    while time.monotonic() + SETTLE < until and has_name(url) and not answered_by_another(url, own):
        time.sleep(0.5)
    time.sleep(SETTLE)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
