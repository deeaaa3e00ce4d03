"""Memory that a mapped file makes us resident in, given back.

What LMDB reads through its map counts as ours until the kernel wants it elsewhere: after a
replay of gigabytes that is gigabytes, of which nothing is needed any more. Telling the kernel so
costs nothing: the pages stay in its cache, and a later read finds them there.
"""

import ctypes
import re
from pathlib import Path

import numpy as np

from onecard.core.errors import OnecardError
from onecard.core.storage.environment import DATA_FILE, Environment

MAPS = Path("/proc/self/maps")
MAP = re.compile(
    r"(?P<start>[0-9a-f]+)-(?P<end>[0-9a-f]+) (?P<mode>[rwxsp-]{4}) \S+ \S+ (?P<inode>[0-9]+)\b"
)
MADV_DONTNEED = 4
_libc = ctypes.CDLL(None, use_errno=True)


def unmap(environment: Environment) -> None:
    """Give back the resident pages of an environment's map. Any thread may read from it meanwhile.

    Only memory is at stake: where the system does not tell its maps, or has no file or reader's
    slot to spare, nothing is done, and whoever called goes on.
    """
    try:
        # Inside a transaction the map cannot go away, and its own value says where it lies.
        with environment.read() as txn, txn.cursor() as cursor:
            if not cursor.first():
                return
            value = np.frombuffer(cursor.value(), np.uint8)
            found = _mapping(value.ctypes.data, environment.path / DATA_FILE)
            del value
            if found is not None:
                start, end = found
                # A shared map of a file: the pages leave our table, not the file or the cache.
                _libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), MADV_DONTNEED)
    except (OSError, OnecardError, ValueError):
        return


def _mapping(address: int, file: Path) -> tuple[int, int] | None:
    """Start and end of the shared, read-only map that holds an address, if it is of that file."""
    inode = file.stat().st_ino
    for line in MAPS.read_text(errors="replace").splitlines():
        found = MAP.match(line)
        if found is None:
            continue
        start, end = int(found["start"], 16), int(found["end"], 16)
        if start <= address < end:
            ours = found["mode"] == "r--s" and int(found["inode"]) == inode
            return (start, end) if ours else None
    return None
