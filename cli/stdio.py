"""Standard input, output and error of this process, where whoever started it left them out.

A process may be started with any of them closed. The next file that is opened gets that number:
a ledger's data file could become number 2, and a stray word to standard error would be written
into it. So before anything else is opened, what is closed becomes the null device.
"""

import os
import sys

INPUT, OUTPUT, ERROR = 0, 1, 2
_filled: set[int] = set()


def fill() -> None:
    """Open the null device where one of the three is closed. Once, before other files are."""
    for number in (INPUT, OUTPUT, ERROR):
        try:
            os.fstat(number)
        except OSError:
            _open_null(number)
            _filled.add(number)
    # Python leaves these out where the number was closed; whoever prints there means no harm.
    if sys.stdout is None:
        sys.stdout = os.fdopen(OUTPUT, "w", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(ERROR, "w", closefd=False)


def given(number: int) -> int | None:
    """The descriptor to write to, None where it was closed at the start: nobody reads it."""
    return None if number in _filled else number


def _open_null(number: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    if null != number:
        os.dup2(null, number)
        os.close(null)
