"""The backfills, pauses and policies of the example."""

from datetime import datetime, timedelta
from typing import Any

from dkron_crds.base import rfc3339
from dkron_crds.names import API_VERSION
from dkron_crds.run import OF_BACKFILL

NAMESPACE = "team-a"
UNDER_WAY = "invoices-of-tuesday"
FAILED = 3
"""Which of the runs that have begun failed, counted from 0. Two after it are active."""

Object = dict[str, Any]


def lists(now: datetime) -> dict[str, list[Object]]:
    """Return all objects, by the plural of their kind."""
    day = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=3)
    slots = [rfc3339(day + timedelta(hours=8, minutes=10 * number)) for number in range(12)]
    return {
        "dkronbackfills": _backfills(now, day, slots),
        "dkronruns": [_run(now, number, slot) for number, slot in enumerate(slots[:7])],
        "dkronpauses": _pauses(now),
        "dkronpolicies": _policies(),
    }


def _object(named: tuple[str, str], made: datetime, spec: Object, status: Object) -> Object:
    """Return an object. `named` is its kind and its name."""
    kind, name = named
    metadata = {"name": name, "namespace": NAMESPACE, "uid": f"uid-{name}", "resourceVersion": "7",
                "creationTimestamp": rfc3339(made)}  # fmt: skip
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec, "status": status}


def _condition(of: str, reason: str, since: datetime, message: str = "") -> Object:
    return {"type": of, "status": "True", "reason": reason, "lastTransitionTime": rfc3339(since), "message": message}


def _backfills(now: datetime, day: datetime, slots: list[str]) -> list[Object]:
    began, yesterday = now - timedelta(minutes=3), now - timedelta(days=1)
    hours = {"from": rfc3339(day + timedelta(hours=8)), "to": rfc3339(day + timedelta(hours=10))}
    week = {"from": rfc3339(day - timedelta(days=7)), "to": rfc3339(day)}
    plan = {"count": 12, "jobs": 1, "first": slots[0], "last": slots[-1]}
    old = {"count": 7, "jobs": 1, "first": rfc3339(day - timedelta(days=7, hours=-2.5)),
           "last": rfc3339(day - timedelta(days=1, hours=-2.5))}  # fmt: skip
    return [
        _object(
            ("DkronBackfill", UNDER_WAY), began,
            {"job": "invoice-export", **hours, "parallelism": 2, "onFailure": "continue",
             "reason": "the ledger did not answer on Tuesday", "parameters": {"month": "2026-11"}},
            {"plan": plan, "begun": 7, "succeeded": 4, "failed": 1, "active": 2, "remaining": 5,
             "startedAt": rfc3339(began), "message": "5 of 12 runs ended, 1 failed, 2 active",
             "targets": [{"job": "invoice-export", "uid": "uid-2", "slots": slots}]},
        ),
        _object(
            ("DkronBackfill", "backups-of-last-week"), yesterday,
            {"job": "nightly-backup", **week, "reason": "the disk was full"},
            {"plan": old, "begun": 7, "succeeded": 7, "startedAt": rfc3339(yesterday), "message": "7 runs succeeded",
             "finishedAt": rfc3339(yesterday + timedelta(minutes=55)),
             "conditions": [_condition("Complete", "Finished", yesterday)]},
        ),
        _object(
            ("DkronBackfill", "data-team-failures"), yesterday - timedelta(hours=3),
            {"selector": {"team": "data"}, **week, "runs": "failed", "suspend": True},
            {"plan": {**old, "count": 23, "jobs": 4}, "begun": 9, "succeeded": 9, "remaining": 14,
             "startedAt": rfc3339(yesterday), "message": "9 of 23 runs ended; suspended"},
        ),
        _object(
            ("DkronBackfill", "stock-of-october"), yesterday - timedelta(hours=5), {"job": "stock-alert", **week},
            {"message": 'there is no job "stock-alert" in the namespace',
             "finishedAt": rfc3339(yesterday - timedelta(hours=5)),
             "conditions": [_condition("Failed", "Refused", yesterday, 'there is no job "stock-alert"')]},
        ),
    ]  # fmt: skip


def _run(now: datetime, number: int, slot: str) -> Object:
    began = now - timedelta(seconds=170 - 24 * number)
    failed, runs = number == FAILED, number > FAILED + 1
    status: Object = {"phase": "Running" if runs else "Failed" if failed else "Succeeded", "attemptCount": 1 + failed,
                      "startedAt": rfc3339(began)}  # fmt: skip
    if not runs:
        status["finishedAt"] = rfc3339(began + timedelta(seconds=19 + number))
    if failed:
        status["message"] = "the attempt failed: Error, exit code 1"
    owner = {"apiVersion": API_VERSION, "kind": "DkronBackfill", "name": UNDER_WAY, "uid": f"uid-{UNDER_WAY}"}
    spec = {"job": "invoice-export", "scheduledTime": slot}
    run = _object(("DkronRun", f"again-{number}"), began, spec, status)
    run["metadata"] |= {"labels": {OF_BACKFILL: UNDER_WAY}, "ownerReferences": [owner]}
    return run


def _pauses(now: datetime) -> list[Object]:
    def pause(name: str, hours: float, jobs: int, spec: Object) -> Object:
        since = now - timedelta(hours=hours)
        status = {"jobs": jobs, "conditions": [_condition("Active", "Paused", since)]}
        return _object(("DkronPause", name), since, spec, status)

    migration = {
        "selector": {"team": "data"}, "pausedBy": "system:serviceaccount:team-a:deployer", "whenResumed": "drop",
        "reason": "schema migration of the warehouse; ask in #data",
    }  # fmt: skip
    moves = {"jobs": ["mail-digest"], "reason": "the mail server moves", "pausedBy": "ann",
             "until": rfc3339(now + timedelta(hours=4))}  # fmt: skip
    return [
        pause("mail-moves", 2, 1, moves),
        pause("data-migration", 26, 4, migration),
        pause("freeze", 50, 2, {"jobs": ["thumbnails", "render-catalogue"], "pausedBy": "bob"}),
    ]


def _policies() -> list[Object]:
    rules = {
        "board": {"/v1/jobs": ["list"], "/v1/jobs/*": ["read"], "/v1/busy": ["read"]},
        "deployer": {"/v1/jobs": ["create", "list"], "/v1/jobs/*": ["read", "update", "delete"]},
        "runner": {"/v1/jobs/*/run": ["create"]},
    }  # fmt: skip
    return [
        {"metadata": {"name": name, "uid": f"uid-{name}", "resourceVersion": "3"},
         "spec": {"path": {path: {"capabilities": capabilities} for path, capabilities in paths.items()}}}
        for name, paths in rules.items()
    ]  # fmt: skip
