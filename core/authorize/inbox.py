"""The bounded queue between many streams and the one engine: a queue a stream, served in turn."""

import threading
from collections import deque

from onecard.core.authorize.engine import Submission
from onecard.core.config import Settings
from onecard.core.errors import Overloaded, Stopped

# What a submission costs beside its message: some objects, and the answer that waits.
SUBMISSION_BYTES = 1024


class Inbox:
    """Submissions of one stream come out in order; those of None (unary calls) have no order.

    A stream that waits for its history is held: its next submissions stay where they are.
    """

    def __init__(self, settings: Settings) -> None:
        self._bytes_max = settings.inbox_bytes_max
        self._stream_bytes_max = settings.inbox_stream_bytes_max
        self._queues: dict[object, deque[Submission]] = {}
        self._turn: deque[object] = deque()  # streams with something to give, in turn
        self._stream_bytes: dict[object, int] = {}
        self._held: set[object] = set()
        self._changed = threading.Condition()
        self._closed = False
        self.bytes = 0
        self.count = 0

    def put(self, submission: Submission) -> None:
        """Take one in, or say at once that it is full (Overloaded) or over (Stopped)."""
        size = submission.size + SUBMISSION_BYTES
        stream = submission.stream
        with self._changed:
            if self._closed:
                raise Stopped("the server is stopping and takes nothing more; send again later")
            if self.bytes + size > self._bytes_max:
                raise Overloaded(
                    f"inbox: {self.bytes} bytes wait, {size} more would pass the limit of "
                    f"{self._bytes_max}; send again later"
                )
            waiting = self._stream_bytes.get(stream, 0)
            if stream is not None and waiting + size > self._stream_bytes_max:
                raise Overloaded(
                    f"inbox of this stream: {waiting} bytes wait, {size} more would pass the "
                    f"limit of {self._stream_bytes_max}; read answers before sending more"
                )
            self._enter(submission, first=False)
            self._changed.notify()

    def take(self, submissions_max: int, bytes_max: int, wait_s: float) -> list[Submission]:
        """What waits, in turn over the streams, up to the limits; empty if nothing in `wait_s`."""
        with self._changed:
            if not self._turn:
                self._changed.wait(wait_s)
            taken: list[Submission] = []
            size = 0
            while self._turn and len(taken) < submissions_max and size < bytes_max:
                stream = self._turn.popleft()
                submission = self._leave(stream)
                taken.append(submission)
                size += submission.size
                if self._queues.get(stream):
                    self._turn.append(stream)
            return taken

    def hold(self, submissions: list[Submission]) -> None:
        """Put back what was taken of one stream, and give nothing of it until `release`."""
        with self._changed:
            stream = submissions[0].stream
            for submission in reversed(submissions):
                self._enter(submission, first=True)
            if stream is not None:
                self._held.add(stream)
                if stream in self._turn:
                    self._turn.remove(stream)

    def release(self, stream: object) -> None:
        """A held stream's history is at hand."""
        with self._changed:
            self._held.discard(stream)
            if self._queues.get(stream):
                self._turn.appendleft(stream)
                self._changed.notify()

    def enter_again(self, submission: Submission) -> None:
        """One without a stream whose history is at hand."""
        with self._changed:
            self._enter(submission, first=True)
            self._changed.notify()

    def empty(self) -> list[Submission]:
        """All that waits, held or not: for an end at which nothing more is decided."""
        with self._changed:
            waiting = [one for queue in self._queues.values() for one in queue]
            self._queues.clear()
            self._stream_bytes.clear()
            self._turn.clear()
            self.bytes = self.count = 0
            return waiting

    def close(self) -> None:
        """Take nothing more; what waits still comes out."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _enter(self, submission: Submission, first: bool) -> None:
        stream = submission.stream
        queue = self._queues.setdefault(stream, deque())
        if not queue and stream not in self._held:
            self._turn.append(stream)
        if first:
            queue.appendleft(submission)
        else:
            queue.append(submission)
        size = submission.size + SUBMISSION_BYTES
        self.bytes += size
        self.count += 1
        self._stream_bytes[stream] = self._stream_bytes.get(stream, 0) + size

    def _leave(self, stream: object) -> Submission:
        queue = self._queues[stream]
        submission = queue.popleft()
        size = submission.size + SUBMISSION_BYTES
        self.bytes -= size
        self.count -= 1
        self._stream_bytes[stream] -= size
        if not queue:
            # A stream that ended leaves nothing behind.
            del self._queues[stream]
            del self._stream_bytes[stream]
        return submission
