"""Reflection, so that tools find the services without their .proto: v1 and what was before it.

The two differ in their package alone and are the same on the wire; grpcio-reflection has the older.
"""

from collections.abc import Iterable
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool
from grpc_health.v1 import health  # type: ignore[import-untyped]
from grpc_reflection.v1alpha import (  # type: ignore[import-untyped]
    reflection,
    reflection_pb2,
    reflection_pb2_grpc,
)

# Its services' handlers are made by hand, and reflection finds what was imported.
from onecard.v1 import clearing_pb2 as _clearing_pb2  # noqa: F401

OLDER = "grpc.reflection.v1alpha"
NEWER = "grpc.reflection.v1"
METHOD = "ServerReflectionInfo"


def add(services: Iterable[str], server: Any) -> None:
    """Both versions, on what registers handlers; they name `services`, health and themselves."""
    older, newer = f"{OLDER}.ServerReflection", f"{NEWER}.ServerReflection"
    servicer = reflection.aio.ReflectionServicer(
        (*services, health.SERVICE_NAME, older, newer), _pool_of_newer()
    )
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server(servicer, server)
    handler = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        reflection_pb2.ServerReflectionRequest.FromString,
        reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    server.add_registered_method_handlers(newer, {METHOD: handler})


def _pool_of_newer() -> descriptor_pool.DescriptorPool:
    """The default pool, with the descriptor of v1 in it."""
    pool = descriptor_pool.Default()
    file = descriptor_pb2.FileDescriptorProto()
    reflection_pb2.DESCRIPTOR.CopyToProto(file)
    file.name = file.name.replace("v1alpha", "v1")
    file.package = NEWER
    for message in file.message_type:
        for field in (field for field in message.field if field.HasField("type_name")):
            field.type_name = field.type_name.replace(OLDER, NEWER)
    for service in file.service:
        for method in service.method:
            method.input_type = method.input_type.replace(OLDER, NEWER)
            method.output_type = method.output_type.replace(OLDER, NEWER)
    pool.AddSerializedFile(file.SerializeToString())
    return pool
