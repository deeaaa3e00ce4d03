"""Taps whose claims and lots move through the index for long, and what is asked of them after that.

A ride a message, of which some is given back in later ones, and which is corrected between: so what
the index says of one original is written again and again, page after page. Holds are captured, lots
are granted and taken back, and journeys replaced by the next. All of it is of one card, at a gate
and a virtual terminal.
"""

from dataclasses import dataclass, field

from onecard.ext.shape.numbers import Kind, Outcome
from tests.support.steps import Taps
from tests.twin.state import Tap
from tests.twin.twin import Decision

RIDE_FEN, BACK_FEN = 100, 10
BACK_AFTER = (1, 5, 13)  # messages after the ride: of three generations
ADJUSTED_AFTER = {3: 7, 11: -4}  # fen, by messages after it
CAPTURED_AFTER, UNGRANTED_AFTER = 2, 4
LOTS = JOURNEYS = 12  # a message, so that all of them stand on more than one page
REFUSED = {Outcome.AMOUNT_EXCEEDS_ORIGINAL, Outcome.ORIGINAL_CLOSED}


@dataclass
class TakenBack:
    """Message by message; each has to be answered before the next is made."""

    card: int
    gate: int
    virtual: int
    rides: list[Tap] = field(default_factory=list)
    holds: list[Tap] = field(default_factory=list)
    grants: list[list[Tap]] = field(default_factory=list)
    sequences: dict[tuple[int, int], int] = field(default_factory=dict)  # by terminal and number
    left_fen: list[int] = field(default_factory=list)  # of each ride, that may be given back
    sent: int = 0

    def message(self) -> Taps:
        """The next one; `answered` is to be called before another is made."""
        number = len(self.rides)
        ride, hold = (self._tap(kind, RIDE_FEN) for kind in (Kind.RIDE, Kind.HOLD))
        grants = [self._tap(Kind.GRANT, 5, self.virtual, sponsor=1) for _ in range(LOTS)]
        taps = [ride, hold, *grants, *(self._tap(Kind.ENTRY, 0) for _ in range(JOURNEYS))]
        if number == 0:
            taps.insert(0, self._tap(Kind.TOP_UP, 1_000_000))
        for after in BACK_AFTER:
            if number >= after:
                taps.append(self._about(Kind.REFUND, self.rides[number - after], BACK_FEN))
                self.left_fen[number - after] -= BACK_FEN
        for after, change_fen in ADJUSTED_AFTER.items():
            if number >= after:
                taps.append(self._about(Kind.ADJUST, self.rides[number - after], change_fen))
                self.left_fen[number - after] += change_fen
        if number >= CAPTURED_AFTER:
            held = self.holds[number - CAPTURED_AFTER]
            taps.append(self._about(Kind.CAPTURE, held, RIDE_FEN // 2))
        if number >= UNGRANTED_AFTER:
            taps += map(self._undo, self.grants[number - UNGRANTED_AFTER])
        self.rides.append(ride)
        self.left_fen.append(RIDE_FEN)
        self.holds.append(hold)
        self.grants.append(grants)
        return Taps(tuple(taps))

    def answered(self, message: Taps, decisions: list[Decision]) -> None:
        """All of it is taken."""
        for tap, decision in zip(message.taps, decisions, strict=True):
            assert decision.outcome == Outcome.ACCEPTED, (tap, decision)
            self.sequences[tap.terminal, tap.terminal_seq] = decision.sequence

    def too_much(self) -> list[Taps]:
        """A fen more than is left of each ride, by a refund, an adjustment and a reversal; holds
        and grants that are over, once more. Every one of them is refused, for ever."""
        asked = [self._about(Kind.REFUND, r, self._left(r) + 1) for r in self.rides]
        asked += [self._about(Kind.ADJUST, r, -self._left(r) - 1) for r in self.rides]
        asked += [self._undo(ride) for ride in self.rides[:-1]]
        asked += [self._about(Kind.CAPTURE, one, 1) for one in self.holds[:-CAPTURED_AFTER]]
        asked += [self._undo(some[0]) for some in self.grants[:-UNGRANTED_AFTER]]
        return [Taps(tuple(asked[at : at + 128])) for at in range(0, len(asked), 128)]

    def the_rest(self) -> Taps:
        """What is left of each ride, to the fen: it is given back."""
        return Taps(tuple(self._about(Kind.REFUND, r, self._left(r)) for r in self.rides))

    def _left(self, ride: Tap) -> int:
        return self.left_fen[self.rides.index(ride)]

    def _about(self, kind: Kind, original: Tap, amount_fen: int) -> Tap:
        terminal = self.virtual if kind == Kind.ADJUST else self.gate
        about = self.sequences[original.terminal, original.terminal_seq]
        return self._tap(kind, amount_fen, terminal, about=about)

    def _undo(self, original: Tap) -> Tap:
        return self._tap(Kind.REVERSAL, 0, original.terminal, about_seq=original.terminal_seq)

    def _tap(
        self,
        kind: Kind,
        amount_fen: int,
        terminal: int = 0,
        about: int = 0,
        about_seq: int = 0,
        sponsor: int = 0,
    ) -> Tap:
        self.sent += 1
        sent = self.card, terminal or self.gate, self.sent, 0, 0, kind, amount_fen, 0, 0
        return Tap(*sent, about, 0, about_seq, sponsor=sponsor)
