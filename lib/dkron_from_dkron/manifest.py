"""An object as the manifest that `kubectl apply` takes: without what belongs to the server that has it. Pure."""

from collections.abc import Mapping
from typing import Any

from dkron_crds.depends import Dependency
from dkron_crds.names import ACCEPTED, API_VERSION, MODIFIED_BY
from dkron_crds.parameters import Parameter
from dkron_crds.requests import RUN_PREFIX
from dkron_crds.stops import STOP_PREFIX
from dkron_from_dkron.spec import DEFAULTS

Object = dict[str, Any]
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
OF_THE_SERVER = frozenset({ACCEPTED, LAST_APPLIED, MODIFIED_BY})
"""Annotations that describe the object on its server. Applying the manifest elsewhere sets them again."""
OF_ENTRIES: Mapping[str, Mapping[str, Any]] = {
    "parameters": Parameter(name="any").model_dump(mode="json", by_alias=True, exclude={"name"}),
    "dependsOn": Dependency(job="any").model_dump(mode="json", by_alias=True, exclude={"job"}),
}
"""The defaults of the entries of lists in the spec. Objects of older definitions have them as they are stored."""


def manifest(raw: Mapping[str, Any], *, defaults: bool = True) -> Object:
    """Return an object as a manifest. Without `defaults`, a DkronJob has only the fields that differ from them."""
    metadata = raw.get("metadata") or {}
    notes = {
        key: text
        for key, text in (metadata.get("annotations") or {}).items()
        if key not in OF_THE_SERVER and not key.startswith((RUN_PREFIX, STOP_PREFIX))
    }
    kept = {key: metadata[key] for key in ("name", "namespace", "labels") if metadata.get(key)}
    spec = raw.get("spec") or {}
    if not defaults and raw.get("kind") == "DkronJob":
        spec = _without_defaults(spec)
    return {
        "apiVersion": raw.get("apiVersion", API_VERSION),
        "kind": raw.get("kind"),
        "metadata": kept | ({"annotations": notes} if notes else {}),
        "spec": spec,
    }


def _without_defaults(spec: Mapping[str, Any]) -> Object:
    """Return the fields that differ from the defaults, also in entries of lists. The spec need not be valid."""
    own = {key: value for key, value in spec.items() if value != DEFAULTS.get(key, ...)}
    lists = {key: own[key] for key in OF_ENTRIES if isinstance(own.get(key), list)}
    return own | {key: [_entry(each, OF_ENTRIES[key]) for each in entries] for key, entries in lists.items()}


def _entry(one: object, defaults: Mapping[str, Any]) -> object:
    if not isinstance(one, Mapping):
        return one
    return {key: value for key, value in one.items() if value != defaults.get(key, ...)}
