"""Memory that a mapped file makes us resident in, given back.

What LMDB reads through its map counts as ours until the kernel wants it elsewhere: after a
replay of gigabytes that is gigabytes, of which nothing is needed any more. Telling the kernel so
costs nothing: the pages stay in its cache, and a later read finds them there.
"""

import ctypes
import os
import re
from pathlib import Path

import numpy as np

from onecard.core.store import DATA_FILE, Store

MAPS = Path("/proc/self/maps")
MADV_DONTNEED = 4
_libc = ctypes.CDLL(None, use_errno=True)


def unmap(store: Store) -> None:
    """Give back the resident pages of a store's map. Any thread may read from it meanwhile.

    Does nothing where the system does not tell its maps.
    """
    # Inside a transaction the map cannot go away, and its own value says where it lies.
    with store.read() as txn, txn.cursor() as cursor:
        if not MAPS.exists() or not cursor.first():
            return
        value = np.frombuffer(cursor.value(), np.uint8)
        found = _mapping(value.ctypes.data, store.path / DATA_FILE)
        del value
        if found is None:
            return
        start, end = found
        # A shared map of a file: the pages leave our table, not the file or the cache.
        if _libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), MADV_DONTNEED):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(store.path))


def _mapping(address: int, file: Path) -> tuple[int, int] | None:
    """Start and end of the shared, read-only map that holds an address, if it is of that file."""
    inode = file.stat().st_ino
    for line in MAPS.read_text().splitlines():
        fields = re.split(r"\s+", line, maxsplit=5)
        start, end = (int(text, 16) for text in fields[0].split("-"))
        if start <= address < end:
            return (start, end) if fields[1] == "r--s" and int(fields[4]) == inode else None
    return None
