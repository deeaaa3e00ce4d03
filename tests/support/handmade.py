"""Journal blocks written by hand, without the engine: charges and top-ups on prepaid accounts."""

import random
from dataclasses import dataclass, field

import numpy as np

from onecard.core.access.act_record import done
from onecard.core.access.caller import OWNER
from onecard.core.journal import Draft
from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import Funding, Image, Kind, Outcome, OwnerKind, Record

LEDGER_ID = bytes(range(1, 17))
OPERATOR, ISSUER = 1, 2
CARDS = 17
START_US = 1_700_000_000_000_000


@dataclass
class Hand:
    """Keeps what the next block must say; `seed` makes the same ledger again."""

    seed: int = 1
    last: int = 0
    booked_at_us: int = START_US
    window: int = 1
    window_first: int = 1
    balance_fen: dict[int, int] = field(default_factory=dict)
    newest: dict[int, int] = field(default_factory=dict)
    nets: dict[int, list[int]] = field(default_factory=lambda: {1: [0, 0, 0], 2: [0, 0, 0]})

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def registry(self) -> list[Draft]:
        drafts = [self._who(Record.PARTICIPANTS)]
        people = self._rows(dtypes.PARTICIPANT_RECORD, 2)
        people["participant"] = [OPERATOR, ISSUER]
        people["kind"] = [1, 2]
        people["status"] = 1
        people["name"] = [b"metro", b"bank"]
        people["name_bytes"] = [5, 4]
        drafts += [self._draft(Record.PARTICIPANTS, people), self._who(Record.TERMINALS)]
        terminals = self._rows(dtypes.TERMINAL_RECORD, 1)
        terminals["terminal"] = terminals["operator_id"] = terminals["status"] = 1
        drafts += [self._draft(Record.TERMINALS, terminals), self._who(Record.CARDS)]
        cards = self._rows(dtypes.CARD_RECORD, CARDS)
        cards["account"] = np.arange(1, CARDS + 1)
        cards["token"] = cards["account"].astype(np.uint64) * np.uint64(7919)
        cards["issuer"] = cards["home_issuer"] = ISSUER
        cards["funding"] = Funding.PREPAID
        cards["status"] = 1
        cards["floor_fen"] = -1_000_000
        return [*drafts, self._draft(Record.CARDS, cards)]

    def entries(self, count: int) -> Draft:
        """Charges, each fifth a top-up; the last entry claims a part of the first one."""
        rows = self._rows(dtypes.ENTRY, count)
        legs = np.zeros(2 * count, dtypes.LEG)
        for at, row in enumerate(rows):
            account = self.random.randint(1, CARDS)
            top_up = self.random.random() < 0.2
            amount_fen = self.random.randint(100, 900)
            change_fen = amount_fen if top_up else -amount_fen
            self.balance_fen[account] = self.balance_fen.get(account, 0) + change_fen
            row["kind"] = Kind.TOP_UP if top_up else Kind.RIDE
            row["account"], row["token"] = account, account * 7919
            row["amount_fen"], row["balance_fen"] = amount_fen, self.balance_fen[account]
            row["previous"] = self.newest.get(account, 0)
            row["terminal_seq"] = row["sequence"]
            self.newest[account] = int(row["sequence"])
            legs[2 * at] = (account, ISSUER, OwnerKind.ACCOUNT, 0, change_fen)
            other = OwnerKind.COLLECTED if top_up else OwnerKind.PAYABLE
            legs[2 * at + 1] = (OPERATOR, OPERATOR, other, 0, -change_fen)
            for party, fen in ((ISSUER, change_fen), (OPERATOR, -change_fen)):
                self.nets[party][0] += max(fen, 0)
                self.nets[party][1] -= min(fen, 0)
                self.nets[party][2] += 1
        rows["legs"] = 2
        rows["legs_at"] = np.arange(count) * 2
        rows["outcome"] = Outcome.ACCEPTED
        rows["funding"] = Funding.PREPAID
        rows["issuer"], rows["operator_id"], rows["terminal"] = ISSUER, OPERATOR, 1
        rows["window"] = self.window
        claims = np.zeros(1 if count > 1 else 0, dtypes.AFTER_IMAGE)
        if count > 1:
            claims[0] = (count - 1, Image.CLAIMED, rows["sequence"][0], 50)
        rows["booked_at_us"] = self.booked_at_us + 1
        return self._draft(Record.ENTRIES, rows, legs, claims)

    def close(self) -> list[Draft]:
        who = self._who(Record.WINDOWS)
        rows = self._rows(dtypes.WINDOW_RECORD, 2)
        rows["participant"] = [OPERATOR, ISSUER]
        rows["first"], rows["cut"], rows["window"] = self.window_first, self.last + 2, self.window
        for row in rows:
            row["in_fen"], row["out_fen"], row["legs"] = self.nets[int(row["participant"])]
        self.nets = {OPERATOR: [0, 0, 0], ISSUER: [0, 0, 0]}
        self.window, self.window_first = self.window + 1, self.last + 3
        return [who, self._draft(Record.WINDOWS, rows)]

    def _who(self, record: int) -> Draft:
        """Who did what comes next: whoever runs the ledger."""
        self.last += 1
        self.booked_at_us += 1
        return done(OWNER, record, 1, "", self.last, self.booked_at_us)

    def _rows(self, dtype: np.dtype[np.void], count: int) -> np.ndarray:
        rows = np.zeros(count, dtype)
        rows["sequence"] = np.arange(self.last + 1, self.last + count + 1)
        return rows

    def _draft(self, record: int, rows, legs=None, images=None) -> Draft:
        self.last += len(rows)
        self.booked_at_us += 1
        return Draft.of(record, rows, self.booked_at_us, legs, images)
