"""Journal blocks that touch many pages of every table: many cards, terminals, claims, windows."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from onecard.core.journal import Draft
from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import (
    CALENDAR_FIRST_DAY,
    Effect,
    Funding,
    Image,
    Kind,
    OwnerKind,
    Policy,
    Purse,
    Record,
)
from onecard.ext.state import hold_terms
from onecard.ext.state.state import State
from onecard.ext.state.tariff import ARRAYS, arrays_of

PARTICIPANTS = 600
HOLD_ROWS = 6_000  # some pages; so few that a row is met again
LOT_ROWS = 5_000  # likewise
START_US = 1_700_000_000_000_000
LEDGER_ID_BYTES = 16
APART_OF = Effect.JOURNEY_OPENED | Effect.JOURNEY_CLOSED
JOURNEYS = 5_000  # rows of the pool that are used: three pages


@dataclass
class ManyLots:
    """Lots that the next block may spend, or find in the row that it would take."""

    rows: dict[int, list[int]] = field(default_factory=dict)  # to number, account and what is left
    granted: int = 0
    purses: set[int] = field(default_factory=set)  # accounts that had one

    @classmethod
    def of(cls, state: State) -> "ManyLots":
        """Those that a state has."""
        lots = state.rows("lots")
        rows = {
            int(row): [int(lots[name][row]) for name in ("lot", "account", "left_fen")]
            for row in np.flatnonzero(lots["lot"])
        }
        return cls(rows, int(state.totals["granted"][0]), set(state.rows("purses")["account"]))


@dataclass
class ManyRows:
    """What the next block may name; `seed` makes the same blocks again."""

    seed: int = 1
    last: int = 0
    accounts: int = 0
    terminals: int = 0
    window: int = 1
    window_first: int = 1
    tariffs: int = 0
    entries_booked: list[int] = field(default_factory=list)
    open_holds: dict[int, int] = field(default_factory=dict)  # row to the sequence of its hold
    lots: ManyLots = field(default_factory=ManyLots)
    apart: dict[int, tuple[int, int]] = field(default_factory=dict)  # account and mode by row

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)

    def next(self) -> Draft:
        """A block of any kind, mostly entries; the first ones are the registry."""
        first = (self.participants, self.grow_terminals, self.grow_cards, self.config, self.tariff)
        first += (self.scenes, self.calendar)
        if self.last == 0:
            self._first = iter(first)
        made = next(self._first, None)
        if made is None:
            made = self.random.choice(
                [
                    *(self.entries, self.grow_cards, self.grow_terminals),
                    *(self.close, self.tariff, self.scenes, self.calendar),
                ],
                p=[0.62, 0.15, 0.05, 0.07, 0.03, 0.05, 0.03],
            )
        draft: Draft = made()
        self.last = draft.last
        return draft

    def participants(self) -> Draft:
        rows = self._rows(dtypes.PARTICIPANT_RECORD, PARTICIPANTS)
        rows["participant"] = np.arange(1, PARTICIPANTS + 1)
        rows["kind"] = rows["status"] = 1
        rows["name"] = [f"operator {i}".encode() for i in range(PARTICIPANTS)]
        rows["name_bytes"] = [len(name) for name in rows["name"]]
        return self._draft(Record.PARTICIPANTS, rows)

    def grow_terminals(self) -> Draft:
        count = int(self.random.integers(700, 2000))
        rows = self._rows(dtypes.TERMINAL_RECORD, count)
        rows["terminal"] = np.arange(self.terminals + 1, self.terminals + count + 1)
        rows["operator_id"] = self.random.integers(1, PARTICIPANTS, count)
        rows["place"] = self.random.integers(1, 100, count)
        rows["status"] = 1
        rows["number"] = [f"gate {i}".encode() for i in rows["terminal"]]
        rows["number_bytes"] = [len(name) for name in rows["number"]]
        self.terminals += count
        return self._draft(Record.TERMINALS, rows)

    def grow_cards(self) -> Draft:
        """New cards, and a few after-images of cards there are."""
        count = int(self.random.integers(1100, 5000))
        rows = self._rows(dtypes.CARD_RECORD, count)
        accounts = np.arange(self.accounts + 1, self.accounts + count + 1)
        again = self.random.random(count) < (0.1 if self.accounts else 0.0)
        accounts[again] = self.random.integers(1, self.accounts + 1, again.sum())
        fresh = np.flatnonzero(~again)
        accounts[fresh] = np.arange(self.accounts + 1, self.accounts + len(fresh) + 1)
        rows["account"] = accounts
        rows["token"] = token_of(accounts)
        rows["issuer"] = rows["home_issuer"] = self.random.integers(1, PARTICIPANTS, count)
        rows["funding"] = Funding.PREPAID
        rows["status"] = self.random.integers(1, 3, count)
        rows["floor_fen"] = self.random.integers(-500, 0, count)
        self.accounts += len(fresh)
        return self._draft(Record.CARDS, rows)

    def entries(self) -> Draft:
        count = int(self.random.integers(1, 600))
        rows = self._rows(dtypes.ENTRY, count)
        rows["account"] = self.random.integers(1, self.accounts + 1, count)
        rows["token"] = token_of(rows["account"])
        rows["terminal"] = self.random.integers(1, self.terminals + 1, count)
        rows["epoch"] = 1
        rows["terminal_seq"] = rows["sequence"]
        rows["kind"] = Kind.RIDE
        rows["outcome"] = 1
        rows["place"] = self.random.integers(1, 100, count)
        rows["tapped_at_us"] = START_US + self.random.integers(0, 1 << 30, count)
        rows["window"] = self.window
        effects = [0, 0, Effect.JOURNEY_OPENED, Effect.JOURNEY_CLOSED, Effect.DENIED]
        effects += [Effect.UNDENIED | Effect.JOURNEY_CLOSED]
        rows["effects"] = self.random.choice(np.array(effects, np.uint8), count)
        journeys = self._journeys(rows)
        # Of the tariff follows the network of a journey.
        rated = rows["effects"] & Effect.JOURNEY_OPENED != 0
        rows["tariff"][rated] = self.random.integers(0, self.tariffs + 1, int(rated.sum()))
        rows["amount_fen"] = self.random.integers(1, 1000, count)
        rows["legs"] = 2
        rows["legs_at"] = 2 * np.arange(count)
        legs = np.zeros(2 * count, dtypes.LEG)
        legs["owner"][0::2] = rows["account"]
        legs["owner_kind"][0::2] = OwnerKind.ACCOUNT
        legs["purse"][0::2] = self.random.choice([Purse.MAIN, Purse.HELD], count)
        legs["amount_fen"][0::2] = -rows["amount_fen"]
        legs["owner"][1::2] = legs["party"][1::2] = self.random.integers(1, PARTICIPANTS, count)
        legs["party"][0::2] = self.random.integers(1, PARTICIPANTS, count)
        legs["owner_kind"][1::2] = OwnerKind.PAYABLE
        legs["amount_fen"][1::2] = rows["amount_fen"]
        taken = self._lots(rows, legs.reshape(count, 2))
        images = np.concatenate([journeys, self._images(count), self._holds(rows), taken])
        images = images[np.argsort(images["row"], kind="stable")]
        self.entries_booked += rows["sequence"].tolist()
        return self._draft(Record.ENTRIES, rows, legs, images)

    def _journeys(self, rows: NDArray[np.void]) -> NDArray[np.void]:
        """Of some that begin or end a journey: that it stands apart, in rows over some pages."""
        images: list[tuple[int, int, int, int]] = []
        for at in np.flatnonzero(rows["effects"] & APART_OF):
            account = int(rows["account"][at])
            if rows["effects"][at] == Effect.JOURNEY_OPENED:
                row, mode = (int(self.random.integers(1, end)) for end in (JOURNEYS, 256))
                if row in self.apart or (account, mode) in self.apart.values():
                    continue
                self.apart[row] = account, mode
                images.append((at, Image.JOURNEY_PLACED, row, mode))
            elif rows["effects"][at] == Effect.JOURNEY_CLOSED and self.apart:
                row = int(self.random.choice(list(self.apart)))
                account, mode = self.apart.pop(row)
                rows["account"][at] = account
                rows["token"][at] = token_of(rows["account"][at : at + 1])[0]
                images.append((at, Image.JOURNEY_LEFT, row, mode))
            else:
                continue
            rows["effects"][at] |= Effect.JOURNEY_APART
        return np.array(images, dtypes.AFTER_IMAGE)

    def _images(self, count: int) -> NDArray[np.void]:
        """Claims on entries of before, tombstones; in the order of their rows."""
        if not self.entries_booked:
            return np.zeros(0, dtypes.AFTER_IMAGE)
        size = int(self.random.integers(0, count + 1))
        images = np.zeros(size, dtypes.AFTER_IMAGE)
        images["row"] = np.sort(self.random.integers(0, count, size))
        kinds = [Image.CLAIMED, Image.CLAIMED, Image.CLOSED_ORIGINAL, Image.VOIDED_IDENTITY]
        images["what"] = self.random.choice(np.array(kinds, np.uint32), size)
        images["key"] = self.random.choice(np.array(self.entries_booked, np.uint64), size)
        images["value"] = self.random.integers(1, 1000, size)
        # A tombstone binds an identity: of epoch 2, which no entry here has, a number of its own.
        voids = images["what"] == Image.VOIDED_IDENTITY
        numbers = self.last + 1 + np.flatnonzero(voids).astype(np.uint64)
        images["key"][voids] = np.uint64(2 << 32) | numbers
        return images

    def _holds(self, rows: NDArray[np.void]) -> NDArray[np.void]:
        """Rows of open holds, over some pages, that entries take and that others free again, also
        in one block; some end at once."""
        images = np.zeros(len(rows), dtypes.AFTER_IMAGE)
        used = 0
        for at in np.flatnonzero(self.random.random(len(rows)) < 0.4):
            number = int(self.random.integers(1, HOLD_ROWS))
            sequence = self.open_holds.pop(number, 0)
            if sequence:
                rows["about"][at] = sequence
                said = Image.HOLD_CLOSED, sequence
            else:
                self.open_holds[number] = int(rows["sequence"][at])
                said = Image.HOLD_OPENED, START_US + int(self.random.integers(0, 50))
            images[used] = (at, said[0], number, said[1])
            used += 1
        return images[:used]

    def _lots(self, rows: NDArray[np.void], legs: NDArray[np.void]) -> NDArray[np.void]:
        """Lots that are opened, in rows over some pages, spent in part and whole, also in one
        block; a row is met again."""
        images = np.zeros(len(rows), dtypes.AFTER_IMAGE)
        known, used = self.lots, 0
        apart = rows["effects"] & Effect.JOURNEY_APART != 0  # of the account that travels
        for at in np.flatnonzero((self.random.random(len(rows)) < 0.4) & ~apart):
            number = int(self.random.integers(1, LOT_ROWS))
            lot = known.rows.get(number)
            if lot is None:
                known.granted += 1
                account, moved_fen = int(rows["account"][at]), int(rows["amount_fen"][at])
                known.rows[number] = lot = [known.granted, account, moved_fen]
                rows["sponsor"][at], rows["programme"][at] = 1, number % 3
                rows["ends_us"][at] = START_US + int(self.random.integers(0, 9)) * (number % 5 > 0)
                if account not in known.purses:
                    rows["effects"][at] |= Effect.PURSE_OPENED
                    known.purses.add(account)
                images[used] = at, Image.LOT_OPENED, number, lot[0]
                used += 1
            else:
                moved_fen = -lot[2] if self.random.random() < 0.7 else -1
                lot[2] += moved_fen
                if lot[2] == 0:
                    images[used] = at, Image.LOT_SPENT, lot[0], number
                    used += 1
                    del known.rows[number]
            rows["account"][at] = legs["owner"][at, 0] = lot[1]
            rows["token"][at] = token_of(rows["account"][at : at + 1])[0]
            legs["owner"][at, 1], legs["owner_kind"][at, 1] = lot[0], OwnerKind.LOT
            legs["amount_fen"][at] = -moved_fen, moved_fen
            rows["amount_fen"][at] = abs(moved_fen)
        return images[:used]

    def close(self) -> Draft:
        rows = self._rows(dtypes.WINDOW_RECORD, PARTICIPANTS)
        rows["participant"] = np.arange(1, PARTICIPANTS + 1)
        rows["window"], rows["first"], rows["cut"] = self.window, self.window_first, self.last
        self.window += 1
        self.window_first = self.last + PARTICIPANTS + 1
        return self._draft(Record.WINDOWS, rows)

    def tariff(self) -> Draft:
        """A policy: each other one a tariff as it was written before there were networks, and some
        hold terms."""
        self.tariffs += 1
        is_old = self.tariffs % 2 == 0
        is_terms = self.tariffs % 3 == 0 and not is_old
        rows = self._rows(dtypes.TARIFF_RECORD if is_old else dtypes.POLICY_RECORD, 1)
        rows["version"] = self.tariffs
        rows["effective_from_us"] = START_US + int(self.random.integers(0, 9))
        fares = np.arange(9, dtype=np.int32) + self.tariffs
        if is_old:
            rows["stations"] = 3
            return self._draft(Record.TARIFFS, rows, blob=fares.tobytes())
        rows["network"] = self.random.integers(0, 4)
        if is_terms:
            rows["policy"], rows["arrays"] = Policy.HOLDS, hold_terms.ARRAYS
            terms = hold_terms.HoldTerms((1, 3), self.tariffs % 4 == 1, 60 * self.tariffs)
            return self._draft(Record.TARIFF_SETS, rows, blob=hold_terms.arrays_of(terms))
        rows["policy"], rows["arrays"] = Policy.OD_FARES, ARRAYS
        return self._draft(Record.TARIFF_SETS, rows, blob=arrays_of(fares, 3, self.tariffs))

    def scenes(self) -> Draft:
        """Of codes over some pages, with pages between that nothing was ever put on."""
        count = int(self.random.integers(1, 40))
        rows = self._rows(dtypes.SCENE_RECORD, count)
        apart, beside = (self.random.integers(0, many, count) for many in (8, 9))
        rows["code"] = 1 + 700 * apart + beside
        rows["most_fen"] = self.random.integers(0, 1000, count)
        rows["from_us"] = START_US + rows["sequence"].astype(np.int64)
        rows["status"] = rows["purse_count"] = 1
        rows["name"] = [f"scene {i}".encode() for i in rows["code"]]
        rows["name_bytes"] = [len(name) for name in rows["name"]]
        return self._draft(Record.SCENES, rows)

    def calendar(self) -> Draft:
        """Days over some pages, mostly said before."""
        rows = self._rows(dtypes.CALENDAR_RECORD, 1)
        count = int(self.random.integers(1, 900))
        rows["first_day"] = CALENDAR_FIRST_DAY + int(self.random.integers(0, 12_000))
        rows["days"] = count
        classes = self.random.integers(1, 4, count, np.uint8)
        return self._draft(Record.CALENDARS, rows, blob=classes.tobytes())

    def config(self) -> Draft:
        rows = self._rows(dtypes.CONFIG_RECORD, 1)
        rows["amount_max_fen"] = 1_000_000
        return self._draft(Record.CONFIGS, rows)

    def _rows(self, dtype: np.dtype[np.void], count: int) -> NDArray[np.void]:
        rows = np.zeros(count, dtype)
        rows["sequence"] = np.arange(self.last + 1, self.last + count + 1)
        return rows

    def _draft(
        self,
        record: int,
        rows: NDArray[np.void],
        legs: NDArray[np.void] | None = None,
        images: NDArray[np.void] | None = None,
        blob: bytes = b"",
    ) -> Draft:
        booked_at_us = START_US + self.last + 1
        return Draft.of(record, rows, booked_at_us, legs, images, blob)


def token_of(accounts: NDArray[np.void]) -> NDArray[np.uint64]:
    return accounts.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) | np.uint64(1)
