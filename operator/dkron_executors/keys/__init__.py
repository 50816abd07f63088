"""The keys of each executor as models: strings in, typed values out, and a sentence for each error.

They need no client library, so the operator can read them when a spec changes. The documentation is generated from
them.
"""

from importlib import import_module

from dkron_executors.keys.model import Keys

MODELS = {
    "gcppubsub": "Gcppubsub",
    "grpc": "Grpc",
    "http": "Http",
    "kafka": "Kafka",
    "nats": "Nats",
    "rabbitmq": "Rabbitmq",
}
"""The executors that run in a pod of the project's own image, and the name of the model in the module of that name."""


def keys_of(executor: str) -> type[Keys]:
    """Return the model of an executor's keys. Raises KeyError if the executor is not in `MODELS`."""
    model: type[Keys] = getattr(import_module(f"dkron_executors.keys.{executor}"), MODELS[executor])
    return model
