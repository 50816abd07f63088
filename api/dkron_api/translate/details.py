"""What only a DkronJob says, for user interfaces: GET /v1/jobs/{job}/details. Pure.

Dkron's JSON of a job has no room for parameters, conditions, several parents or the template of the Kubernetes Job.
"""

from collections.abc import Callable, Iterable, Sequence

from dkron_api.translate import gojson
from dkron_api.translate.readiness import status_of
from dkron_api.translate.record import Job, Object
from dkron_crds.base import rfc3339
from dkron_crds.depends import When
from dkron_crds.packed import plain, plain_object
from dkron_from_dkron.manifest import manifest
from dkron_reports.job import pause_of

MOST_RELATIVES = 200
"""Jobs that an answer shows of a chain."""


def details(job: Job, relatives: Sequence[Job], *, more: bool) -> Object:
    """Return the answer. `relatives` are the jobs of the chain, with this one; `more` says that there are others."""
    spec, status = job.spec, job.status
    return {
        "job": job.name,
        "object": job.object_name,
        "kept_by": managed_by(job),
        "paused": paused(job),
        "kept_executions": spec.history.executions,
        "parameters": [
            {**each.model_dump(mode="json", by_alias=False), "values": list(each.values)} for each in spec.parameters
        ],
        "conditions": [
            {
                "type": str(each.type), "status": str(each.status), "reason": str(each.reason),
                "message": each.message, "since": rfc3339(each.last_transition_time),
            }
            for each in status.conditions
        ],
        "days": [
            {"date": each.date.isoformat(), "success_count": each.success, "failed_count": each.failed}
            for each in sorted(status.days, key=lambda day: day.date)
        ],
        "chain": [_relative(each) for each in relatives],
        "chain_has_more": more,
        "manifest": _manifest(job),
    }  # fmt: skip


def paused(job: Job) -> str:
    """Return by whom, why and by which DkronPause the job is paused; empty if it is not."""
    return pause_of(job.raw)


def parents(job: Job) -> list[Object]:
    """Return the jobs after which this one runs, each with the outcome that counts."""
    when = {
        str(each.get("job")): str(each.get("when") or When.SUCCESS) for each in job.raw["spec"].get("dependsOn") or ()
    }
    return [{"job": name, "when": when.get(name, str(When.SUCCESS))} for name in job.parents]


def relatives(
    start: Job, *, known: Callable[[str], Job | None], children: Callable[[str], Iterable[str]]
) -> tuple[list[Job], bool]:
    """Return the jobs before and after this one, the nearest first, and whether there are more than are shown."""
    found, ahead = {start.name: start}, [start]
    for each in ahead:
        for name in (*each.parents, *children(each.name)):
            near = None if name in found else known(name)
            if near is None:
                continue
            if len(found) == MOST_RELATIVES:
                return list(found.values()), True
            found[name] = near
            ahead.append(near)
    return list(found.values()), False


def _relative(job: Job) -> Object:
    spec = job.raw["spec"]
    return {
        "name": job.name,
        "schedule": str(spec.get("schedule") or ""),
        "disabled": spec.get("disabled") is True,
        "status": status_of(job),
        "parents": parents(job),
    }


def _manifest(job: Job) -> Object | None:
    """Return the job as a manifest; None if it nests so deep that it cannot be sent."""
    whole = manifest(plain_object(job.raw), defaults=False)
    try:
        gojson.encode(whole)
    except (RecursionError, ValueError):
        return None
    return whole


LONGEST = 253
"""Characters of a name in another tool: any client may write any text."""
_ARGO = ("argocd.argoproj.io/tracking-id", "argocd.argoproj.io/instance")
_FLUX = ("kustomize.toolkit.fluxcd.io/name", "helm.toolkit.fluxcd.io/name")
_HELM = "meta.helm.sh/release-name"
_MANAGED_BY = "app.kubernetes.io/managed-by"
_MANAGERS = {
    "argocd-controller": "Argo CD", "argocd-application-controller": "Argo CD", "kustomize-controller": "Flux",
    "helm-controller": "Flux", "helm": "Helm", "kubectl-client-side-apply": "kubectl apply",
}  # fmt: skip
"""Field managers that people know by another name."""


def managed_by(job: Job) -> Object | None:
    """Return the tool that keeps the job, the name that it gives to what it keeps (empty if it does not tell), and the
    fields of the spec that it would write again with their field managers; None for a job that no manifest keeps."""
    marks = {**plain(job.raw["metadata"].get("labels") or {}), **plain(job.annotations)}
    argo = next((marks[key] for key in _ARGO if marks.get(key)), "").partition(":")[0]
    flux = next((marks[key] for key in _FLUX if marks.get(key)), "")
    managers = sorted(set(job.owners.values()))
    if argo:
        tool, name = "Argo CD", argo
    elif flux:
        tool, name = "Flux", flux
    elif marks.get(_HELM) or marks.get(_MANAGED_BY) == "Helm":
        tool, name = "Helm", marks.get(_HELM, "")
    elif managers:
        tool, name = _MANAGERS.get(managers[0], managers[0]), ""
    else:
        return None
    return {"tool": tool, "name": name[:LONGEST], "fields": dict(sorted(job.owners.items()))}
