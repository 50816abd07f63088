"""The last words of `make demo`: how to go on with what runs. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SCREEN = 80
"""Commands that are longer do not push the remarks behind the others to the right."""
HEADER = "$AUTH"
"""The header of each request, as a variable of the reader's shell."""
OWN_JOB = '{"name": "mine", "schedule": "@every 1m", "executor_config": {"command": "date"}}'


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """The facts that a person needs to go on. `kubectl_folder` is set where PATH has no kubectl."""

    kubeconfig: Path
    log: Path
    api: str
    namespace: str
    make_arguments: str
    kubectl_folder: Path | None
    dkronctl: Path


def how_to_go_on(where: Whereabouts) -> str:
    """Lines to copy."""
    space = "" if where.namespace == "default" else f" -n {where.namespace}"
    kubectl = f"kubectl{space}"
    exports = [("export KUBECONFIG=" + str(where.kubeconfig), "")]
    if where.kubectl_folder is not None:
        exports.append((f"export PATH={where.kubectl_folder}:$PATH", ""))
    lines = (
        *exports,
        (f"{kubectl} get dkj", "the jobs; -o wide shows more"),
        (f"{kubectl} describe dkj failing", "one job, its executions and events"),
        (f"{kubectl} logs -l dkron.io/job=hello", "what its pods have printed"),
        (f"tail -f {where.log}", "the operator's log"),
        (f"{where.dkronctl}{space} top", "the jobs as they run, live; Ctrl-C ends it"),
        (f"make demo{where.make_arguments}", "this table again"),
        (f"make demo-down{where.make_arguments}", "stop the programs and remove the rest"),
    )
    title = f"\nThe same by Dkron's REST API, which is described at {where.api}/openapi.json:"
    page = f"The web page: {where.api}/ui/, with the token that `make api-token{where.make_arguments}` prints."
    going_on = "\nEverything goes on running. To go on:"
    return "\n".join((page, going_on, _block(lines), title, _block(_requests(where))))


def _requests(where: Whereabouts) -> tuple[tuple[str, str], ...]:
    api, curl = where.api, f'curl -H "{HEADER}"'
    return (
        (f"export DKRON_TOKEN=$(make -s api-token{where.make_arguments})", "may do everything, for a day"),
        ('AUTH="Authorization: Bearer $DKRON_TOKEN"', ""),
        (f"{curl} {api}/v1/jobs", "the jobs"),
        (f"{curl} {api}/v1/jobs -d '{OWN_JOB}'", "create a job, or replace it"),
        (f"{curl} -X POST '{api}/v1/jobs/mine/run?wait=true'", "run it, and wait until that is over"),
        (f"{curl} '{api}/v1/jobs/mine/executions?pretty'", "what became of it"),
        (f"{curl} '{api}/v1/jobs/mine/next?count=3'", "when it is due"),
        (f"{curl} -N {api}/v1/events", "what happens, as it happens; Ctrl-C ends it"),
    )


def _block(lines: Sequence[tuple[str, str]]) -> str:
    width = max(len(command) for command, meaning in lines if meaning and len(command) < SCREEN)
    return "\n".join(f"  {command:<{width}}  # {meaning}" if meaning else f"  {command}" for command, meaning in lines)
