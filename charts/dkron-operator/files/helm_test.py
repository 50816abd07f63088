"""What `helm test` runs: creates, runs and deletes a job, through the REST API by the name of its Service."""

import json
import os
import sys
import time
import urllib.error
import urllib.request

API = os.environ["API"]
URL = os.environ["URL"]
SECONDS = float(os.environ["SECONDS"])
JOB = f"helm-test-{os.getpid()}-{time.time_ns() % 10**9}"


class Failed(Exception):
    """The sentence says what was wrong."""


def call(method, path, body=None, seconds=10.0):
    """The JSON of the answer. Raises `Failed`."""
    request = urllib.request.Request(
        API + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=seconds) as response:
            return json.load(response)
    except urllib.error.HTTPError as exc:
        raise Failed(f"{method} {path} answers {exc.code}: {exc.read().decode(errors='replace').strip()}") from None
    except OSError as exc:
        raise Failed(f"{method} {API}{path}: {exc}") from None


def ready():
    """Wait until the REST API is healthy and somebody leads."""
    until = time.monotonic() + SECONDS
    while True:
        try:
            call("GET", "/health")
            return call("GET", "/v1/leader")
        except Failed as exc:
            if time.monotonic() > until:
                raise
            print(f"waiting: {exc}", flush=True)
            time.sleep(1)


def run():
    """Have the job run, and look at what became of it."""
    job = {"name": JOB, "schedule": "@manually", "executor": "http", "owner": "helm test"}
    call("POST", "/v1/jobs", job | {"executor_config": {"method": "GET", "url": URL, "timeout": "10"}})
    print(f"created {JOB}", flush=True)
    try:
        after = call("POST", f"/v1/jobs/{JOB}/run?wait=true", seconds=SECONDS)
        executions = call("GET", f"/v1/jobs/{JOB}/executions")
    finally:
        call("DELETE", f"/v1/jobs/{JOB}")
        print(f"deleted {JOB}", flush=True)
    if after["status"] != "success":
        raise Failed(f"the job has ended with {after['status']}: {executions}")
    return executions


def main():
    """The exit status."""
    try:
        print("leader:", ready()["Name"], flush=True)
        print("executions:", run(), flush=True)
    except Failed as exc:
        print(f"failed: {exc}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
