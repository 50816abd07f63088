"""A fake of Google Cloud Pub/Sub: its published gRPC API, `google.pubsub.v1.Publisher`, and nothing behind it.

Google ships no server that one could run; its emulator is a Java program of the Cloud SDK, which no registry has.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.pubsub_v1.types import PublishRequest, PublishResponse


@dataclass
class PubSub:
    address: str
    topics: dict[str, list[Any]] = field(default_factory=dict)
    """The messages of each topic, by its full name."""


@contextmanager
def pubsub_fake(*topics: str) -> Iterator[PubSub]:
    """A server that knows these topics. One that is called `…/closed` may not be published to."""
    server = grpc.server(ThreadPoolExecutor(2))
    fake = PubSub(f"localhost:{server.add_insecure_port('localhost:0')}", {topic: [] for topic in topics})

    def publish(request: Any, context: grpc.ServicerContext) -> Any:
        if request.topic.endswith("/closed"):
            context.abort(grpc.StatusCode.PERMISSION_DENIED, f"User not authorized: {request.messages[0].attributes}")
        if request.topic not in fake.topics:
            context.abort(grpc.StatusCode.NOT_FOUND, f"Resource not found (resource={request.topic}).")
        first = len(fake.topics[request.topic]) + 1
        fake.topics[request.topic].extend(request.messages)
        return PublishResponse(message_ids=[str(first + number) for number in range(len(request.messages))])

    handler = grpc.unary_unary_rpc_method_handler(publish, PublishRequest.deserialize, PublishResponse.serialize)
    service = grpc.method_handlers_generic_handler("google.pubsub.v1.Publisher", {"Publish": handler})
    server.add_generic_rpc_handlers((service,))
    server.start()
    try:
        yield fake
    finally:
        server.stop(0).wait()
