"""Names of stations and lines as different terminals write them, and when two are one.

Two names are the same where they are equal after Unicode's compatibility form (NFKC) and without
blanks around them; they are aliases of each other where they are equal as people type them
(`core/tariff/names.py`: without a last 站, among others). "-" is blank: nobody said where.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from onecard.core.tariff.names import plain

BLANK = ("", "-")


def exact(name: str) -> str:
    """A name as it is compared, "" where it is blank."""
    name = unicodedata.normalize("NFKC", name).strip()
    return "" if name in BLANK else name


class Names:
    """Each name once, numbered from 1 in the order they were met; 0 is blank.

    `written[n]` is name n as it was written first, `alias[n]` a number that it shares with its
    aliases.
    """

    def __init__(self) -> None:
        self.written = [""]
        self.alias = [0]
        self._number: dict[str, int] = {}
        self._exact: dict[str, int] = {"": 0}
        self._plain: dict[str, int] = {}

    def number(self, name: str) -> int:
        known = self._number.get(name)
        if known is None:
            known = self._number[name] = self._of_exact(name)
        return known

    def join(self, places: Sequence[int]) -> None:
        """Make those aliases of each other that are of one place of a tariff; 0 is of none."""
        of_place: dict[int, int] = {}
        same: dict[int, int] = {}
        for alias, place in zip(self.alias, places, strict=True):
            if place:
                same[alias] = of_place.setdefault(place, same.get(alias, alias))
        self.alias = [same.get(alias, alias) for alias in self.alias]

    def _of_exact(self, name: str) -> int:
        key = exact(name)
        if key not in self._exact:
            self._exact[key] = len(self.written)
            self.written.append(name.strip())
            meant = plain(name) or key  # of signs alone, it is an alias of nothing else
            self.alias.append(self._plain.setdefault(meant, len(self._plain) + 1))
        return self._exact[key]
