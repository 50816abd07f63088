"""Refusals of an installation, for all users: jobs in namespaces that matter to the cluster, and pods with the
installation's own service accounts.

The operator creates pods for every author of a DkronJob. In its own namespace, a pod like this could use its service
account, and with it the rights of the operator in all namespaces.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dkron_crds.job import ReadyReason
from dkron_crds.node_tags import DKRONS, AgentTags
from dkron_operator.plan.job.build import built_pod
from dkron_operator.plan.situation.view import JobView
from dkron_pods.images import Images
from dkron_pods.inline import is_inline
from dkron_pods.problem import Problem

Object = Mapping[str, Any]
DEFAULT = "default"
"""The service account of pods that name none."""


@dataclass(frozen=True, slots=True)
class InstallationRules:
    """Where no job runs, and which service accounts no job uses."""

    own_namespace: str = ""
    """The namespace of the operator's pod, if no job may run there; else empty."""

    namespaces: frozenset[str] = frozenset()
    """Further namespaces in which no job runs."""

    accounts: frozenset[tuple[str, str]] = frozenset()
    """The service accounts that no pod of a job uses, as (namespace, name)."""

    def of_job(self, job: JobView, *, images: Images) -> Problem | None:
        """Why the installation does not run the job; None if it does."""
        refused, guarded = self._of_namespace(job.namespace), any(job.namespace == each for each, _ in self.accounts)
        if refused is not None or job.problem is not None or not guarded:
            return refused
        # A call without a pod has no account.
        return None if is_inline(job.spec) else self._of_pod(job.namespace, built_pod(job, images=images))

    def of_body(self, body: Object) -> Problem | None:
        """Why the installation does not create this Job; None if it does."""
        namespace = body["metadata"]["namespace"]
        return self._of_namespace(namespace) or self._of_pod(namespace, body["spec"]["template"]["spec"])

    def _of_namespace(self, namespace: str) -> Problem | None:
        if namespace == self.own_namespace:
            text = (
                f"the operator runs in namespace {namespace} and runs no jobs there, because their pods could use its "
                "service account and Secrets; create the job in another namespace, or start the operator with "
                "--run-in-own-namespace"
            )
            return Problem(ReadyReason.NAMESPACE_REFUSED, text)
        if namespace in self.namespaces:
            text = (
                f"the operator runs no jobs in namespace {namespace}; create the job in another namespace, or take "
                "this one out of the operator's --refused-namespaces"
            )
            return Problem(ReadyReason.NAMESPACE_REFUSED, text)
        return None

    def _of_pod(self, namespace: str, pod: Object) -> Problem | None:
        name = account_of(pod)
        if (namespace, name) not in self.accounts:
            return None
        text = (
            f"the pod would use the service account {name}, which no job may use; name another one in "
            "jobTemplate.spec.template.spec.serviceAccountName"
        )
        return Problem(ReadyReason.ACCOUNT_REFUSED, text)


NO_RULES = InstallationRules()


@dataclass(frozen=True, slots=True)
class JobSettings:
    """The options of the operator about the Jobs that it creates."""

    images: Images

    own_tags: AgentTags = DKRONS
    """The tags that nodes have without a label."""

    rules: InstallationRules = NO_RULES

    confine: bool = True
    """Whether pods are completed to the Pod Security Standard `restricted`, where the template leaves that open."""

    strict: bool = False
    """Whether a job with settings that mean nothing here does not run."""

    home: str = ""
    """The namespace of the installation, as each Job names it; empty if Jobs name none."""


def account_of(pod: Object) -> str:
    """The service account of a pod with this spec. The API server reads the older field if the other is unset."""
    return str(pod.get("serviceAccountName") or pod.get("serviceAccount") or DEFAULT)
