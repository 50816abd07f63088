"""What clients that others wrote send, and what they read of the answers. Comments name repositories and manuals."""

import re

from tests.conformance.rest import differences
from tests.conformance.rest.answers import PRESENT, Length, Raw, Some, Text
from tests.conformance.rest.row import (
    JOB,
    RUNS,
    Place,
    Row,
    Upload,
    delete,
    get,
    manual,
    post,
    put,
    row,
    save,
    soon,
    stored,
)
from tests.conformance.rest.runs import WAIT, simulated

JSON = {"Content-Type": "application/json"}
PATIENT = {"Prefer": "wait=60"}
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
BARE_TERRAFORM = {
    "name": "$job", "schedule": "@every 10m", "owner": "", "owner_email": "", "disabled": False,
    "tags": {"dms": "cron:1"}, "dependent_jobs": [], "retries": 0, "concurrency": "", "executor": "shell",
    "processors": {"log": {"type": "log", "forward": "true"}, "files": {"type": "files"}}, "timezone": "",
    "parent_job": "",
    "executor_config": {
        "command": "date", "timeout": "9s", "project": "dms", "mem_limit_kb": "", "cwd": "", "shell": "false",
        "allowed_exitcodes": "0, 199, 255",
    },
}  # fmt: skip
"""A resource with the required attributes only: the others are sent empty."""
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
OLD_TERRAFORM = {
    "name": "$job", "schedule": "@manually", "owner": "", "owner_email": "", "disabled": False, "tags": {},
    "retries": 0, "processors": None, "concurrency": "", "executor": "shell", "executor_config": {"command": "date"},
}  # fmt: skip
CURL = {
    "method": "GET", "url": "https://listener.example", "headers": "[]", "body": "", "timeout": "30",
    "expectCode": "200", "expectBody": "", "debug": "true",
}  # fmt: skip
READ_BY_PHP = {
    "name": "$job", "schedule": "@manually", "error_count": 0, "success_count": 0, "last_error": None,
    "last_success": None, "concurrency": "allow", "disabled": False, "executor": "shell",
}  # fmt: skip
EDITED = {
    **manual(), "id": "$job", "displayname": "Edited", "next": ZERO, "status": "", "success_count": 0,
    "problem": "a field of a newer server",
}  # fmt: skip
EXACT = {"last_success": "2026-01-02T03:04:05.123456789Z", "starts_at": "2026-01-02T03:04:05.000000001Z"}
DJANGO = {
    "name": "$job", "schedule": "@manually", "parent_job": None, "executor": "shell", "tags": {},
    "metadata": {"cron": "auto"}, "disabled": False, "executor_config": {"shell": "true", "command": "true | cat"},
    "retries": 0,
}  # fmt: skip
DJANGO_READ = {
    "id": "$job", "success_count": 1, "error_count": 0, "last_success": "2026-01-02T03:04:05.6Z", "last_error": None,
    "status": "success", "next": ZERO, "dependent_jobs": None,
}  # fmt: skip


ROWS: tuple[Row, ...] = (
    # the manual of Dkron, Getting started
    row(
        "Dkron's first example runs once on any server by its tag",
        save(
            manual(tags={"server": "true:1"}, schedule="@every 1h"), body={"name": "$job", "tags": {"server": "true:1"}}
        ),
        post(WAIT, 200, {"success_count": 1}),
        where=Place.OPERATOR,
    ),
    # bozerkins/terraform-provider-dkron README, sylviettee/terraform-provider-dkron examples
    row(
        "the Terraform provider sends three ignored keys",
        save(TERRAFORM, body={"name": "$job"}, headers={"Warning": re.compile("mem_limit_kb")}),
        get(JOB, {"executor_config": {"project": "dms"}, "retries": 5, "concurrency": "forbid"}),
        post(WAIT, 200, {"success_count": 1, "status": "success"}),
        delete(JOB, {"name": "$job"}),
        where=Place.OPERATOR,
        differs=differences.UNKNOWN_SETTINGS,
    ),
    # peertransfer/terraform-provider-dkron dkron/resource_job.go
    row(
        "the older Terraform provider sends null lists",
        save(OLD_TERRAFORM, body={"name": "$job", "success_count": 0}, sent_headers=JSON),
        delete(JOB, sent_headers=JSON),
    ),
    # bozerkins/terraform-provider-dkron dkron/resource_job.go
    row(
        "the Terraform provider has an empty plan after its apply",
        save(BARE_TERRAFORM),
        get(JOB, {**BARE_TERRAFORM, "dependent_jobs": None}),
        save(BARE_TERRAFORM),
        get(JOB, {**BARE_TERRAFORM, "dependent_jobs": None}),
    ),
    # gromo/dkron-php-adapter src/Models/Job.php
    row(
        "the PHP adapter sends empty objects and reads fields back",
        save(PHP, body={"name": "$job"}),
        get(JOB, READ_BY_PHP, sent="null"),
        get("/v1/", {"agent": {"name": PRESENT}, "serf": PRESENT, "tags": PRESENT}, sent="null"),
        post(JOB, 202, {"name": "$job"}, sent="null"),
    ),
    # updevru/dkron-php-client src/Resource/JobsResource.php
    row(
        "the PHP client runs on creation, filters and toggles",
        post("/v1/jobs?runoncreate=1", 201, {"name": "$job"}, sent={**PHP, "metadata": {"owner": "$job"}}),
        get("/v1/jobs?metadata%5Bowner%5D=$job", Length(1), headers={"X-Total-Count": "1"}),
        post(f"{JOB}/toggle", 200, {"disabled": True}),
        get(RUNS, Length(1)),
    ),
    # bloowper/Dkron-Scheduler-Adapter-Library-for-Spring-Boot JobDto.java
    row(
        "the Spring library sends null for what is not set",
        save(SPRING, body={"concurrency": "allow", "disabled": False}, sent_headers=JSON),
        delete(JOB),
    ),
    # surface-security/django-dkron dkron/utils.py
    row(
        "the Django app posts the whole changed job under its label",
        save(DJANGO, sent_headers={"Authorization": "Basic dXNlcjpwYXNz"}),
        get("/v1/jobs?metadata%5Bcron%5D=auto", Some({"name": "$job"})),
        post(WAIT, 200, {"success_count": 1}),
        get(JOB, {"success_count": 1}),
        save({**DJANGO, **DJANGO_READ, "retries": 1}),
        get(JOB, {"success_count": 1, "retries": 1, "parent_job": ""}),
        post("/v1/jobs?runoncreate=true", 201, sent={**manual("$job-tmp"), "metadata": {"temp": "true"}}),
        get("/v1/jobs/$job-tmp/executions", Length(1)),
        where=Place.OPERATOR,
    ),
    # Leadformance/dkron-js-client src/jobs/JobsApi.ts
    row(
        "the JavaScript client creates a job and shows it",
        save(body={"name": "$job"}, sent_headers={"Accept": "application/json, */*"}),
        get(JOB, {"name": "$job", "status": ""}),
    ),
    # jobandtalent/dkron-rb lib/dkron-rb/api/jobs_api.rb
    row(
        "the Ruby gem accepts only JSON and runs without a body",
        save(sent_headers={**JSON, "Accept": "application/json"}),
        post(JOB, 202, {"name": "$job"}, sent_headers={**JSON, "Accept": "application/json"}),
        get(RUNS, [{"job_name": "$job", "success": False, "group": PRESENT}]),
        delete(JOB, {"name": "$job"}),
    ),
    # oldmantaiter/pydkron README
    row(
        "pydkron uses the older command and the server role",
        save(
            {**manual(tags={"role": "dkron:1"}, owner="ann"), "command": "run stuff"},
            body={"name": "$job", "tags": {"role": "dkron:1"}},
        ),
        post(WAIT, 200, {"success_count": 1}),
        where=Place.OPERATOR,
    ),
    # genhoi/dkron-job-exporter module/dkron/client.go
    row(
        "the metrics exporter lists jobs and short executions",
        get("/v1/jobs?_start=0&_end=1000&_sort=id&_order=ASC", Some({"name": "$job", "next": PRESENT})),
        post(WAIT, 200),
        get(f"{RUNS}?output_size_limit=0", [{"success": True, "started_at": PRESENT, "attempt": 1}]),
        given=stored(**simulated()),
        where=Place.OPERATOR,
    ),
    # ghabxph/learn-dkron sample-curl.sh
    row(
        "a curl script for http sends empty keys, and debug as a text",
        save(
            manual(executor="http", concurrency="forbid", timezone="Asia/Manila", executor_config=CURL),
            body={"executor": "http", "concurrency": "forbid"},
            sent_headers={"Content-Type": "application/x-www-form-urlencoded"},
        ),
    ),
    # the calls of the page of Dkron 4.1 as a browser shows them
    row(
        "the page of Dkron lists, edits, runs and reads executions",
        save(body={"id": "$job"}, sent_headers={"Accept": "application/json"}),
        get(f"/v1/jobs?{PAGE}&q=$job", [{"id": "$job"}], headers={"X-Total-Count": "1"}),
        put(JOB, 201, {"id": "$job"}, sent=EDITED),
        post(JOB, 202, {"id": "$job"}),
        get(
            f"{RUNS}?_end=25&_order=DESC&_sort=id&_start=0&jobs=$job&output_size_limit=200",
            [{"id": PRESENT, "finished_at": ZERO}],
            headers={"X-Total-Count": "1"},
        ),
        get(f"/v1/busy?{PAGE}", headers={"X-Total-Count": PRESENT}),
        get(f"/v1/members?{PAGE}", Some({"id": PRESENT, "statusText": "alive", "Tags": {"server": "true"}})),
        get("/v1/stats?days=30", {"stats": PRESENT}),
    ),
    # the end-to-end suite of dkron-io/dkron
    row(
        "Dkron's own suite runs a job and reads its result at once",
        save(),
        post(JOB, 200, {"name": "$job"}),
        get(RUNS, [{"success": True, "node_name": re.compile("."), "finished_at": re.compile("^2")}]),
        post(f"{JOB}/run", 200),
        get(RUNS, Length(2)),
        delete(RUNS),
        get(RUNS, Length(0)),
        where=Place.WAITS,
    ),
    # the end-to-end suite of dkron-io/dkron
    row(
        "Dkron's own suite pauses, stores nothing and runs",
        save(),
        post("/v1/pause", 200, Raw('{"paused":true}')),
        save(manual("$job-new"), 503, Text("paused")),
        get("/v1/jobs/$job-new", status=404),
        post(JOB, 200),
        get(RUNS, [{"success": True}]),
        post("/v1/unpause", 200, Raw('{"paused":false}')),
        save(manual("$job-new")),
        post("/v1/jobs/$job-new/run", 200),
        get("/v1/jobs/$job-new/executions", [{"success": True}]),
        where=Place.WAITS,
    ),
    # RFC 7240
    row(
        "a client that prefers to wait gets the end of the run",
        save(),
        post(f"{JOB}/run", 200, {"success_count": 1}, sent_headers=PATIENT, headers={"Preference-Applied": "wait=60"}),
        where=Place.OPERATOR,
    ),
    # the manual of Dkron, Backup and restore
    row(
        "the documented backup is a list that curl sends as a form",
        post("/v1/restore", 200, Raw('["success create $job"]'), sent=Upload([{**manual(), "success_count": 3}])),
        get(JOB, {"success_count": 3}),
    ),
    row(
        "times with nanoseconds read back as sent",
        post("/v1/restore", 200, sent=Upload([{**manual(), "success_count": 1, **EXACT}])),
        get(JOB, EXACT),
        post(WAIT, 200, {"success_count": 2, "starts_at": "2026-01-02T03:04:05.000000001Z"}),
        where=Place.OPERATOR,
    ),
    row(
        "a job without matching nodes is refused when it is run",
        save(
            manual(tags={"gpu": "none:1"}),
            headers={"Warning": re.compile("no ready, schedulable node has the tags gpu=none")},
        ),
        post(JOB, 404, Text("no ready, schedulable node has the tags gpu=none")),
        post(WAIT, 404),
        where=Place.OPERATOR,
    ),
    row(
        "a job that cannot run shows its failure and the reason",
        save(manual(executor="perl"), headers={"Warning": re.compile("executor")}),
        soon(JOB, {"status": "failed", "problem": re.compile("perl"), "error_count": 1, "last_error": PRESENT}),
        get("/v1/jobs?status=failed&q=$job", Length(1)),
        get(RUNS, [{"success": False, "output": re.compile("perl"), "attempt": 1}]),
        where=Place.OPERATOR,
        differs=differences.CANNOT_RUN,
    ),
)
