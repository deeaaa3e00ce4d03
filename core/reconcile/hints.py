"""What the breaks have in common, where nearly all of them do: the whole file is of another kind.

Nothing is said that was not counted: each hint names how many lines it holds for.
"""

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from onecard.core.exchange.form import BY_LEG
from onecard.core.exchange.lookup import Lookup
from onecard.core.reconcile.breaks import BREAK
from onecard.core.reconcile.match import Finding
from onecard.core.reconcile.reconcile import Result

LINES_MIN = 3  # fewer may well agree by chance
NEARLY_ALL = 0.95
DIFFERING = (Finding.THEIRS_ONLY, Finding.AMOUNT_DIFFERS)
# So many breaks are looked up, the first ones: seconds, and far more than chance could bring.
LINES_MAX = 65_536


def hints(result: Result, lookup: Lookup) -> list[str]:
    """One line each, with what to do; none where the breaks have nothing in common."""
    windows, parties, compared = _of_others(result, lookup)
    least = max(LINES_MIN, NEARLY_ALL * compared)
    found = [
        f"this is window {window}'s file: {count:,} of {compared:,} lines are entries of window "
        f"{window}; run onecard reconcile {window}, or have window {result.window}'s sent"
        for window, count in windows.items()
        if count >= least
    ]
    others = [
        f"this is participant {party}'s file ({lookup.name(party)}): {count:,} of {compared:,} "
        f"amounts are its; give --participant {party}, or have participant "
        f"{result.participant}'s sent"
        for party, count in parties.items()
        if count >= least
    ]
    # Another's file has their amounts turned too where both took part, but not all of our lines.
    part = result.tallies[Finding.OURS_ONLY].count > (1 - NEARLY_ALL) * result.ours.lines
    if not (others and part):
        found += _turned(result)
    return found + others


def _turned(result: Result) -> list[str]:
    if result.turned < LINES_MIN or result.turned < NEARLY_ALL * result.pairs:
        return []
    return [
        f"all signs are turned: {result.turned:,} of {result.pairs:,} amounts are ours with the "
        "other sign; have it sent as the participant sees it (positive: it receives), or turn "
        "the sign of each amount"
    ]


def _of_others(result: Result, lookup: Lookup) -> tuple[Counter[int], Counter[int], int]:
    """Lines of theirs by the other window they are of, by the other participant whose they are,
    and how many lines were looked at: 0 where most of the file is as ours.
    """
    windows: Counter[int] = Counter()
    parties: Counter[int] = Counter()
    differing = sum(result.tallies[what].count for what in DIFFERING)
    if differing < max(LINES_MIN, NEARLY_ALL * result.theirs.lines):
        return windows, parties, 0
    rows = _theirs(result)
    entries = lookup.entries(rows, result.reference)
    order = np.argsort(entries["sequence"], kind="stable")
    order = order[entries["sequence"][order] > 0]
    legs_of = lookup.legs(entries["sequence"][order])
    for row, entry, legs in zip(rows[order], entries[order], legs_of, strict=True):
        found = _parties(row, result.reference == BY_LEG, entry, legs)
        window = int(entry["window"])
        if window == result.window:
            parties.update(found - {result.participant})
        elif result.participant in found:
            windows[window] += 1
    return windows, parties, len(rows)


def _theirs(result: Result) -> NDArray[np.void]:
    """The breaks with a line of theirs that does not say what ours says, the first LINES_MAX."""
    found, count = [np.zeros(0, BREAK)], 0
    for rows in result.breaks.parts():
        of = rows[np.isin(rows["what"], np.array(DIFFERING))]
        found.append(of)
        count += len(of)
        if count >= LINES_MAX:
            break
    together: NDArray[np.void] = np.concatenate(found)[:LINES_MAX]
    return together


def _parties(row: np.void, by_leg: bool, entry: np.void, legs: list[tuple[int, int]]) -> set[int]:
    """Whose the amount is that theirs gives: of the leg named, or of the sum of one's legs."""
    amount_fen = int(row["theirs_fen"])
    sums: Counter[int] = Counter()
    if by_leg and row["low"]:
        leg = int(row["low"])
        sums.update(dict(legs[leg - 1 : leg]))
    else:
        # An operator has a line of 0 fen for an entry without a leg of its own.
        sums[int(entry["operator_id"])] = 0
        for party, fen in legs:
            sums[party] += fen
    return {party for party, fen in sums.items() if fen == amount_fen}
