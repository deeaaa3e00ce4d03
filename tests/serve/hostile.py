"""Clients that misbehave, on bare sockets: half-sent messages, frames that are none, silence."""

import socket
import struct
import time
from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, ResponseReceived, StreamEnded, StreamReset, TrailersReceived

CODES = {0: "OK", 3: "INVALID_ARGUMENT", 4: "DEADLINE_EXCEEDED", 5: "NOT_FOUND"}
CODES |= {8: "RESOURCE_EXHAUSTED", 13: "INTERNAL"}


def frame(message: bytes, flags: int = 0, announced: int | None = None) -> bytes:
    """A message as gRPC frames it; `announced` in place of its length."""
    size = len(message) if announced is None else announced
    return bytes([flags]) + struct.pack(">I", size) + message


class Raw:
    """One HTTP/2 connection that does as it is told and reads only when asked."""

    def __init__(self, address: str, source: str = "127.0.0.1") -> None:
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), 10, (source, 0))
        self.http = H2Connection(H2Configuration(client_side=True))
        self.http.initiate_connection()
        self.last = -1
        self.flush()

    def __enter__(self) -> "Raw":
        return self

    def __exit__(self, *_: Any) -> None:
        self.socket.close()

    def flush(self) -> None:
        self.socket.sendall(self.http.data_to_send())

    def call(self, method: str, data: bytes = b"", end: bool = False) -> int:
        """Opens a call and sends `data`, as much as the windows take; its stream's number."""
        self.last += 2
        headers = [(":method", "POST"), (":scheme", "http"), (":path", method)]
        headers += [(":authority", "raw"), ("te", "trailers"), ("content-type", "application/grpc")]
        self.http.send_headers(self.last, headers)
        self.send(self.last, data, end)
        return self.last

    def send(self, stream: int, data: bytes, end: bool = False) -> int:
        """As much of `data` as the windows take; how much that was."""
        sent = 0
        while sent < len(data):
            most = min(
                self.http.local_flow_control_window(stream), self.http.max_outbound_frame_size
            )
            if most <= 0:
                break
            part = data[sent : sent + most]
            sent += len(part)
            self.http.send_data(stream, part, end and sent == len(data))
        self.flush()
        return sent

    def read(self, seconds: float = 0.0) -> list[Any]:
        """What happened; empty if nothing in `seconds`, or if the server closed."""
        self.socket.settimeout(max(seconds, 0.001))
        try:
            data = self.socket.recv(1 << 16)
        except (TimeoutError, BlockingIOError):
            return []
        events = self.http.receive_data(data) if data else []
        self.flush()
        return list(events)

    def ends(self, stream: int, seconds: float = 10.0) -> tuple[str, str, bytes]:
        """How a call ended: its code, what it says, and what was answered."""
        headers: dict[bytes, bytes] = {}
        body = b""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for event in self.read(until - time.monotonic()):
                if getattr(event, "stream_id", None) != stream:
                    continue
                if isinstance(event, ResponseReceived | TrailersReceived):
                    headers |= dict(event.headers)
                elif isinstance(event, DataReceived):
                    body += event.data
                elif isinstance(event, StreamEnded | StreamReset):
                    code = int(headers.get(b"grpc-status", b"-1"))
                    says = headers.get(b"grpc-message", b"").decode()
                    return CODES.get(code, str(code)), says, body
        return "none", "", body
