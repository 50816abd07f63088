"""An execution as flat fields, for receivers that take records."""

from dkron_crds.base import rfc3339
from dkron_processors.message import Ended


def fields(ended: Ended) -> dict[str, object]:
    """Field names that are the same for every receiver; times are RFC 3339 in UTC."""
    execution = ended.execution
    return {
        "job_name": ended.job,
        "namespace": ended.namespace,
        "execution": execution.id,
        "group": str(execution.group),
        "attempt": execution.attempt,
        "trigger": str(execution.trigger),
        "slot": rfc3339(execution.slot),
        "started_at": rfc3339(execution.started_at),
        "finished_at": rfc3339(execution.ended_at),
        "success": execution.success,
        "exit_code": execution.exit_code,
        "reason": execution.reason,
        "error": execution.message,
        "host": execution.node_name,
        "message": ended.output,
        "truncated": ended.truncated,
    }


def report(ended: Ended) -> str:
    """A few lines for humans about how it went."""
    execution = ended.execution
    lines = [
        f"{ended.display_name or ended.job}: {headline(ended)}",
        f"Job: {ended.namespace}/{ended.job}, execution {execution.id}",
        f"Attempt {execution.attempt}, {execution.trigger}, due {rfc3339(execution.slot)}",
        f"From {rfc3339(execution.started_at)} to {rfc3339(execution.ended_at)}",
    ]
    if execution.node_name:
        lines.append(f"Node: {execution.node_name}")
    if execution.message:
        lines.append(execution.message)
    return "\n".join(lines)


def headline(ended: Ended) -> str:
    """How it went, in a few words."""
    execution = ended.execution
    if execution.success:
        return "succeeded"
    code = "" if execution.exit_code is None else f", exit code {execution.exit_code}"
    return f"failed ({execution.reason or 'Error'}{code})"
