"""Jobs as an old Dkron lists them: some that run here as they are, and one for each thing that is in the way."""

from typing import Any

_DEFAULTS: dict[str, Any] = {
    "displayname": "",
    "timezone": "",
    "schedule": "",
    "owner": "",
    "owner_email": "",
    "success_count": 0,
    "error_count": 0,
    "last_success": None,
    "last_error": None,
    "disabled": False,
    "tags": None,
    "metadata": None,
    "retries": 0,
    "dependent_jobs": None,
    "parent_job": "",
    "processors": {},
    "concurrency": "allow",
    "executor": "shell",
    "executor_config": None,
    "status": "",
    "next": "0001-01-01T00:00:00Z",
    "ephemeral": False,
    "starts_at": None,
    "expires_at": None,
}


def _job(name: str, *, command: str = "", **fields: Any) -> dict[str, Any]:
    config = {"executor_config": {"command": command}} if command else {}
    return {"id": name, "name": name, **_DEFAULTS, **config, **fields}


DUMP = [
    _job("backup", command="echo backing up", schedule="0 30 2 * * *", tags={"server": "true:1"}, retries=2),
    _job(
        "hourly",
        command="echo hourly",
        schedule="@hourly",
        success_count=812,
        last_success="2026-11-24T23:00:00.12Z",
        status="success",
    ),
    _job(
        "invoices",
        schedule="0 0 6 1 * *",
        timezone="Europe/Madrid",
        executor_config={"command": "./invoices.sh", "cwd": "/opt/invoices", "su": "app"},
        dependent_jobs=["mail-invoices"],
    ),
    _job("mail-invoices", command="echo mailing", parent_job="invoices"),
    _job("old", command="echo old", schedule="@daily", disabled=True),
    _job(
        "ping",
        schedule="@every 1m",
        executor="http",
        executor_config={"method": "GET", "url": "http://intranet/health", "expectCode": "200"},
    ),
    _job("rotate", command="echo rotating", schedule="@weekly", processors={"files": {"log_dir": "/var/log/jobs"}}),
]
"""What GET /v1/jobs of Dkron 4.1 answers (Dkron behaviour §2.1)."""
