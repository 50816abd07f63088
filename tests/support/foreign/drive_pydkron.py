"""All that the package `pydkron` can do, against a server. Runs with its own Python, and prints a JSON object."""

import json
import sys
import time

from pydkron.client import DkronClient, DkronJobNotFound

DEADLINE = 30
NAME = "of_pydkron"


def executions(client):
    """The executions, as soon as one has ended."""
    end = time.monotonic() + DEADLINE
    while True:
        found = client.get_executions(NAME)
        if any(each["success"] for each in found) or time.monotonic() > end:
            return found
        time.sleep(0.2)


def main(host):
    client = DkronClient([host])
    created = client.create_job(
        {"name": NAME, "schedule": "@manually", "executor": "shell", "executor_config": {"command": "echo hello"}}
    )
    report = {
        "status": client.status(),
        "created": dict(created, _client=None),
        "jobs": [job.name for job in client.jobs()],
        "run": client.run_job(NAME),
        "executions": executions(client),
        "toggled": client.toggle(NAME),
        "disabled": client.get_job(NAME)["disabled"],
        "deleted": client.delete_job(NAME),
    }
    try:
        client.get_job(NAME)
    except DkronJobNotFound as error:
        report["missing"] = str(error)
    print(json.dumps(report, default=str))


main(sys.argv[1])
