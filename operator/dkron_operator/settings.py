"""Settings: every flag is also an environment variable, and `--help` is the manual."""

import os
from contextlib import suppress
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, IPvAnyNetwork, field_validator, model_validator
from pydantic_settings import BaseSettings, CliImplicitFlag, NoDecode, SettingsConfigDict

from dkron_crds.node_tags import DKRONS, LABEL_VALUE, AgentTags
from dkron_executors.run.addresses import AddressRules
from dkron_operator.leader.election import Terms
from dkron_runtime.command import separated
from dkron_runtime.image import own_image
from dkron_runtime.logs import LogFormat, LogLevel

Namespaces = Annotated[list[str], NoDecode]


class Settings(BaseSettings):
    """Run DkronJobs as Kubernetes Jobs, one for each slot. Options are environment variables too, named in brackets."""

    model_config = SettingsConfigDict(
        env_prefix="DKRON_",
        cli_prog_name="dkron-operator",
        cli_kebab_case=True,
        cli_hide_none_type=True,
        cli_avoid_json=True,
    )

    namespace: Namespaces = Field(
        default_factory=list,
        description="watch only this namespace; repeat the option, or separate by commas, for several. Without it, the "
        "operator watches all namespaces and needs cluster-wide permissions [DKRON_NAMESPACE]",
    )
    cluster_namespace: str = Field(
        default="",
        description="namespace of the DkronCluster and the Lease. Without it: the namespace that is watched if it is "
        "one, else that of the pod, or of the kubeconfig's context [DKRON_CLUSTER_NAMESPACE]",
    )
    default_image: str = Field(
        default="docker.io/library/busybox:1.36",
        min_length=1,
        description="image for the shell executor where executorConfig names none [DKRON_DEFAULT_IMAGE]",
    )
    executor_image: str = Field(
        default_factory=own_image,
        min_length=1,
        description="image for the executors that call a server, http for example: this project's own, at this version "
        "unless it is named here [DKRON_EXECUTOR_IMAGE]",
    )
    pod_security: Literal["restricted", "unset"] = Field(
        default="restricted",
        description="restricted: the pods of jobs meet the Pod Security Standard of this name, as far as jobTemplate "
        "does not say otherwise. unset: nothing is added, so that commands run as their image says "
        "[DKRON_POD_SECURITY]",
    )
    output_dir: Path | None = Field(
        default=None,
        description="directory for the processor files, on a volume of the operator's pod. Without it jobs cannot use "
        "that processor [DKRON_OUTPUT_DIR]",
    )
    inline_calls: int = Field(
        default=0,
        ge=0,
        le=1000,
        description="how many calls of jobs with executorConfig.inline the operator itself makes at the same time, "
        "from its own pod; 0 refuses such jobs [DKRON_INLINE_CALLS]",
    )
    inline_allow: Annotated[list[IPvAnyNetwork], NoDecode] = Field(
        default_factory=list,
        description="networks that these calls may reach although they are refused otherwise: the loopback, "
        "link-local addresses, servers of cloud metadata, the API server (10.0.0.0/8) [DKRON_INLINE_ALLOW]",
    )
    inline_deny: Annotated[list[IPvAnyNetwork], NoDecode] = Field(
        default_factory=list,
        description="further networks that these calls may not reach, for example that of Services [DKRON_INLINE_DENY]",
    )
    datacenter: str = Field(
        default=DKRONS.datacenter,
        min_length=1,
        pattern=LABEL_VALUE,
        description="tag dc of nodes that have no label of this name, as the option of Dkron [DKRON_DATACENTER]",
    )
    region: str = Field(
        default=DKRONS.region,
        min_length=1,
        pattern=LABEL_VALUE,
        description="tag region of nodes that have no label of this name, as the option of Dkron [DKRON_REGION]",
    )
    strict: CliImplicitFlag[bool] = Field(
        default=False,
        description="do not run jobs with settings that this operator does not know: keys of executorConfig, "
        "processors and their keys. Without it, they are ignored, as in Dkron, and reported [DKRON_STRICT]",
    )
    lease: Literal["on", "off"] = Field(
        default="on",
        description="on: only the replica that holds the Lease acts, and the others wait. off: this one always acts, "
        "and the DkronCluster shows no leader [DKRON_LEASE]",
    )
    lease_duration: int = Field(
        default=15,
        ge=1,
        le=3600,
        description="seconds after the last renewal before another replica may take the Lease [DKRON_LEASE_DURATION]",
    )
    lease_renew_deadline: float = Field(
        default=10.0,
        gt=0,
        allow_inf_nan=False,
        description="seconds after its last renewal during which the holder acts; less than --lease-duration "
        "[DKRON_LEASE_RENEW_DEADLINE]",
    )
    lease_retry_period: float = Field(
        default=2.0,
        ge=0.1,
        allow_inf_nan=False,
        description="seconds between two renewals; --lease-renew-deadline is more than 1.2 times as long "
        "[DKRON_LEASE_RETRY_PERIOD]",
    )
    monitoring_host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="address to listen on for /healthz, /readyz and /metrics; 0.0.0.0 means all "
        "[DKRON_MONITORING_HOST]",
    )
    monitoring_port: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="port of /healthz, /readyz and /metrics; 0 disables them [DKRON_MONITORING_PORT]",
    )
    metrics_per_job: CliImplicitFlag[bool] = Field(
        default=False,
        description="show two series for each job on /metrics, as long as there are at most 5000 jobs "
        "[DKRON_METRICS_PER_JOB]",
    )
    kubeconfig: Path | None = Field(
        default=None,
        description="kubeconfig to use. Without it: the pod's service account, else $KUBECONFIG, else ~/.kube/config "
        "[DKRON_KUBECONFIG]",
    )
    context: str | None = Field(
        default=None, description="context of the kubeconfig, instead of its current one [DKRON_CONTEXT]"
    )
    log_format: LogFormat = Field(
        default="json", description="json: one object per line; text: for people [DKRON_LOG_FORMAT]"
    )
    log_level: LogLevel = Field(default="info", description="the lowest severity to log [DKRON_LOG_LEVEL]")

    @field_validator("output_dir")
    @classmethod
    def _exists(cls, path: Path | None) -> Path | None:
        """A missing directory means that the volume is not mounted."""
        if path is not None and not (path.is_absolute() and path.is_dir()):
            raise ValueError(f"{path} is not a directory; give the absolute path of one that exists")
        return path

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        """A holder has to stop before another begins, and to retry before it stops."""
        if not self.terms().in_order:
            raise ValueError(
                f"--lease-duration {self.lease_duration} must be more than --lease-renew-deadline "
                f"{self.lease_renew_deadline:g}, and that more than 1.2 times --lease-retry-period "
                f"{self.lease_retry_period:g}"
            )
        return self

    @field_validator("namespace", "inline_allow", "inline_deny", mode="before")
    @classmethod
    def _separated(cls, value: object) -> list[str]:
        return separated(value)

    def home(self, own: str) -> str:
        """The namespace of the DkronCluster and the Lease; `own` is that of the pod, or of the kubeconfig's context."""
        return self.cluster_namespace or (self.namespace[0] if len(self.namespace) == 1 else own)

    def address_rules(self) -> AddressRules:
        """Which addresses the operator's own calls do not reach: besides the special ones that of the API server."""
        refused = [ip_network(str(network)) for network in self.inline_deny]
        with suppress(ValueError):
            refused.append(ip_network(os.environ.get("KUBERNETES_SERVICE_HOST", "")))
        return AddressRules(allowed=[ip_network(str(network)) for network in self.inline_allow], refused=refused)

    def own_tags(self) -> AgentTags:
        """The tags that nodes have without a label."""
        return AgentTags(self.datacenter, self.region)

    def terms(self) -> Terms:
        """How the Lease is held."""
        return Terms(
            duration=self.lease_duration, renew_deadline=self.lease_renew_deadline, retry_period=self.lease_retry_period
        )
