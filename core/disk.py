"""Room on a disk."""

import os
from pathlib import Path


def free_bytes(path: Path) -> int | None:
    """Bytes free on the disk of `path`; None where the system cannot say.

    That is no reason to stop anything: whoever writes there hears of it soon enough.
    """
    try:
        disk = os.statvfs(path)
    except OSError:
        return None
    return disk.f_bavail * disk.f_frsize
