"""The shell executor on a real node: what a command sees, and what is kept of how it ended.

All jobs of the table are created at once, each with a request for a run, and each test waits for its own.
"""

import base64
from dataclasses import dataclass, field
from typing import Any

import pytest

from dkron_operator.plan.situation.permissions import OUR_USER
from tests.support.jobs import dkron_job, pod_template
from tests.support.kube import SECRETS, finished, shown
from tests.support.printed import MARK
from tests.support.sites import Site

pytestmark = pytest.mark.cluster(nodes="real")

SHELL = {"shell": "true"}
TIMEOUT = {"shell": "true", "timeout": "1s"}
BEGIN = "echo begun; while true; do sleep 1; done"
QUICK_END = pod_template(terminationGracePeriodSeconds=1)
ADDED = pod_template(containers=[{"name": "job", "env": [{"name": "ADDED", "value": "yes"}]}])
AS_THE_IMAGE_SAYS = {"jobTemplate": pod_template(securityContext={"runAsNonRoot": False})}
NO_FILE = "uid=65532 gid=65532 groups=65532\n/bin/sh: can't create /file: Permission denied\n"
HOSTILE = "'; echo hi; $(HOME) $$ `id` \"{{ y }}, A=1"
PARAMETERS = [
    {"name": "x", "default": HOSTILE, "pattern": ".*"}, {"name": "y", "type": "integer"},
    {"name": "token", "secret": True, "default": "secretRef:creds/token"},
]  # fmt: skip
LINES = "".join(f"{number}\n" for number in range(1, 2001))


@dataclass(frozen=True, slots=True)
class Case:
    """A command, and what its execution has to say; what is not named in `expected` may be anything."""

    name: str
    command: str
    expected: dict[str, Any]
    config: dict[str, str] = field(default_factory=dict)
    spec: dict[str, Any] = field(default_factory=dict)


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def good(output: str, **expected: Any) -> dict[str, Any]:
    return {"state": "Succeeded", "exitCode": 0, "reason": "", "output": output, **expected}


def bad(reason: str, **expected: Any) -> dict[str, Any]:
    return {"state": "Failed", "reason": reason, **expected}


CASES = (
    Case("words", "echo  one 'two  three' \"four\"", good("one two  three four\n")),
    Case("no-shell", "echo $HOME $(date) * | cat", good("$HOME $(date) *\n")),
    Case("shell", "echo $$ $(expr 40 + 2) $HOME; cd /etc && pwd", good("1 42 /\n/etc\n"), SHELL),
    Case("default-user", "exec 2>&1; id; echo > /file", bad("Error", message=OUR_USER, output=NO_FILE), SHELL),
    Case("user-of-the-image", "id -u; chown 7 /etc; stat -c %u /etc", good("0\n7\n"), SHELL, AS_THE_IMAGE_SAYS),
    Case("root", "id -u; chown 7 /etc; stat -c %u /etc", good("0\n7\n"), SHELL | {"su": "0"}),
    Case("both-streams", "echo out; sleep 1; echo err >&2", good("out\nerr\n"), SHELL),
    Case("env", "echo $ONE $TWO$EMPTY.", good("1 a=b.\n"), SHELL | {"env": "ONE=1,TWO=a=b,EMPTY="}),
    Case("env-dollars", 'echo "$PRICE"', good("$(ONE) $$5 ${TWO}\n"), SHELL | {"env": "PRICE=$(ONE) $$5 ${TWO}"}),
    Case("cwd", "pwd", good("/etc\n"), {"cwd": "/etc"}),
    Case("su", "echo $(id -u) $(id -g)", good("65534 65533\n"), SHELL | {"su": "65534:65533"}),
    Case("payload", "cat", good("héllo\n'$HOME'"), {"payload": encoded("héllo\n'$HOME'")}),
    Case("payload-shell", "wc -l", good("2\n"), SHELL | {"payload": encoded("a\nb\n")}),
    Case("secret-env", "echo $TOKEN", good(f"{MARK} $(ONE)\n"), SHELL | {"env": "TOKEN=secretRef:creds/token"}),
    Case("secret-command", "secretRef:creds/command", good("from a secret\n")),
    Case("secret-payload", "cat", good("secret payload"), {"payload": "secretRef:creds/payload"}),
    Case("image", "echo image", good("image\n"), {"image": "docker.io/library/busybox:1.36"}),
    Case("silent", "true", good("")),
    Case("exit-code", "echo before; exit 7", bad("Error", exitCode=7, output="before\n"), SHELL),
    Case(
        "tail", "seq 1 2000; sleep 1", good(LINES[-64:], outputTruncated=True), SHELL, {"history": {"outputBytes": 64}}
    ),
    Case("whole", "printf 12345678", good("12345678", outputTruncated=False), spec={"history": {"outputBytes": 8}}),
    Case("no-output", "echo unwanted", good(""), spec={"history": {"outputBytes": 0}}),
    Case("bytes", "printf 'caf\\351 \\377 \\303\\251\\n'", good("caf\ufffd \ufffd é\n")),
    Case("controls", "printf 'a\\000b\\033[31m\\n'", good("a\0b\x1b[31m\n")),
    Case("no-such-command", "/no/such/command", bad("StartError", exitCode=128, output="")),
    Case("timeout", BEGIN, bad("DeadlineExceeded", output="begun\n"), TIMEOUT, {"jobTemplate": QUICK_END}),
    # Kubernetes gives it 30 seconds after its timeout; what it has written has to outlive them.
    Case("stubborn", f"trap '' TERM; {BEGIN}", bad("DeadlineExceeded", output="begun\n"), TIMEOUT),
    # Whether the kubelet hears of the kernel's kill before the container's end, and calls it OOMKilled, is a race.
    Case(
        "memory",
        "x=x; while true; do x=$x$x; done",
        {"state": "Failed", "exitCode": 137},
        SHELL | {"mem_limit": "16MB"},
    ),
    Case("arguments", "echo '{{ x }}' {{ y }}", good(f"{HOSTILE} \n"), spec={"parameters": PARAMETERS}),
    Case(
        "variables",
        'echo "$DKRON_PARAM_X" "$MORE" "${DKRON_PARAM_Y-unset}" "$DKRON_PARAM_TOKEN"',
        good(f"{HOSTILE} <{HOSTILE}> unset {MARK} $(ONE)\n"),
        SHELL | {"env": "MORE=<{{ x }}>"},
        {"parameters": PARAMETERS},
    ),
    Case("added-env", "echo $ADDED $DKRON_JOB_NAME", good("yes added-env\n"), SHELL, {"jobTemplate": ADDED}),
)


@pytest.fixture(scope="module", autouse=True)
def everything(module_site: Site) -> None:
    command = "KIND=secret; echo from a $KIND"
    secret = {"token": f"{MARK} $(ONE)", "command": command, "payload": encoded("secret payload")}
    module_site.kube.create(SECRETS, {"metadata": {"name": "creds"}, "stringData": secret})
    jobs = [dkron_job(c.name, c.command, config=c.config, run=["once"], **c.spec) for c in CASES]
    # The pods of all the others may keep a kubelet busy until the deadline of a Job, which deletes its pod and output.
    short = [job for job in jobs if "timeout" in job["spec"]["executorConfig"]]
    module_site.kube.apply(*short)
    module_site.kube.wait_status("timeout", "its execution", finished(1))
    module_site.kube.apply(*(job for job in jobs if job not in short))


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])
def test_execution_shows_how_its_command_ended(shared_site: Site, case: Case) -> None:
    status = shared_site.kube.wait_status(case.name, "its execution", finished(1))
    (execution,) = status["executions"]
    blank = {"reason": "", "output": "", "outputTruncated": False}
    assert {key: (blank | execution).get(key) for key in case.expected} == case.expected


def test_secrets_stay_out_of_the_job(shared_site: Site) -> None:
    kube = shared_site.kube
    kube.wait_status("secret-env", "its execution", finished(1))
    (job,) = kube.jobs_of("secret-env")
    assert MARK not in shown(job)
