"""The keys of each executor, as models: strings in, typed values out, and a sentence for what is wrong.

They need no client library, so the operator reads them when a spec changes, and the documentation is made from them.
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
    """The model of an executor's keys. Raises KeyError for one that is not in `MODELS`."""
    model: type[Keys] = getattr(import_module(f"dkron_executors.keys.{executor}"), MODELS[executor])
    return model
