"""Manifests with one mistake each, as people make them, and who finds it before the job is due: the API server, `lint`,
or only the operator in its cluster."""

from typing import NamedTuple

HEAD = "apiVersion: dkron.io/v1alpha1\nkind: DkronJob\nmetadata: {name: nightly}\nspec:\n"
SCHEDULE = '  schedule: "@daily"\n'
COMMAND = "  executorConfig: {command: date}\n"
POD = "  executor: kubernetes\n  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{%s}]}}}}\n"


class Broken(NamedTuple):
    """A manifest; whether the API server refuses it; the beginning of the line of `lint`, empty if it finds nothing."""

    name: str
    text: str
    server: bool
    lint: str


def of_spec(name: str, text: str, *, server: bool = False, lint: str) -> Broken:
    """A job whose spec has this text."""
    return Broken(name, HEAD + text, server, lint)


def of_config(name: str, config: str, *, server: bool = False, lint: str) -> Broken:
    """A shell job with this executorConfig."""
    return of_spec(name, f"{SCHEDULE}  executorConfig: {{{config}}}\n", server=server, lint=lint)


def of_schedule(name: str, schedule: str, *, server: bool = False, lint: str) -> Broken:
    """A job with this schedule."""
    return of_spec(name, f'  schedule: "{schedule}"\n{COMMAND}', server=server, lint=lint)


def with_field(name: str, field: str, *, server: bool = False, lint: str) -> Broken:
    """A job that is in order but for this further field."""
    return of_spec(name, f"{SCHEDULE}{COMMAND}  {field}\n", server=server, lint=lint)


MANIFESTS = (
    of_schedule("five fields", "30 2 * * *", server=True, lint='schedule: "30 2 * * *" has five fields'),
    of_schedule("an unknown descriptor", "@dayly", server=True, lint='schedule: "@dayly" is not known'),
    of_schedule("a minute of 61", "0 61 * * * *", lint='minute: "61" is not allowed'),
    of_schedule("30 February", "0 0 0 30 2 *", lint="warning: schedule: no date matches"),
    of_schedule("a time that has passed", "@at 2020-01-01T00:00:00Z", lint="warning: schedule: its only slot, 2020"),
    of_schedule("an interval of 10 ms", "@every 10ms", lint='warning: schedule: "@every 10ms" runs each second'),
    of_spec("no schedule", COMMAND, server=True, lint="spec.schedule is required"),
    with_field("a city for a zone", "timezone: Madrid", server=True, lint='timezone: "Madrid" is not a time zone'),
    with_field("a zone that does not exist", "timezone: Mars/Olympus", lint='timezone: "Mars/Olympus" is not a time'),
    with_field("an unknown field", "retrys: 3", server=True, lint="spec.retrys is no field of a DkronJob"),
    with_field("a text for a number", 'retries: "3"', server=True, lint='spec.retries is the text "3"'),
    with_field("a number out of range", "retries: -1", server=True, lint="spec.retries: "),
    with_field("an unknown word", "concurrency: never", server=True, lint="spec.concurrency: "),
    of_spec("its own parent", COMMAND + "  parentJob: nightly\n", server=True, lint="spec.parentJob must be another"),
    of_spec("a missing parent", COMMAND + "  parentJob: backup\n", lint='warning: its parent "backup" is in none'),
    with_field("a tag with a count of 0", 'tags: {dc: "eu:0"}', server=True, lint='tags.dc: "eu:0" has no count'),
    with_field("an unknown executor", "executor: shel", lint='executor: "shel" is not known'),
    with_field("an unknown processor", "processors: {logs: {}}", lint="warning: ignored, because this version"),
    with_field("a mail to no address", "processors: {email: {}}", server=True, lint="processors.email.emails: it is"),
    of_config("no command", "image: busybox", server=True, lint="the executor shell needs command"),
    of_config("an unknown key", "command: date, timeuot: 5m", lint="warning: ignored, because this version does not"),
    of_config("a size that is none", "command: date, mem_limit: 5potatoes", server=True, lint='mem_limit: "5potatoes"'),
    of_config("a timeout without a unit", 'command: date, timeout: "30"', server=True, lint="timeout: "),
    of_config("a user by name", "command: date, su: app", lint='su: "app" is not a numeric uid'),
    of_config("an unclosed quote", "command: 'echo \"x'", lint="command: no closing quotation"),
    of_config("a command that is cut", 'command: "echo a && echo b"', lint='warning: command: only "echo a" runs'),
    of_config("a flag that is none", 'command: a, shell: "yes"', lint='warning: shell: "yes" does not turn the'),
    of_config("a reference without a key", 'command: a, env: "T=secretRef:nokey"', lint='env: "secretRef:nokey"'),
    of_config("a Secret that is missing", 'command: a, env: "T=secretRef:gone/key"', lint=""),
    of_config("an image with a space", 'command: a, image: "UPPER/CASE:bad tag"', lint='image: "UPPER/CASE:bad tag"'),
    of_spec(
        "volumes of docker", f"{SCHEDULE}  executor: docker\n  executorConfig: {{image: busybox, volumes: '/a:/b'}}\n",
        lint="volumes: this key cannot mount folders of the host",
    ),
    of_spec(
        "a wrong quantity", SCHEDULE + POD % "name: a, image: a, resources: {limits: {memory: 64potatoes}}",
        lint='jobTemplate.spec.template.spec.containers[0].resources.limits.memory: "64potatoes" is not a quantity',
    ),
    of_spec(
        "an unknown field of the template", SCHEDULE + POD % "name: a, image: a, comand: [date]",
        lint="jobTemplate.spec.template.spec.containers[0]: Kubernetes ",
    ),
    with_field("a missing account", "jobTemplate: {spec: {template: {spec: {serviceAccountName: gone}}}}", lint=""),
    Broken(
        "a dot in the name", (HEAD + SCHEDULE + COMMAND).replace("nightly", "night.ly"), True, "metadata.name must",
    ),
    with_field("a pool twice", "pools: [database, database]", server=True, lint='spec.pools.1 repeats "database"'),
    with_field("a flag for a number", "retries: true", server=True, lint="spec.retries is true; write a whole number"),
    Broken(
        "a pool whose name no object may have",
        "apiVersion: dkron.io/v1alpha1\nkind: DkronPool\nmetadata: {name: Main_database}\nspec: {size: 1}\n",
        True, 'metadata.name: "Main_database" cannot be the name',
    ),
    Broken(
        "a pause that is over",
        "apiVersion: dkron.io/v1alpha1\nkind: DkronPause\nmetadata: {name: nightly}\n"
        'spec: {until: "2020-01-01T00:00:00Z", reason: ""}\n',
        False, "warning: spec.until is in the past",
    ),
)  # fmt: skip
