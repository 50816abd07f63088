"""Settings: every flag is an environment variable too, and `--help` is the manual."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    SettingsConfigDict,
)


class LogFormat(StrEnum):
    """How log lines look."""

    JSON = "json"
    TEXT = "text"


class LogLevel(StrEnum):
    """Which log lines appear."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Settings(BaseSettings):
    """Run DkronJobs as Kubernetes Jobs.

    Every option can be given as an environment variable: DKRON_ and its name in capitals, for example
    DKRON_DEFAULT_IMAGE. An option on the command line wins.
    """

    model_config = SettingsConfigDict(
        env_prefix="DKRON_",
        cli_prog_name="dkron-operator",
        cli_kebab_case=True,
        cli_hide_none_type=True,
        cli_avoid_json=True,
        cli_implicit_flags=True,
    )

    namespace: Annotated[
        list[str],
        NoDecode,
        Field(
            description="Watch this namespace; repeat it for several (in the variable, separate them by commas). "
            "Without it all namespaces are watched, which needs cluster-wide rights."
        ),
    ] = []
    default_image: Annotated[
        str, Field(min_length=1, description="Image for the shell executor where executorConfig has none.")
    ] = "docker.io/library/busybox:1.36"
    kubeconfig: Annotated[
        Path | None,
        Field(description="Path of a kubeconfig. Without it: the pod's service account, else the usual kubeconfig."),
    ] = None
    context: Annotated[
        str | None, Field(description="Context of the kubeconfig to use instead of its current one.")
    ] = None
    log_format: Annotated[LogFormat, Field(description="json: one object a line; text: for reading along.")] = (
        LogFormat.JSON
    )
    log_level: Annotated[LogLevel, Field(description="The least severe lines to show.")] = LogLevel.INFO

    @field_validator("namespace", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        items = value.split(",") if isinstance(value, str) else value
        if not isinstance(items, list):
            return items
        return [name.strip() for item in items for name in str(item).split(",") if name.strip()]
