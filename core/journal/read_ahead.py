"""Reads ahead on a thread of its own, so that hashing what comes next costs no time of its own."""

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")
AHEAD_MAX = 4  # blocks of a few MiB: enough that neither side waits, and little memory


@dataclass
class Ended:
    """The source is exhausted, or failed."""

    error: BaseException | None = None


def read_ahead(source: Iterator[T]) -> Iterator[T]:
    """The items of `source`, in order; what it raises is raised here, after the items before."""
    items: queue.Queue[T | Ended] = queue.Queue(AHEAD_MAX)
    left = threading.Event()

    def put(item: T | Ended) -> None:
        while not left.is_set():
            try:
                return items.put(item, timeout=0.1)
            except queue.Full:
                continue

    def read() -> None:
        try:
            for item in source:
                put(item)
                if left.is_set():
                    return
            put(Ended())
        except BaseException as error:
            put(Ended(error))

    reader = threading.Thread(target=read, name="read-ahead", daemon=True)
    reader.start()
    try:
        while not isinstance(item := items.get(), Ended):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        # Whoever closes the journal after this must find nobody reading it.
        left.set()
        reader.join()
