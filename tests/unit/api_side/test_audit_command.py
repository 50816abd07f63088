"""The audit log, printed for a person."""

import json

import pytest

from dkron_api.audit_command import main, rows

NOON = "2026-03-01T12:00:00+0000"
CHANGE = {
    "ts": NOON, "logger": "dkron_api.audit", "msg": "POST /v1/jobs/report/run allowed",
    "caller": "ci", "decision": "allowed", "status": 202, "verb": "create", "resource": "dkronjobs/run",
    "object": "report", "namespace": "team", "remote": "10.0.0.7",
}  # fmt: skip
REFUSAL = CHANGE | {"msg": "GET /v1/jobs refused", "caller": "", "decision": "refused", "status": 401, "verb": None,
                    "resource": "", "object": ""}  # fmt: skip
OTHER = {"logger": "dkron_api.access", "msg": "GET /v1/jobs 200"}


def test_audit_lines_are_printed_and_others_are_not() -> None:
    lines = [json.dumps(CHANGE), "no json", json.dumps(OTHER), f"pod/api {json.dumps(REFUSAL)}", "{}", "[1]", "{"]
    assert list(rows(lines)) == [
        f"{NOON}  allowed 202  ci  create dkronjobs/run report in team  (POST /v1/jobs/report/run, from 10.0.0.7)",
        f"{NOON}  refused 401  -  -  (GET /v1/jobs, from 10.0.0.7)",
    ]
    assert len(list(rows(lines, refused=True))) == 1


def test_a_line_cannot_garble_the_terminal() -> None:
    (row,) = rows([json.dumps(CHANGE | {"caller": "a\x1b[2Jb"})])
    assert "\x1b" not in row


def test_missing_file_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["missing.log"]) == 1
    assert "dkron-api audit: " in capsys.readouterr().err
