"""Rows of entries out of a seed, and a slow reader and a slow state of blocks of version 1.

The slow ones are plain Python over `struct`, written from docs/ledger.md, and know nothing of ext.
"""

import random
import struct
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from onecard.core.journal import Tip
from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import (
    LEGS_MAX,
    OWNER_KINDS,
    Effect,
    Funding,
    Image,
    OwnerKind,
    Purse,
    Record,
)
from tests.support import version_1
from tests.support.handmade import LEDGER_ID, START_US

MIB = 1 << 20
PARTIES, TERMINALS, ACCOUNTS = 12, 9, 30
ZONE_US, DAY_US = 8 * 3_600_000_000, 86_400_000_000
FEN = 1 << 40  # so that a few hundred legs stay within 64 bits

# ---- the slow reader --------------------------------------------------------------------------

HEADER = struct.Struct("<IHH16sIHHIIIIQq32s32s32s")
ENTRY = struct.Struct("<6Q4q8Ii2H8B")
LEG = struct.Struct("<IHBBq")
IMAGE = struct.Struct("<IIQq")
ENTRY_FIELDS = (
    *("sequence", "token", "previous", "about", "journey", "body"),
    *("tapped_at_us", "booked_at_us", "amount_fen", "balance_fen"),
    *("account", "terminal", "epoch", "terminal_seq", "place", "window", "tariff", "legs_at"),
    *("travel_day", "operator_id", "issuer"),
    *("legs", "kind", "outcome", "reason", "funding", "flags", "effects"),
)
OLD = dtypes.ENTRY_ROW_1  # what its fields hold, version 2 holds too


@dataclass
class Slow:
    """An entry with what is its own."""

    entry: dict[str, int]
    legs: list[tuple[int, ...]]
    images: list[tuple[int, ...]]


def slow_entries(value: bytes | bytearray) -> list[Slow]:
    found = HEADER.unpack_from(value)
    count, leg_count, image_count = found[7:10]
    at = HEADER.size
    rows = [ENTRY.unpack_from(value, at + ENTRY.size * row) for row in range(count)]
    at += ENTRY.size * count
    legs = [LEG.unpack_from(value, at + LEG.size * leg) for leg in range(leg_count)]
    at += LEG.size * leg_count
    images = [IMAGE.unpack_from(value, at + IMAGE.size * image) for image in range(image_count)]
    assert at + IMAGE.size * image_count == len(value)
    made = []
    for number, row in enumerate(rows):
        entry = dict(zip(ENTRY_FIELDS, row, strict=False))
        own = legs[entry["legs_at"] : entry["legs_at"] + entry["legs"]]
        made.append(Slow(entry, own, [image[1:] for image in images if image[0] == number]))
    return made


@dataclass
class SlowState:
    """What a replay makes of entries: docs/ledger.md, "What an entry records"."""

    accounts: dict[int, dict[str, int]] = field(default_factory=lambda: defaultdict(zeros))
    terminals: dict[int, dict[str, int]] = field(default_factory=lambda: defaultdict(zeros))
    parties: dict[int, dict[Any, int]] = field(default_factory=lambda: defaultdict(zeros))
    cards: dict[int, dict[str, int]] = field(default_factory=lambda: defaultdict(zeros))
    claims: dict[int, tuple[int, int]] = field(default_factory=dict)  # used_fen, closed

    def take(self, slow: Slow) -> None:
        entry = slow.entry
        for owner, party, owner_kind, purse, amount_fen in slow.legs:
            self.parties[party][owner_kind] += amount_fen
            self.parties[party]["in" if amount_fen > 0 else "out"] += abs(amount_fen)
            self.parties[party]["legs"] += 1
            if owner_kind == OwnerKind.ACCOUNT:
                self.accounts[owner]["posted_fen"] += amount_fen
                self.accounts[owner]["held_fen"] += amount_fen * (purse == Purse.HELD)
        if entry["account"]:
            self._account(self.accounts[entry["account"]], entry)
        if entry["effects"] & (Effect.DENIED | Effect.UNDENIED):
            card = self.cards[entry["token"]]
            card["denied"] = int(bool(entry["effects"] & Effect.DENIED))
            card["deny_version"] = entry["sequence"]
        terminal = self.terminals[entry["terminal"]]
        terminal["taken"] += 1
        bound = [entry["epoch"] << 32 | entry["terminal_seq"]]
        for what, key, amount_fen in slow.images:
            if what == Image.VOIDED_IDENTITY:
                bound.append(key)
            else:
                was_closed = self.claims.get(key, (0, 0))[1]
                self.claims[key] = amount_fen, was_closed | (what == Image.CLOSED_ORIGINAL)
        terminal["seen"] = max(terminal["seen"], *bound)

    def _account(self, account: dict[str, int], entry: dict[str, int]) -> None:
        account["last"] = entry["sequence"]
        account["entries"] += 1
        if entry["effects"] & Effect.JOURNEY_APART:
            return  # an image would say where, and a block of version 1 has none
        if entry["effects"] & Effect.JOURNEY_OPENED:
            account["journey"] = entry["sequence"]
            account["journey_at_us"] = entry["tapped_at_us"] or entry["booked_at_us"]
            account["journey_place"] = entry["place"]
        elif entry["effects"] & Effect.JOURNEY_CLOSED:
            account["journey"] = account["journey_at_us"] = account["journey_place"] = 0


def zeros() -> dict[Any, int]:
    return defaultdict(int)


# ---- random rows ------------------------------------------------------------------------------


@dataclass
class Drawn:
    """Rows out of a seed: each field over all that its type holds, but for what leads to others."""

    seed: int
    last: int = 0
    booked_at_us: int = START_US
    entries: list[int] = field(default_factory=list)  # sequences

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def any_of(self, dtype: np.dtype[Any]) -> int:
        """Small, anywhere, or at an end of what it holds; each as often."""
        limits = np.iinfo(dtype)
        low, high = int(limits.min), int(limits.max)
        ends = (low, high, 0, max(low, -1), 1)
        chosen = self.random.choice((self.random.randint(low, high), *ends))
        return self.random.choice((chosen, self.random.randint(0, min(high, 1000))))

    def rows(self, count: int, fields: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
        """ENTRY rows and their legs; `booked_at_us`, `window` and `travel_day` are anything."""
        rows = np.zeros(count, dtypes.ENTRY)
        legs: list[tuple[int, ...]] = []
        for row in rows:
            for name in fields:
                row[name] = self.any_of((OLD if name in ENTRY_FIELDS else dtypes.ENTRY)[name])
            self.last += 1
            row["sequence"] = self.last
            row["account"] = self.random.randint(0, ACCOUNTS)
            row["token"] = self.random.randint(1, ACCOUNTS)
            row["terminal"] = self.random.randint(1, TERMINALS)
            if row["effects"] & Effect.JOURNEY_OPENED:
                row["tariff"] = 0  # no other is there, and the network of a journey follows from it
            row["previous"] = self.random.choice((0, *self.entries[-1:], *self.entries[-40:][:1]))
            own = self.legs()
            row["legs"], row["legs_at"] = len(own), len(legs)
            legs += own
            self.entries.append(self.last)
        return rows, np.array(legs, dtypes.LEG)

    def legs(self) -> list[tuple[int, ...]]:
        """None, or some that sum to 0; sometimes as many as an entry may have."""
        count = self.random.choice((0, 2, 2, 3, self.random.randint(2, LEGS_MAX), LEGS_MAX))
        amounts = [self.random.randint(1, FEN) for _ in range(max(0, count - 1))]
        amounts += [-sum(amounts)] if amounts else []
        self.random.shuffle(amounts)
        made = []
        for amount_fen in amounts:
            kind = self.random.randint(1, OWNER_KINDS - 1)
            most = ACCOUNTS if kind == OwnerKind.ACCOUNT else PARTIES
            owner, party = self.random.randint(1, most), self.random.randint(1, PARTIES)
            made.append((owner, party, kind, self.random.randint(0, 1), amount_fen))
        return made

    def images(self, count: int) -> np.ndarray:
        kinds = (Image.VOIDED_IDENTITY, Image.CLAIMED, Image.CLAIMED, Image.CLOSED_ORIGINAL)
        found = [
            (
                row,
                self.random.choice(kinds),
                self.any_of(np.dtype("<u8")),
                self.random.randint(0, FEN),
            )
            for row in range(count)
            for _ in range(self.random.choice((0, 0, 1, 2)))
        ]
        return np.array(found, dtypes.AFTER_IMAGE)

    def next_booked(self) -> int:
        self.booked_at_us += self.random.randint(1, DAY_US)
        return self.booked_at_us

    def registry(self) -> list[bytearray]:
        parties = self._named(dtypes.PARTICIPANT_RECORD, "participant", PARTIES)
        terminals = self._named(dtypes.TERMINAL_RECORD_1, "terminal", TERMINALS)
        cards = self._named(dtypes.CARD_RECORD_1, "account", ACCOUNTS)
        cards["token"], cards["funding"] = cards["account"], Funding.PREPAID
        terminals["operator_id"] = cards["issuer"] = 1
        pairs = (Record.PARTICIPANTS, parties), (Record.TERMINALS, terminals), (Record.CARDS, cards)
        return [version_1.block(record, rows, self.next_booked()) for record, rows in pairs]

    def _named(self, dtype: np.dtype[Any], name: str, count: int) -> np.ndarray:
        rows = np.zeros(count, dtype)
        rows["sequence"] = np.arange(self.last + 1, self.last + count + 1)
        rows[name] = np.arange(1, count + 1)
        rows["status"] = 1
        self.last += count
        return rows

    def entries_1(self, count: int) -> bytearray:
        rows, legs = self.rows(count, ENTRY_FIELDS)
        block = Record.ENTRIES, rows, self.next_booked(), legs, self.images(count)
        return version_1.block(*block)

    def declared(self) -> bytearray:
        """What is no entry, so that sequences have some between them."""
        rows = self._named_declarations()
        return version_1.block(Record.DECLARATIONS, rows, self.next_booked())

    def _named_declarations(self) -> np.ndarray:
        rows = np.zeros(3, dtypes.DECLARATION_RECORD)
        rows["sequence"] = np.arange(self.last + 1, self.last + 4)
        self.last += 3
        return rows


def drawn_blocks(seed: int) -> list[bytearray]:
    drawn = Drawn(seed)
    blocks = drawn.registry()
    for count in (1, 40, 7, 25):
        blocks += [drawn.entries_1(count), drawn.declared()]
    tip = Tip(epoch=1)
    for value in blocks:
        tip = version_1.seal(value, LEDGER_ID, 1, tip)
    return blocks


def is_entries(value: bytearray) -> bool:
    return HEADER.unpack_from(value)[2] == Record.ENTRIES
