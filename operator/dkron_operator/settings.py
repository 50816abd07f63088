"""Settings: every flag is also an environment variable, and `--help` is the manual."""

import os
import re
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, IPvAnyNetwork, field_validator, model_validator
from pydantic_settings import BaseSettings, CliImplicitFlag, NoDecode, SettingsConfigDict

from dkron_archive.records import Retention
from dkron_crds.node_tags import DKRONS, LABEL_VALUE, AgentTags
from dkron_executors.run.addresses import AddressRules, services_around
from dkron_kube.access import Account
from dkron_operator.leader.election import Terms
from dkron_operator.plan.job.rules import InstallationRules
from dkron_runtime.command import separated
from dkron_runtime.image import own_image
from dkron_runtime.logs import LogFormat, LogLevel

Namespaces = Annotated[list[str], NoDecode]
KUBERNETES_NAMESPACES = frozenset({"kube-system", "kube-public", "kube-node-lease"})
"""Namespaces of Kubernetes itself, in which no job ever runs."""


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
        description="namespace of the DkronCluster and the Lease. Without it: the watched namespace if it is only one, "
        "else the pod's namespace, or the namespace of the kubeconfig's context [DKRON_CLUSTER_NAMESPACE]",
    )
    # A tag, which gets its fixes without a release of this project, and which a mirror has too. For the same bytes each
    # time, an installation names a digest here.
    default_image: str = Field(
        default="docker.io/library/busybox:1.36",
        min_length=1,
        description="image for the shell executor if executorConfig names none [DKRON_DEFAULT_IMAGE]",
    )
    executor_image: str = Field(
        default_factory=own_image,
        min_length=1,
        description="image for the executors that call a server, http for example: by default this project's own, at "
        "this version [DKRON_EXECUTOR_IMAGE]",
    )
    pod_security: Literal["restricted", "unset"] = Field(
        default="restricted",
        description="restricted: pods of jobs meet the Pod Security Standard of this name, unless jobTemplate says "
        "otherwise. unset: nothing is added, so commands run as their image says "
        "[DKRON_POD_SECURITY]",
    )
    output_dir: Path | None = Field(
        default=None,
        description="directory for the processor files, on a volume of the operator's pod. Without it jobs cannot use "
        "that processor [DKRON_OUTPUT_DIR]",
    )
    output_quota: int = Field(
        default=1 << 30,
        description="bytes that the files of one namespace may take in --output-dir, or Ki, Mi, Gi, Ti (500Mi); output "
        "beyond it is not delivered. 0 sets no limit [DKRON_OUTPUT_QUOTA]",
    )
    archive: str = Field(
        default="",
        repr=False,
        description="database that keeps every execution with its output: sqlite:///PATH, or "
        "postgresql://USER:PASSWORD@HOST/DATABASE. Better in the environment than in the arguments, as it may hold a "
        "password. Without it, a job has the history in its status [DKRON_ARCHIVE]",
    )
    archive_days: int = Field(
        default=365,
        ge=0,
        le=36_500,
        description="days that the archive keeps an execution; 0 sets no limit [DKRON_ARCHIVE_DAYS]",
    )
    archive_executions_per_job: int = Field(
        default=10_000,
        ge=0,
        description="executions of one job that the archive keeps, the newest; 0 sets no limit "
        "[DKRON_ARCHIVE_EXECUTIONS_PER_JOB]",
    )
    archive_bytes: int = Field(
        default=0,
        description="size of the archive from which on the oldest executions of the namespaces with the most bytes go, "
        "or Ki, Mi, Gi, Ti (20Gi); 0 sets no limit [DKRON_ARCHIVE_BYTES]",
    )
    archive_bytes_per_namespace: int = Field(
        default=0,
        description="size of one namespace in the archive from which on its oldest executions go, or Ki, Mi, Gi, Ti "
        "(1Gi); 0 sets no limit [DKRON_ARCHIVE_BYTES_PER_NAMESPACE]",
    )
    inline_calls: int = Field(
        default=0,
        ge=0,
        le=1000,
        description="maximum number of concurrent calls of jobs with executorConfig.inline, which the operator makes "
        "from its own pod; 0 refuses these jobs [DKRON_INLINE_CALLS]",
    )
    inline_allow: Annotated[list[IPvAnyNetwork], NoDecode] = Field(
        default_factory=list,
        description="networks that these calls may reach, besides public addresses outside the cluster, for example "
        "the network of Services (10.96.0.0/12); repeat the option, or separate by commas, for several "
        "[DKRON_INLINE_ALLOW]",
    )
    inline_deny: Annotated[list[IPvAnyNetwork], NoDecode] = Field(
        default_factory=list,
        description="further networks that these calls may not reach, for example a network of pods with public "
        "addresses [DKRON_INLINE_DENY]",
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
    run_in_own_namespace: CliImplicitFlag[bool] = Field(
        default=False,
        description="run jobs in the namespace of the operator's own pod too, where they can use the Secrets of the "
        "installation. Without it, they are not ready (NamespaceRefused) [DKRON_RUN_IN_OWN_NAMESPACE]",
    )
    refused_namespaces: Namespaces = Field(
        default_factory=list,
        description="namespaces in which no job runs, besides the namespaces of Kubernetes (kube-system, kube-public, "
        "kube-node-lease); repeat the option, or separate by commas, for several [DKRON_REFUSED_NAMESPACES]",
    )
    refused_accounts: Annotated[list[str], NoDecode] = Field(
        default_factory=list,
        description="service accounts that no job may use, besides the operator's own, as NAMESPACE/NAME "
        "[DKRON_REFUSED_ACCOUNTS]",
    )
    strict: CliImplicitFlag[bool] = Field(
        default=False,
        description="do not run jobs with settings that this operator does not know: keys of executorConfig, "
        "processors and their keys. Without it, they are ignored, as in Dkron, and reported [DKRON_STRICT]",
    )
    namespace_creates: float = Field(
        default=200.0,
        ge=0,
        le=10_000,
        allow_inf_nan=False,
        description="limit on Jobs created per second in one namespace (burst: five seconds). Refused run requests "
        "count. Jobs over the limit start late; other namespaces are not affected. 0: no limit "
        "[DKRON_NAMESPACE_CREATES]",
    )
    rest_account: str = Field(
        default="",
        description="service account of a REST API in the same pod, in the namespace of the DkronCluster: the operator "
        "requests its tokens, for an hour each, and writes them to --rest-token-file [DKRON_REST_ACCOUNT]",
    )
    rest_token_file: Path | None = Field(
        default=None,
        description="file that the operator writes for the REST API in the same pod, on a volume in memory that both "
        "containers mount [DKRON_REST_TOKEN_FILE]",
    )
    lease_duration: int = Field(
        default=5,
        ge=1,
        le=3600,
        description="seconds after the last renewal before another replica may take the Lease [DKRON_LEASE_DURATION]",
    )
    lease_renew_deadline: float = Field(
        default=4.0,
        gt=0,
        allow_inf_nan=False,
        description="seconds that the holder acts after its last renewal; less than --lease-duration "
        "[DKRON_LEASE_RENEW_DEADLINE]",
    )
    lease_retry_period: float = Field(
        default=1.0,
        ge=0.1,
        allow_inf_nan=False,
        description="seconds between two renewals; --lease-renew-deadline is more than 1.2 times as long "
        "[DKRON_LEASE_RETRY_PERIOD]",
    )
    monitoring_host: str = Field(
        default="127.0.0.1",
        description="address to listen on for /healthz, /readyz and /metrics; 0.0.0.0: all of IPv4, empty: all "
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
    def _fit_together(self) -> Self:
        # A holder has to stop before another begins, and to retry before it stops.
        if not self.terms().in_order:
            raise ValueError(
                f"--lease-duration {self.lease_duration} must be more than --lease-renew-deadline "
                f"{self.lease_renew_deadline:g}, and that more than 1.2 times --lease-retry-period "
                f"{self.lease_retry_period:g}"
            )
        if bool(self.rest_account) != (self.rest_token_file is not None):
            raise ValueError(
                "--rest-account and --rest-token-file go together: the file holds the token of the account"
            )
        return self

    @field_validator(
        "namespace", "inline_allow", "inline_deny", "refused_namespaces", "refused_accounts", mode="before"
    )
    @classmethod
    def _separated(cls, value: object) -> list[str]:
        return separated(value)

    @field_validator("output_quota", "archive_bytes", "archive_bytes_per_namespace", mode="before")
    @classmethod
    def _bytes(cls, value: object) -> int:
        found = re.fullmatch(r"(\d{1,15})([KMGT]i)?", str(value), re.ASCII)
        if found is None:
            raise ValueError(f'"{value}" is not a size such as 1073741824, 500Mi or 1Gi')
        return int(found[1]) << 10 * (1 + "KMGT".index(found[2][0]) if found[2] else 0)

    @field_validator("refused_accounts")
    @classmethod
    def _accounts(cls, value: list[str]) -> list[str]:
        for account in value:
            if not re.fullmatch(r"[^/\s]+/[^/\s]+", account):
                raise ValueError(f'"{account}" is not NAMESPACE/NAME, such as dkron-system/dkron')
        return value

    def home(self, own: str) -> str:
        """The namespace of the DkronCluster and the Lease; `own` is the pod's, or the kubeconfig context's."""
        return self.cluster_namespace or (self.namespace[0] if len(self.namespace) == 1 else own)

    def address_rules(self) -> AddressRules:
        """Which addresses the operator's own calls do not reach: besides those that are not public, Services."""
        refused = [ip_network(str(network)) for network in self.inline_deny]
        refused += services_around(os.environ.get("KUBERNETES_SERVICE_HOST", ""))
        return AddressRules(allowed=[ip_network(str(network)) for network in self.inline_allow], refused=refused)

    def rules(self, account: Account | None) -> InstallationRules:
        """The rules for jobs that the installation refuses; `account` is the operator's own, if it runs in a pod."""
        named = (each.partition("/") for each in self.refused_accounts)
        accounts = {(namespace, name) for namespace, _, name in named}
        if account is not None and account.name:
            accounts.add((account.namespace, account.name))
        return InstallationRules(
            own_namespace="" if account is None or self.run_in_own_namespace else account.namespace,
            namespaces=KUBERNETES_NAMESPACES | frozenset(self.refused_namespaces),
            accounts=frozenset(accounts),
        )

    def own_tags(self) -> AgentTags:
        """The tags that nodes have without a label."""
        return AgentTags(self.datacenter, self.region)

    def retention(self) -> Retention:
        """Limits of the archive."""
        return Retention(
            days=self.archive_days or None,
            executions_per_job=self.archive_executions_per_job or None,
            bytes_in_all=self.archive_bytes or None,
            bytes_per_namespace=self.archive_bytes_per_namespace or None,
        )

    def terms(self) -> Terms:
        """How the Lease is held."""
        return Terms(
            duration=self.lease_duration, renew_deadline=self.lease_renew_deadline, retry_period=self.lease_retry_period
        )
