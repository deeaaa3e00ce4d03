"""Every setting of a running ledger, in one place, with its reason.

A limit that nobody sets is a constant of the file that asks it.
"""

from dataclasses import dataclass

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30


@dataclass(frozen=True)
class Settings:
    """How one process serves a ledger. None of it changes what is booked."""

    # ---- what fits in memory ----
    # Cards on the register: 96 bytes of rows and some 8 of look-up table each, taken as they come.
    cards_max: int = 1 << 24
    # Terminals on the register: 64 bytes each; a country has some hundred thousand gates.
    terminals_max: int = 1 << 20
    # Holds that have an end and are open: 32 bytes each, and 16 to find them; one more is not taken
    # until one of them ends. A day's orders and deposits of a large city; one without an end takes
    # none.
    holds_max: int = 1 << 20
    # Lots that something is left of: 38 bytes each, 8 for the purse of their account and some 8 to
    # find them. Two a pupil of a large city's schools; one more is not granted until one is spent.
    lots_max: int = 1 << 21
    # Identities a generation: some seconds of a country's taps, and up to three are kept; a
    # repeat that comes later is looked up on disk.
    recent_max: int = 1 << 20

    # ---- one message and all that wait ----
    # 1 MiB of columns: far under the message limit, and its rows stay in the cache.
    batch_taps_max: int = 16_384
    # Taps of one commit: its block is some 10 MiB, synced in tens of milliseconds.
    group_taps_max: int = 65_536
    # What gRPC takes by default; a batch at its limit is a third of it.
    message_bytes_max: int = 4 * MIB
    # Bytes waiting over all streams: a few seconds of full load, so a stall refuses, not swells.
    inbox_bytes_max: int = 256 * MIB
    # Bytes waiting on one stream, so that one late upload does not take the inbox from the others.
    inbox_stream_bytes_max: int = 32 * MIB
    # Each open stream may hold a message that is half sent, and some that are not answered yet.
    streams_max: int = 64

    # ---- what clients may hold open ----
    # Some 50 KiB each; fewer where the limit on open files leaves the ledger too few.
    connections_max: int = 4096
    # Calls over all connections, streams included: each holds some kilobytes, and more would only
    # wait for the one writer.
    calls_max: int = 1024
    # Messages that are being received at once, beside those of streams: so many times the largest.
    receiving_max: int = 64
    # For a message of a call to come whole: the largest over 2 Mbit/s.
    receive_s: float = 20.0
    # Between two messages of a load or a declaration: they come out of a file, not out of a gate.
    between_s: float = 60.0
    # A stream with nothing in flight is idle after this; it ends where another needs its place.
    idle_s: float = 10.0
    # Readers of the journal: replicas and auditors. Each may hold a block that it does not read.
    journal_streams_max: int = 8
    # A client that reads nothing of an answer for so long is gone or stuck.
    unread_max_s: float = 60.0
    # Large answers that wait to be read, over all calls: some blocks of the journal.
    unread_bytes_max: int = 128 * MIB

    # ---- the disk ----
    # A segment is a file to seal, archive and copy: an hour of a country's taps at most. Address
    # space, not disk: the file grows as it is written.
    segment_bytes: int = 64 * GIB
    # Below this much free space nothing new is taken: room to finish what was, for a checkpoint,
    # for settlement files and a clean stop.
    watermark_bytes: int = 256 * MIB
    # Bounds what a restart replays; a save of 10 M cards takes some seconds of that.
    checkpoint_every_s: float = 60.0
    # Under full load a minute is more than a restart may replay, so so many entries count as one.
    checkpoint_every_entries: int = 32_000_000
    # Between two transactions of a save, so that the journal's syncs find the disk idle.
    checkpoint_pause_ms: float = 2.0
    # Addresses kept free for the saved pages: the tables at their largest, twice, and room.
    checkpoint_map_bytes: int = 16 * GIB
    # Addresses kept free for retired identities: 5-21 bytes each, so years of them.
    identities_map_bytes: int = 1024 * GIB

    # ---- what may have to be forgotten ----
    # Days for which a printed card number is kept, sealed, after it was sent last; 0: never.
    # Whoever makes files that name it wants as long as settlement and appeals take.
    numbers_kept_days: int = 0

    # ---- the clock ----
    # From the last block to a start: a week covers a night, a weekend, a long repair; a clock that
    # is wrong by a date is beyond it. A longer pause is confirmed by an operator.
    downtime_max_s: int = 7 * 86_400
    # How far the wall clock may step while serving: what a pause of a virtual machine or a
    # correction by NTP is, and below the quarter of an hour of a wrong time zone.
    clock_step_max_s: int = 300

    # ---- how others reach it ----
    # Loopback until there is mutual TLS.
    host: str = "127.0.0.1"
    port: int = 7421
    metrics_port: int = 9421


# Least and most of what a process may be told; what a ledger keeps has its own ranges in
# settings_file.py. The most is where memory, gRPC or the clock end, not what is wise.
RANGES: dict[str, tuple[float, float]] = {
    "recent_max": (1, 1 << 28),  # up to three generations are in memory
    "batch_taps_max": (1, 1 << 20),  # a message of columns of 64 bytes a row
    "group_taps_max": (1, 1 << 22),  # a block is one value of 4 GiB at most, BYTES_A_TAP a row
    "message_bytes_max": (KIB, GIB),  # gRPC counts in 31 bits
    "inbox_bytes_max": (KIB, 1 << 40),
    "inbox_stream_bytes_max": (KIB, 1 << 40),
    "streams_max": (1, 1 << 16),
    "connections_max": (8, 1 << 20),  # open files of a process
    "calls_max": (1, 1 << 20),
    "receiving_max": (1, 1 << 12),  # each the largest message
    "receive_s": (1, 86_400),
    "between_s": (1, 86_400),
    "idle_s": (1, 86_400),
    "journal_streams_max": (1, 1 << 10),
    "unread_max_s": (1, 86_400),
    "unread_bytes_max": (MIB, 1 << 40),
    "segment_bytes": (MIB, 1 << 46),  # half of what a process of Linux may address
    "checkpoint_every_s": (0, 1 << 32),
    "checkpoint_every_entries": (1, 1 << 62),
    "checkpoint_pause_ms": (0, 60_000),
    "port": (0, 65_535),
    "metrics_port": (0, 65_535),
}
