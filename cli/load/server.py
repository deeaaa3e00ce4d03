"""The server that a file is loaded into."""

from collections.abc import Iterator
from contextlib import contextmanager

from onecard.grpc.client import Client
from onecard.grpc.client.who import NOBODY, Who

TIMEOUT_S = 60.0
CONNECT_S = 3.0


@contextmanager
def connected(address: str, participant: str | None = None, who: Who = NOBODY) -> Iterator[Client]:
    """A client of a server that answers; Unreachable where none does."""
    with Client(address, participant, TIMEOUT_S, who) as client:
        client.wait_ready(CONNECT_S)
        yield client
