"""All that the package `dkron` can do, against a server. Runs with its own Python, and prints a JSON object."""

import json
import sys

from dkron import Dkron, DkronException

JOB = {"name": "of-dkron", "schedule": "@manually", "executor": "shell", "executor_config": {"command": "echo hello"}}


def main(url):
    api = Dkron([url])
    report = {
        "status": api.get_status(),
        "members": api.get_members(),
        "created": api.apply_job(JOB),
        "again": api.apply_job({**JOB, "owner": "me"}),
        "job": api.get_job("of-dkron"),
        "jobs": [job["name"] for job in api.get_jobs()],
        "run": api.run_job("of-dkron"),
        "executions": api.get_executions("of-dkron"),
        "deleted": api.delete_job("of-dkron"),
    }
    try:
        api.get_job("of-dkron")
    except DkronException as error:
        report["missing"] = str(error)
    try:
        api.apply_job({"name": "Bad Name", "schedule": "@daily"})
    except DkronException as error:
        report["refused"] = str(error)
    print(json.dumps(report))


main(sys.argv[1])
