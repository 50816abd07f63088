"""What `helm test` runs: creates, runs and deletes a job, through the REST API by the name of its Service.

An API that takes no tokens of the cluster has none for a test, which then sees that it is refused.
"""

import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any


class Failed(Exception):
    """`str()` is the problem. `status` is the answer's, 0 without one."""

    def __init__(self, text: str, *, status: int = 0) -> None:
        super().__init__(text)
        self.status = status


def headers() -> dict[str, str]:
    """Return the headers of each request, with the token if there is one."""
    path = os.environ.get("TOKEN_FILE")
    token = {"Authorization": f"Bearer {Path(path).read_text(encoding='utf-8').strip()}"} if path else {}
    return {"Content-Type": "application/json", **token}


def trust() -> ssl.SSLContext | None:
    """Return one that takes the certificate of the Secret and no other, whatever its names and its issuer."""
    path = os.environ.get("CERTIFICATE_FILE")
    if not path:
        return None
    context = ssl.create_default_context(cafile=path)
    context.check_hostname = False
    context.verify_flags = (context.verify_flags | ssl.VERIFY_X509_PARTIAL_CHAIN) & ~ssl.VERIFY_X509_STRICT
    return context


def call(method: str, url: str, body: object = None, *, seconds: float = 10.0) -> Any:  # noqa: ANN401 - JSON is anything
    """The JSON of the answer. Raises `Failed`."""
    request = urllib.request.Request(
        url,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers=headers(),
    )
    try:
        with urllib.request.urlopen(request, timeout=seconds, context=trust()) as response:
            return json.load(response)
    except urllib.error.HTTPError as exc:
        text = exc.read().decode(errors="replace").strip()
        raise Failed(f"{method} {url} answers {exc.code}: {text}", status=exc.code) from None
    except OSError as exc:
        raise Failed(f"{method} {url}: {exc}") from None


def wait_for_leader(api: str, *, seconds: float) -> str:
    """Wait until the REST API is healthy and a replica leads: its name."""
    return str(wait_for(lambda: call("GET", f"{api}/v1/leader")["Name"], api, seconds=seconds))


def wait_for(answer: Callable[[], object], api: str, *, seconds: float) -> object:
    """Wait until the REST API is healthy and there is an answer."""
    until = time.monotonic() + seconds
    while True:
        try:
            call("GET", f"{api}/health")
            return answer()
        except Failed as exc:
            if time.monotonic() > until:
                raise
            print(f"waiting: {exc}", flush=True)
            time.sleep(1)


def refusal(api: str) -> str:
    """Ask without a token: how that is refused."""
    try:
        call("GET", f"{api}/v1/jobs")
    except Failed as exc:
        if exc.status == HTTPStatus.UNAUTHORIZED:
            return str(exc)
        raise
    raise Failed("the REST API answers a caller without a token")


def run(api: str, *, image: str, seconds: float) -> object:
    """Have a job run a command of the image, which needs no network: its executions."""
    name = f"helm-test-{time.time_ns()}"
    job = {"name": name, "schedule": "@manually", "owner": "helm test", "executor": "shell"}
    call("POST", f"{api}/v1/jobs", {**job, "executor_config": {"command": "python --version", "image": image}})
    print(f"created {name}", flush=True)
    try:
        after = call("POST", f"{api}/v1/jobs/{name}/run?wait=true", seconds=seconds)
        executions = call("GET", f"{api}/v1/jobs/{name}/executions")
    finally:
        call("DELETE", f"{api}/v1/jobs/{name}")
        print(f"deleted {name}", flush=True)
    if after["status"] != "success":
        raise Failed(f"the job has ended with {after['status']}: {executions}")
    return executions


def main() -> int:
    """The exit status."""
    api, seconds = os.environ["API"], float(os.environ["SECONDS"])
    try:
        if os.environ.get("AUTH", "none") != "none" and "TOKEN_FILE" not in os.environ:
            print("refused:", wait_for(lambda: refusal(api), api, seconds=seconds), flush=True)
            return 0
        print("leader:", wait_for_leader(api, seconds=seconds), flush=True)
        print("executions:", run(api, image=os.environ["IMAGE"], seconds=seconds), flush=True)
    except Failed as exc:
        print(f"failed: {exc}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
