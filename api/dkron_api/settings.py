"""Settings: every flag is also an environment variable, and `--help` documents them."""

import os
import re
import socket
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from dkron_crds.node_tags import DKRONS, LABEL_VALUE, AgentTags
from dkron_crds.schedule.errors import quoted
from dkron_runtime.command import separated
from dkron_runtime.logs import LogFormat, LogLevel

MIB = 1024 * 1024
_NAMESPACE = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")


def name_of_this_pod_or_host() -> str:
    """Return the name of this pod or host, which the operator next to this process also uses."""
    return os.environ.get("POD_NAME") or socket.gethostname()


EVERY = "*"
"""Stands for all namespaces."""


class AuthMode(StrEnum):
    """A way to find out who a caller is."""

    KUBERNETES = "kubernetes"
    DKRON = "dkron"
    NONE = "none"


class Settings(BaseSettings):
    """Serve the Dkron REST API for the DkronJobs of a namespace. Each option is also an environment variable, named
    in brackets.

    By default no caller is asked for a token: a client that reaches the port can run any command in the namespace.
    `--auth` asks for one.

    Two further commands: `dkron-api token` makes tokens for `--auth dkron`, `dkron-api audit` prints the audit log.
    """

    model_config = SettingsConfigDict(
        env_prefix="DKRON_API_",
        cli_prog_name="dkron-api",
        cli_kebab_case=True,
        cli_hide_none_type=True,
        cli_avoid_json=True,
        cli_implicit_flags=True,
    )

    host: str = Field(
        default="127.0.0.1",
        description="address to listen on; 0.0.0.0 for all. Other machines can connect unless it is a loopback address "
        "[DKRON_API_HOST]",
    )
    port: int = Field(default=8080, ge=0, le=65535, description="port to listen on, 0 for a free one [DKRON_API_PORT]")
    namespace: str = Field(
        default="",
        description="namespace whose DkronJobs are served. Default: that of the pod, or of the kubeconfig's context "
        "[DKRON_API_NAMESPACE]",
    )
    namespaces: Annotated[list[str], NoDecode] = Field(
        default_factory=list,
        description="further namespaces whose jobs are served under /ns/NAMESPACE/v1, or * for all; repeat the option, "
        "or separate them by commas [DKRON_API_NAMESPACES]",
    )
    cluster_namespace: str = Field(
        default="",
        description="namespace of the operator's DkronCluster and Lease. Default: the same as --namespace "
        "[DKRON_API_CLUSTER_NAMESPACE]",
    )
    node_name: str = Field(
        default_factory=name_of_this_pod_or_host,
        description="value of the header X-Whom. If an operator runs in the same pod, use its name. Default: "
        "$POD_NAME, else the host name [DKRON_API_NODE_NAME]",
    )
    datacenter: str = Field(
        default=DKRONS.datacenter,
        min_length=1,
        pattern=LABEL_VALUE,
        description="tag dc of nodes without such a label; the same as the operator's option [DKRON_API_DATACENTER]",
    )
    region: str = Field(
        default=DKRONS.region,
        min_length=1,
        pattern=LABEL_VALUE,
        description="tag region of nodes without such a label; the same as the operator's option [DKRON_API_REGION]",
    )
    strict: bool = Field(
        default=False,
        description="refuse jobs with unknown keys of executor_config, unknown processors or unknown keys of these. "
        "Otherwise they are ignored, as in Dkron, and the header Warning lists them; the same as the operator's option "
        "[DKRON_API_STRICT]",
    )
    run_waits: bool = Field(
        default=False,
        description="answer a run request when the run is over, as Dkron does, unless the request has ?wait=false or "
        "Prefer: respond-async. Otherwise the answer is 202 at once [DKRON_API_RUN_WAITS]",
    )
    max_body: int = Field(
        default=MIB, ge=1024, description="most bytes of a request body; more get 413 [DKRON_API_MAX_BODY]"
    )
    max_restore: int = Field(
        default=64 * MIB,
        ge=1024,
        description="most bytes of a form for /v1/restore; more get 413 [DKRON_API_MAX_RESTORE]",
    )
    max_requests: int = Field(
        default=512, ge=1, description="most requests in progress at once; more get 503 [DKRON_API_MAX_REQUESTS]"
    )
    max_streams: int = Field(
        default=2048,
        ge=1,
        description="most open responses at once (events, logs, ?wait=true); more get 503 [DKRON_API_MAX_STREAMS]",
    )
    max_wait: float = Field(
        default=86400.0,
        gt=0,
        description="most seconds that ?wait=true waits for the end of a run; then the answer is 202 "
        "[DKRON_API_MAX_WAIT]",
    )
    rate: float = Field(
        default=0.0,
        ge=0,
        description="requests per second from one address, twice as many in a burst; more get 429. 0 means no limit "
        "[DKRON_API_RATE]",
    )
    cors_origins: Annotated[list[str], NoDecode] = Field(
        default_factory=list,
        description="origins whose pages may call the API (https://ui.example.com), or * for all; repeat the option, "
        "or separate them by commas [DKRON_API_CORS_ORIGINS]",
    )
    auth: Annotated[list[AuthMode], NoDecode] = Field(
        default_factory=lambda: [AuthMode.NONE],
        description="how callers prove who they are: kubernetes (a token of the cluster, with its roles), dkron "
        "(tokens and policies of this API), or none; several separated by commas [DKRON_API_AUTH]",
    )
    audiences: Annotated[list[str], NoDecode] = Field(
        default_factory=list,
        description="with --auth kubernetes: audiences, one of which a token must have been made for. Without it: the "
        "API server's own [DKRON_API_AUDIENCES]",
    )
    allowed_hosts: Annotated[list[str], NoDecode] = Field(
        default_factory=list,
        description="further names in Host under which the API answers (dkron.example.com, *.example.com), or *. "
        "Addresses, names without a dot and those below .svc and .localhost need no option [DKRON_API_ALLOWED_HOSTS]",
    )
    ui_dir: Path | None = Field(
        default=None, description="folder with a build of Dkron's own UI, which is served at /ui/ [DKRON_API_UI_DIR]"
    )
    kubeconfig: Path | None = Field(
        default=None,
        description="kubeconfig to use. Default: the pod's service account, else $KUBECONFIG, else ~/.kube/config "
        "[DKRON_API_KUBECONFIG]",
    )
    context: str | None = Field(
        default=None, description="context of the kubeconfig. Default: its current context [DKRON_API_CONTEXT]"
    )
    access_log: bool = Field(default=True, description="write one log line for each request [DKRON_API_ACCESS_LOG]")
    log_format: LogFormat = Field(
        default="json", description="json writes one object per line, text is for people [DKRON_API_LOG_FORMAT]"
    )
    log_level: LogLevel = Field(default="info", description="lowest level to log [DKRON_API_LOG_LEVEL]")

    @field_validator("namespaces", "auth", "audiences", "allowed_hosts", "cors_origins", mode="before")
    @classmethod
    def _separated(cls, value: object) -> list[str]:
        return separated(value)

    @field_validator("namespaces")
    @classmethod
    def _names(cls, value: list[str]) -> list[str]:
        for name in value:
            if name != EVERY and not _NAMESPACE.fullmatch(name):
                raise ValueError(f"{quoted(name)} is not the name of a namespace; use names, or * for all")
        if EVERY in value and len(value) > 1:
            raise ValueError("* means all namespaces, so use it without further names")
        return value

    @field_validator("auth")
    @classmethod
    def _one_or_none(cls, value: list[AuthMode]) -> list[AuthMode]:
        if not value or (AuthMode.NONE in value and len(value) > 1):
            raise ValueError("name one or several of kubernetes and dkron, or none alone")
        return value

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, value: list[str]) -> list[str]:
        return [origin.rstrip("/") for origin in value]

    def served(self) -> str:
        """Return in words whose jobs are served."""
        if EVERY in self.namespaces:
            return "any namespace"
        names = list(dict.fromkeys((self.namespace, *self.namespaces)))
        return f"namespace {' or '.join(names)}"

    def own_tags(self) -> AgentTags:
        """Return the tags that nodes have without a label."""
        return AgentTags(self.datacenter, self.region)
