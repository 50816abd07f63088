"""The last words of `make demo`: how to go on with what runs. Pure."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """What a person has to know to go on. `kubectl_folder` is set where PATH has no kubectl."""

    kubeconfig: Path
    log: Path
    namespace: str
    make_arguments: str
    kubectl_folder: Path | None


def how_to_go_on(where: Whereabouts) -> str:
    """Lines to copy."""
    kubectl = "kubectl" if where.namespace == "default" else f"kubectl -n {where.namespace}"
    exports = [("export KUBECONFIG=" + str(where.kubeconfig), "")]
    if where.kubectl_folder is not None:
        exports.append((f"export PATH={where.kubectl_folder}:$PATH", ""))
    lines = (
        *exports,
        (f"{kubectl} get dkj", "the jobs; -o wide shows more"),
        (f"{kubectl} describe dkj failing", "one job, its executions and events"),
        (f"{kubectl} logs -l dkron.io/job=hello", "what its pods have printed"),
        (f"tail -f {where.log}", "the operator's log"),
        (f"make demo{where.make_arguments}", "this table again"),
        (f"make demo-down{where.make_arguments}", "stop the operator and remove the rest"),
    )
    width = max(len(command) for command, meaning in lines if meaning and len(command) < 60)  # noqa: PLR2004 - a screen
    texts = (f"  {command:<{width}}  # {meaning}" if meaning else f"  {command}" for command, meaning in lines)
    return "\n".join(("Everything goes on running. To go on:", *texts))
