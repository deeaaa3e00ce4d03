"""What the ledger itself knows of the entries that a returned file is about."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from onecard.core.exchange.form import BY_IDENTITY
from onecard.core.ledger.opened import Ledger
from onecard.ext.identity.generations import IDENTITY

IDENTITY_KEYS = ("terminal", "epoch", "terminal_seq")
START = datetime(1970, 1, 1, tzinfo=UTC)


class Lookup:
    """Entries, terminals and participants by what a break names; reads an open ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._terminals = ledger.state.rows("terminals")
        self._participants = ledger.state.rows("participants")
        self._zone_us = int(ledger.state.totals["zone_offset_us"][0])
        self._recent: NDArray[np.void] | None = None

    def entries(self, breaks: NDArray[np.void], reference: tuple[str, ...]) -> NDArray[np.void]:
        """The ENTRY row of each BREAK row, all zeros where there is none.

        Of a line that only theirs has too: its entry may be of another window or participant.
        """
        sequences = breaks["entry"].copy()
        unknown = np.flatnonzero(sequences == 0)
        if reference == BY_IDENTITY:
            sequences[unknown] = self._bound(breaks[unknown])
        else:
            sequences[unknown] = breaks["high"][unknown]
        return self._ledger.journal.entries(sequences)

    def legs(self, sequences: NDArray[np.uint64]) -> Iterator[list[tuple[int, int]]]:
        """(party, fen) of each leg of each entry, `sequences` ascending; [] where there is none."""
        rows, legs = self._ledger.journal.entries_with_legs(sequences)
        pairs = list(zip(legs["party"].tolist(), legs["amount_fen"].tolist(), strict=True))
        for at, count in zip(rows["legs_at"].tolist(), rows["legs"].tolist(), strict=True):
            yield pairs[at : at + count]

    def terminal_number(self, terminal: int) -> str:
        """What is printed on a terminal; "" where there is no such one."""
        if not 0 < terminal < len(self._terminals):
            return ""
        return _text(self._terminals[terminal]["number"])

    def name(self, participant: int) -> str:
        """A participant's name; "" where there is none of this id."""
        if not 0 < participant < len(self._participants):
            return ""
        return _text(self._participants[participant]["name"])

    def local(self, at_us: int) -> str:
        """A time in the ledger's zone, to the second."""
        return (START + timedelta(microseconds=at_us + self._zone_us)).strftime("%Y-%m-%d %H:%M:%S")

    def _bound(self, breaks: NDArray[np.void]) -> NDArray[np.uint64]:
        """The sequences that identities are bound to, 0 where none is."""
        keys = np.zeros(len(breaks), IDENTITY)
        keys["terminal"] = breaks["high"] >> np.uint64(32)
        keys["epoch"] = breaks["high"] & np.uint64(0xFFFFFFFF)
        keys["terminal_seq"] = breaks["low"]
        if len(keys) == 0:
            return np.zeros(0, np.uint64)
        if self._recent is None:
            parts = [np.zeros(0, IDENTITY), *self._ledger.recent()]
            recent = np.concatenate(parts)
            self._recent = recent[np.lexsort([recent[key] for key in reversed(IDENTITY_KEYS)])]
        found = self._ledger.identities.find(keys)
        open_ones = np.flatnonzero(found == 0)
        high, low = _halves(self._recent)
        for at, key in zip(open_ones.tolist(), keys[open_ones], strict=True):
            top, below = _halves(key)
            start, stop = np.searchsorted(high, top), np.searchsorted(high, top, "right")
            row = int(start) + int(np.searchsorted(low[start:stop], below))
            if row < stop and low[row] == below:
                found[at] = self._recent["sequence"][row]
        return found


def _halves(rows: NDArray[np.void] | np.void) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    high = rows["terminal"].astype(np.uint64) << np.uint64(32) | rows["epoch"].astype(np.uint64)
    return high, rows["terminal_seq"].astype(np.uint64)


def _text(name: bytes) -> str:
    return bytes(name).rstrip(b"\0").decode("utf-8", "replace")
