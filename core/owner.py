"""One process writes a ledger: whoever holds its locks.

Two locks, because a ledger can be reached by two paths: `DIR/owner`, which also holds the pid,
and the data file of the first segment, whose inode stays the same through links of any kind.
Both are flock(2) locks, which the kernel drops when the process dies in whatever way.
"""

import fcntl
import os
from pathlib import Path

from onecard.core.errors import LedgerInUse, LedgerMissing
from onecard.core.store import DATA_FILE

FILE = "owner"
FIRST_SEGMENT = Path("journal", "00000001", DATA_FILE)
LOCKS = Path("/proc/locks")


class Owner:
    """The right to write the ledger in `path`, held until `release` or the end of the process."""

    def __init__(self, path: Path) -> None:
        """LedgerInUse, naming the holder's pid, where another process has it; LedgerMissing."""
        if not path.is_dir():
            raise LedgerMissing(f"{path}: expected a ledger's folder, found none; onecard init")
        self.path = path
        self._files: list[int] = []
        self._held = False  # the file says that it is us
        try:
            owner = self._lock(path / FILE, os.O_RDWR | os.O_CREAT)
            os.ftruncate(owner, 0)
            os.pwrite(owner, f"{os.getpid()}\n".encode(), 0)
            self._held = True
            if (path / FIRST_SEGMENT).exists():
                self._lock(path / FIRST_SEGMENT, os.O_RDONLY)
        except BaseException:
            self.release()
            raise

    def _lock(self, path: Path, flags: int) -> int:
        file = os.open(path, flags | os.O_CLOEXEC, 0o600)
        self._files.append(file)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = _holder(file, self.path / FILE)
            raise LedgerInUse(
                f"{self.path}: expected nobody else to write it, found process {pid} does; "
                "stop that one first"
            ) from None
        return file

    def __enter__(self) -> "Owner":
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Give the right back; the file stays, empty."""
        if self._held:
            os.ftruncate(self._files[0], 0)
            self._held = False
        while self._files:
            os.close(self._files.pop())


def holder(path: Path) -> str | None:
    """The pid that writes the ledger in `path` (`unknown` if not to be told), None for nobody.

    Takes no lock of its own, so it may ask while another process is starting.
    """
    for file_path in (path / FIRST_SEGMENT, path / FILE):
        if file_path.exists():
            pid = _locked_by(os.stat(file_path))
            if pid is not None:
                return pid
    return None


def _holder(file: int, owner_file: Path) -> str:
    """Who holds the lock on `file`: what the kernel says, else what the holder wrote."""
    pid = _locked_by(os.fstat(file))
    if pid is not None:
        return pid
    written = owner_file.read_bytes()[:16].strip()
    return written.decode() if written.isdigit() else "unknown"


def _locked_by(found: os.stat_result) -> str | None:
    """The pid of the flock holder of an inode, out of /proc/locks; None where nobody has it."""
    inode = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    try:
        lines = LOCKS.read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        fields = line.split()
        if len(fields) > 5 and fields[1] == "FLOCK" and fields[5] == inode and fields[4] != "0":
            return fields[4]
    return None
