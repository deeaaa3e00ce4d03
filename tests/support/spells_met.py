"""How often a storm's taps meet spells: times in which a card was lost, that are over."""

from collections import Counter
from dataclasses import dataclass, field

from onecard.ext.shape.numbers import Flag, Outcome
from tests.twin.state import Book, CardPast
from tests.twin.twin import GIVES_BACK

# What comes first, and what stays a refusal offline.
OTHERWISE = (Outcome.TIME_TOO_OLD, Outcome.TIME_IN_FUTURE, Outcome.BALANCE_OVERFLOW)


@dataclass
class SpellsMet:
    """Told after each step, so that it knows which spells were over when an entry was booked."""

    book: Book
    over: dict[tuple[int, CardPast], int] = field(default_factory=dict)  # with the sequence by then

    def look(self) -> None:
        for token in self.book.credentials:
            for spell in self.book.spells(token):
                self.over.setdefault((token, spell), self.book.last)

    def count(self) -> Counter[str]:
        """Of taps that came after a spell of their card was over; AssertionError where one of a
        time within it was taken."""
        seen: Counter[str] = Counter(spells=len(self.over))
        for entry in self.book.entries.values():
            t = entry.tap.tapped_at_us or entry.booked_at_us
            for (token, spell), last in self.over.items():
                if token != entry.tap.card or entry.sequence <= last:
                    continue
                where = "ends" if t in (spell.from_us, spell.until_us) else "outside"
                if spell.from_us < t < spell.until_us:
                    where = "finishing" if entry.kind in GIVES_BACK else "within"
                if where == "within":
                    why = entry.reason or entry.outcome
                    assert why in (Outcome.CARD_BLOCKED, *OTHERWISE), (spell, entry)
                    seen["offline"] += entry.tap.flags & Flag.OFFLINE
                seen[where] += 1
        return seen
