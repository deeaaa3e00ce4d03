"""A file that holds a key: made for our eyes alone, and refused where others may read it."""

import os
import stat
from pathlib import Path

from onecard.core.errors import LedgerForeign, LedgerMissing
from onecard.core.storage.disk import is_irregular

# Whoever reads a key can make the token of every number there may be, or open what is sealed.
OTHERS_MAY = stat.S_IRWXG | stat.S_IRWXO


def make_key_file(file: Path, key: bytes) -> None:
    """A new file, on disk when this returns, under its name or not at all. OSError."""
    part = file.with_name(file.name + ".new")
    part.unlink(missing_ok=True)  # of a process that was killed: nothing was sealed by it
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, key)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    part.rename(file)


def read_key_file(file: Path, key_bytes: int, what: str) -> bytes:
    """The key in a file; LedgerMissing, or LedgerForeign where it cannot be it. `what` it is
    stands in the line, such as the key of the card tokens."""
    if is_irregular(file):
        raise LedgerForeign(
            f"{file}: expected a regular file, found a folder, a pipe or a device; restore it"
        )
    if not file.is_file():
        raise LedgerMissing(f"{file}: expected {what}, found none; restore it")
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & OTHERS_MAY:
        raise LedgerForeign(
            f"{file}: expected a file that only its owner may read, found mode {mode:04o}; "
            f"chmod 600 {file}"
        )
    key = file.read_bytes()
    if len(key) != key_bytes:
        raise LedgerForeign(f"{file}: expected {key_bytes} bytes, found {len(key)}; restore it")
    return key
