"""Whose turn it is: many may read the store, or one may change it, over all processes and threads.

flock(2) on a descriptor of one's own, so that threads of a process exclude each other as processes
do, and a process that dies gives its turn back.
"""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep

from onecard.core.errors import OnecardError, Overloaded, os_words

LOCK = "lock"
# A store of ten million cards is made anew in a minute at most; who waits much longer waits for a
# process that stands still.
LOOKS_MAX = 12_000
LOOK_S = 0.01


@contextmanager
def turn(folder: Path, alone: bool) -> Iterator[None]:
    """Hold the store in `folder`, alone or with others who read; Overloaded after two minutes."""
    try:
        file = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno != errno.EROFS or alone:
            raise OnecardError(os_words(error)) from None
        yield  # of a copy on a file system that is only read nobody need wait for anybody
        return
    try:
        _wait(file, folder, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield
    finally:
        os.close(file)


def _wait(file: int, folder: Path, how: int) -> None:
    for _ in range(LOOKS_MAX):
        try:
            fcntl.flock(file, how | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            sleep(LOOK_S)
    raise Overloaded(
        f"{folder}: expected its turn within {LOOKS_MAX * LOOK_S:.0f} s, found another process "
        "holding it; try later, or look what that one waits for"
    )
