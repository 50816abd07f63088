"""Settings: every flag is also an environment variable, and `--help` documents them."""

import os
import re
import socket
from collections.abc import Sequence
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal, Self, cast
from urllib.parse import urlsplit

from pydantic import Field, IPvAnyNetwork, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from dkron_crds.names import NAMESPACE_PATTERN
from dkron_crds.node_tags import DKRONS, LABEL_VALUE, AgentTags
from dkron_crds.schedule.errors import quoted
from dkron_runtime.command import separated
from dkron_runtime.logs import LogFormat, LogLevel

MIB = 1024 * 1024
PREFIX = "DKRON_API_"
"""Beginning of the environment variables."""
ARCHIVE = "DKRON_ARCHIVE"
"""The variable that names the archive for the operator and this service."""
Network = IPv4Network | IPv6Network


def name_of_this_pod_or_host() -> str:
    """Return the name of this pod or host, which the operator next to this process also uses."""
    return os.environ.get("POD_NAME") or socket.gethostname()


EVERY = "*"
"""Stands for all namespaces."""


class UnusableOption(Exception):
    """A file or folder that an option names cannot be used. `str()` says which and why, without anything of a key."""


class AuthMode(StrEnum):
    """A way to find out who a caller is."""

    KUBERNETES = "kubernetes"
    DKRON = "dkron"
    OIDC = "oidc"
    NONE = "none"


AuthName = Literal[AuthMode.KUBERNETES, AuthMode.DKRON, AuthMode.OIDC, AuthMode.NONE]
"""`AuthMode` for an option: `--help` shows the values of a Literal, but the names of an enum."""
NO_PREFIX = "-"
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
"""Hosts to which requests do not leave the machine, so that http is enough."""


TRACE_ID = "{trace_id}"
"""Stands for the id of a trace in `trace_url`."""


class Settings(BaseSettings):
    """Serve the Dkron REST API for the DkronJobs of a namespace. Each option is also an environment variable, named
    in brackets.

    By default no caller is asked for a token: a client that reaches the port can run any command in the namespace.
    `--auth` asks for one.

    Two further commands: `dkron-api token` makes tokens for `--auth dkron`, `dkron-api audit` prints the audit log.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        cli_prog_name="dkron-api",
        cli_kebab_case=True,
        cli_hide_none_type=True,
        cli_avoid_json=True,
        cli_implicit_flags=True,
    )

    host: str = Field(
        default="127.0.0.1",
        description="address to listen on; 0.0.0.0: all of IPv4, empty: all. Other machines can connect unless it is a "
        "loopback address",
    )
    port: int = Field(default=8080, ge=0, le=65535, description="port to listen on, 0 for a free one")
    namespace: str = Field(
        default="",
        description="namespace whose DkronJobs are served. Default: the pod's namespace, or the namespace of the "
        "kubeconfig's context",
    )
    namespaces: Annotated[list[str], NoDecode] = Field(
        default_factory=list,
        description="further namespaces whose jobs are served under /ns/NAMESPACE/v1, or * for all; repeat the option, "
        "or separate them by commas",
    )
    cluster_namespace: str = Field(
        default="", description="namespace of the operator's DkronCluster and Lease. Default: the same as --namespace"
    )
    token_namespace: str = Field(
        default="",
        description="with --auth dkron, namespace of the tokens, whose Secrets the API lists. Default: the same as "
        "--cluster-namespace",
    )
    node_name: str = Field(
        default_factory=name_of_this_pod_or_host,
        description="value of the header X-Whom. If an operator runs in the same pod, use its name. Default: "
        "$POD_NAME, else the host name",
    )
    beside_operator: bool = Field(
        default=True,
        description="an operator in the same pod has the same --node-name. Without it, /v1/leave is refused, because "
        "there is no operator to leave",
    )
    datacenter: str = Field(
        default=DKRONS.datacenter,
        min_length=1,
        pattern=LABEL_VALUE,
        description="tag dc of nodes without a label of this name; the same as the operator's option",
    )
    region: str = Field(
        default=DKRONS.region,
        min_length=1,
        pattern=LABEL_VALUE,
        description="tag region of nodes without a label of this name; the same as the operator's option",
    )
    strict: bool = Field(
        default=False,
        description="refuse jobs with unknown keys of executor_config, unknown processors or unknown keys of these. "
        "Otherwise they are ignored, as in Dkron, and the header Warning lists them; the same as the operator's "
        "option",
    )
    run_waits: bool = Field(
        default=False,
        description="answer a run request when the run is over, as Dkron does, unless the request has ?wait=false. "
        "Otherwise the answer is 202 at once",
    )
    watch_jobs: bool = Field(
        default=True,
        description="watch the Kubernetes Jobs of executions, to show one as soon as it has begun. Otherwise it is "
        "shown when the status of its job has it, up to five seconds later",
    )
    max_body: int = Field(
        default=MIB, ge=1024, description="maximum size of a request body in bytes; larger ones get 413"
    )
    max_restore: int = Field(
        default=64 * MIB, ge=1024, description="maximum size of a form for /v1/restore in bytes; larger ones get 413"
    )
    max_requests: int = Field(default=512, ge=1, description="maximum number of requests in progress; more get 503")
    max_streams: int = Field(
        default=2048, ge=1, description="maximum number of open responses (events, logs, ?wait=true); more get 503"
    )
    max_wait: float = Field(
        default=86400.0, gt=0, description="seconds that ?wait=true waits for the end of a run; then the answer is 202"
    )
    max_streams_per_caller: int = Field(
        default=0,
        ge=0,
        description="maximum number of open responses for one caller, within the quarter of all that a namespace has, "
        "or for one address if callers send no token; more get 503. 0 means a quarter of --max-streams",
    )
    rate: float = Field(
        default=1000.0,
        ge=0,
        description="requests per second for one caller, twice as many in a burst; more get 429. In refused requests, "
        "each KiB of a body counts as one more request. All service accounts of a namespace have four times as many. "
        "Until a token is known, and without tokens, requests count for the address. 0 means no limit",
    )
    trusted_proxies: Annotated[list[IPvAnyNetwork], NoDecode] = Field(
        default_factory=list,
        description="networks of proxies whose X-Forwarded-For, or Forwarded, gives the address of a client; repeat "
        "the option, or separate them by commas (10.0.0.0/8)",
    )
    root_path: str = Field(
        default="",
        pattern=r"^(/[A-Za-z0-9._~-]+)*/?$",
        description="path of an Ingress under which clients reach the API (/dkron). Routes answer below it and without "
        "it",
    )
    trace_url: str = Field(
        default="",
        description="address that shows a trace, with {trace_id} for its id "
        "(https://jaeger.example.com/trace/{trace_id}): adds a link to each execution",
    )
    tls_cert: Path | None = Field(
        default=None,
        description="PEM file with the certificate of this server and the intermediate certificates: serve https. "
        "Needs --tls-key. Both are read again when they change",
    )
    tls_key: Path | None = Field(
        default=None, description="PEM file with the private key of --tls-cert, without a password"
    )
    cors_origins: Annotated[list[str], NoDecode] = Field(
        default_factory=list,
        description="origins whose pages may call the API (https://ui.example.com), or * for all; repeat the option, "
        "or separate them by commas",
    )
    auth: Annotated[list[AuthName], NoDecode] = Field(
        default=[AuthMode.NONE],
        description="how callers authenticate: kubernetes (a token of the cluster, with its roles), dkron (tokens and "
        "policies of this API), oidc (a token of --oidc-issuer), or none; several separated by commas",
    )
    audiences: Annotated[list[str], NoDecode] = Field(
        default_factory=list,
        description="with --auth kubernetes, accepted audiences: a token needs one of them. Default: the API server's "
        "own",
    )
    oidc_issuer: str = Field(
        default="",
        description="with --auth oidc: URL of the issuer, exactly as its tokens have it in iss; https, or http for the "
        "loopback",
    )
    oidc_audience: Annotated[list[str], NoDecode] = Field(
        default_factory=list,
        description="accepted audiences: a token needs one of them in aud; required with --auth oidc. The page signs "
        "on as the client of the first",
    )
    oidc_jwks: str = Field(
        default="",
        description="URL or file of the issuer's keys. Default: as the issuer's /.well-known/openid-configuration says",
    )
    oidc_ca: Path | None = Field(
        default=None,
        description="PEM file with the CA certificates for the issuer. Default: the certificates of the system",
    )
    oidc_username_claim: str = Field(default="sub", min_length=1, description="claim with the user's name")
    oidc_username_prefix: str = Field(
        default="",
        description="text before the user's name; - for none. Default: the issuer and #, but none if the claim is "
        "email",
    )
    oidc_groups_claim: str = Field(default="groups", min_length=1, description="claim with the user's groups")
    oidc_groups_prefix: str = Field(default="", description="text before the name of each group")
    oidc_rights: Literal["kubernetes", "dkron"] = Field(
        default="kubernetes",
        description="where a user's permissions come from: the cluster's roles, or the DkronPolicies that "
        "--oidc-policies-claim names",
    )
    oidc_policies_claim: str = Field(
        default="", description="claim with the names of DkronPolicies; required with --oidc-rights dkron"
    )
    allowed_hosts: Annotated[list[str], NoDecode] = Field(
        default_factory=list,
        description="further names in Host that the API answers to (dkron.example.com, *.example.com), or *. "
        "Addresses, localhost and names below .localhost and .svc need no option",
    )
    ui_dir: Path | None = Field(
        default=None,
        description="folder with a build of Dkron's own UI, which is served at /ui/ instead of our own page",
    )
    archive: str = Field(
        default_factory=lambda: os.environ.get(ARCHIVE, ""),
        repr=False,
        description="database with the executions that jobs no longer show, which an operator with the same option "
        "fills: sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE. Set it by a variable: arguments of a "
        "process are no secret. Default: $DKRON_ARCHIVE, else none",
    )
    kubeconfig: Path | None = Field(
        default=None,
        description="kubeconfig to use. Default: the pod's service account, else $KUBECONFIG, else ~/.kube/config",
    )
    context: str | None = Field(default=None, description="context of the kubeconfig. Default: its current context")
    kube_token_file: Path | None = Field(
        default=None,
        description="file with the token of the pod's service account for the API server, if the operator beside this "
        "process writes it: its --rest-token-file. Requests wait until it is there",
    )
    access_log: bool = Field(default=True, description="write one log line for each request")
    log_format: LogFormat = Field(default="json", description="json writes one object per line, text is for people")
    log_level: LogLevel = Field(default="info", description="lowest level to log")

    @field_validator(
        "namespaces", "audiences", "oidc_audience", "allowed_hosts", "cors_origins", "trusted_proxies", mode="before"
    )
    @classmethod
    def _separated(cls, value: object) -> list[str]:
        return separated(value)

    @field_validator("namespaces")
    @classmethod
    def _names(cls, value: list[str]) -> list[str]:
        for name in value:
            if name != EVERY and not re.fullmatch(NAMESPACE_PATTERN, name):
                raise ValueError(f"{quoted(name)} is not the name of a namespace; use names, or * for all")
        if EVERY in value and len(value) > 1:
            raise ValueError("* means all namespaces, so use it without further names")
        return value

    @field_validator("auth", mode="before")
    @classmethod
    def _one_or_none(cls, value: object) -> list[str]:
        names = [name.lower() for name in separated(value)]
        if not names or not set(names) <= set(AuthMode) or (AuthMode.NONE in names and len(names) > 1):
            raise ValueError("use one or more of kubernetes, dkron and oidc, or only none")
        return names

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, value: list[str]) -> list[str]:
        return [origin.rstrip("/") for origin in value]

    @field_validator("root_path")
    @classmethod
    def _without_slash(cls, value: str) -> str:
        return value.rstrip("/")

    @field_validator("trace_url")
    @classmethod
    def _leads_to_a_trace(cls, value: str) -> str:
        if value and not (value.startswith(("https://", "http://")) and TRACE_ID in value):
            raise ValueError(f"must be a URL that begins with https:// or http:// and has {TRACE_ID} in it")
        return value

    @field_validator("oidc_issuer")
    @classmethod
    def _safe(cls, value: str) -> str:
        if value and not is_safe_url(value):
            raise ValueError("must be a URL that begins with https://, or with http:// for the loopback")
        return value

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("--tls-cert and --tls-key need each other: name both, or none")
        if AuthMode.OIDC not in self.auth:
            return self
        if not self.oidc_issuer or not self.oidc_audience:
            raise ValueError("--auth oidc needs --oidc-issuer and --oidc-audience")
        if self.oidc_rights == "dkron" and not self.oidc_policies_claim:
            raise ValueError("--oidc-rights dkron needs --oidc-policies-claim, which names a user's DkronPolicies")
        if "://" in self.oidc_jwks and not is_safe_url(self.oidc_jwks):
            raise ValueError("--oidc-jwks: must begin with https://, or with http:// for the loopback, or be a file")
        return self

    def served(self) -> str:
        """Return in words whose jobs are served."""
        if EVERY in self.namespaces:
            return "any namespace"
        names = list(dict.fromkeys((self.namespace, *self.namespaces)))
        return f"namespace {' or '.join(names)}"

    def own_tags(self) -> AgentTags:
        """Return the tags that nodes have without a label."""
        return AgentTags(self.datacenter, self.region)

    def proxies(self) -> Sequence[Network]:
        """Return the networks of `trusted_proxies` as what they are when they have been read."""
        return cast("Sequence[Network]", self.trusted_proxies)

    def username_prefix(self) -> str:
        """Return the text before the name of a user of the issuer, by the rules of kube-apiserver."""
        if self.oidc_username_prefix == NO_PREFIX:
            return ""
        if not self.oidc_username_prefix and self.oidc_username_claim != "email":
            return f"{self.oidc_issuer}#"
        return self.oidc_username_prefix


for _name, _field in Settings.model_fields.items():
    _field.description = f"{_field.description} [{PREFIX}{_name.upper()}]"


def is_safe_url(url: str) -> bool:
    """Whether what a server of this URL says comes from that server: https, or the loopback."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK))
