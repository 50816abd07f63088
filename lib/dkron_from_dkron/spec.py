"""Translates Dkron's JSON to the spec of a DkronJob. Fields that only the custom resource has (history, jobTemplate)
are kept."""

import re
from datetime import datetime
from typing import Any

from dkron_crds.admission import refused
from dkron_crds.job import Concurrency, JobSpec
from dkron_crds.names import is_own_name
from dkron_from_dkron.body import NO_QUEUE, JobBody

Object = dict[str, Any]

DEFAULTS = JobSpec().model_dump(mode="json", by_alias=True)
"""The spec of a job without fields."""

_FROM_REST = frozenset(
    {
        "displayName", "owner", "ownerEmail", "schedule", "timezone", "disabled", "concurrency", "retries", "parentJob",
        "tags", "metadata", "executor", "executorConfig", "processors", "ephemeral", "startsAt", "expiresAt",
    }
)  # fmt: skip
"""Fields that a Dkron client replaces as a whole: those that it does not send get their defaults (Dkron behaviour
§1.5)."""

_CAPITAL = re.compile("[A-Z]")
_UNCHECKED = "unchecked"
"""Set for a job that Dkron accepts and the rules of the custom resource refuse."""


def rest_name(field: str) -> str:
    """Return the REST name of a field: `spec.executorConfig` is `executor_config`."""
    name = field.removeprefix("spec.")
    return _CAPITAL.sub(lambda found: f"_{found[0].lower()}", name).replace("display_name", "displayname")


def spec_of(body: JobBody, stored: Object | None = None) -> Object:
    """Return the spec to write. `stored` is the spec to replace, None for a new job."""
    kept = kept_of(stored or {}, body.parent_job)
    if stored is None and not is_own_name(body.name):
        kept["name"] = body.name
    sent = {
        "displayName": body.displayname,
        "owner": body.owner,
        "ownerEmail": body.owner_email,
        "schedule": body.schedule,
        "timezone": body.timezone,
        "disabled": body.disabled,
        "retries": body.retries,
        "parentJob": "" if "dependsOn" in kept else body.parent_job,
        "tags": body.tags,
        "metadata": body.metadata,
        "executor": body.executor,
        "executorConfig": body.executor_config,
        "processors": body.processors,
        "ephemeral": body.ephemeral,
        "startsAt": body.starts_at,
        "expiresAt": body.expires_at,
    }
    # Empty values are left out, so that the schema's defaults apply. An empty concurrency reads back empty, as it was
    # sent: Terraform would change the job again and again otherwise.
    concurrency = _concurrency(body, stored or {})
    if concurrency["concurrency"] != (stored or {}).get("concurrency") == Concurrency.QUEUE:
        kept.pop("queue", None)
    wanted = kept | {key: value for key, value in sent.items() if value} | concurrency
    return wanted if refused(wanted) is None else wanted | {_UNCHECKED: True}


def _concurrency(body: JobBody, stored: Object) -> Object:
    """Return the concurrency, and the queue that is sent. Dkron's clients see `forbid` for `queue`, and know no field
    `queue`: sending `forbid` back without it changes nothing."""
    if body.concurrency != Concurrency.FORBID or body.queue == NO_QUEUE:
        return {"concurrency": body.concurrency}
    if body.queue:
        known, sent = stored.get("queue") or {}, dict(body.queue)
        is_same = DEFAULTS["queue"] | known == DEFAULTS["queue"] | sent
        return {"concurrency": Concurrency.QUEUE.value, "queue": known if is_same and known else sent}
    queues = stored.get("concurrency") == Concurrency.QUEUE
    return {"concurrency": Concurrency.QUEUE.value if queues else body.concurrency}


def kept_of(stored: Object, parent_job: str) -> Object:
    """Return the fields of a spec that only a DkronJob has, and which a job of Dkron with this parent keeps. A client
    sees the first job of `dependsOn`: sending it back changes nothing, and any other value replaces all of them."""
    kept = {key: value for key, value in stored.items() if key not in _FROM_REST and key != _UNCHECKED}
    several = kept.get("dependsOn") or ()
    if not (several and several[0].get("job") == parent_job):
        kept.pop("dependsOn", None)
    return kept


def changed(stored: Object, wanted: Object) -> set[str]:
    """Return the top-level fields that would change, taking defaults into account. Neither spec has to be valid."""
    keys = stored.keys() | wanted.keys()
    return {key for key in keys if _value(stored, key) != _value(wanted, key)}


def _value(spec: Object, key: str) -> object:
    value = spec.get(key, DEFAULTS.get(key))
    if key == "queue" and isinstance(value, dict):
        return DEFAULTS[key] | value
    if key in _DATES and isinstance(value, str):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            return value
    return value


_DATES = frozenset({"startsAt", "expiresAt"})
