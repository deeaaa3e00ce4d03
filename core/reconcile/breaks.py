"""The lines that did not match, in order of reference: in a temporary file, however many."""

import os
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from onecard.core.errors import Overloaded

BREAK = np.dtype(
    [
        ("high", "<u8"),
        ("ours_fen", "<i8"),
        ("theirs_fen", "<i8"),
        ("entry", "<u8"),  # sequence of our line, 0: we have none
        ("low", "<u4"),
        ("ours_line", "<u4"),  # 0: none
        ("theirs_line", "<u4"),
        ("what", "u1"),
        ("unused", "V3"),
    ]
)
READ_ROWS = 16_384  # 768 KB at a time, and one read of an entry's block serves many of them


class Breaks:
    """BREAK rows; written once in order, read as often as wanted. Gone when nobody holds it."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()
        self._close = weakref.finalize(self, self._file.close)
        self._rows = 0

    def append(self, rows: NDArray[np.void]) -> None:
        """BREAK rows that come after all before."""
        if len(rows):
            self._file.write(np.ascontiguousarray(rows).view(np.uint8).data)
            self._rows += len(rows)

    @staticmethod
    def names() -> tuple[str, ...]:
        """The fields of a row."""
        return BREAK.names or ()

    def __len__(self) -> int:
        return self._rows

    def __iter__(self) -> Iterator[np.void]:
        for rows in self.parts():
            yield from rows

    def parts(self) -> Iterator[NDArray[np.void]]:
        """All of them, at most READ_ROWS at a time."""
        self._file.flush()
        for at in range(0, self._rows, READ_ROWS):
            count = min(READ_ROWS, self._rows - at)
            size = count * BREAK.itemsize
            yield np.frombuffer(os.pread(self._file.fileno(), size, at * BREAK.itemsize), BREAK)


@contextmanager
def room_for_rows() -> Iterator[None]:
    """A full disk under the temporary files as one line: Overloaded."""
    try:
        yield
    except OSError as error:
        raise Overloaded(
            f"{tempfile.gettempdir()}: expected room for temporary files, some 40 bytes a line "
            f"and 50 a break, found {error.strerror}; make room there, or set TMPDIR to a folder "
            "on a disk that has it"
        ) from error
