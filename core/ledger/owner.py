"""One process writes a ledger: whoever holds its locks.

Two locks, because a ledger can be reached by two paths: `DIR/owner`, which also says who holds it,
and the data file of the first segment, whose inode stays the same through links of any kind.
Both are flock(2) locks, which the kernel drops when the process dies in whatever way.

The kernel says who holds a lock. What the file says is for people: a process that was killed leaves
it behind, and its number is given to another one. So the number stands there with the moment the
process started, and not alone, where a `kill "$(cat owner)"` would meet a stranger.
"""

import fcntl
import os
import re
from contextlib import suppress
from pathlib import Path

from onecard.core.errors import LedgerInUse, LedgerMissing
from onecard.core.storage.environment import DATA_FILE

FILE = "owner"
FIRST_SEGMENT = Path("journal", "00000001", DATA_FILE)
LOCKS = Path("/proc/locks")
BOOT = Path("/proc/sys/kernel/random/boot_id")
SAID_BYTES_MAX = 200
UNKNOWN = "unknown"  # somebody has the lock whom this process cannot see: another container, say


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
            self._held = True
            with suppress(OSError):  # a full disk: the lock is what counts
                os.pwrite(owner, f"{_say(os.getpid())}\n".encode(), 0)
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
            raise _in_use(self.path, _holder(file, self.path)) from None
        return file

    def __enter__(self) -> "Owner":
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Give the right back; the file stays, empty."""
        if self._held:
            with suppress(OSError):  # a disk that failed must not keep the locks
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


def check_unheld(path: Path) -> None:
    """LedgerInUse where another process is seen to write the ledger in `path`. It takes no lock, so
    that somebody may still come first: `Owner` is what decides."""
    pid = holder(path)
    if pid is not None:
        raise _in_use(path, pid)


def is_free(path: Path) -> bool:
    """Returns True when nobody holds the ledger's locks, whether this process can see them or not.

    Takes them for a moment, so it is asked only where `holder` names nobody.
    """
    for file_path in (path / FIRST_SEGMENT, path / FILE):
        if not file_path.exists():
            continue
        file = os.open(file_path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(file)
    return True


def said(path: Path) -> str | None:
    """The pid that the file `owner` names, if that very process still runs; else None.

    Where somebody has the lock and the kernel's list does not name the file as we see it.
    """
    try:
        line = (path / FILE).read_bytes()[:SAID_BYTES_MAX].decode("ascii", "replace").strip()
    except OSError:
        return None
    found = re.match(r"process (\d+),", line)
    return found[1] if found is not None and _say(int(found[1])) == line else None


def _in_use(path: Path, pid: str) -> LedgerInUse:
    return LedgerInUse(
        f"{path}: expected nobody else to write it, found process {pid} does; "
        "stop that one first, by onecard stop"
    )


def _holder(file: int, path: Path) -> str:
    """Who holds the lock on `file`: what the kernel says, else what the holder wrote."""
    return _locked_by(os.fstat(file)) or said(path) or UNKNOWN


def _say(pid: int) -> str:
    """One line that names a process for good: with the moment it started, in ticks of this boot."""
    try:
        # The name of the program, in brackets, may hold anything; the 20th field after it is meant.
        started = Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[19]
        boot = BOOT.read_text().strip()
    except (OSError, IndexError):
        started = boot = UNKNOWN
    return f"process {pid}, started {started} ticks after boot {boot}"


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
