"""How often a storm's taps began and ended journeys beside others of the same account."""

from collections import Counter

from onecard.ext.shape.numbers import Image, Mark, Outcome
from tests.twin.state import Book


def journeys_met(book: Book) -> Counter[str]:
    """`placed`: of a mode, in the travel row; `apart`: in the pool; `left`: it ended. Of exits that
    their gates rated: `alone` without a journey, `agrees` and `differs` by the tariff."""
    seen: Counter[str] = Counter()
    for entry in book.entries.values():
        if entry.marks & Mark.GATE_RATED and entry.outcome == Outcome.ACCEPTED:
            seen["alone"] += entry.journey == 0
            seen["differs" if entry.marks & Mark.DIFFERS else "agrees"] += entry.tariff != 0
        for what, row, _ in entry.images:
            if what == Image.JOURNEY_PLACED:
                seen["apart" if row else "placed"] += 1
            seen["left"] += what == Image.JOURNEY_LEFT
    return seen
