"""The known settings of a job: the keys of `executorConfig`, the processors, and the keys of each processor.

Unknown settings are ignored, as in Dkron, and reported. The operator and the REST API use the same report. Pure.

Each executor parses its own values (`dkron_executors.keys`, `dkron_pods`). Tests keep these key lists
in step with them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_SHELL = frozenset({"command", "cwd", "env", "image", "mem_limit", "payload", "shell", "su", "timeout"})

EXECUTOR_KEYS: Mapping[str, frozenset[str]] = {
    "docker": _SHELL - {"shell", "payload"} | {"volumes"},
    "gcppubsub": frozenset({"attributes", "data", "project", "topic"}),
    "grpc": frozenset({"body", "debug", "expectCode", "headers", "timeout", "url"}),
    "http": frozenset(
        {
            "body", "debug", "expectBody", "expectCode", "headers", "inline", "method", "timeout", "tlsCertificateFile",
            "tlsCertificateKeyFile", "tlsNoVerifyPeer", "tlsRootCAsFile", "url",
        }
    ),
    "kafka": frozenset(
        {
            "brokerAddress", "debug", "key", "message", "saslMechanism", "saslPassword", "saslUsername", "tlsEnable",
            "tlsInsecureSkipVerify", "topic",
        }
    ),
    "kubernetes": frozenset(),
    "nats": frozenset({"debug", "message", "password", "subject", "url", "userName"}),
    "rabbitmq": frozenset(
        {
            "exchange", "message.base64Body", "message.body", "message.content_type", "message.delivery_mode",
            "message.messageId", "queue.auto_delete", "queue.create", "queue.durable", "queue.exclusive", "queue.name",
            "url",
        }
    ),
    "shell": _SHELL,
}  # fmt: skip
"""The executors and their keys. `volumes` of docker is listed because it is rejected, not ignored: without its
volumes a job would see other files."""

PROCESSOR_KEYS: Mapping[str, frozenset[str]] = {
    "elasticsearch": frozenset({"config", "forward"}),
    "email": frozenset({"emails", "onSuccess", "provider"}),
    "files": frozenset({"forward", "log_dir"}),
    "fluent": frozenset({"forward"}),
    "log": frozenset({"forward"}),
    "slack": frozenset({"channel", "onSuccess", "team"}),
    "syslog": frozenset({"forward"}),
}
"""The processors and their keys."""

_SHOWN, _LENGTH = 8, 40
"""At most this many settings are named, each cut to this many characters."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings that a job gives its executor and its processors."""

    executor: str
    config: Mapping[str, str]
    processors: Mapping[str, Mapping[str, str]]

    @property
    def known(self) -> "Settings":
        """The known settings. An unknown executor keeps all its keys, since the executor itself is rejected."""
        keys = EXECUTOR_KEYS.get(self.executor)
        config = {key: text for key, text in self.config.items() if keys is None or key in keys}
        processors = {
            name: {key: text for key, text in settings.items() if key in PROCESSOR_KEYS[name]}
            for name, settings in self.processors.items()
            if name in PROCESSOR_KEYS
        }
        return Settings(self.executor, config, processors)

    def ignored(self, *, config: str = "executorConfig") -> str:
        """Return a sentence that lists the ignored settings; empty if there are none. `config` is the reader's name
        for the executorConfig field."""
        found = list(self._unknown(config))
        if not found:
            return ""
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        return f"ignored, because this version does not know them: {', '.join(found[:_SHOWN])}{more}"

    def _unknown(self, config: str) -> Iterator[str]:
        known = self.known
        for key in sorted(self.config.keys() - known.config.keys()):
            yield f"{config}.{_plain(key)}"
        for name, settings in sorted(self.processors.items()):
            if name not in known.processors:
                yield f"processors.{_plain(name)}"
                continue
            for key in sorted(settings.keys() - known.processors[name].keys()):
                yield f"processors.{name}.{_plain(key)}"


def _plain(name: str) -> str:
    """Return a user-chosen name in printable ASCII, cut to `_LENGTH` characters."""
    cut = name if len(name) <= _LENGTH else f"{name[:_LENGTH]}..."
    return cut.encode("unicode_escape").decode() if not (cut.isascii() and cut.isprintable()) else cut
