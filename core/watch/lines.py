"""Lines to a file or pipe that may be full, gone or never read: written apart, or dropped.

Whoever says something goes on at once. What nobody takes is not kept: a log may lose lines, and
nothing else may wait for it.
"""

import os
import select
import threading
from collections import deque

WAITING_BYTES_MAX = 1 << 20  # some ten thousand lines: a slow reader's pause, and little memory
FULL_WAIT_MS = 1000  # for room in a pipe that somebody else made non-blocking


class Lines:
    """Writes whole lines to a descriptor on a thread of its own. Never blocks, never raises.

    `dropped` counts the lines that were not written: there was no room for them to wait, the
    write failed, or there is no descriptor (None).
    """

    def __init__(self, file: int | None, bytes_max: int = WAITING_BYTES_MAX) -> None:
        self.dropped = 0
        self._file = file
        self._bytes_max = bytes_max
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._writing = False
        self._torn = False  # the last line on the file has no end
        self._changed = threading.Condition()
        if file is not None:
            try:
                threading.Thread(target=self._write_all, name="lines", daemon=True).start()
            except RuntimeError:  # no thread to be had
                self._file = None

    def write(self, text: str) -> None:
        """Take a line with its end; its writing is tried later."""
        line = text.encode("utf-8", "backslashreplace")
        with self._changed:
            if self._file is None or self._bytes + len(line) > self._bytes_max:
                self.dropped += 1
                return
            self._waiting.append(line)
            self._bytes += len(line)
            self._changed.notify_all()

    def flush(self) -> None:
        """As of any file; the thread writes as soon as it can, so there is nothing to do."""

    def drain(self, wait_s: float) -> bool:
        """Wait for what was said to be written. Returns True when it was, or was dropped."""
        with self._changed:
            return self._changed.wait_for(
                lambda: not self._waiting and not self._writing, timeout=wait_s
            )

    # ---- its own thread ---------------------------------------------------------------------

    def _write_all(self) -> None:
        while True:
            with self._changed:
                self._writing = False
                self._changed.notify_all()
                while not self._waiting:
                    self._changed.wait()
                line = self._waiting.popleft()
                self._bytes -= len(line)
                self._writing = True
            if not self._put(line):
                with self._changed:
                    self.dropped += 1

    def _put(self, line: bytes) -> bool:
        """One write a line, so that lines of two processes do not mix. Returns True when it is out.

        The next line is tried all the same: a disk may have room again, a pipe be opened anew.
        """
        assert self._file is not None
        rest = b"\n" + line if self._torn else line
        size = len(rest)
        try:
            while rest:
                try:
                    rest = rest[os.write(self._file, rest) :]
                except BlockingIOError:
                    waiting = select.poll()
                    waiting.register(self._file, select.POLLOUT)
                    waiting.poll(FULL_WAIT_MS)
        except Exception:
            self._torn = self._torn or len(rest) < size
            return False
        self._torn = False
        return True
