"""The Secrets that a job names. Pure."""

import re
from collections.abc import Iterator

from dkron_api.translate.body import JobBody

TEMPLATE = "kubernetes"
"""The executor whose settings are the whole Job: service account, volumes and all."""
_NAMED = re.compile(r"secretRef:([a-z0-9][a-z0-9.-]{0,252})/", re.ASCII)
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")


def secrets_named(body: JobBody) -> list[str]:
    """Return the Secrets that a job refers to by `secretRef:<secret>/<key>`, each once. Letters that JSON inside a
    value escapes (`\\u0073`) count as themselves."""
    found = (name for text in _texts(body) for name in _NAMED.findall(_unescaped(text)))
    return list(dict.fromkeys(found))


def _texts(body: JobBody) -> Iterator[str]:
    for settings in (body.executor_config or {}, *(body.processors or {}).values()):
        yield from settings.values()


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)
