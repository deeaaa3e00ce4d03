"""Which rules speak of a leg: for each pair of sets of places, in each kind of network, a list of
rules.

A rule speaks of a rectangle of pairs. Lists are interned while rectangles are laid over each other,
the largest first, so that a wildcard meets few lists and a feed of many rules has no more lists
than it needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DENSE_CELLS_MAX = (64 << 20) // 4  # 64 MiB of list numbers; beyond, only pairs with a fare are kept
KEYS_MAX = 4 << 20
ENTRIES_MAX = 4 * KEYS_MAX  # of all rectangles before they are merged

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rectangle:
    """`kinds` of networks, sets of places from and to, and the rules that speak of them all."""

    kinds: Sequence[int]
    from_sets: Numbers
    to_sets: Numbers
    rules: tuple[int, ...]

    @property
    def cells(self) -> int:
        return len(self.kinds) * len(self.from_sets) * len(self.to_sets)


@dataclass(frozen=True, slots=True)
class Squares:
    """`lists[l]` are the rules of list l, rising; list 0 is empty.

    `cells` has a list for each (kind * sets + from) * sets + to. Where that is too much, `keys` are
    those of cells that have a list, rising, and `cells` is beside them.
    """

    cells: Numbers
    keys: Numbers | None
    lists: list[tuple[int, ...]]


def lay_out(rectangles: Sequence[Rectangle], kinds: int, sets: int) -> Squares | None:
    """None where there are more than KEYS_MAX pairs with a fare, or ENTRIES_MAX to begin with."""
    largest_first = sorted(rectangles, key=lambda one: -one.cells)
    keys = None
    if kinds * sets * sets > DENSE_CELLS_MAX:
        if sum(one.cells for one in rectangles) > ENTRIES_MAX:
            return None
        every = [at for one in largest_first for at in _places(one, sets)]
        keys = np.unique(np.concatenate(every)) if every else np.zeros(0, np.int64)
        if len(keys) > KEYS_MAX:
            return None
    state = np.zeros(kinds * sets * sets if keys is None else len(keys), np.int64)
    grown: list[tuple[int, int]] = [(0, -1)]  # a list is another one, and a rectangle's rules
    for number, one in enumerate(largest_first):
        for at in _places(one, sets):
            where = at if keys is None else np.searchsorted(keys, at)
            _lay(state, where, number, grown)
    used, numbers = np.unique(state, return_inverse=True)
    lists = [_rules(int(at), grown, largest_first) for at in used]
    if not lists or lists[0]:
        lists.insert(0, ())
        numbers = numbers + 1
    return Squares(numbers.astype(np.int64), keys, lists)


def _places(one: Rectangle, sets: int) -> list[Numbers]:
    square = (one.from_sets[:, np.newaxis] * sets + one.to_sets).ravel()
    return [square + kind * sets * sets for kind in one.kinds] if square.size else []


def _lay(state: Numbers, where: Numbers, number: int, grown: list[tuple[int, int]]) -> None:
    if len(where) == 1:  # most rules are of two areas that few stops share; an array costs more
        grown.append((int(state[where[0]]), number))
        state[where[0]] = len(grown) - 1
        return
    before, at = np.unique(state[where], return_inverse=True)
    first = len(grown)
    grown.extend((int(one), number) for one in before)
    state[where] = first + at


def _rules(
    at: int, grown: list[tuple[int, int]], rectangles: Sequence[Rectangle]
) -> tuple[int, ...]:
    found: list[int] = []
    while at:
        at, number = grown[at]
        found.extend(rectangles[number].rules)
    return tuple(sorted(found))
