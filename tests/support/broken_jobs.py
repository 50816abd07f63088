"""Specs of DkronJobs with mistakes that the API server refuses, and what it says."""

from typing import Any

FIELDS, ZONE = "a schedule has six fields, seconds first", "a time zone is a name of the IANA tz database"
COUNT = 'a tag is "value" or "value:count"'

BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "a line of a crontab": ({"schedule": "30 9 * * 1"}, FIELDS),
    "seven fields": ({"schedule": "0 0 9 * * * 2027"}, FIELDS),
    "words": ({"schedule": "every now and then at noon"}, FIELDS),
    "an unknown descriptor": ({"schedule": "@dayly"}, FIELDS),
    "an unknown unit": ({"schedule": "@every 1x"}, FIELDS),
    "@every in days": ({"schedule": "@every 1d"}, FIELDS),
    "@at without a time": ({"schedule": "@at"}, FIELDS),
    "@at without a zone": ({"schedule": "@at 2026-12-24T18:00:00"}, FIELDS),
    "@after without a grace time": ({"schedule": "@after 2026-12-24T18:00:00Z"}, FIELDS),
    "a zone before @manually": ({"schedule": "TZ=UTC @manually"}, FIELDS),
    "a city": ({"timezone": "Madrid"}, ZONE),
    "an offset": ({"timezone": "GMT+2"}, ZONE),
    "shell without a command": ({"executorConfig": {"image": "alpine:3"}}, "shell needs command"),
    "shell without settings": ({"executorConfig": None}, "shell needs command"),
    "docker without an image": ({"executor": "docker"}, "docker needs image"),
    "http without a url": ({"executor": "http", "executorConfig": {"method": "GET"}}, "http needs method and url"),
    "http with an empty method": (
        {"executor": "http", "executorConfig": {"method": "", "url": "http://a"}},
        "http needs method and url",
    ),
    "kafka without a topic": (
        {"executor": "kafka", "executorConfig": {"brokerAddress": "kafka:9092"}},
        "kafka needs brokerAddress and topic",
    ),
    "grpc without a url": ({"executor": "grpc"}, "grpc needs url"),
    "nats without a subject": ({"executor": "nats", "executorConfig": {"url": "nats://a:1"}}, "nats needs url and"),
    "rabbitmq without a queue": (
        {"executor": "rabbitmq", "executorConfig": {"url": "amqp://a"}},
        "rabbitmq needs url and queue.name",
    ),
    "gcppubsub without a project": (
        {"executor": "gcppubsub", "executorConfig": {"topic": "abc"}},
        "gcppubsub needs project and topic",
    ),
    "kubernetes without a template": (
        {"executor": "kubernetes", "executorConfig": None},
        "kubernetes needs jobTemplate.spec.template.spec.containers",
    ),
    "a timeout without a unit": ({"executorConfig": {"command": "date", "timeout": "30"}}, "must be a Go duration"),
    "a limit that is no size": ({"executorConfig": {"command": "date", "mem_limit": "lots"}}, "must be bytes"),
    "a limit that is more than a size": (
        {"executorConfig": {"command": "date", "mem_limit": "5potatoes"}},
        "must be bytes",
    ),
    "a count that is no number": ({"tags": {"dc": "eu:two"}}, COUNT),
    "a count of nodes of 0": ({"tags": {"dc": "eu:0"}}, COUNT),
    "mail to no address": ({"processors": {"email": {"onSuccess": "true"}}}, "email needs emails"),
}
"""By what is wrong: fields of a daily job that runs a command, and the beginning of the sentence."""


def broken_spec(name: str) -> dict[str, Any]:
    """Return the spec of a job that is in order but for this mistake."""
    return {"schedule": "@daily", "executorConfig": {"command": "date"}} | BROKEN[name][0]
