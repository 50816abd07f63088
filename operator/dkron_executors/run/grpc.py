"""One gRPC call whose message is built from JSON, with the types from the server's reflection (Dkron behaviour
§6.3)."""

import time
from collections.abc import Callable
from types import SimpleNamespace

import grpc
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse

from dkron_executors.keys.grpc import Grpc
from dkron_executors.result import Result

REFLECTIONS = ("grpc.reflection.v1", "grpc.reflection.v1alpha")
"""Packages of the reflection service, newest first. Their messages are the same."""

Remaining = Callable[[], float]


def run(keys: Grpc) -> Result:
    """Make the call. It succeeds if it returns the expected status code."""
    end = time.monotonic() + keys.timeout
    with grpc.insecure_channel(keys.server) as channel:
        return _call(channel, keys, lambda: max(end - time.monotonic(), 0.001))


def _call(channel: grpc.Channel, keys: Grpc, remaining: Remaining) -> Result:
    try:
        pool, method = _described(channel, keys, remaining)
        message = json_format.Parse(
            keys.body, message_factory.GetMessageClass(method.input_type)(), descriptor_pool=pool
        )
    except KeyError:
        return Result(f"{keys.url}: the server has no such method")
    except json_format.ParseError as exc:
        return Result(f"body: not a {method.input_type.full_name}: {exc}")
    except grpc.RpcError as exc:
        return Result(f"{keys.url}: {_unreflected(exc, keys)}")
    status, details = _answer(channel, keys, method, message=message, remaining=remaining)
    if status.value[0] == keys.expect_code:
        return Result()
    why = f" ({details})" if details else ""
    return Result(f"{keys.url}: the status is {_named(status)}{why}, expectCode is {keys.expect_code}")


def _described(channel: grpc.Channel, keys: Grpc, remaining: Remaining) -> tuple[DescriptorPool, MethodDescriptor]:
    """Return the method's descriptor from the server. Raises KeyError if there is no such method, RpcError if the
    server does not answer."""
    for package in REFLECTIONS:
        database = _Database(channel, package, remaining)
        try:
            database.FindFileContainingSymbol(keys.service)
        except grpc.RpcError as exc:
            if exc.code() is grpc.StatusCode.UNIMPLEMENTED and package != REFLECTIONS[-1]:
                continue
            raise
        pool = DescriptorPool(database)
        return pool, pool.FindServiceByName(keys.service).methods_by_name[keys.method]
    raise KeyError(keys.service)


class _Database(ProtoReflectionDescriptorDatabase):  # type: ignore[misc]  # the library has no type hints
    """The library's class has no deadline, and supports only the older package."""

    def __init__(self, channel: grpc.Channel, package: str, remaining: Remaining) -> None:
        super().__init__(channel)
        ask = channel.stream_stream(
            f"/{package}.ServerReflection/ServerReflectionInfo",
            request_serializer=ServerReflectionRequest.SerializeToString,
            response_deserializer=ServerReflectionResponse.FromString,
        )
        self._stub = SimpleNamespace(ServerReflectionInfo=lambda requests: ask(requests, timeout=remaining()))


def _answer(
    channel: grpc.Channel, keys: Grpc, method: MethodDescriptor, *, message: Message, remaining: Remaining
) -> tuple[grpc.StatusCode, str]:
    """Return the status and its details. Streams work too: one message is sent, all responses are read."""
    path = f"/{keys.service}/{keys.method}"
    kind = f"{'stream' if method.client_streaming else 'unary'}_{'stream' if method.server_streaming else 'unary'}"
    # The content of the response does not matter, so it is not decoded.
    invoke = getattr(channel, kind)(path, request_serializer=type(message).SerializeToString)
    sent = iter([message]) if method.client_streaming else message
    try:
        answer = invoke(sent, timeout=remaining(), metadata=keys.headers)
        if method.server_streaming:
            for _ in answer:
                pass
    except grpc.RpcError as exc:
        return exc.code(), exc.details() or ""
    return grpc.StatusCode.OK, ""


def _unreflected(exc: grpc.RpcError, keys: Grpc) -> str:
    status = exc.code()
    if status is grpc.StatusCode.UNIMPLEMENTED:
        return "the server does not support reflection, which the executor needs to know its messages"
    if status is grpc.StatusCode.DEADLINE_EXCEEDED:
        return f"no answer within {keys.timeout} s"
    return f"{_named(status)}: {exc.details()}"


def _named(status: grpc.StatusCode) -> str:
    return f"{status.value[0]} {status.name}"
