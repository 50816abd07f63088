"""Objects that a job uses beyond its own settings: Secrets, and a pod's template. Pure."""

import re
from collections.abc import Iterable

from dkron_api.translate.record import Object
from dkron_from_dkron.body import JobBody
from dkron_from_dkron.spec import changed, spec_of

TEMPLATE = "kubernetes"
"""The executor whose settings are the whole Job: service account, volumes and all."""
_NAMED = re.compile(r"secretRef:([a-z0-9][a-z0-9.-]{0,252})/", re.ASCII)
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")


def secrets_named(body: JobBody) -> list[str]:
    """Return the Secrets that a job refers to by `secretRef:<secret>/<key>`, each once. Letters that JSON inside a
    value escapes (`\\u0073`) count as themselves."""
    every = (body.executor_config or {}, *(body.processors or {}).values())
    return secrets_in(text for settings in every for text in settings.values())


def secrets_in(texts: Iterable[str]) -> list[str]:
    """Return the Secrets that these texts refer to, each once."""
    plain = (_ESCAPED.sub(lambda match: chr(int(match[1], 16)), text) for text in texts)
    found = (name for text in plain for name in _NAMED.findall(text))
    return list(dict.fromkeys(found))


def has_template(body: JobBody, stored: Object | None) -> bool:
    """Whether saving the job decides what a template does: it is one, or it changes the program in the template of the
    stored spec. REST shows no `jobTemplate` and keeps it, with its service account and the Secrets that it names."""
    if body.executor == TEMPLATE:
        return True
    if stored is None or not stored.get("jobTemplate"):
        return False
    return not changed(stored, spec_of(body, stored)).isdisjoint({"executor", "executorConfig", "jobTemplate"})
