"""A stream of batches, as its sender sees it: what is in flight, and what was answered."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from threading import Event, Semaphore
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onecard.core.errors import BadInput
from onecard.ext.wire import batch as wire
from onecard.grpc.client.request import only, whole_of

WINDOW = 16  # messages in flight on a stream


@dataclass(frozen=True)
class Answer:
    """What was decided on each tap of a batch, in its order."""

    request_id: int
    outcome: NDArray[np.uint8]  # an Outcome
    sequence: NDArray[np.uint64]  # of the journalled entry; 0 = nothing journalled
    amount_fen: NDArray[np.int64]  # booked; 0 where declined
    balance_fen: NDArray[np.int64]  # available afterwards; 0 where there is no account here
    repeated: NDArray[np.uint8]  # 1 = answered from history

    def __len__(self) -> int:
        return len(self.outcome)

    @classmethod
    def parse(cls, message: bytes) -> "Answer":
        """The columns as views of the message; BadInput where it is no Decisions message."""
        try:
            read = wire.read_decisions(message)
        except ValueError as error:
            raise BadInput(str(error)) from None
        return cls(read.request_id, *(read.column(name) for name in wire.DECISION_COLUMNS))


class Stream:
    """The sending side of one call, on the thread that gRPC sends from."""

    def __init__(self, batches: Iterable[bytes], window: int) -> None:
        self.batches = only("batches", bytes, batches)
        self.slots = Semaphore(whole_of("window", window, 1))
        self.ended = False
        self.stalled = False
        self.failed: Exception | None = None  # what `batches` raised
        self.sent = 0
        self.received = 0
        self.progress = Event()

    def requests(self) -> Iterator[bytes]:
        try:
            for message in self.batches:
                self.slots.acquire()
                if self.ended:
                    return
                self.sent += 1
                yield message
        except Exception as error:
            # Raised to the caller after the answers that are due; gRPC would only log it here.
            self.failed = error

    def answered(self) -> None:
        self.received += 1
        self.progress.set()
        self.slots.release()

    def end(self) -> None:
        self.ended = True
        self.progress.set()
        self.slots.release()

    def watch(self, call: Any, timeout_s: float) -> None:
        """Cancels a call on which nothing was answered for so long although something is due."""
        while not self.ended:
            self.progress.clear()
            received = self.received
            due = self.sent > received
            if not self.progress.wait(timeout_s) and due and received == self.received:
                self.stalled = True
                call.cancel()
                return
