"""Taps as wire bytes, made before any clock starts: the same seed gives the same bytes."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from onecard.ext.shape.numbers import Kind
from onecard.ext.wire.batch import TAP_COLUMNS, TAP_NUMBERS

RIDE, ENTRY, EXIT = Kind.RIDE, Kind.ENTRY, Kind.EXIT
PURCHASE, REVERSAL, TOP_UP = Kind.PURCHASE, Kind.REVERSAL, Kind.TOP_UP
STATIONS = 24
# Out of 100 taps: most are rides the gate rated, a fifth are engine-rated journeys.
PURCHASES, TOP_UPS, JOURNEYS, REVERSALS = 8, 4, 20, 1
US = 1_000_000


def tokens(first: int, count: int) -> NDArray[np.uint64]:
    """Distinct card tokens (uint64, never 0) of cards `first` .. `first + count - 1`.

    The finaliser of splitmix64 is a bijection, so distinct cards have distinct tokens.
    """
    x = np.arange(first + 1, first + count + 1, dtype=np.uint64)
    x *= np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def fares() -> NDArray[np.int32]:
    """A made-up tariff, STATIONS x STATIONS fares in fen: 3 yuan and 0.40 a station."""
    at = np.arange(STATIONS)
    return np.asarray(300 + 40 * np.abs(at[:, None] - at), np.int32)


@dataclass
class Stream:
    """The taps of one operator: its own terminals, its own share of the cards."""

    cards: NDArray[np.uint64]
    terminals: NDArray[np.uint32]
    seed: int
    tapped_at_us: int  # device time of the first tap
    step_us: int = 10  # between two taps
    sent: int = 0  # taps so far
    request: int = 0
    journeys: int = 0
    _entered: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)

    def messages(self, count: int, taps: int) -> list[bytes]:
        """The next `count` TapBatch messages of `taps` taps each, 50 bytes a tap."""
        return [self.message(taps) for _ in range(count)]

    def message(self, taps: int) -> bytes:
        at = np.arange(self.sent, self.sent + taps, dtype=np.int64)
        count = len(self.terminals)
        kind, card, amount, place = self._acts(taps)
        back = np.zeros(taps, "<u4")  # sequence of the tap that a reversal voids
        voids = self._voids(taps)
        kind[voids], amount[voids] = REVERSAL, 0
        card[voids] = card[voids.start - count : voids.stop - count]
        back[voids] = at[voids] // count
        self.request += 1
        self.sent += taps
        return b"".join(
            [
                b"\x09" + self.request.to_bytes(8, "little"),
                *packed("card", card),
                *packed("terminal", self.terminals[at % count]),
                *packed("terminal_seq", (at // count + 1).astype("<u4")),
                *packed("epoch", np.zeros(taps, "<u4")),
                *packed("tapped_at_us", self.tapped_at_us + at * self.step_us),
                *packed("kind", kind),
                *packed("amount_fen", amount),
                *packed("flags", np.zeros(taps, np.uint8)),
                *packed("place", place),
                *packed("about_epoch", np.zeros(taps, "<u4")),
                *packed("about_seq", back),
            ]
        )

    def _voids(self, taps: int) -> slice:
        """Which taps void the one before on the same terminal: rides that void rides."""
        first = taps * 4 // 5
        count = len(self.terminals)
        wide = min(taps * REVERSALS // 100, count) if first - count > taps * 2 // 3 else 0
        return slice(first, first + wide)

    def _acts(self, taps: int) -> tuple[NDArray[np.generic], ...]:
        """Kind (u1), card (u8), amount_fen (i8) and place (u4) of each tap."""
        card = self.cards[self.random.integers(len(self.cards), size=taps)]
        kind = np.full(taps, RIDE, np.uint8)
        kind[: taps * PURCHASES // 100] = PURCHASE
        kind[taps - taps * TOP_UPS // 100 :] = TOP_UP
        amount = self.random.choice(np.array([200, 300, 400, 500, 600], "<i8"), size=taps)
        amount[kind == TOP_UP] = 5_000
        place = np.zeros(taps, "<u4")
        # Those who entered in the message before leave in this one.
        pairs = taps * JOURNEYS // 200
        middle = taps // 2
        entered = self._entered[:pairs]
        exits = slice(middle - len(entered), middle)
        entries = slice(middle, middle + pairs)
        kind[exits], kind[entries] = EXIT, ENTRY
        # In turn, so that nobody enters twice before leaving.
        turn = np.arange(pairs) + self.journeys
        self.journeys += pairs
        card[exits] = entered
        self._entered = card[entries] = self.cards[turn % len(self.cards)]
        amount[exits] = amount[entries] = 0
        for part in (exits, entries):
            place[part] = self.random.integers(1, STATIONS + 1, size=len(place[part]))
        return kind, card, amount, place


def packed(name: str, column: NDArray[np.generic]) -> Iterator[bytes]:
    """One column as proto3 lays it out: key, length in bytes, the array itself."""
    raw = column.astype(TAP_COLUMNS[name], casting="safe", copy=False).tobytes()
    yield varint(TAP_NUMBERS[name] << 3 | 2) + varint(len(raw))
    yield raw


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
