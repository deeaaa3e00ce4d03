"""Joins the lines of both sides by reference; what comes out does not depend on their order."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from onecard.core.settlement.detail import exact_sum

LINE = np.dtype(
    [
        ("high", "<u8"),  # sequence; or terminal and epoch
        ("amount_fen", "<i8"),
        ("low", "<u4"),  # leg; or terminal_seq
        ("line", "<u4"),
        ("part", "<u4"),  # 0: the whole entry; else one of its legs, see _part_legs
    ]
)
BREAK = np.dtype(
    [
        ("high", "<u8"),
        ("ours_fen", "<i8"),
        ("theirs_fen", "<i8"),
        ("low", "<u4"),
        ("ours_line", "<u4"),  # 0: none
        ("theirs_line", "<u4"),
        ("what", "u1"),
        ("unused", "V3"),
    ]
)
REFERENCE = ("high", "low", "part")


class What(IntEnum):
    """How a line came out."""

    MATCHED = 0
    THEIRS_ONLY = 1
    OURS_ONLY = 2
    AMOUNT_DIFFERS = 3
    REPEATED = 4


NAMES = {
    What.MATCHED: "相符",
    What.THEIRS_ONLY: "长款",
    What.OURS_ONLY: "短款",
    What.AMOUNT_DIFFERS: "金额不符",
    What.REPEATED: "重复",
}


@dataclass
class Tally:
    """How many lines came out one way, and what both sides say of them."""

    count: int = 0
    ours_fen: int = 0
    theirs_fen: int = 0


def join(
    ours: NDArray[np.void], theirs: NDArray[np.void], money_only: bool
) -> tuple[dict[What, Tally], int, NDArray[np.void]]:
    """Tallies, how many lines of ours of 0 fen were left out, and the breaks; from LINE rows.

    Several lines of ours with one reference are the legs of an entry: theirs may give the entry's
    sum once, or leg by leg.
    """
    ours, theirs = _sorted(ours), _sorted(theirs)
    _part_legs(ours, theirs)
    ours, theirs = _summed(ours), _sorted(theirs)
    starts = _starts(theirs)
    match = _match(ours, theirs[starts])
    group = np.repeat(np.arange(len(starts)), np.diff([*starts, len(theirs)]))
    known = match[group] >= 0
    our_of = np.zeros(len(theirs), LINE)
    our_of[known] = ours[match[group[known]]]
    differs = ~known | (our_of["amount_fen"] != theirs["amount_fen"])
    first = _first_of_group(theirs, group, differs, starts)
    what = np.full(len(theirs), int(What.REPEATED), np.uint8)
    what[first] = int(What.MATCHED)
    what[first & differs] = int(What.AMOUNT_DIFFERS)
    what[first & ~known] = int(What.THEIRS_ONLY)
    alone = np.ones(len(ours), bool)
    alone[match[match >= 0]] = False
    silent = alone & (ours["amount_fen"] == 0) & money_only
    only = ours[alone & ~silent]
    found = np.concatenate(
        [
            _breaks(our_of, theirs, what),
            _breaks(only, np.zeros(len(only), LINE), np.uint8(What.OURS_ONLY)),
        ]
    )
    tallies = {kind: _tally(kind, found[found["what"] == kind]) for kind in What}
    return tallies, int(silent.sum()), found[found["what"] != What.MATCHED]


def _sorted(lines: NDArray[np.void]) -> NDArray[np.void]:
    """By reference, and by line number within one."""
    keys = ("line", *reversed(REFERENCE))
    ordered: NDArray[np.void] = lines[np.lexsort([lines[key] for key in keys])]
    return ordered


def _starts(lines: NDArray[np.void]) -> NDArray[np.intp]:
    """Where each reference of sorted lines begins."""
    new = np.ones(len(lines), bool)
    new[1:] = False
    for key in REFERENCE:
        new[1:] |= lines[key][1:] != lines[key][:-1]
    return np.flatnonzero(new)


def _summed(lines: NDArray[np.void]) -> NDArray[np.void]:
    """One line a reference, with the sum of its amounts and the number of its first one."""
    lines = _sorted(lines)
    starts = _starts(lines)
    summed: NDArray[np.void] = lines[starts]
    if len(starts):
        summed["amount_fen"] = np.add.reduceat(lines["amount_fen"], starts)
    return summed


def _match(ours: NDArray[np.void], theirs: NDArray[np.void]) -> NDArray[np.intp]:
    """For each of theirs the row of ours with its reference, or -1; both hold each once."""
    both = np.concatenate([ours, theirs])
    order = np.lexsort([both[key] for key in reversed(REFERENCE)])  # stable: ours come first
    same = np.ones(len(both), bool)
    same[_starts(both[order])] = False
    second = np.flatnonzero(same)
    match = np.full(len(theirs), -1, np.intp)
    match[order[second] - len(ours)] = order[second - 1]
    return match


def _part_legs(ours: NDArray[np.void], theirs: NDArray[np.void]) -> None:
    """Number the legs of entries that theirs gives leg by leg without numbering them, in place.

    It does where none of its amounts is the entry's sum and one is that of a leg. Legs of equal
    amounts belong together, then the rest in order of amount; what is left over repeats one.
    """
    our_starts, their_starts = _starts(ours), _starts(theirs)
    our_ends = np.append(our_starts[1:], len(ours))
    their_ends = np.append(their_starts[1:], len(theirs))
    if len(our_starts) == len(ours) or len(theirs) == 0:
        return
    match = _match(ours[our_starts], theirs[their_starts])
    several = (match >= 0) & ((our_ends - our_starts)[match] > 1)
    # Most give the sum, once; a million of them must not wait for the loop below.
    sums_fen = np.add.reduceat(ours["amount_fen"], our_starts)
    several &= theirs["amount_fen"][their_starts] != sums_fen[match]
    for at in np.flatnonzero(several).tolist():
        our_legs = ours[our_starts[match[at]] : our_ends[match[at]]]
        their_legs = theirs[their_starts[at] : their_ends[at]]
        parts = _parts(our_legs["amount_fen"].tolist(), their_legs["amount_fen"].tolist())
        if parts:
            our_legs["part"] = np.arange(1, len(our_legs) + 1)
            their_legs["part"] = parts


def _parts(ours_fen: list[int], theirs_fen: list[int]) -> list[int]:
    """For each amount of theirs its leg of ours, from 1; [] where theirs gives the sum."""
    if sum(ours_fen) in theirs_fen or not set(ours_fen) & set(theirs_fen):
        return []
    free = dict(enumerate(ours_fen, 1))
    parts = [0] * len(theirs_fen)
    for at, amount_fen in enumerate(theirs_fen):
        part = next((leg for leg, fen in free.items() if fen == amount_fen), 0)
        parts[at] = part
        free.pop(part, None)
    legs = sorted(free, key=lambda leg: free[leg])
    for at in sorted((at for at, part in enumerate(parts) if not part), key=theirs_fen.__getitem__):
        equal = theirs_fen[at] in ours_fen
        parts[at] = legs.pop(0) if legs else ours_fen.index(theirs_fen[at]) + 1 if equal else 1
    return parts


def _first_of_group(
    theirs: NDArray[np.void],
    group: NDArray[np.intp],
    differs: NDArray[np.bool_],
    starts: NDArray[np.intp],
) -> NDArray[np.bool_]:
    """Which line of each reference counts; the others repeat it.

    The one that agrees with ours, or else the least amount: not the one that happens to be
    first, for the order of lines must not change what comes out.
    """
    first = np.zeros(len(theirs), bool)
    if len(starts) == len(theirs):
        first[:] = True
    else:
        order = np.lexsort((theirs["line"], theirs["amount_fen"], differs, group))
        first[order[starts]] = True
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
    found["what"] = what
    return found


def _tally(what: What, found: NDArray[np.void]) -> Tally:
    # Our line of a repeated one is counted where it was matched, and once.
    ours_fen = 0 if what == What.REPEATED else exact_sum(found["ours_fen"])
    return Tally(len(found), ours_fen, exact_sum(found["theirs_fen"]))
