"""What clients of Dkron that others wrote send, and what they read of the answers. Facts, each with where it is from:
a section of `docs/dkron-behaviour.md`, and the client's own repository or manual.
"""

import re
from typing import Any

from tests.conformance.rest import differences
from tests.conformance.rest.answers import PRESENT, Has, Length, Raw, Some, Text
from tests.conformance.rest.row import Place, Row, Step, Stored, Upload, delete, get, manual, post, put, row
from tests.conformance.rest.runs import RUNS, WAIT, simulated

JSON = {"Content-Type": "application/json"}
ZERO = "0001-01-01T00:00:00Z"
PAGE = "_end=10&_order=ASC&_sort=id&_start=0"
TERRAFORM = {
    "name": "$job", "displayname": "", "timezone": "Europe/Riga", "schedule": "@every 10m", "owner": "Gitlab",
    "owner_email": "gitlab@example.com", "disabled": False, "tags": None, "retries": 5, "parent_job": "",
    "processors": {"log": {"forward": "true"}}, "concurrency": "forbid", "executor": "shell",
    "executor_config": {
        "command": "date", "cwd": "", "env": "", "shell": "false", "timeout": "9s", "allowed_exitcodes": "0, 199, 255",
        "mem_limit_kb": "16384", "project": "dms",
    },
}  # fmt: skip
"""The configuration of the provider's own example."""
PHP = {
    "name": "$job", "schedule": "@manually", "concurrency": "allow", "dependent_jobs": [], "disabled": False,
    "executor": "shell", "executor_config": {"command": "ls -la /tmp"}, "owner": "", "owner_email": "",
    "parent_job": "", "processors": {}, "retries": 0, "tags": {}, "timezone": "",
}  # fmt: skip
SPRING = {
    "name": "$job", "displayname": None, "schedule": "@every 1h", "timezone": None, "owner": None, "disabled": None,
    "retries": None, "parent_job": None, "concurrency": None, "executor": "http",
    "executor_config": {"method": "POST", "url": "http://listener.example/hook", "body": "{}", "headers": "[]"},
}  # fmt: skip
DJANGO = {
    "name": "$job", "schedule": "@manually", "parent_job": None, "executor": "shell", "tags": {},
    "metadata": {"cron": "auto"}, "disabled": False, "executor_config": {"shell": "true", "command": "true | cat"},
    "retries": 0,
}  # fmt: skip


def of_client(client: str, does: str, source: str, *steps: Step, **more: Any) -> Row:
    """A row of a client; `source` is the section, and where the client's side of the fact is from."""
    return row(f"{client} {does}", source, *steps, **more)


ROWS: tuple[Row, ...] = (
    of_client(
        "Dkron's first example",
        "runs a job once on any server, by the tag that each has",
        "§1.5; the manual of Dkron, Getting started",
        post(
            "/v1/jobs",
            201,
            Has({"name": "$job", "tags": {"server": "true:1"}}),
            sent=manual(tags={"server": "true:1"}, schedule="@every 1h"),
        ),
        post(WAIT, 200, Has({"success_count": 1})),
        where=Place.OPERATOR,
    ),
    of_client(
        "the Terraform provider",
        "sends three keys that Dkron ignores, and its job runs",
        "§1.5; bozerkins/terraform-provider-dkron README, sylviettee/terraform-provider-dkron examples",
        post("/v1/jobs", 201, Has({"name": "$job"}), sent=TERRAFORM, headers={"Warning": re.compile("mem_limit_kb")}),
        get("/v1/jobs/$job", 200, Has({"executor_config": {"project": "dms"}, "retries": 5, "concurrency": "forbid"})),
        post(WAIT, 200, Has({"success_count": 1, "status": "success"})),
        delete("/v1/jobs/$job", 200, Has({"name": "$job"})),
        where=Place.OPERATOR,
        differs=differences.UNKNOWN_SETTINGS,
    ),
    of_client(
        "the older Terraform provider",
        "leaves lists null and concurrency empty, and takes the name as its id",
        "§1.5; peertransfer/terraform-provider-dkron dkron/resource_job.go",
        post(
            "/v1/jobs",
            201,
            Has({"name": "$job", "success_count": 0}),
            sent={
                "name": "$job",
                "schedule": "@manually",
                "owner": "",
                "owner_email": "",
                "disabled": False,
                "tags": {},
                "retries": 0,
                "processors": None,
                "concurrency": "",
                "executor": "shell",
                "executor_config": {"command": "date"},
            },
            sent_headers=JSON,
        ),
        delete("/v1/jobs/$job", 200, sent_headers=JSON),
    ),
    of_client(
        "the PHP adapter",
        "sends empty objects and lists, and reads the job back by its fields",
        "§1.5, §1.6; gromo/dkron-php-adapter src/Models/Job.php",
        post("/v1/jobs", 201, Has({"name": "$job"}), sent=PHP),
        get(
            "/v1/jobs/$job",
            200,
            Has(
                {
                    "name": "$job",
                    "schedule": "@manually",
                    "error_count": 0,
                    "success_count": 0,
                    "last_error": None,
                    "last_success": None,
                    "concurrency": "allow",
                    "disabled": False,
                    "executor": "shell",
                }
            ),
            sent="null",
        ),
        get("/v1/", 200, Has({"agent": {"name": PRESENT}, "serf": PRESENT, "tags": PRESENT}), sent="null"),
        post("/v1/jobs/$job", 202, Has({"name": "$job"}), sent="null"),
    ),
    of_client(
        "the PHP client",
        "runs on creation, finds by metadata and toggles",
        "§1.5, §1.4; updevru/dkron-php-client src/Resource/JobsResource.php",
        post("/v1/jobs?runoncreate=1", 201, Has({"name": "$job"}), sent={**PHP, "metadata": {"owner": "$job"}}),
        get("/v1/jobs?metadata%5Bowner%5D=$job", 200, Length(1), headers={"X-Total-Count": "1"}),
        post("/v1/jobs/$job/toggle", 200, Has({"disabled": True})),
        get(RUNS, 200, Length(1)),
    ),
    of_client(
        "the Spring library",
        "sends null for what is not set",
        "§1.5; bloowper/Dkron-Scheduler-Adapter-Library-for-Spring-Boot JobDto.java",
        post("/v1/jobs", 201, Has({"concurrency": "allow", "disabled": False}), sent=SPRING, sent_headers=JSON),
        delete("/v1/jobs/$job", 200),
    ),
    of_client(
        "the Django app",
        "posts the whole job back with what it has changed, under its own label",
        "§1.4, §2.3; surface-security/django-dkron dkron/utils.py",
        post("/v1/jobs", 201, sent=DJANGO, sent_headers={"Authorization": "Basic dXNlcjpwYXNz"}),
        get("/v1/jobs?metadata%5Bcron%5D=auto", 200, Some({"name": "$job"})),
        post(WAIT, 200, Has({"success_count": 1})),
        get("/v1/jobs/$job", 200, Has({"success_count": 1})),
        post(
            "/v1/jobs",
            201,
            sent={
                **DJANGO,
                "id": "$job",
                "success_count": 1,
                "error_count": 0,
                "last_success": "2026-01-02T03:04:05.6Z",
                "last_error": None,
                "status": "success",
                "next": ZERO,
                "dependent_jobs": None,
                "retries": 1,
            },
        ),
        get("/v1/jobs/$job", 200, Has({"success_count": 1, "retries": 1, "parent_job": ""})),
        post("/v1/jobs?runoncreate=true", 201, sent={**manual("$job-tmp"), "metadata": {"temp": "true"}}),
        get("/v1/jobs/$job-tmp/executions", 200, Length(1)),
        where=Place.OPERATOR,
    ),
    of_client(
        "the JavaScript client",
        "creates a job and shows it",
        "§1.5, §1.6; Leadformance/dkron-js-client src/jobs/JobsApi.ts",
        post("/v1/jobs", 201, Has({"name": "$job"}), sent=manual(), sent_headers={"Accept": "application/json, */*"}),
        get("/v1/jobs/$job", 200, Has({"name": "$job", "status": ""})),
    ),
    of_client(
        "the Ruby gem",
        "asks for JSON alone, and runs a job without a body",
        "§1.6; jobandtalent/dkron-rb lib/dkron-rb/api/jobs_api.rb",
        post("/v1/jobs", 201, sent=manual(), sent_headers={**JSON, "Accept": "application/json"}),
        post("/v1/jobs/$job", 202, Has({"name": "$job"}), sent_headers={**JSON, "Accept": "application/json"}),
        get(RUNS, 200, Has([{"job_name": "$job", "success": False, "group": PRESENT}])),
        delete("/v1/jobs/$job", 200, Has({"name": "$job"})),
    ),
    of_client(
        "pydkron",
        "names a command as older servers had it, and the role of every server",
        "§1.5; oldmantaiter/pydkron README",
        post(
            "/v1/jobs",
            201,
            Has({"name": "$job", "tags": {"role": "dkron:1"}}),
            sent={**manual(tags={"role": "dkron:1"}, owner="somebody"), "command": "run stuff"},
        ),
        post(WAIT, 200, Has({"success_count": 1})),
        where=Place.OPERATOR,
    ),
    of_client(
        "the metrics exporter",
        "lists a thousand jobs, and executions without their output",
        "§1.4, §1.7; genhoi/dkron-job-exporter module/dkron/client.go",
        get("/v1/jobs?_start=0&_end=1000&_sort=id&_order=ASC", 200, Some({"name": "$job", "next": PRESENT})),
        post(WAIT, 200),
        get(f"{RUNS}?output_size_limit=0", 200, Has([{"success": True, "started_at": PRESENT, "attempt": 1}])),
        given=(Stored("$job", spec=simulated()),),
        where=Place.OPERATOR,
    ),
    of_client(
        "a curl script for http",
        "sends empty keys, and debug as a text",
        "§1.5; ghabxph/learn-dkron sample-curl.sh",
        post(
            "/v1/jobs",
            201,
            Has({"executor": "http", "concurrency": "forbid"}),
            sent=manual(
                executor="http",
                concurrency="forbid",
                timezone="Asia/Manila",
                executor_config={
                    "method": "GET",
                    "url": "https://listener.example",
                    "headers": "[]",
                    "body": "",
                    "timeout": "30",
                    "expectCode": "200",
                    "expectBody": "",
                    "debug": "true",
                },
            ),
            sent_headers={"Content-Type": "application/x-www-form-urlencoded"},
        ),
    ),
    of_client(
        "the page of Dkron",
        "lists, edits the whole record, runs and reads executions by their ids",
        "§1.4, §1.7; the calls of the page of Dkron 4.1 as a browser shows them",
        post("/v1/jobs", 201, Has({"id": "$job"}), sent=manual(), sent_headers={"Accept": "application/json"}),
        get(f"/v1/jobs?{PAGE}&q=$job", 200, Has([{"id": "$job"}]), headers={"X-Total-Count": "1"}),
        put(
            "/v1/jobs/$job",
            201,
            Has({"id": "$job"}),
            sent={
                **manual(),
                "id": "$job",
                "displayname": "Edited",
                "next": ZERO,
                "status": "",
                "success_count": 0,
                "problem": "a field of a newer server",
            },
        ),
        post("/v1/jobs/$job", 202, Has({"id": "$job"})),
        get(
            f"{RUNS}?_end=25&_order=DESC&_sort=id&_start=0&jobs=$job&output_size_limit=200",
            200,
            Has([{"id": PRESENT, "finished_at": ZERO}]),
            headers={"X-Total-Count": "1"},
        ),
        get(f"/v1/busy?{PAGE}", 200, headers={"X-Total-Count": PRESENT}),
        get(f"/v1/members?{PAGE}", 200, Some({"id": PRESENT, "statusText": "alive", "Tags": {"server": "true"}})),
        get("/v1/stats?days=30", 200, Has({"stats": PRESENT})),
    ),
    of_client(
        "Dkron's own suite",
        "runs a job and reads at once what became of it",
        "§11.2; the end-to-end suite of dkron-io/dkron",
        post("/v1/jobs", 201, sent=manual()),
        post("/v1/jobs/$job", 200, Has({"name": "$job"})),
        get(RUNS, 200, Has([{"success": True, "node_name": re.compile("."), "finished_at": re.compile("^2")}])),
        post("/v1/jobs/$job/run", 200),
        get(RUNS, 200, Length(2)),
        delete(RUNS, 200),
        get(RUNS, 200, Length(0)),
        where=Place.WAITS,
    ),
    of_client(
        "a client that would rather not wait",
        "says so",
        "§1.6; RFC 7240",
        post("/v1/jobs", 201, sent=manual()),
        post(
            "/v1/jobs/$job",
            202,
            sent_headers={"Prefer": "respond-async"},
            headers={"Preference-Applied": "respond-async"},
        ),
        where=Place.WAITS,
    ),
    of_client(
        "a client that prefers to wait",
        "is answered when the run is over",
        "§1.6; RFC 7240",
        post("/v1/jobs", 201, sent=manual()),
        post(
            "/v1/jobs/$job/run",
            200,
            Has({"success_count": 1}),
            sent_headers={"Prefer": "wait=60"},
            headers={"Preference-Applied": "wait=60"},
        ),
        where=Place.OPERATOR,
    ),
    of_client(
        "the backup of the manual",
        "is a list that curl sends back as a form",
        "§1.8; the manual of Dkron, Backup and restore",
        post("/v1/restore", 200, Raw('["success create $job"]'), sent=Upload([{**manual(), "success_count": 3}])),
        get("/v1/jobs/$job", 200, Has({"success_count": 3})),
    ),
    of_client(
        "whoever keeps times by the nanosecond",
        "reads them as they were sent",
        "§1.1, §2.2",
        post(
            "/v1/restore",
            200,
            sent=Upload(
                [
                    {
                        **manual(),
                        "success_count": 1,
                        "last_success": "2026-01-02T03:04:05.123456789Z",
                        "starts_at": "2026-01-02T03:04:05.000000001Z",
                    }
                ]
            ),
        ),
        get(
            "/v1/jobs/$job",
            200,
            Has(
                {
                    "last_success": "2026-01-02T03:04:05.123456789Z",
                    "starts_at": "2026-01-02T03:04:05.000000001Z",
                }
            ),
        ),
        post(WAIT, 200, Has({"success_count": 2, "starts_at": "2026-01-02T03:04:05.000000001Z"})),
        where=Place.OPERATOR,
    ),
    of_client(
        "whoever asks for nodes that there are not",
        "is refused at once, and told when the job is stored",
        "§1.6, §1.11",
        post(
            "/v1/jobs",
            201,
            sent=manual(tags={"gpu": "none:1"}),
            headers={"Warning": re.compile("no ready, schedulable node has the tags gpu=none")},
        ),
        post("/v1/jobs/$job", 404, Text("no ready, schedulable node has the tags gpu=none")),
        post(WAIT, 404),
        where=Place.OPERATOR,
    ),
    of_client(
        "whoever stores a job that cannot run",
        "sees that it has failed, and why",
        "§1.4, §2.6",
        post("/v1/jobs", 201, sent=manual(executor="perl"), headers={"Warning": re.compile("executor")}),
        get("/v1/jobs/$job", 200, Has({"status": "failed", "problem": re.compile("perl")}), eventually=True),
        get("/v1/jobs?status=failed&q=$job", 200, Length(1)),
        where=Place.OPERATOR,
        differs=differences.CANNOT_RUN,
    ),
)
