"""What keeps a job: the tool whose manifest holds fields of it and would write them again. Pure.

A refused write names the field manager. People look for the tool, and for the name under which they find the manifest
there: Argo CD, Flux and Helm leave both in labels and annotations.
"""

from typing import Any

from dkron_api.translate.record import Job
from dkron_crds.packed import plain

JSON = dict[str, Any]
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


def keeper(job: Job) -> JSON | None:
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
