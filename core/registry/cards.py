"""The act that registers cards, or changes their status: one kind of card at a time."""

from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from onecard.core.days import TIME_MIN_US, instant_text
from onecard.core.errors import BadInput
from onecard.core.journal.block import Draft
from onecard.core.registry.role import check_issuer
from onecard.core.registry.row_change import (
    Change,
    Put,
    difference,
    draft_of,
    full,
    in_row,
    refuse_move,
)
from onecard.core.registry.status import STATUSES
from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import Funding, Record, Status
from onecard.ext.state.state import State

AMOUNT_MAX_FEN = 1 << 62  # above it a rule is a mistake; sums are checked tap by tap all the same
EXPIRES_DAY_MAX = 100_000  # the year 2243
CARD_COLUMNS = (
    "issuer",
    "funding",
    "status",
    "since_us",
    "floor_fen",
    "account",
    "bank_status",
    "generation",
    "expires_day",
    "key_version",
)
TIMED = ("account", "issuer", "funding")  # what of a card is true from a time on, and was otherwise
RECORDED = {  # column -> what of a card that is new, and at most; nothing is decided by them
    "bank_status": (0, int(max(STATUSES))),
    "generation": (0, (1 << 8) - 1),
    "expires_day": (0, EXPIRES_DAY_MAX),
    "key_version": (1, (1 << 16) - 1),
}


@dataclass(frozen=True)
class PutCards:
    """Register credentials by token, or change their status; answers a Put.

    token: uint64, none 0. One issuer, funding, status, since and floor for all rows. account:
    uint32, 0 opens one (or keeps the card's), another card's shares that. status None keeps the
    card's, which is ACTIVE of a new one. since_us 0 is the booking time; of a card that left ACTIVE
    before, the earlier time is kept. Another account, issuer or funding is true from since_us on.
    A card that was lost and is ACTIVE again was lost until since_us, for ever.
    floor_fen None keeps the account's, which is 0 of a new one. What is only recorded (bank_status,
    generation, expires_day, key_version) None keeps. A card that comes twice is the same the second
    time.
    `in_words`: the answer says from what to what a row changed. Unless `may_move`, BadInput where
    a card would go to another issuer or account.
    """

    token: NDArray[np.uint64]
    issuer: int
    funding: int
    status: int | None = None
    since_us: int = 0
    floor_fen: int | None = None
    account: NDArray[np.uint32] | None = field(default=None)
    in_words: bool = False
    may_move: bool = True
    bank_status: int | None = None
    generation: int | None = None
    expires_day: int | None = None
    key_version: int | None = None

    def halves(self) -> list[Self]:
        """The same in two acts, one after the other."""
        middle = len(self.token) // 2
        return [
            replace(
                self,
                token=self.token[part],
                account=None if self.account is None else self.account[part],
            )
            for part in (slice(None, middle), slice(middle, None))
        ]

    @property
    def size_bytes(self) -> int:
        """What it will journal, at most: what makes a card ACTIVE may be two rows."""
        rows = 2 if self.status == Status.ACTIVE else 1
        return rows * len(self.token) * dtypes.CARD_RECORD.itemsize

    def apply(self, state: State, sequence: int, booked_at_us: int) -> tuple[list[Draft], Put]:
        try:
            self._check(state, booked_at_us)
        except BadInput as error:
            error.row = error.row or 0  # what all rows have alike is wrong from the first on
            raise
        token, first = np.unique(np.asarray(self.token, np.uint64), return_index=True)
        if self.account is not None and len(token) < len(self.token):
            raise BadInput("card account: expected a card once in an act that names accounts")
        order = np.argsort(first, kind="stable")
        token, first = token[order], first[order]
        rows = np.zeros(len(token), dtypes.CARD_RECORD)
        rows["token"] = token
        rows["issuer"] = self.issuer
        rows["funding"] = self.funding
        card = state.credentials_of(token)
        rows["status"] = self._status(state, card)
        rows["since_us"] = self._since_us(state, card, rows["status"], booked_at_us)
        self._record(state, rows, card)
        self._accounts(state, rows, card, first)
        self._periods(state, rows, card, first, booked_at_us)
        floors = state.table("accounts")["floor_fen"][rows["account"]]
        rows["floor_fen"] = floors if self.floor_fen is None else self.floor_fen
        change = self._changes(state, rows, card)
        what = self._what(state, rows, card, change, first)
        changed = change != Change.SAME
        rows = told_apart(state, rows[changed], card[changed])
        if state.count("credentials") + int((card < 0).sum()) > state.cards_max:
            raise full("cards_max", state.cards_max)
        room = len(state.table("card_pasts")) - state.count("card_pasts")
        if int(is_ending(rows).sum()) > room:
            most = len(state.table("card_pasts")) - 1
            raise full("cards_max", most, "changes and ended losses of cards")
        of_all = np.full(len(self.token), Change.SAME, np.uint8)
        of_all[first] = change
        return draft_of(Record.CARDS, rows, sequence, booked_at_us), Put(of_all, what=what)

    def _record(self, state: State, rows: NDArray[np.void], card: NDArray[np.int64]) -> None:
        """Fill what is only recorded: as it is said, else as it was."""
        known = card >= 0
        for name, (new, _) in RECORDED.items():
            said = getattr(self, name)
            rows[name] = new if said is None else said
            if said is None:
                rows[name][known] = state.table("credentials")[name][card[known]]

    def _status(self, state: State, card: NDArray[np.int64]) -> NDArray[np.uint8]:
        """The status of each: a file that does not speak of it may not unblock a lost card."""
        status = np.full(len(card), self.status or Status.ACTIVE, np.uint8)
        if self.status is None:
            known = card >= 0
            status[known] = state.table("credentials")["status"][card[known]]
        return status

    def _since_us(
        self,
        state: State,
        card: NDArray[np.int64],
        status: NDArray[np.uint8],
        booked_at_us: int,
    ) -> NDArray[np.int64]:
        """When each status took effect; of a card that is not ACTIVE, when it left ACTIVE."""
        since_us = np.full(len(card), self.since_us or booked_at_us, np.int64)
        known = card >= 0
        credentials = state.table("credentials")[np.maximum(card, 0)]
        was_active, is_active = credentials["status"] == Status.ACTIVE, status == Status.ACTIVE
        keeps = known & is_active & was_active & (self.since_us == 0)
        # Lost is lost: a card blocked and closed later was not good in between.
        keeps |= known & ~is_active & ~was_active & (credentials["since_us"] < since_us)
        if self.status is None:
            keeps |= known  # the time given is of what else is changed
        since_us[keeps] = credentials["since_us"][keeps]
        return since_us

    def _check(self, state: State, booked_at_us: int) -> None:
        zone_us = int(state.totals["zone_offset_us"][0])
        if self.since_us and not TIME_MIN_US <= self.since_us <= booked_at_us:
            now, found = (instant_text(us, zone_us) for us in (booked_at_us, self.since_us))
            raise BadInput(
                f"card since: expected a time from 2000-01-01 to now, {now}, found {found}"
            )
        if len(self.token) and not np.asarray(self.token).all():
            refusal = BadInput("card token: expected not 0, found 0")
            refusal.row = int(np.flatnonzero(np.asarray(self.token) == 0)[0])
            raise refusal
        if not 1 <= self.issuer < state.count("participants"):
            raise BadInput(f"card issuer: expected a participant id, found {self.issuer}")
        if self.funding not in list(Funding):
            raise BadInput(f"card funding: expected 1 to {max(Funding)}, found {self.funding}")
        if self.status is not None and self.status not in STATUSES:
            raise BadInput(f"card status: expected 1 to {max(STATUSES)}, found {self.status}")
        if self.floor_fen is not None and abs(self.floor_fen) > AMOUNT_MAX_FEN:
            raise BadInput(f"card floor: expected at most {AMOUNT_MAX_FEN}, found {self.floor_fen}")
        for name, (_, most) in RECORDED.items():
            said = getattr(self, name)
            if said is not None and not 0 <= said <= most:
                raise BadInput(f"card {name}: expected 0 to {most}, found {said}")

    def _accounts(
        self,
        state: State,
        rows: NDArray[np.void],
        card: NDArray[np.int64],
        first: NDArray[np.intp],
    ) -> None:
        """Fill rows["account"]: the one asked for, the card's own, or a new one."""
        wanted = np.zeros(len(rows), np.uint32)
        if self.account is not None:
            if len(self.account) != len(self.token):
                raise BadInput(
                    f"card accounts: expected {len(self.token)} rows, found {len(self.account)}"
                )
            wanted = np.asarray(self.account, np.uint32)[first]
        if len(wanted) and int(wanted.max()) >= state.count("accounts"):
            refusal = BadInput(
                f"card account: expected one that was issued, found {int(wanted.max())}"
            )
            refusal.row = int(first[np.argmax(wanted)])
            raise refusal
        credentials, accounts = state.table("credentials"), state.table("accounts")
        known = card >= 0
        own = known & (wanted == 0)
        wanted[own] = credentials["account"][card[own]]
        opens = wanted == 0
        home = accounts["issuer"][wanted]
        issuer = np.where(known, credentials["issuer"][np.maximum(card, 0)], home)
        joins = opens | (issuer != self.issuer)
        if joins.any():
            with in_row(int(first[joins].min())):
                check_issuer(state, self.issuer)
        wanted[opens] = np.arange(int(opens.sum()), dtype=np.uint32) + state.count("accounts")
        if len(wanted) and int(wanted.max()) > state.cards_max:
            raise full("cards_max", state.cards_max)
        rows["account"] = wanted
        follows = own & joins & (accounts["entries"][np.where(opens, 0, wanted)] == 0)
        if follows.any():
            # Only now, since it looks at every card: does another one draw on the account too?
            sharing = np.bincount(
                state.rows("credentials")["account"], minlength=state.count("accounts")
            )
            follows[follows] = sharing[wanted[follows]] == 1
        rows["home_issuer"] = np.where(opens | follows, self.issuer, home)

    def _periods(
        self,
        state: State,
        rows: NDArray[np.void],
        card: NDArray[np.int64],
        first: NDArray[np.intp],
        booked_at_us: int,
    ) -> None:
        """Fill what ends with a row: the account, issuer and funding it had, and when that ends."""
        now = state.table("credentials")[np.maximum(card, 0)]
        ends = np.zeros(len(rows), np.bool_)
        for name in TIMED:
            ends |= now[name] != rows[name]
        ends &= card >= 0
        from_us = self.since_us or booked_at_us
        began_us = drawn_since_us(state, now["past"])
        early = np.flatnonzero(ends & (began_us > from_us))
        if len(early):
            zone_us = int(state.totals["zone_offset_us"][0])
            began = instant_text(int(began_us[early[0]]), zone_us)
            refusal = BadInput(
                f"card since: expected a time from {began} on, since when it is what it is, found "
                f"{instant_text(from_us, zone_us)}"
            )
            refusal.row = int(first[early[0]])
            raise refusal
        rows["from_us"][ends] = from_us
        rows["was_past"][ends] = now["past"][ends]
        for name in TIMED:
            rows[f"was_{name}"][ends] = now[name][ends]

    def _changes(
        self, state: State, rows: NDArray[np.void], card: NDArray[np.int64]
    ) -> NDArray[np.uint8]:
        """What each row is: a Change."""
        known = np.flatnonzero(card >= 0)
        change = np.full(len(rows), Change.ADDED, np.uint8)
        credentials = state.table("credentials")[card[known]]
        stays = rows["account"][known] == credentials["account"]
        stays &= rows["issuer"][known] == credentials["issuer"]
        floors = state.table("accounts")["floor_fen"][credentials["account"]]
        same = rows["floor_fen"][known] == floors
        for column in ("status", "since_us", "funding", *RECORDED):
            same &= rows[column][known] == credentials[column]
        change[known] = np.where(stays, np.where(same, Change.SAME, Change.CHANGED), Change.MOVED)
        return change

    def _what(
        self,
        state: State,
        rows: NDArray[np.void],
        card: NDArray[np.int64],
        change: NDArray[np.uint8],
        first: NDArray[np.intp],
    ) -> dict[int, str]:
        """From what to what, of the rows that change, by their number in the act."""
        if not self.in_words and self.may_move:
            return {}
        words = {}
        for at in np.flatnonzero(np.isin(change, (Change.CHANGED, Change.MOVED))).tolist():
            credential = state.table("credentials")[card[at]]
            account = state.table("accounts")[credential["account"]]
            before = [
                int((credential if name in credential.dtype.names else account)[name])
                for name in CARD_COLUMNS
            ]
            after = [int(rows[at][name]) for name in CARD_COLUMNS]
            row = int(first[at])
            words[row] = difference(state, CARD_COLUMNS, before, after)
            if change[at] == Change.MOVED and not self.may_move:
                with in_row(row):
                    refuse_move("card", words[row])
        return words


def drawn_since_us(state: State, past: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Since when cards draw on what they draw on, by their newest past; 0 where they always did."""
    pasts = state.table("card_pasts")
    past = past.copy()
    while (spells := pasts["status"][past] != 0).any():
        past[spells] = pasts["next"][past[spells]]
    return pasts["until_us"][past]


def is_ending(rows: NDArray[np.void]) -> NDArray[np.bool_]:
    """Which rows of CARDS end what a card drew on, or a spell."""
    ending: NDArray[np.bool_] = (rows["was_account"] != 0) | (rows["was_status"] != 0)
    return ending


def told_apart(state: State, rows: NDArray[np.void], card: NDArray[np.int64]) -> NDArray[np.void]:
    """The rows as they are journalled: with the spells that they end, and two of a card of which
    what it drew on ends as well, since a row ends one of them."""
    now = state.table("credentials")[np.maximum(card, 0)]
    over = (card >= 0) & (now["status"] != Status.ACTIVE) & (rows["status"] == Status.ACTIVE)
    over &= now["since_us"] < rows["since_us"]
    both = over & (rows["was_account"] != 0)
    told = np.repeat(rows, 1 + both)
    last = np.cumsum(1 + both) - 1  # where the row of each card is that says its status
    before = last[both] - 1
    for name in ("status", "since_us"):
        told[name][before] = now[name][both]
    for name in TIMED:
        told[f"was_{name}"][last[both]] = 0
    told["was_status"][last[over]] = now["status"][over]
    told["from_us"][last[over]] = now["since_us"][over]
    told["was_past"][last[over]] = now["past"][over]
    ended = state.count("card_pasts") - 1 + np.cumsum(is_ending(told))
    told["was_past"][last[both]] = ended[before]
    return told
