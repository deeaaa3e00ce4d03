"""How often a storm's taps began and ended journeys beside others of the same account."""

from collections import Counter

from onecard.ext.shape.numbers import Image
from tests.twin.state import Book


def journeys_met(book: Book) -> Counter[str]:
    """`placed`: of a mode, in the travel row; `apart`: in the pool; `left`: it ended."""
    seen: Counter[str] = Counter()
    for entry in book.entries.values():
        for what, row, _ in entry.images:
            if what == Image.JOURNEY_PLACED:
                seen["apart" if row else "placed"] += 1
            seen["left"] += what == Image.JOURNEY_LEFT
    return seen
