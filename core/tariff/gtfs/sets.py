"""Sets of places that no rule tells apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from onecard.ext.fare import shapes


class Sets:
    """Places of the same names, of those that rules list, are one set; sets are numbered from 0.

    `names` are the areas or the zone of each place, from place 0, which is not known and in no set.
    A rule without a name holds for places of a name that its column does not list, and for those of
    no name; where `empty_is_any`, for all.
    """

    def __init__(
        self,
        names: Sequence[frozenset[str]],
        listed_from: Iterable[str],
        listed_to: Iterable[str],
        empty_is_any: bool,
    ) -> None:
        self._listed = (frozenset(listed_from), frozenset(listed_to))
        either = self._listed[0] | self._listed[1]
        numbers: dict[tuple[frozenset[str], bool, bool], int] = {}
        of_place = [shapes.NOWHERE]
        for found in names[1:]:
            wild = [empty_is_any or not found or not found <= listed for listed in self._listed]
            key = (found & either, wild[0], wild[1])
            of_place.append(numbers.setdefault(key, len(numbers)))
        self.of_place = np.array(of_place, np.uint32)
        self.count = len(numbers)
        with_name: dict[str, list[int]] = {}
        for number, (found, _, _) in enumerate(numbers):
            for name in found:
                with_name.setdefault(name, []).append(number)
        self._with = {name: np.array(sets, np.int64) for name, sets in with_name.items()}
        self._wild = [
            np.array([at for at, key in enumerate(numbers) if key[1 + way]], np.int64)
            for way in (0, 1)
        ]

    def matching(self, name: str, way: int) -> NDArray[np.int64]:
        """The sets for which a rule of this name holds, rising. `way` is 0 of from and 1 of to."""
        if not name:
            return self._wild[way]
        return self._with.get(name, np.zeros(0, np.int64))
