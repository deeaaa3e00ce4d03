"""The books that a chain of blocks must keep: recomputed from the legs alone, block by block.

Written from docs/ledger.md and not from the engine, so that one checks the other. Sums are exact
in any case: amounts are added in two halves of 32 bits, whose sums cannot overflow.
"""

from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from onecard.core.errors import LedgerFault
from onecard.core.journal.block import Block
from onecard.ext.shape.numbers import (
    OWNER_KINDS,
    Funding,
    Image,
    Kind,
    Outcome,
    OwnerKind,
    Purse,
    Record,
)

Amounts = NDArray[np.int64]

PARTIES = 1 << 16
ACCOUNTS_MAX = 1 << 28  # beyond it a number is a fault and not an account
LOW = (1 << 32) - 1
OF_HOLDS = (Image.HOLD_OPENED, Image.HOLD_CLOSED)
OF_ORIGINALS = (Image.CLAIMED, Image.CLOSED_ORIGINAL, Image.ADJUSTED)  # their key is its sequence


@dataclass
class Sums:
    """A sum of fen a key, exact in any case."""

    size: int
    high: Amounts = field(init=False)
    low: Amounts = field(init=False)

    def __post_init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.high = np.zeros(self.size, np.int64)
        self.low = np.zeros(self.size, np.int64)

    def add(self, keys: NDArray[Any], amounts: Amounts) -> None:
        np.add.at(self.high, keys, amounts >> 32)
        np.add.at(self.low, keys, amounts & LOW)
        self.high += self.low >> 32
        self.low &= LOW

    def fen(self, key: int) -> int:
        return (int(self.high[key]) << 32) + int(self.low[key])

    def total_fen(self) -> int:
        return (int(self.high.sum()) << 32) + int(self.low.sum())

    def used(self) -> NDArray[np.intp]:
        """The keys whose sum is not zero."""
        return np.flatnonzero((self.high != 0) | (self.low != 0))


class Books:
    """Takes the blocks of a ledger in order; LedgerFault at the first that does not add up."""

    def __init__(self) -> None:
        self.records = 0
        self.entries = 0
        self.legs = 0
        self.windows = 0
        self.window = 1
        self.window_first = 1
        self.trial = Sums(OWNER_KINDS)
        self.booked = np.zeros(OWNER_KINDS, np.int64)  # legs, by owner kind
        self.main_fen = np.zeros(1 << 10, np.int64)  # by account: what is available on it
        self.newest = np.zeros(1 << 10, np.uint64)  # by account: its newest entry
        self._in = Sums(PARTIES)
        self._out = Sums(PARTIES)
        self._turnover = np.zeros(PARTIES, np.int64)  # legs in the open window
        self._holds: dict[int, int] = {}  # open ones that have an end: by row, their sequence

    def take(self, block: Block) -> None:
        """Check a block against all before it, then count it in."""
        wanted = np.arange(block.first, block.last + 1, dtype=np.uint64)
        at = _first(block.rows["sequence"] != wanted)
        if at is not None:
            _refuse(block, at, f"sequence {wanted[at]}", block.rows["sequence"][at])
        if block.record == Record.ENTRIES:
            self._take_entries(block)
        elif len(block.legs) or len(block.images):
            _refuse(block, 0, "no legs and no images", len(block.legs) + len(block.images))
        if block.record == Record.WINDOWS:
            self._take_window(block)
        self.records += block.count

    # ---- entries ----------------------------------------------------------------------------

    def _take_entries(self, block: Block) -> None:
        rows = block.rows
        for name, wanted in (("window", self.window), ("booked_at_us", block.booked_at_us)):
            at = _first(rows[name] != wanted)
            if at is not None:
                _refuse(block, at, f"{name} {wanted}", rows[name][at])
        entry_of_leg = _legs_of_entries(block)
        _check_legs(block, entry_of_leg)
        self._check_accounts(block, entry_of_leg)
        self._check_extensions(block)
        legs = block.legs
        amounts = legs["amount_fen"]
        self.trial.add(legs["owner_kind"], amounts)
        self.booked += np.bincount(legs["owner_kind"], minlength=OWNER_KINDS)
        self._in.add(legs["party"], np.maximum(amounts, 0))
        self._out.add(legs["party"], np.minimum(amounts, 0))
        np.add.at(self._turnover, legs["party"], 1)
        self.entries += block.count
        self.legs += len(legs)

    def _check_accounts(self, block: Block, entry_of_leg: NDArray[np.intp]) -> None:
        """`balance_fen` and `previous` of every entry, by its account's entries in order."""
        rows, legs = block.rows, block.legs
        on_account = legs["owner_kind"] == OwnerKind.ACCOUNT
        strange = on_account & (
            (legs["owner"] != rows["account"][entry_of_leg])
            | (rows["funding"][entry_of_leg] != Funding.PREPAID)
        )
        at = _first(strange)
        if at is not None:
            entry = int(entry_of_leg[at])
            found = f"account {legs['owner'][at]} for account {rows['account'][entry]}"
            _refuse(block, entry, "account legs on its own prepaid account", found)
        self._make_room(block)
        main = on_account & (legs["purse"] == Purse.MAIN)
        change = np.zeros(block.count, np.int64)
        np.add.at(change, entry_of_leg[main], legs["amount_fen"][main])

        order = np.argsort(rows["account"], kind="stable")
        account = rows["account"][order]
        running = np.cumsum(change[order])
        starts = np.flatnonzero(np.r_[True, account[1:] != account[:-1]])
        sizes = np.diff(np.r_[starts, len(account)])
        before = self.main_fen[account[starts]] - (running[starts] - change[order][starts])
        running += np.repeat(before, sizes)
        previous = np.r_[np.uint64(0), rows["sequence"][order][:-1]]
        previous[starts] = self.newest[account[starts]]
        known = account != 0
        prepaid = known & (rows["funding"][order] == Funding.PREPAID)
        balance = np.where(prepaid, running, 0)
        previous = np.where(known, previous, 0)
        for name, wanted in (("balance_fen", balance), ("previous", previous)):
            at = _first(rows[name][order] != wanted)
            if at is not None:
                _refuse(block, int(order[at]), f"{name} {wanted[at]}", rows[name][order][at])
        ends = starts + sizes - 1
        self.main_fen[account[ends]] = running[ends]
        self.newest[account[ends]] = rows["sequence"][order][ends]

    def _make_room(self, block: Block) -> None:
        highest = int(block.rows["account"].max())
        if highest >= ACCOUNTS_MAX:
            at = int(block.rows["account"].argmax())
            _refuse(block, at, f"an account below {ACCOUNTS_MAX}", highest)
        if highest >= len(self.main_fen):
            more = 2 * highest + 1 - len(self.main_fen)
            self.main_fen = np.concatenate((self.main_fen, np.zeros(more, np.int64)))
            self.newest = np.concatenate((self.newest, np.zeros(more, np.uint64)))

    def _check_extensions(self, block: Block) -> None:
        """In the order of their entries, of a kind that is known, and of what came before; what
        they say of originals is proved by taken_back.py."""
        images = block.images
        if not len(images):
            return
        rows = images["row"].astype(np.int64)
        if int(rows.max()) >= block.count or (np.diff(rows) < 0).any():
            _refuse(block, 0, f"images of rows 0 to {block.count - 1} in order", rows.tolist())
        at = _first(~np.isin(images["what"], list(Image)))
        if at is not None:
            _refuse(block, int(rows[at]), "an after-image of a known kind", images["what"][at])
        entries = np.uint64(block.first) + images["row"]
        of_original = np.isin(images["what"], OF_ORIGINALS)
        at = _first(of_original & ((images["key"] == 0) | (images["key"] >= entries)))
        if at is not None:
            _refuse(block, int(rows[at]), "an original that came before", images["key"][at])
        for number in np.flatnonzero(np.isin(images["what"], OF_HOLDS)):
            self._check_hold(block, images, images[number])

    def _check_hold(self, block: Block, images: NDArray[np.void], image: np.void) -> None:
        """A hold that has an end takes a row that is free, and what closes it frees that row."""
        row, number, value = int(image["row"]), int(image["key"]), int(image["value"])
        entry = block.rows[row]
        if image["what"] == Image.HOLD_OPENED:
            if entry["kind"] != Kind.HOLD or number < 1 or number in self._holds:
                found = f"row {number} for kind {entry['kind']}"
                _refuse(block, row, "a hold to take a row of open holds that is free", found)
            held_us = int(entry["tapped_at_us"]) or int(entry["booked_at_us"])
            if value <= held_us:
                _refuse(block, row, f"an end after {held_us}", value)
            self._holds[number] = block.first + row
            return
        if value != int(entry["about"]) or self._holds.pop(number, 0) != value:
            _refuse(block, row, f"row {number} of the hold that it is about", f"hold {value}")
        its_own = images[slice(*np.searchsorted(images["row"], (row, row + 1)))]
        if not (its_own["key"][its_own["what"] == Image.CLOSED_ORIGINAL] == value).any():
            _refuse(block, row, f"hold {value} to be closed", "it open")

    # ---- windows ----------------------------------------------------------------------------

    def _take_window(self, block: Block) -> None:
        """The nets of a closed window are the sums of its legs; the next one opens."""
        rows = block.rows
        for name, wanted in (
            ("window", self.window),
            ("first", self.window_first),
            ("cut", block.last),
        ):
            at = _first(rows[name] != wanted)
            if at is not None:
                _refuse(block, at, f"{name} {wanted}", rows[name][at])
        if (np.diff(rows["participant"].astype(np.int64)) <= 0).any():
            _refuse(block, 0, "a row a participant in order", rows["participant"].tolist())
        missing = np.setdiff1d(np.flatnonzero(self._turnover), rows["participant"])
        if len(missing):
            _refuse(block, 0, f"a row for participant {missing[0]}, who has legs", "none")
        for at, row in enumerate(rows):
            party = int(row["participant"])
            legs = self._in.fen(party), -self._out.fen(party), int(self._turnover[party])
            found = int(row["in_fen"]), int(row["out_fen"]), int(row["legs"])
            if legs != found:
                _refuse(block, at, f"in_fen, out_fen and legs {legs} of {party}", found)
        self._in.clear()
        self._out.clear()
        self._turnover[:] = 0
        self.windows += 1
        self.window += 1
        self.window_first = block.last + 1


def _legs_of_entries(block: Block) -> NDArray[np.intp]:
    """The entry's index for each leg; every leg belongs to one entry, and they lie in order."""
    counts = block.rows["legs"].astype(np.int64)
    at = np.cumsum(counts) - counts
    if int(counts.sum()) != len(block.legs):
        _refuse(block, 0, f"{int(counts.sum())} legs as its entries count them", len(block.legs))
    wrong = _first((counts > 0) & (block.rows["legs_at"] != at))
    if wrong is not None:
        _refuse(block, wrong, f"legs at {at[wrong]}", block.rows["legs_at"][wrong])
    return np.repeat(np.arange(block.count), counts)


def _check_legs(block: Block, entry_of_leg: NDArray[np.intp]) -> None:
    """Legs of every entry sum to zero, and move what the entry says was moved."""
    rows, legs = block.rows, block.legs
    amounts = legs["amount_fen"]
    odd = _first(
        (amounts == 0)
        | ~np.isin(legs["owner_kind"], np.array(list(OwnerKind)))
        | ~np.isin(legs["purse"], np.array(list(Purse)))
    )
    if odd is not None:
        _refuse(block, int(entry_of_leg[odd]), "a leg of a known owner and purse", legs[odd])
    sums = Sums(block.count)
    sums.add(entry_of_leg, amounts)
    used = sums.used()
    if len(used):
        _refuse(block, int(used[0]), "legs that sum to 0 fen", f"{sums.fen(int(used[0]))} fen")
    moved = Sums(block.count)
    moved.add(entry_of_leg, np.maximum(amounts, 0))
    captures = np.flatnonzero((rows["kind"] == Kind.CAPTURE) & (rows["legs"] > 1))
    given = amounts[rows["legs_at"][captures] + 1]  # a capture moves the hold, and books a part
    moved.high[captures], moved.low[captures] = given >> 32, given & LOW
    _net_reversals(block, entry_of_leg, moved)
    accepted = rows["outcome"] <= Outcome.ACCEPTED_SUSPENSE
    stated = np.where(accepted, rows["amount_fen"], 0)
    # An adjustment says by its sign which way its amount went.
    stated = np.where(rows["kind"] == Kind.ADJUST, np.abs(stated), stated)
    wrong = _first((moved.high != stated >> 32) | (moved.low != stated & LOW))
    if wrong is not None:
        _refuse(block, wrong, f"legs that move its {stated[wrong]} fen", f"{moved.fen(wrong)} fen")


def _net_reversals(block: Block, entry_of_leg: NDArray[np.intp], moved: Sums) -> None:
    """A reversal of what was adjusted down has legs both ways for one owner: it moves the rest."""
    rows, legs = block.rows, block.legs
    several = (rows["kind"] == Kind.REVERSAL) & (rows["legs"] > 2)
    at = np.flatnonzero(several[entry_of_leg])
    if len(at) == 0:
        return
    whose = [entry_of_leg[at], *(legs[name][at] for name in ("owner_kind", "purse", "owner"))]
    owners, owner_of = np.unique(np.stack(whose, axis=1), axis=0, return_inverse=True)
    net = Sums(len(owners))
    net.add(owner_of.reshape(-1), legs["amount_fen"][at])
    gains = np.flatnonzero(net.high >= 0)
    moved.high[several], moved.low[several] = 0, 0
    np.add.at(moved.high, owners[gains, 0], net.high[gains])
    np.add.at(moved.low, owners[gains, 0], net.low[gains])
    moved.high += moved.low >> 32
    moved.low &= LOW


def _first(wrong: NDArray[np.bool_]) -> int | None:
    """The index of the first True."""
    at = int(wrong.argmax()) if len(wrong) else 0
    return at if len(wrong) and wrong[at] else None


def _refuse(block: Block, row: int, expected: str, found: object) -> NoReturn:
    raise LedgerFault(
        f"{block.where}, entry {block.first + row}: expected {expected}, found {found}"
    )
