"""A gRPC server with reflection, whose methods answer as the message wants."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from grpc_reflection.v1alpha import reflection
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse

SERVICE = "shop.v1.Orders"


@dataclass
class Rpc:
    address: str
    asked: list[tuple[str, Any, dict[str, str | bytes]]] = field(default_factory=list)
    """Method, message and metadata of each call."""


def _pool() -> descriptor_pool.DescriptorPool:
    """`message Order {string id = 1; int32 code = 2; int32 wait = 3;}` and methods of all four kinds."""
    file = descriptor_pb2.FileDescriptorProto(name="shop.proto", package="shop.v1", syntax="proto3")
    order = file.message_type.add(name="Order")
    kinds = descriptor_pb2.FieldDescriptorProto
    for number, (name, kind) in enumerate((("id", kinds.TYPE_STRING), ("code", kinds.TYPE_INT32)), 1):
        order.field.add(name=name, number=number, type=kind, label=kinds.LABEL_OPTIONAL, json_name=name)
    service = file.service.add(name="Orders")
    for name, up, down in (("Place", 0, 0), ("List", 0, 1), ("Upload", 1, 0), ("Talk", 1, 1)):
        service.method.add(
            name=name,
            input_type=".shop.v1.Order",
            output_type=".shop.v1.Order",
            client_streaming=bool(up),
            server_streaming=bool(down),
        )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool


def _reflection(version: str, pool: descriptor_pool.DescriptorPool) -> grpc.GenericRpcHandler:
    """The reflection service. Both versions say the same; the library serves only the older one."""
    handler = grpc.stream_stream_rpc_method_handler(
        reflection.ReflectionServicer((SERVICE,), pool=pool).ServerReflectionInfo,
        ServerReflectionRequest.FromString,
        ServerReflectionResponse.SerializeToString,
    )
    name = f"grpc.reflection.{version}.ServerReflection"
    return grpc.method_handlers_generic_handler(name, {"ServerReflectionInfo": handler})


@contextmanager
def grpc_server(*, reflected: str = "v1alpha") -> Iterator[Rpc]:
    """`reflected` is a version of the reflection service, or none.

    A message with `code` is answered by that status, with a text that repeats the metadata `x-token`.
    """
    pool = _pool()
    order = message_factory.GetMessageClass(pool.FindMessageTypeByName("shop.v1.Order"))
    server = grpc.server(ThreadPoolExecutor(4, thread_name_prefix="serves"))
    rpc = Rpc(f"localhost:{server.add_insecure_port('localhost:0')}")

    def handle(name: str, request: Any, context: grpc.ServicerContext) -> Any:
        metadata = dict(context.invocation_metadata())
        rpc.asked.append((name, request, metadata))
        if request.code:
            status = next(status for status in grpc.StatusCode if status.value[0] == request.code)
            context.abort(status, f"refused {metadata.get('x-token', 'no caller')}")
        return request

    def one(name: str, kind: Any, *, many_in: bool, many_out: bool) -> grpc.RpcMethodHandler:
        def behave(request: Any, context: grpc.ServicerContext) -> Any:
            answer = handle(name, next(request) if many_in else request, context)
            return iter([answer, answer]) if many_out else answer

        return kind(behave, order.FromString, order.SerializeToString)

    handlers = {
        "Place": one("Place", grpc.unary_unary_rpc_method_handler, many_in=False, many_out=False),
        "List": one("List", grpc.unary_stream_rpc_method_handler, many_in=False, many_out=True),
        "Upload": one("Upload", grpc.stream_unary_rpc_method_handler, many_in=True, many_out=False),
        "Talk": one("Talk", grpc.stream_stream_rpc_method_handler, many_in=True, many_out=True),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    if reflected:
        server.add_generic_rpc_handlers((_reflection(reflected, pool),))
    server.start()
    try:
        yield rpc
    finally:
        server.stop(0).wait()
