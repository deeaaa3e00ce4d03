"""One identity, one entry: what a whole journal binds, sorted, and held against what is retired.

So is what it takes back and corrects, of which the last entry of each original counts. Keys of the
index, 24 bytes each, are sorted on disk (runs.py).
"""

from bisect import bisect_right
from collections.abc import Iterator
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from onecard.core.audit.runs import Rows, Runs
from onecard.core.checkpoint.claims import taken_back_by
from onecard.core.checkpoint.identities import Identities
from onecard.core.checkpoint.recovery import bound_by
from onecard.core.errors import LedgerFault
from onecard.core.journal import Block
from onecard.ext.identity.generations import IDENTITY
from onecard.ext.identity.order import arrange
from onecard.ext.identity.pages import ENTRIES_A_GROUP, GROUPS_A_SPACE
from onecard.ext.shape.numbers import Record, Space

Key = tuple[int, int, int]
NONE: Rows = np.empty(0, IDENTITY)


class Bound:
    """Everything bound by the blocks taken so far. To be closed, which removes its files."""

    def __init__(self) -> None:
        self._runs = Runs(IDENTITY, lambda rows: arrange(rows, whole=True), key_of)
        self.last = 0  # sequence of the last entry taken

    def __enter__(self) -> "Bound":
        return self

    def __exit__(self, *_: object) -> None:
        self._runs.close()

    def take(self, block: Block) -> None:
        """Collect what a block's entries bind, tombstoned identities included, and take back."""
        if block.record != Record.ENTRIES:
            return
        self.last = block.last
        self._runs.add(np.concatenate((bound_by(block, 0), taken_back_by(block, 0))))

    def in_order(self) -> Iterator[Rows]:
        """All keys in order of terminal, epoch and terminal_seq, some at a time; of those that are
        there several times, in the order of their entries, and together.

        LedgerFault where an identity is bound to two entries. No more blocks may be taken.
        """
        for part in self._runs.in_order():
            _check_once(part)
            yield part


def agree(bound: Bound, identities: Identities) -> int:
    """How many of the retired identities were held against the journal; all that is retired agrees.

    LedgerFault where an identity is bound twice, or where a key up to `retired` is missing, leads
    to another entry, or is in no entry. Only the first is the journal's fault.
    """
    retired = identities.retired
    stored = _Stored(chain(identities.in_order(), identities.moving_in_order()))
    compared = 0
    for rows in bound.in_order():
        rows, moving = _split(rows)
        if len(rows):
            compared += _agree_once(rows, stored.up_to(key_of(rows[-1])), retired)
        if len(moving):
            found = stored.up_to(key_of(moving[-1]))
            _agree_newest(moving, found, retired, bound.last)
    rest = stored.rest()
    if len(rest):
        raise _differ("expected none more than the journal has, found more", rest[0])
    return compared


def _split(rows: Rows) -> tuple[Rows, Rows]:
    """Identities, and the keys after them that may come to lead to later entries."""
    at = int(np.searchsorted(rows["terminal"], np.uint32(GROUPS_A_SPACE)))
    return rows[:at], rows[at:]


def _agree_once(rows: Rows, found: Rows, retired: int) -> int:
    """Identities of the journal, and those that are stored of the same range."""
    _compare(rows[rows["sequence"] <= retired], found[found["sequence"] <= retired])
    # Of a retirement that was cut, or goes on at this moment, some are there already.
    early = found[found["sequence"] > retired]
    both = arrange(np.concatenate([rows, early]), whole=True)
    if len(early) and int((both[1:] == both[:-1]).sum()) != len(early):
        raise _differ("expected identities that entries bound, found others", early[0])
    return len(found)


def _agree_newest(rows: Rows, found: Rows, retired: int, last: int) -> None:
    """Keys of the journal, each with all its entries in order, and what is stored of the range: the
    last of those up to `retired`, or a later one of a retirement that was cut or goes on, which may
    be further than `last`, where the journal was walked to."""
    beyond = found[found["sequence"] > last]
    if len(beyond):
        beyond = beyond.copy()
        beyond["sequence"] = last + 1
        rows = arrange(np.concatenate([rows, beyond]), whole=True)
        found = found.copy()
        found["sequence"] = np.minimum(found["sequence"], np.uint64(last + 1))
    settled = _last_of_each(rows[rows["sequence"] <= retired])
    later = rows[np.isin(rows, found[found["sequence"] > retired])]
    both = np.concatenate([settled, later])
    _compare(_last_of_each(arrange(both, whole=True)), found)


def _last_of_each(rows: Rows) -> Rows:
    """Of each key that stands several times, one after the other, the last."""
    if len(rows) < 2:
        return rows
    last: Rows = rows[np.append(~_same_key(rows), True)]
    return last


def _same_key(rows: Rows) -> NDArray[np.bool_]:
    """Of each row but the last: whether the next one has its key."""
    same = np.ones(max(len(rows) - 1, 0), np.bool_)
    for column in ("terminal", "epoch", "terminal_seq"):
        same &= rows[column][1:] == rows[column][:-1]
    return same


class _Stored:
    """What is retired in order, taken piece by piece."""

    def __init__(self, walk: Iterator[Rows]) -> None:
        self._walk = walk
        self._rows = NONE

    def up_to(self, key: Key) -> Rows:
        """Those not taken yet up to a key."""
        parts = []
        while True:
            at = bisect_right(self._rows, key, key=key_of)
            parts.append(self._rows[:at])
            self._rows = self._rows[at:]
            if len(self._rows):
                return np.concatenate(parts)
            self._rows = next(self._walk, NONE)
            if not len(self._rows):
                return np.concatenate(parts)

    def rest(self) -> Rows:
        """The first of those that are left, if any."""
        return self._rows if len(self._rows) else next(self._walk, NONE)


def key_of(row: np.void) -> Key:
    """What identities are in order of."""
    return int(row["terminal"]), int(row["epoch"]), int(row["terminal_seq"])


def _check_once(rows: Rows) -> None:
    rows = _split(rows)[0]
    twice = np.flatnonzero(_same_key(rows))
    if len(twice):
        first, second = rows[twice[0]], rows[twice[0] + 1]
        raise LedgerFault(
            f"{_named(first)}: expected one entry to bind it, found entries "
            f"{min(first['sequence'], second['sequence'])} and "
            f"{max(first['sequence'], second['sequence'])}: it was booked twice"
        )


def _compare(wanted: Rows, found: Rows) -> None:
    shared = min(len(wanted), len(found))
    differs = np.flatnonzero(wanted[:shared] != found[:shared])
    at = int(differs[0]) if len(differs) else shared
    if at < len(wanted) and (at == len(found) or key_of(wanted[at]) < key_of(found[at])):
        raise _differ(f"expected entry {wanted[at]['sequence']}, found none", wanted[at])
    if at < len(found) and (at == len(wanted) or key_of(found[at]) < key_of(wanted[at])):
        raise _differ(f"expected none, found entry {found[at]['sequence']}", found[at])
    if at < shared:
        sequences = wanted[at]["sequence"], found[at]["sequence"]
        raise _differ("expected entry {}, found entry {}".format(*sequences), found[at])


def _differ(said: str, row: np.void) -> LedgerFault:
    return LedgerFault(
        f"retired identities, {_named(row)}: {said}; delete the folder checkpoint/identities, "
        "a start makes it again"
    )


def _named(row: np.void) -> str:
    terminal, epoch, terminal_seq = key_of(row)
    space, group = divmod(terminal, GROUPS_A_SPACE)
    if space:
        key = group * ENTRIES_A_GROUP + terminal_seq
        of = "lot" if space == Space.SPENT_LOTS else "entry"
        return f"{Space(space).name.lower()} of {of} {key}"
    return f"terminal {terminal}, epoch {epoch}, sequence {terminal_seq}"
