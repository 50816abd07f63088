"""The complete batch/v1 Job for one attempt, built from a view and a claim."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dkron_crds import job_metadata as marks
from dkron_crds.base import rfc3339
from dkron_crds.job import Attempt, JobSpec
from dkron_crds.names import API_VERSION, GROUP
from dkron_crds.node_tags import DKRONS, AgentTags
from dkron_crds.parameters import resolved
from dkron_crds.placeholders import Values
from dkron_crds.traceparent import ANNOTATION, VARIABLE
from dkron_operator.plan.situation.packed_spec import plain_spec
from dkron_operator.plan.situation.view import JobView
from dkron_pods import executors
from dkron_pods.affinity import affinity, is_spread
from dkron_pods.config import NONE_GIVEN, literal, value, values_of
from dkron_pods.images import Images
from dkron_pods.pod_security import restricted
from dkron_pods.template import merge

Object = dict[str, Any]


def build_job(
    job: JobView,
    entry: Attempt,
    *,
    images: Images,
    given: Mapping[str, str] = NONE_GIVEN,
    own: AgentTags = DKRONS,
    confine: bool = True,
    traceparent: str = "",
) -> Object:
    """The Job to create for this attempt. It continues the trace of `traceparent`, if that is set; `own` are the tags
    that nodes have without a label; `confine` completes the pod to `restricted`, where the template leaves that open;
    `given` are the values that the run gives for parameters. Raises `ConfigError` for a spec that `check_template`
    refuses, and for values that do not fit their places."""
    job = _parsed(job)
    values = values_of(job.spec, given)
    body: Object = merge(_of_spec(job, images, values), _identity(job, entry))
    if traceparent:
        body["metadata"]["annotations"][ANNOTATION] = traceparent
    if queue := queue_of(job.spec, body["metadata"]["labels"]):
        body["metadata"]["labels"][marks.KUEUE_QUEUE] = queue
        # Also without Kueue's webhook, the Job does not begin beyond the quota.
        body["spec"]["suspend"] = True
    pod = body["spec"]["template"].setdefault("spec", {})
    pod |= restricted(pod) if confine else {}
    placed = affinity(
        pod, entry, tags=job.spec.tags, apart={marks.LABEL_JOB: job.name, marks.LABEL_GROUP: str(entry.group)}, own=own
    )
    pod |= {"affinity": placed} if placed else {}
    variables = _variables(job, entry, given)
    if traceparent:
        variables[VARIABLE] = {"value": traceparent}
    pod["containers"] = [_with_env(container, variables) for container in pod.get("containers") or ()]
    return body


def built_pod(job: JobView, *, images: Images) -> Object:
    """The pod spec of the job's Jobs, without what differs from one attempt to another. Raises `ConfigError`."""
    job = _parsed(job)
    values = Values.sample(job.spec.parameters)
    pod: Object = (_of_spec(job, images, values)["spec"].get("template") or {}).get("spec") or {}
    return pod


def _parsed(job: JobView) -> JobView:
    return replace(job, spec=plain_spec(job.spec))


def _of_spec(job: JobView, images: Images, values: Values) -> Object:
    """The executor's Job, with the template laid over it."""
    template = {"metadata": _without_ours(job.spec.job_template.metadata), "spec": job.spec.job_template.spec}
    skeleton = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "spec": {"backoffLimit": 0, "template": {"spec": {"restartPolicy": "Never"}}},
    }
    body: Object = merge(skeleton, {"spec": executors.job(job.spec, images=images, values=values)})
    body = merge(body, template)
    pod = body["spec"].get("template")
    if isinstance(pod, dict) and isinstance(pod.get("metadata"), dict):
        pod["metadata"] = _without_ours(pod["metadata"])
    return body


def _without_ours(metadata: Mapping[str, Any]) -> Object:
    """The metadata of a template without labels and annotations of this project: they say what a Job was made for, and
    only the operator knows that."""
    kept = dict(metadata)
    for section in ("labels", "annotations"):
        if isinstance(kept.get(section), dict):
            kept[section] = {key: text for key, text in kept[section].items() if not key.startswith(f"{GROUP}/")}
    return kept


def _identity(job: JobView, entry: Attempt) -> Object:
    labels = {marks.LABEL_MANAGED_BY: marks.MANAGED_BY, marks.LABEL_JOB: job.name}
    of_pod = labels | ({marks.LABEL_GROUP: str(entry.group)} if is_spread(entry) else {})
    queued = "" if entry.queued_at is None else rfc3339(entry.queued_at)
    optional = {marks.MEMBER: entry.member, marks.NODE: entry.node_name, marks.QUEUED_AT: queued}
    slot = rfc3339(entry.slot)
    return {
        "metadata": {
            "name": entry.job,
            "namespace": job.namespace,
            "labels": labels,
            "annotations": {
                marks.DKRON_NAME: job.dkron_name,
                marks.EXECUTION: entry.id,
                marks.SLOT: slot,
                marks.TRIGGER: str(entry.trigger),
                marks.GROUP: str(entry.group),
                marks.ATTEMPT: str(entry.attempt),
                "batch.kubernetes.io/cronjob-scheduled-timestamp": slot,
                **{key: value for key, value in optional.items() if value},
            },
            "ownerReferences": [
                {
                    "apiVersion": API_VERSION,
                    "kind": "DkronJob",
                    "name": job.name,
                    "uid": job.uid,
                    "controller": True,
                    "blockOwnerDeletion": False,
                }
            ],
        },
        "spec": {"template": {"metadata": {"labels": of_pod}}},
    }


def _variables(job: JobView, entry: Attempt, given: Mapping[str, str]) -> dict[str, Object]:
    """The environment that every container gets: values by the names of the variables."""
    own = {
        "DKRON_JOB_NAME": job.dkron_name,
        "DKRON_SCHEDULED_TIME": rfc3339(entry.slot),
        "DKRON_ATTEMPT": str(entry.attempt),
        "DKRON_EXECUTION_GROUP": str(entry.group),
        "DKRON_TRIGGER": str(entry.trigger),
        "ENV_JOB_NAME": job.dkron_name,
    }
    declared = {each.name: each for each in job.spec.parameters}
    parameters = {
        declared[name].variable: value(declared[name].variable, text)
        if declared[name].secret
        else {"value": literal(text)}
        for name, text in resolved(job.spec.parameters, given).items()
    }
    return {name: {"value": text} for name, text in own.items()} | parameters


def _with_env(container: Object, variables: Mapping[str, Object]) -> Object:
    own = container.get("env") or []
    names = {item.get("name") for item in own}
    added = [{"name": name, **content} for name, content in variables.items() if name not in names]
    # Ours come first, so that a container's own variables may refer to them.
    return {**container, "env": [*added, *own]}


def queue_of(spec: JobSpec, labels: Mapping[str, Any]) -> str:
    """The LocalQueue of the job's Jobs; empty if they do not wait. `labels` are the labels of the Job to create."""
    return spec.queue_name or str(labels.get(marks.KUEUE_QUEUE) or "")
