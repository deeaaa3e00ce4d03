"""What a disk has: room, and files that can be read."""

import os
from pathlib import Path


def is_irregular(path: Path) -> bool:
    """Returns True when what is there is no regular file: to read a pipe would wait for ever."""
    return path.exists() and not path.is_file()


def free_bytes(path: Path) -> int | None:
    """Bytes free on the disk of `path`; None where the system cannot say.

    That is no reason to stop anything: whoever writes there hears of it soon enough.
    """
    try:
        disk = os.statvfs(path)
    except OSError:
        return None
    return disk.f_bavail * disk.f_frsize
