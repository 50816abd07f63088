"""What `helm test` runs: creates, runs and deletes a job, through the REST API by the name of its Service."""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from typing import Any


class Failed(Exception):
    """`str()` says what was wrong."""


def call(method: str, url: str, body: object = None, *, seconds: float = 10.0) -> Any:  # noqa: ANN401 - JSON is anything
    """The JSON of the answer. Raises `Failed`."""
    request = urllib.request.Request(
        url,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=seconds) as response:
            return json.load(response)
    except urllib.error.HTTPError as exc:
        raise Failed(f"{method} {url} answers {exc.code}: {exc.read().decode(errors='replace').strip()}") from None
    except OSError as exc:
        raise Failed(f"{method} {url}: {exc}") from None


def wait_for_leader(api: str, *, seconds: float) -> str:
    """Wait until the REST API is healthy and somebody leads: who it is."""
    until = time.monotonic() + seconds
    while True:
        try:
            call("GET", f"{api}/health")
            return str(call("GET", f"{api}/v1/leader")["Name"])
        except Failed as exc:
            if time.monotonic() > until:
                raise
            print(f"waiting: {exc}", flush=True)
            time.sleep(1)


def run(api: str, *, target: str, seconds: float) -> object:
    """Have a job run that calls the target: its executions."""
    name = f"helm-test-{time.time_ns()}"
    job = {"name": name, "schedule": "@manually", "owner": "helm test", "executor": "http"}
    call("POST", f"{api}/v1/jobs", {**job, "executor_config": {"method": "GET", "url": target, "timeout": "10"}})
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
        print("leader:", wait_for_leader(api, seconds=seconds), flush=True)
        print("executions:", run(api, target=os.environ["TARGET"], seconds=seconds), flush=True)
    except Failed as exc:
        print(f"failed: {exc}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
