"""The TCP connections to this server: how many there may be, who holds them, and an end to one.

gRPC's library keeps them to itself, so they are found among the process's open files. That is slow
enough to be done only where a limit is near, on a scrape, or for a client that does not read.
"""

import os
import resource
import socket
import stat
import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

# What the ledger opens beside: segments, environments of the checkpoint, files, logs; and some of
# gRPC's own.
FILES_RESERVED = 256
OPEN_FILES = "/proc/self/fd"
# struct tcp_info of Linux: milliseconds since data came, and bytes that came in all.
LAST_DATA = struct.Struct("=52xI")
RECEIVED = struct.Struct("=128xQ")
IDLE_MIN_MS = 5_000  # quieter than this and without a call: ended first when there are too many
SILENT_MIN_MS = 1_000  # the same for what never sent a byte


@dataclass(frozen=True)
class Connection:
    """One as it was found."""

    peer: str  # as gRPC names it: ipv4:192.0.2.7:40112
    host: str
    quiet_ms: int  # since its last data
    received: int  # bytes, of its life


def raise_files_limit() -> int:
    """Raise the soft limit on open files to the hard one; what it is now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
        except (OSError, ValueError):
            pass  # it stays as it was, and the limit on connections follows it
    return soft


def connections_limit(wished: int, files_max: int) -> int:
    """How many connections there may be, so that the ledger always finds a file to open."""
    if files_max == resource.RLIM_INFINITY:
        return wished
    return min(wished, max(files_max - FILES_RESERVED, files_max // 2))


class Connections:
    """Those of one listening port. Any thread."""

    def __init__(self, connections_max: int) -> None:
        self.connections_max = connections_max
        self.port = 0  # until it listens

    def count(self) -> int:
        """Open now."""
        return sum(1 for _ in self._each())

    def end(self, peer: str) -> bool:
        """End one, with every call on it. Returns True when it was found."""
        found = False
        for open_socket, connection in self._each():
            if connection.peer == peer:
                _shut(open_socket)
                found = True
        return found

    def is_near(self) -> bool:
        """Returns True when the limit may be near: cheap, and not exact."""
        return _open_files() >= self._near

    def make_room(self, busy: frozenset[str]) -> int:
        """Near the limit, end idle ones that carry no call (`busy` do), of the host that holds most
        and the longest idle first; how many."""
        there = [connection for _, connection in self._each()]
        if len(there) < self._near:
            return 0
        hosts = Counter(connection.host for connection in there)
        idle = [one for one in there if one.peer not in busy and _is_idle(one)]
        idle.sort(key=lambda one: (-hosts[one.host], -one.quiet_ms))
        ending = {one.peer for one in idle[: len(there) - self.connections_max * 3 // 4]}
        for open_socket, connection in self._each():
            if connection.peer in ending:
                _shut(open_socket)
        return len(ending)

    @property
    def _near(self) -> int:
        return self.connections_max * 7 // 8

    def _each(self) -> Iterator[tuple[socket.socket, Connection]]:
        """Each open one, with its socket, which is gRPC's: valid until the next is asked for."""
        try:
            names = os.listdir(OPEN_FILES)
        except OSError:
            return
        for name in names:
            try:
                if not stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                    continue
                handle = socket.socket(fileno=int(name))
            except (OSError, ValueError):
                continue  # closed meanwhile
            try:
                found = self._look(handle)
                if found is not None:
                    yield handle, found
            finally:
                # Never closed here, and no second handle made: closing one of a file, were the
                # number reused, would drop the locks that the process holds on it.
                handle.detach()

    def _look(self, handle: socket.socket) -> Connection | None:
        if handle.family not in (socket.AF_INET, socket.AF_INET6):
            return None
        try:
            if handle.getsockname()[1] != self.port:
                return None
            host, port = handle.getpeername()[:2]
            info = handle.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, RECEIVED.size)
        except OSError:
            return None  # it listens, or has ended
        if len(info) < RECEIVED.size:
            info = bytes(RECEIVED.size)
        mapped = host.removeprefix("::ffff:")
        named = f"ipv6:%5B{host}%5D" if ":" in mapped else f"ipv4:{mapped}"
        (quiet_ms,) = LAST_DATA.unpack_from(info)
        (received,) = RECEIVED.unpack_from(info)
        return Connection(f"{named}:{port}", named, quiet_ms, received)


def _is_idle(connection: Connection) -> bool:
    """Returns True when nothing came for so long that nobody will miss it."""
    return connection.quiet_ms >= (IDLE_MIN_MS if connection.received else SILENT_MIN_MS)


def _shut(handle: socket.socket) -> None:
    """Its owner, gRPC, finds it ended and closes it; closing it here would free its number."""
    try:
        handle.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # it has ended


def _open_files() -> int:
    try:
        return len(os.listdir(OPEN_FILES))
    except OSError:
        return 0
