"""Asks a real API server what it says to a custom resource, without storing it."""

import json
import secrets
from typing import Any, cast

from kubernetes import client, config

from dkron_crds.kinds import KINDS
from dkron_crds.names import GROUP, VERSION

_PLURALS = {kind.name: kind.plural for kind in KINDS}


class Judge:
    """The API server as a function from an object to its refusal; an empty one means that it would be taken.

    Unknown fields are refused as well, as `kubectl apply` asks for. A stored object lives in a namespace of its own;
    everything else is tried in `default`, where nothing of ours exists.
    """

    def __init__(self, kubeconfig: str) -> None:
        connection = config.new_client_from_config(kubeconfig)  # type: ignore[no-untyped-call]
        self._objects = client.CustomObjectsApi(connection)
        self._core = client.CoreV1Api(connection)
        self.namespace = f"judge-{secrets.token_hex(4)}"
        self._core.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name=self.namespace)))

    def close(self) -> None:
        """Delete what was stored."""
        self._core.delete_namespace(self.namespace)

    def refusal(self, document: dict[str, Any]) -> str:
        """Try to create the object."""
        return self._tried(self._objects.create_namespaced_custom_object, "default", document)

    def refusal_of_change(self, document: dict[str, Any]) -> str:
        """Try to replace the stored object of that name."""
        return self._changed(self._objects.replace_namespaced_custom_object, document)

    def refusal_of_status(self, document: dict[str, Any]) -> str:
        """Try to write the status of the stored object of that name."""
        return self._changed(self._objects.replace_namespaced_custom_object_status, document)

    def store(self, document: dict[str, Any]) -> dict[str, Any]:
        """Create an object unless one has its name, and return that as the API server completed it."""
        path = (GROUP, VERSION, self.namespace, _PLURALS[document["kind"]])
        try:
            self._objects.create_namespaced_custom_object(*path, document)
        except client.ApiException as refused:
            if _status(refused)["reason"] != "AlreadyExists":
                raise
        return cast("dict[str, Any]", self._objects.get_namespaced_custom_object(*path, document["metadata"]["name"]))

    def _changed(self, call: Any, document: dict[str, Any]) -> str:
        stored = self.store(document)
        metadata = document["metadata"] | {"resourceVersion": stored["metadata"]["resourceVersion"]}
        return self._tried(call, self.namespace, document | {"metadata": metadata}, metadata["name"])

    def _tried(self, call: Any, namespace: str, document: dict[str, Any], *name: str) -> str:
        path = (GROUP, VERSION, namespace, _PLURALS[document["kind"]], *name)
        try:
            call(*path, document, dry_run="All", field_validation="Strict")
        except client.ApiException as refused:
            return _status(refused)["message"]
        return ""


def _status(refused: client.ApiException) -> dict[str, str]:
    return cast("dict[str, str]", json.loads(refused.body or "{}"))
