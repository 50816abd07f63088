"""Objects that the API server takes, and that it refuses: tests ask it, the models and `dkronctl lint`."""

from typing import Any

from tests.support.documents import backfill, installation, job, policy
from tests.support.jobs import dkron_pause


def with_parameter(**declared: Any) -> dict[str, Any]:
    return job(parameters=[{"name": "x", **declared}])


KEY = {"secretKeyRef": {"name": "a", "key": "b"}}
HOOK = {"name": "ops", "url": "https://example.com/x?y=z"}
MAIL = {"name": "default", "host": "smtp", "sender": "dkron@example.com"}


def requested(**spec: Any) -> dict[str, Any]:
    head = {"apiVersion": "dkron.io/v1alpha1", "kind": "DkronRun", "metadata": {"name": "once"}}
    return {**head, "spec": {"job": "nightly", **spec}}


def told(*notifications: dict[str, Any]) -> dict[str, Any]:
    return installation(notifications=list(notifications))


def receivers(**fields: Any) -> dict[str, Any]:
    return installation(receivers=fields)


SECRET = "secretRef:db/password"  # noqa: S105 - the name of one
TAKEN: dict[str, Any] = {
    "only a schedule": job(),
    "only a parent": job(schedule="", parentJob="first"),
    "a parent, and null for the schedule": job(schedule=None, parentJob="first"),
    "a parent and a schedule, as Dkron takes it": job(parentJob="first"),
    "a schedule that only the operator can judge": job(schedule="61 * * * * fri-mon"),
    "a job of Dkron without a command and a tag count": job(
        schedule="30 9 * * 1", timezone="Madrid", executorConfig={}, tags={"dc": "eu:x"}, unchecked=True
    ),
    "an executor and a processor that are unknown": job(executor="perl", executorConfig={}, processors={"x": {}}),
    "a size in bytes": job(executorConfig={"command": "date", "mem_limit": "5bYtEs"}),
    "a size with a unit and a space": job(executorConfig={"command": "date", "mem_limit": " 1.5gB\u00a0"}),
    "settings, fields and processors at the bound of their sum": job(
        executorConfig={"command": "x" * 40_000},
        metadata={f"{n}": "x" * 4000 for n in range(5)},
        processors={"log": {"a": "x" * 4000}},
    ),
    "a setting that the executor does not know": job(executorConfig={"command": "date", "sudo": "yes"}),
    "a value that only the operator can judge": job(executor="http", executorConfig={"method": "?", "url": "?"}),
    "a time zone that only the operator can judge": job(timezone="Mars/Olympus"),
    "the longest object name": job("a" * 52),
    "an underscore in the Dkron name": job("a-b", name="a_b"),
    "accents in the Dkron name": job("x", name="ñandú"),
    "another script in the Dkron name": job("x", name="джоб"),
    "a Dkron name without a letter": job("x", name="-_0"),
    "null for the Dkron name": job("x", name=None),
    "a parent of another script": job(parentJob="джоб"),
    "a parent called as this object, but not as this job": job("x", name="first", parentJob="x"),
    "only a start": job(startsAt="2026-01-01T00:00:00Z"),
    "only an end": job(expiresAt="2026-01-01T00:00:00Z"),
    "null for the start": job(startsAt=None, expiresAt="2026-01-01T00:00:00Z"),
    "an end after the start, in different zones": job(
        startsAt="2026-01-01T00:00:00+02:00", expiresAt="2026-01-01T00:00:00Z"
    ),
    "a time with nanoseconds": job(startsAt="2026-01-01T00:00:00.123456789Z"),
    "the first and last time": job(startsAt="1970-01-01T00:00:00Z", expiresAt="9999-12-31T23:59:59Z"),
    "waits that do not grow": job(retryBackoff={"initial": "1m30s"} | {"max": "90s"}),
    "no wait; the rest of retryBackoff by default": job(retryBackoff={"initial": "0s"}),
    "a fraction of an hour": job(retryBackoff={"initial": "1.5h", "max": "2h"}),
    "the longest wait in line": job(queue={"expires": "2562047h"}),
    "a wait in line with digits that are no hours": job(queue={"expires": "09h0.30000000h99999999ns"}),
    "after two jobs": job(schedule="", dependsOn=[{"job": "a"}, {"job": "b", "when": "always"}]),
    "the longest output; the rest of history by default": job(history={"outputBytes": 16384}),
    "any spec of a Job": job(jobTemplate={"spec": {"anything": [1, {"at": "all"}]}}),
    "the longest key of a tag": job(tags={"k" * 317: "v"}),
    "a parameter of each type": job(
        parameters=[
            {"name": "a", "pattern": "[a-z]+", "maxLength": 4096, "default": "a", "required": True},
            {"name": "b", "type": "integer", "minimum": "-1", "maximum": "5", "default": "-1"},
            {"name": "c", "type": "number", "default": "1.5e3"},
            {"name": "d", "type": "boolean", "default": "false"},
            {"name": "e", "type": "enum", "values": ["", "eu"], "default": ""},
            {"name": "f", "type": "time", "minimum": "2026-01-01T00:00:00Z"},
            {"name": "g", "secret": True, "default": SECRET},
            {"name": "h", "secret": True, "type": "enum", "values": [SECRET], "default": SECRET},
        ]
    ),
    "as many parameters as there may be": job(
        parameters=[
            {"name": f"p{number}", "type": "enum", "values": [f"{'v' * 253}{each:03}" for each in range(64)]}
            for number in range(32)
        ]
    ),
    "a pattern that only the operator can judge": with_parameter(pattern="("),
    "bounds that only the operator can judge": with_parameter(type="integer", minimum="low"),
    "a policy": policy({"/v1/jobs/**": {"capabilities": ["read", "list"]}}),
    "a policy that opens nothing": policy({}),
    "the one installation": installation("dkron"),
    "a backfill of a job": backfill("a" * 63),
    "a backfill of all jobs": backfill(job=None, selector={}),
    "a run of the last slot": requested(scheduledTime="2261-12-31T23:59:59Z"),
    "a pause of all jobs": dkron_pause("p"),
    "a pause of some jobs": dkron_pause("p", jobs=["a", "b"]),
    "a pause of jobs with labels": dkron_pause("p", selector={"team": "a"}, until="2026-01-01T00:00:00Z"),
    "a webhook": told(HOOK),
    "its url is a secret": told({"name": "ops", "urlFrom": KEY, "when": ["failure", "start"]}),
    "headers": told({**HOOK, "headers": [{"name": "A", "value": "b"}, {"name": "B", "valueFrom": KEY}]}),
    "a mail": told({"name": "owner", "type": "mail", "when": ["failure"]}),
    "two": told(HOOK, {**HOOK, "name": "dev"}),
    "a mail server": receivers(mail=[{**MAIL, "username": "a", "passwordFrom": KEY, "tls": "none"}]),
    "slack": receivers(slack=[{"name": "a", "urlFrom": KEY, "channels": ["#ops", "#team-*"]}]),
    "recipients": receivers(mail=[{**MAIL, "recipients": ["*@example.com", "a+b@example.org"]}]),
    "elasticsearch": receivers(elasticsearch=[{"name": "a", "url": "http://es", "indexDateFormat": "-%Y.%m"}]),
    "syslog and fluent": receivers(syslog={"address": "udp://[::1]:514"}, fluent={"host": "f"}),
    "a socket": receivers(syslog={"address": "unix:///dev/log"}),
}


WAIT = "a run may wait from 1s to 292 years"
REFUSED: dict[str, Any] = {
    "a backfill of a job and of others": (
        backfill(selector={"a": "b"}),
        "either spec.job or spec.selector is required",
    ),
    "a backfill of nothing": (backfill(job=None), "either spec.job or spec.selector is required"),
    "a backfill that ends before it begins": (backfill(to="2026-01-01T00:00:00Z"), "spec.to must be later"),
    "a backfill whose name is no label": (backfill("a" * 64), "metadata.name must have at most 63 characters"),
    "a run of a slot beyond nanoseconds": (
        requested(scheduledTime="2262-01-01T00:00:00Z"),
        "spec.scheduledTime: Invalid value",
    ),
    "a pause until the year 1969": (dkron_pause("p", until="1969-12-31T23:59:59Z"), "spec.until: Invalid value"),
    "a pause of jobs and of labels": (dkron_pause("p", jobs=["a"], selector={"team": "a"}), "set either spec.jobs or"),
    "neither of both": (job(schedule=""), "spec.schedule: Required value: spec.schedule is required unless"),
    "its own parent by object name": (job(parentJob="nightly"), "spec.parentJob: Invalid value"),
    "its own parent by Dkron name": (job(name="a_b", parentJob="a_b"), "another job"),
    "after itself": (job(dependsOn=[{"job": "nightly"}]), "spec.dependsOn must name other jobs"),
    "a parent and jobs to depend on": (job(parentJob="a", dependsOn=[{"job": "b"}]), "set one of the two"),
    "after one job twice": (job(dependsOn=[{"job": "a"}, {"job": "a"}]), "Duplicate value"),
    "an object name too long": (job("a" * 53), "metadata.name must have at most 52 characters"),
    "a dot in the object name": (job("a.b"), "and no dot"),
    "upper case in the Dkron name": (job(name="Nightly"), "spec.name: Invalid value"),
    "a dot in the Dkron name": (job(name="a.b"), "spec.name: Invalid value"),
    "letters without case in the Dkron name": (job(name="仕事"), "spec.name: Invalid value"),
    "a line break at the end of the Dkron name": (job(name="a\n"), "spec.name: Invalid value"),
    "a parent that cannot exist": (job(parentJob="A"), "spec.parentJob: Invalid value"),
    "an end at the start": (
        job(startsAt="2026-01-01T00:00:00Z", expiresAt="2026-01-01T00:00:00Z"),
        "spec.expiresAt: Invalid value",
    ),
    "an end before the start, in different zones": (
        job(startsAt="2026-01-01T00:00:00Z", expiresAt="2026-01-01T00:00:00+01:00"),
        "spec.expiresAt must be later than spec.startsAt",
    ),
    "a first wait longer than the longest by default": (
        job(retryBackoff={"initial": "61s"}),
        "spec.retryBackoff.max: Invalid value",
    ),
    "a wait without unit": (job(retryBackoff={"initial": "10"}), "spec.retryBackoff.initial"),
    "a wait below zero": (job(retryBackoff={"max": "-1s"}), "spec.retryBackoff.max"),
    "a wait of billions of years": (job(retryBackoff={"max": "9" * 20 + "h"}), "retryBackoff"),
    "a short wait in line": (job(queue={"expires": "0.9s"}), f'spec.queue.expires: Invalid value: "0.9s": {WAIT}'),
    "a wait in line of millennia": (
        job(queue={"expires": "99999999h"}),
        f'spec.queue.expires: Invalid value: "99999999h": {WAIT}',
    ),
    "a wait in line of millennia, in two parts": (
        job(queue={"expires": "1m3000000.5h"}),
        f'spec.queue.expires: Invalid value: "1m3000000.5h": {WAIT}',
    ),
    "a factor with a fraction": (job(retryBackoff={"factor": 1.5}), "spec.retryBackoff.factor"),
    "a key of a tag too long": (job(tags={"k" * 318: "v"}), "spec.tags: Invalid value"),
    "a key of metadata too long": (job(metadata={"k" * 257: "v"}), "spec.metadata: Invalid value"),
    "settings and fields too long together": (
        job(executorConfig={"command": "x" * 33_000}, metadata={f"{n}": "x" * 4000 for n in range(9)}),
        "put scripts into a ConfigMap",
    ),
    "processors too long together": (
        job(processors={f"p{n}": {f"{m}": "x" * 4000 for m in range(9)} for n in range(2)}),
        "put scripts into a ConfigMap",
    ),
    "a setting too long": (job(executorConfig={"k" * 257: "v"}), "spec.executorConfig: Invalid"),
    "a processor's name too long": (job(processors={"k" * 64: {}}), "spec.processors: Invalid value"),
    "a processor's setting too long": (job(processors={"log": {"k" * 257: "v"}}), "spec.processors[log]"),
    "a bare true as setting": (job(executorConfig={"allow_stdout": True}), "spec.executorConfig"),
    "a start before 1970": (job(startsAt="1970-01-01T00:00:00+00:01"), "spec.startsAt: Invalid value"),
    "the year 10000": (job(expiresAt="9999-12-31T23:59:59-00:01"), "spec.expiresAt: Invalid value"),
    "a zone of 25 hours": (job(startsAt="2026-01-01T00:00:00+25:00"), "spec.startsAt: Invalid value"),
    "a misspelt field": (job(shedule="@daily"), 'unknown field "spec.shedule"'),
    "spec forgotten": (job(jobTemplate={"containers": []}), 'unknown field "spec.jobTemplate.containers"'),
    "a parameter in upper case": (with_parameter(name="X"), "spec.parameters[0].name: Invalid value"),
    "a parameter twice": (job(parameters=[{"name": "x"}, {"name": "x"}]), "Duplicate value"),
    "an enum without values": (with_parameter(type="enum"), "spec.parameters[0].values: Invalid value: an enum needs"),
    "values without an enum": (with_parameter(values=["a"]), "only an enum has them"),
    "a default that is none of the values": (
        with_parameter(type="enum", values=["a"], default="b"),
        "one of its values",
    ),
    "a default that is too long": (with_parameter(maxLength=1, default="ab"), "must not be longer than maxLength"),
    "a default that is no integer": (with_parameter(type="integer", default="1.5"), "must be a whole number"),
    "a default that is no number": (with_parameter(type="number", default="NaN"), "must be a number as in JSON"),
    "a default that is no boolean": (with_parameter(type="boolean", default="yes"), 'must be "true" or "false"'),
    "bounds of a string": (with_parameter(minimum="a"), "minimum and maximum are for the types"),
    "a pattern of a number": (with_parameter(type="number", pattern="1"), "pattern and maxLength are for the type"),
    "a secret number": (with_parameter(type="number", secret=True), "a secret has the type string or enum"),
    "a secret in clear": (with_parameter(secret=True, default="hunter2"), "are references"),
    "a reference that is not secret": (with_parameter(default=SECRET), "needs secret: true"),
    "a relative path": (policy({"v1/jobs": {"capabilities": ["list"]}}), "spec.path: Invalid value"),
    "a path too long": (policy({"/" * 1025: {"capabilities": []}}), "spec.path: Invalid value"),
    "a right twice": (policy({"/v1": {"capabilities": ["read", "read"]}}), "Duplicate value"),
    "a path without rights": (policy({"/v1": {}}), "capabilities: Required value"),
    "a second installation": (installation("other"), "metadata.name must be 'dkron'"),
    "no url": (told({"name": "ops"}), "a webhook has either url or urlFrom"),
    "two urls": (told({**HOOK, "urlFrom": KEY}), "a webhook has either url or urlFrom"),
    "a mail with a url": (told({**HOOK, "type": "mail"}), "a mail goes to the ownerEmail"),
    "a mail at the start": (told({"name": "a", "type": "mail", "when": ["start"]}), "none is sent at the start"),
    "never": (told({**HOOK, "when": []}), "notifications[0].when"),
    "another word for when": (told({**HOOK, "on": ["failure"]}), "unknown field"),
    "no http": (told({**HOOK, "url": "file:///etc/passwd"}), "notifications[0].url"),
    "upper case": (told({**HOOK, "name": "Ops"}), "notifications[0].name"),
    "a name twice": (told(HOOK, HOOK), "Duplicate value"),
    "a header without a value": (told({**HOOK, "headers": [{"name": "A"}]}), "a header has either"),
    "a header that is two": (told({**HOOK, "headers": [{"name": "A", "value": "b\nC: d"}]}), "headers[0].value"),
    "slack without a url": (receivers(slack=[{"name": "a"}]), "either url or urlFrom is required"),
    "recipients with another wildcard": (receivers(mail=[{**MAIL, "recipients": ["[ab]@c"]}]), "recipients[0]"),
    "no syslog": (receivers(syslog={"address": "http://x:1"}), "syslog.address"),
    "a sender that is two": (receivers(mail=[{**MAIL, "sender": "a\nBcc: b@c"}]), "mail[0].sender"),
    "a date with blanks": (
        receivers(elasticsearch=[{"name": "a", "url": "http://es", "indexDateFormat": "%c"}]),
        "indexDateFormat",
    ),
}
