"""An object as the manifest that `kubectl apply` takes: without what belongs to the server that has it. Pure."""

from collections.abc import Mapping
from typing import Any

from dkron_crds.names import ACCEPTED, API_VERSION
from dkron_crds.requests import RUN_PREFIX
from dkron_crds.stops import STOP_PREFIX
from dkron_from_dkron.spec import DEFAULTS

Object = dict[str, Any]
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def manifest(raw: Mapping[str, Any], *, defaults: bool = True) -> Object:
    """Return an object as a manifest. Without `defaults`, a DkronJob has only the fields that differ from them."""
    metadata = raw.get("metadata") or {}
    notes = {
        key: text
        for key, text in (metadata.get("annotations") or {}).items()
        if key not in (ACCEPTED, LAST_APPLIED) and not key.startswith((RUN_PREFIX, STOP_PREFIX))
    }
    kept = {key: metadata[key] for key in ("name", "namespace", "labels") if metadata.get(key)}
    spec = raw.get("spec") or {}
    if not defaults and raw.get("kind") == "DkronJob":
        spec = {key: value for key, value in spec.items() if value != DEFAULTS.get(key, ...)}
    return {
        "apiVersion": raw.get("apiVersion", API_VERSION),
        "kind": raw.get("kind"),
        "metadata": kept | ({"annotations": notes} if notes else {}),
        "spec": spec,
    }
