"""Messages and services as they were at an earlier commit, beside those of today.

    python -m tests.serve.old_protocol COMMIT    writes protocol_1.bin, which no test run does

The .bin is what protoc makes of the .proto files of that commit: a FileDescriptorSet.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import grpc
from google.protobuf.descriptor import FieldDescriptor, FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

PROTOCOL_1 = Path(__file__).with_name("protocol_1.bin")
PROTOS = "grpc/proto"
FOLDER = "onecard/v1"
NAMES = ("tap", "clearing", "ledger", "registry", "settlement")
Answer = Callable[[str, type[Any], Any], Any]  # method, class of the answer, request -> answer


class Protocol:
    """The classes of one descriptor set, in a pool of their own."""

    def __init__(self, path: Path = PROTOCOL_1) -> None:
        self.pool: Any = DescriptorPool()
        for file in FileDescriptorSet.FromString(path.read_bytes()).file:
            self.pool.Add(file)
        self.methods = {
            f"/{service.full_name}/{method.name}": method
            for name in NAMES
            for service in self.file(name).services_by_name.values()
            for method in service.methods
        }

    def file(self, name: str) -> FileDescriptor:
        found: FileDescriptor = self.pool.FindFileByName(f"{FOLDER}/{name}.proto")
        return found

    def module(self, name: str) -> SimpleNamespace:
        """As the generated module of that name: its messages, enums and values of enums."""
        file = self.file(name)
        found = {one: GetMessageClass(kind) for one, kind in file.message_types_by_name.items()}
        values = {
            value.name: value.number
            for enum in file.enum_types_by_name.values()
            for value in enum.values
        }
        return SimpleNamespace(**found, **values)

    def stub(self, channel: grpc.Channel, service: str) -> SimpleNamespace:
        """A call a method, as the generated stub has them."""
        return SimpleNamespace(
            **{
                path.rpartition("/")[2]: _call(channel, path, method)
                for path, method in self.methods.items()
                if method.containing_service.name == service
            }
        )

    def server(self, answer: Answer) -> tuple[grpc.Server, str]:
        """A server of every method on a port of its own, and its address; it is to be stopped."""
        server = grpc.server(ThreadPoolExecutor(4))
        handlers = {path: _handler(path, method, answer) for path, method in self.methods.items()}

        class Handlers(grpc.GenericRpcHandler):
            def service(self, details: grpc.HandlerCallDetails) -> Any:
                return handlers.get(details.method)

        server.add_generic_rpc_handlers((Handlers(),))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        return server, f"127.0.0.1:{port}"


def _way(method: Any) -> str:
    """unary_unary, stream_unary and so on, as gRPC's functions begin."""
    ways = {True: "stream", False: "unary"}
    return f"{ways[method.client_streaming]}_{ways[method.server_streaming]}"


def _call(channel: grpc.Channel, path: str, method: Any) -> Any:
    return getattr(channel, _way(method))(
        path,
        request_serializer=GetMessageClass(method.input_type).SerializeToString,
        response_deserializer=GetMessageClass(method.output_type).FromString,
    )


def _handler(path: str, method: Any, answer: Answer) -> Any:
    kind = GetMessageClass(method.output_type)

    def answered(given: Any, _: Any) -> Any:
        requests = given if method.client_streaming else iter((given,))
        if method.server_streaming:
            return (answer(path, kind, one) for one in requests)
        return [answer(path, kind, one) for one in requests][-1]

    return getattr(grpc, f"{_way(method)}_rpc_method_handler")(
        answered,
        request_deserializer=GetMessageClass(method.input_type).FromString,
        response_serializer=kind.SerializeToString,
    )


def filled(kind: type[Any], start: int = 1) -> Any:
    """A message in which every field says something, each something else."""
    message = kind()
    for number, field in enumerate(message.DESCRIPTOR.fields, start):
        if field.message_type is not None:
            inner = filled(GetMessageClass(field.message_type), 10 * number)
            if field.is_repeated:
                getattr(message, field.name).append(inner)
            else:
                getattr(message, field.name).CopyFrom(inner)
            continue
        value: Any = number
        if field.type == FieldDescriptor.TYPE_BOOL:
            value = True
        elif field.enum_type is not None:
            value = 1
        elif field.type == FieldDescriptor.TYPE_STRING:
            value = f"text {number}"
        elif field.type == FieldDescriptor.TYPE_BYTES:
            value = bytes([number])
        if field.is_repeated:
            getattr(message, field.name).append(value)
        else:
            setattr(message, field.name, value)
    return message


def values_of(message: Any) -> Iterator[tuple[str, Any]]:
    """Name and value of every field that says something, those of messages within as well."""
    for field, value in message.ListFields():
        if field.message_type is None:
            yield field.name, list(value) if field.is_repeated else value
            continue
        for at, one in enumerate(value if field.is_repeated else (value,)):
            yield from ((f"{field.name}[{at}].{name}", found) for name, found in values_of(one))


def make(commit: str) -> None:
    """Writes the descriptors of a commit's .proto files."""
    from grpc_tools import protoc  # type: ignore[import-untyped]

    with TemporaryDirectory() as folder:
        for name in NAMES:
            path = Path(folder) / FOLDER / f"{name}.proto"
            path.parent.mkdir(parents=True, exist_ok=True)
            shown = ("git", "show", f"{commit}:{PROTOS}/{FOLDER}/{name}.proto")
            path.write_bytes(subprocess.run(shown, check=True, capture_output=True).stdout)
        files = [f"{FOLDER}/{name}.proto" for name in NAMES]
        command = ["protoc", f"-I{folder}", "--include_imports", f"-o{PROTOCOL_1}", *files]
        raise SystemExit(protoc.main(command))


if __name__ == "__main__":
    make(sys.argv[1])
