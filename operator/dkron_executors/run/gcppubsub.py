"""One message to a topic of Google Cloud Pub/Sub (Dkron behaviour §6.3)."""

import os

import grpc
from google.api_core.exceptions import GoogleAPIError
from google.auth.exceptions import GoogleAuthError
from google.pubsub_v1 import PublisherClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.types import PubsubMessage

from dkron_executors.keys.gcppubsub import Gcppubsub
from dkron_executors.result import Result

PATIENCE = 15
"""Seconds, as in Dkron."""
EMULATOR = "PUBSUB_EMULATOR_HOST"
"""If this is set, Google's own clients connect to it, without credentials and TLS."""


def run(keys: Gcppubsub) -> Result:
    """Publish the message. The output is the id that the server assigned to it."""
    message = PubsubMessage(data=keys.data, attributes=dict(keys.attributes))
    try:
        # Not the batching client, which collects messages and sends them later: there is only one.
        answer = _client().publish(topic=keys.path, messages=[message], timeout=PATIENCE)
    except GoogleAuthError as exc:
        return Result(f"gcppubsub {keys.path}: no credentials: {exc}")
    except GoogleAPIError as exc:
        return Result(f"gcppubsub {keys.path}: not published: {exc}")
    return Result(output="".join(f"{number}\n" for number in answer.message_ids).encode())


def _client() -> PublisherClient:
    if emulator := os.environ.get(EMULATOR):
        return PublisherClient(transport=PublisherGrpcTransport(channel=grpc.insecure_channel(emulator)))
    return PublisherClient()
