"""An identity for taps that come without a terminal sequence: derived from the row, so it stays.

The data of some publishers has no counter. The ledger needs one to know a repeat, so every row
gets (epoch, terminal_seq) from a hash of all its columns: the same row gives the same identity
in every file, format and run, and another row another one.

    epoch         days since 2000-01-01 of the settlement date, then 18 bits of the hash
    terminal_seq  32 other bits of the hash

50 bits of hash a terminal and day: among 10,000 taps of one terminal on one day, two distinct
rows meet with a chance of 1 in 20 million, and such a pair is moved apart inside a run.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

HASH_BITS = 18  # of the epoch; the 14 above it hold the date, up to 2044
DATE_ZERO = 10_957  # 2000-01-01 in days since 1970-01-01
DATES = 1 << (32 - HASH_BITS)


def derive(taps: NDArray[np.void]) -> None:
    """Fill `epoch` and `terminal_seq` of TAP rows from `day` and `digest`, in place.

    Two distinct rows of one run that would share an identity are moved apart: the one with the
    lower digest keeps it, the other takes the next terminal_seq that is free.
    """
    digest = taps["digest"]
    date = (taps["day"].astype(np.int64) - DATE_ZERO).astype(np.uint32)
    taps["epoch"] = (date << np.uint32(HASH_BITS)) | (
        digest[:, 0] & np.uint64((1 << HASH_BITS) - 1)
    ).astype(np.uint32)
    taps["terminal_seq"] = (digest[:, 1] & np.uint64(0xFFFFFFFF)).astype(np.uint32)
    for rows in _meetings(taps):
        _move_apart(taps, rows)


def _meetings(taps: NDArray[np.void]) -> list[NDArray[np.intp]]:
    """Rows of each identity that more than one distinct digest claims."""
    order = np.lexsort(
        (
            taps["digest"][:, 1],
            taps["digest"][:, 0],
            taps["terminal_seq"],
            taps["epoch"],
            taps["terminal"],
        )
    )
    named = taps[order]
    same = np.ones(max(len(taps) - 1, 0), dtype=bool)
    for column in ("terminal", "epoch", "terminal_seq"):
        same &= named[column][1:] == named[column][:-1]
    differ = same & (named["digest"][1:] != named["digest"][:-1]).any(axis=1)
    if not differ.any():
        return []
    group = np.concatenate(([0], np.cumsum(~same)))
    return [order[group == number] for number in np.unique(group[1:][differ])]


def _move_apart(taps: NDArray[np.void], rows: NDArray[np.intp]) -> None:
    """Give each distinct digest of one identity a terminal_seq of its own, lowest digest first."""
    terminal, epoch = taps["terminal"][rows[0]], taps["epoch"][rows[0]]
    near = (taps["terminal"] == terminal) & (taps["epoch"] == epoch)
    used = set(taps["terminal_seq"][near].tolist())
    digests = sorted({tuple(pair) for pair in taps["digest"][rows].tolist()})
    for digest in digests[1:]:
        seq = int(taps["terminal_seq"][rows[0]])
        while seq in used:
            seq = (seq + 1) & 0xFFFFFFFF
        used.add(seq)
        moved = near & (taps["digest"] == np.array(digest, dtype=np.uint64)).all(axis=1)
        taps["terminal_seq"][moved] = seq
