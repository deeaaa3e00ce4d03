"""Joins the lines of both sides by reference; what comes out does not depend on their order.

Lines come sorted, a chunk at a time (`sorted_lines.ordered`), and leave as breaks in order of
reference.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from onecard.core.exchange.detail import exact_sum
from onecard.core.reconcile.breaks import BREAK, Breaks
from onecard.core.reconcile.repeats import Repeats
from onecard.core.reconcile.sorted_lines import LINE, OURS, THEIRS


class Finding(IntEnum):
    """How a line came out."""

    MATCHED = 0
    THEIRS_ONLY = 1
    OURS_ONLY = 2
    AMOUNT_DIFFERS = 3
    REPEATED = 4


TRADE_NAMES = {
    Finding.MATCHED: "相符",
    Finding.THEIRS_ONLY: "长款",
    Finding.OURS_ONLY: "短款",
    Finding.AMOUNT_DIFFERS: "金额不符",
    Finding.REPEATED: "重复",
}


@dataclass
class Tally:
    """How many lines came out one way, and what both sides say of them."""

    count: int = 0
    ours_fen: int = 0
    theirs_fen: int = 0

    def add(self, count: int, ours_fen: int, theirs_fen: int) -> None:
        self.count += count
        self.ours_fen += ours_fen
        self.theirs_fen += theirs_fen


@dataclass
class Joined:
    """What came out: tallies, the breaks, and how many lines of ours of 0 fen were left out."""

    tallies: dict[Finding, Tally] = field(
        default_factory=lambda: {what: Tally() for what in Finding}
    )
    breaks: Breaks = field(default_factory=Breaks)
    zero_unlisted: int = 0
    pairs: int = 0  # amounts that both have, ours not 0
    turned: int = 0  # of these: theirs is ours with the other sign


def join(chunks: Iterable[NDArray[np.void]], money_only: bool) -> Joined:
    """Match sorted LINE rows.

    Several lines of ours with one reference are the legs of an entry: theirs may give the entry's
    sum once, or leg by leg. Errors: BadInput where ours has more lines of one entry than an entry
    has legs.
    """
    done = Joined()
    rest = np.zeros(0, LINE)  # of the last reference, which may go on in the next chunk
    with closing(Repeats()) as repeats:
        for chunk in chunks:
            rows = np.concatenate([rest, chunk])
            starts = np.flatnonzero(_new(rows, ("high", "low")))
            last = int(starts[-1]) if len(starts) else 0
            if last > 0:
                _finish(done, rows[:last], repeats, money_only)
            rest = repeats.take(rows[last:])
        _finish(done, rest, repeats, money_only)
    return done


def _finish(done: Joined, rows: NDArray[np.void], repeats: Repeats, money_only: bool) -> None:
    """Join whole references; the first of them may have a repeats."""
    if repeats.rows:
        starts = np.flatnonzero(_new(rows, ("high", "low")))
        first = int(starts[1]) if len(starts) > 1 else len(rows)
        _add(done, _spill(done, rows[:first], repeats, money_only))
        rows = rows[first:]
    _add(done, _join(done, rows, money_only))


def _add(done: Joined, found: Iterable[NDArray[np.void]]) -> None:
    for rows in found:
        for what in Finding:
            of = rows[rows["what"] == what]
            # Our line of a repeated one is counted where it was matched, and once.
            ours_fen = 0 if what == Finding.REPEATED else exact_sum(of["ours_fen"])
            done.tallies[what].add(len(of), ours_fen, exact_sum(of["theirs_fen"]))
        done.breaks.append(rows)


def _join(done: Joined, rows: NDArray[np.void], money_only: bool) -> Iterator[NDArray[np.void]]:
    """The breaks of whole references; what matched is added to its tally here."""
    ours_at, group = rows["side"] == OURS, np.cumsum(_new(rows, ("high", "low")))
    ours, theirs = rows[ours_at], rows[~ours_at]
    our_key, their_key = group[ours_at] << 8, group[~ours_at] << 8
    if _number_legs(ours, theirs, our_key, their_key):
        our_key, their_key = our_key | ours["part"], their_key | theirs["part"]
        order = np.argsort(their_key, kind="stable")
        theirs, their_key = theirs[order], their_key[order]
    our_key, ours = _summed(our_key, ours)
    match = np.searchsorted(our_key, their_key)
    match[match == len(our_key)] = 0
    known = our_key[match] == their_key if len(our_key) else np.zeros(len(theirs), bool)
    amount_fen = ours["amount_fen"][match] if len(ours) else np.zeros(len(theirs), np.int64)
    differs = ~known | (amount_fen != theirs["amount_fen"])
    first = _counts(their_key, differs)
    what = np.full(len(theirs), int(Finding.REPEATED), np.uint8)
    what[first] = int(Finding.MATCHED)
    what[first & differs] = int(Finding.AMOUNT_DIFFERS)
    what[first & ~known] = int(Finding.THEIRS_ONLY)
    pairs = first & known & (amount_fen != 0)
    done.pairs += int(pairs.sum())
    done.turned += int((pairs & (theirs["amount_fen"] == -amount_fen)).sum())
    matched = what == Finding.MATCHED
    sum_fen = exact_sum(theirs["amount_fen"][matched])
    done.tallies[Finding.MATCHED].add(int(matched.sum()), sum_fen, sum_fen)
    alone = np.ones(len(ours), bool)
    alone[match[known]] = False
    silent = alone & (ours["amount_fen"] == 0) & money_only
    done.zero_unlisted += int(silent.sum())
    broken = np.flatnonzero(~matched)
    our_of = np.zeros(len(broken), LINE)
    our_of[known[broken]] = ours[match[broken[known[broken]]]]
    only = ours[alone & ~silent]
    found = [
        _breaks(our_of, theirs[broken], what[broken]),
        _breaks(only, np.zeros(len(only), LINE), np.uint8(Finding.OURS_ONLY)),
    ]
    yield _in_order(np.concatenate(found))


def _spill(
    done: Joined, rows: NDArray[np.void], repeats: Repeats, money_only: bool
) -> Iterator[NDArray[np.void]]:
    """The breaks of one reference that theirs repeats more often than fits in memory.

    What decides is in `rows`; every line of `repeats` repeats what is there.
    """
    [found] = _join(done, rows, money_only)
    repeated = found["what"] == Finding.REPEATED
    yield found[~repeated]
    kept = found[repeated]
    ours = rows[rows["side"] == OURS]
    legs = ours["amount_fen"].tolist()
    by_leg = bool(_parts(legs, rows["amount_fen"][rows["side"] == THEIRS].tolist()))
    for lines in repeats.read():
        our_of = np.zeros(len(lines), LINE)
        if by_leg:
            at = np.zeros(len(lines), np.intp)
            for leg in range(len(legs) - 1, -1, -1):  # of equal legs the first
                at[lines["amount_fen"] == legs[leg]] = leg
            our_of[:] = ours[at]
        elif len(ours):
            our_of[:] = _summed(np.zeros(len(ours), np.int64), ours)[1]
        rest = _breaks(our_of, lines, np.uint8(Finding.REPEATED))
        last = (int(lines["amount_fen"][-1]), int(lines["line"][-1]))
        due = (kept["theirs_fen"] < last[0]) | (
            (kept["theirs_fen"] == last[0]) & (kept["theirs_line"] < last[1])
        )
        yield _in_order(np.concatenate([kept[due], rest]))
        kept = kept[~due]
    yield kept


def _new(rows: NDArray[np.void], keys: tuple[str, ...]) -> NDArray[np.bool_]:
    """Where each reference of sorted lines begins."""
    new = np.ones(len(rows), bool)
    new[1:] = False
    for key in keys:
        new[1:] |= rows[key][1:] != rows[key][:-1]
    return new


def _summed(
    keys: NDArray[np.int64], lines: NDArray[np.void]
) -> tuple[NDArray[np.int64], NDArray[np.void]]:
    """One line a key, with the sum of its amounts and the number of its first one."""
    new = np.ones(len(keys), bool)
    new[1:] = keys[1:] != keys[:-1]
    if new.all():
        return keys, lines
    starts = np.flatnonzero(new)
    summed: NDArray[np.void] = lines[starts]
    summed["amount_fen"] = np.add.reduceat(lines["amount_fen"], starts)
    return keys[starts], summed


def _number_legs(
    ours: NDArray[np.void],
    theirs: NDArray[np.void],
    our_key: NDArray[np.int64],
    their_key: NDArray[np.int64],
) -> bool:
    """Number the legs of entries that theirs gives leg by leg without numbering them, in place.

    It does where none of its amounts is the entry's sum and one is that of a leg. Legs of equal
    amounts belong together, then the rest in order of amount; what is left over repeats one.
    Returns True when any were numbered.
    """
    keys, our_starts = np.unique(our_key, return_index=True)
    if len(keys) == len(ours) or len(theirs) == 0:
        return False
    our_ends = np.append(our_starts[1:], len(ours))
    their_starts = np.flatnonzero(np.append(True, their_key[1:] != their_key[:-1]))
    their_ends = np.append(their_starts[1:], len(theirs))
    match = np.minimum(np.searchsorted(keys, their_key[their_starts]), len(keys) - 1)
    several = (keys[match] == their_key[their_starts]) & ((our_ends - our_starts)[match] > 1)
    # Most give the sum, once; a million of them must not wait for the loop below.
    sums_fen = np.add.reduceat(ours["amount_fen"], our_starts)
    several &= theirs["amount_fen"][their_starts] != sums_fen[match]
    numbered = False
    for at in np.flatnonzero(several).tolist():
        our_legs = ours[our_starts[match[at]] : our_ends[match[at]]]
        their_legs = theirs[their_starts[at] : their_ends[at]]
        parts = _parts(our_legs["amount_fen"].tolist(), their_legs["amount_fen"].tolist())
        if parts:
            our_legs["part"] = np.arange(1, len(our_legs) + 1)
            their_legs["part"] = parts
            numbered = True
    return numbered


def _parts(ours_fen: list[int], theirs_fen: list[int]) -> list[int]:
    """For each amount of theirs its leg of ours, from 1; [] where theirs gives the sum."""
    if sum(ours_fen) in theirs_fen or not set(ours_fen) & set(theirs_fen):
        return []
    free: dict[int, list[int]] = {}  # the legs of an amount, the last one first
    for leg in range(len(ours_fen), 0, -1):
        free.setdefault(ours_fen[leg - 1], []).append(leg)
    first = {amount_fen: legs[-1] for amount_fen, legs in free.items()}
    parts = [free[fen].pop() if free.get(fen) else 0 for fen in theirs_fen]
    legs = sorted(
        (leg for legs in free.values() for leg in legs), key=lambda leg: (ours_fen[leg - 1], leg)
    )
    left = iter(legs)
    for at in sorted((at for at, part in enumerate(parts) if not part), key=theirs_fen.__getitem__):
        parts[at] = next(left, 0) or first.get(theirs_fen[at], 1)
    return parts


def _counts(their_key: NDArray[np.int64], differs: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which line of each reference counts; the others repeat it.

    The one that agrees with ours, or else the least amount: not the one that happens to be
    first, for the order of lines must not change what comes out.
    """
    new = np.ones(len(their_key), bool)
    new[1:] = their_key[1:] != their_key[:-1]
    if new.all():
        return new
    order = np.lexsort((differs, their_key))
    first = np.zeros(len(their_key), bool)
    first[order[np.flatnonzero(new)]] = True
    return first


def _breaks(
    ours: NDArray[np.void], theirs: NDArray[np.void], what: NDArray[np.uint8] | np.uint8
) -> NDArray[np.void]:
    """BREAK rows of lines side by side; a side that has none is all zeros."""
    found = np.zeros(len(theirs), BREAK)
    has = theirs["line"] > 0
    found["high"] = np.where(has, theirs["high"], ours["high"])
    found["low"] = np.where(has, theirs["low"], ours["low"])
    for name, lines in (("ours", ours), ("theirs", theirs)):
        found[f"{name}_fen"] = lines["amount_fen"]
        found[f"{name}_line"] = lines["line"]
    found["entry"] = ours["entry"]
    found["what"] = what
    return found


def _in_order(breaks: NDArray[np.void]) -> NDArray[np.void]:
    keys = ("theirs_line", "theirs_fen", "what", "low", "high")
    ordered: NDArray[np.void] = breaks[np.lexsort([breaks[key] for key in keys])]
    return ordered
