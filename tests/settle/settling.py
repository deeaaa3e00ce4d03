"""Journals with a window in them, made by hand, for the tests of settlement."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onecard.core.exchange.detail import detail_lines
from onecard.core.exchange.form import Header, Trailer, digest_line
from onecard.core.journal import Draft, LocalJournal
from onecard.core.settlement.window import NAME
from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import Kind, Outcome, OwnerKind, Record
from onecard.ext.text.csv_write import LINES_MAX

LEDGER = bytes(range(16))
NAMES = ("地铁集团", "东部公交", 'a "quoted", name', "工商银行", "徽商银行")
OPERATORS, ISSUERS = (1, 2, 3), (4, 5)
DAY = 20_000  # 2024-10-04
NOON_US = DAY * 86_400_000_000
# kind, outcome, whether it charges
SORTS = (
    (Kind.RIDE, Outcome.ACCEPTED, True),
    (Kind.EXIT, Outcome.ACCEPTED, True),
    (Kind.ENTRY, Outcome.ACCEPTED, False),
    (Kind.PURCHASE, Outcome.FUNDS, False),
    (Kind.HOLD, Outcome.ACCEPTED, False),  # moves money of the issuer only
    (Kind.RIDE, Outcome.ACCEPTED_SUSPENSE, False),  # moves money of the operator only
)


def entries_of(
    seed: int, count: int, first: int, window: int = 1
) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """Random ENTRY rows from sequence `first` on, and their legs."""
    random = np.random.default_rng(seed)
    sort = random.integers(0, len(SORTS), count)
    entries = np.zeros(count, dtypes.ENTRY)
    entries["sequence"] = np.arange(first, first + count)
    entries["token"] = random.integers(1, 1 << 63, count, np.uint64)
    entries["tapped_at_us"] = NOON_US + random.integers(-(10**11), 10**9, count)
    entries["booked_at_us"] = NOON_US + np.arange(count)
    entries["travel_day"] = entries["tapped_at_us"] // 86_400_000_000
    entries["amount_fen"] = random.integers(1, 2000, count)
    entries["terminal"] = random.integers(1, 5000, count)
    entries["terminal_seq"] = np.arange(first, first + count)
    entries["place"] = random.integers(0, 400, count)
    entries["window"] = window
    entries["operator_id"] = random.choice(OPERATORS, count)
    entries["issuer"] = random.choice(ISSUERS, count)
    entries["kind"] = np.array([kind for kind, _, _ in SORTS])[sort]
    entries["outcome"] = np.array([outcome for _, outcome, _ in SORTS])[sort]
    entries["reason"] = np.where(sort == 5, int(Outcome.CARD_UNKNOWN), 0)
    entries["flags"] = sort == 5
    entries["legs"] = np.array([2, 2, 0, 0, 2, 2])[sort]
    entries["legs_at"] = np.cumsum(entries["legs"].astype(np.int64)) - entries["legs"]
    moving = entries["legs"] > 0
    rows, kinds = entries[moving], sort[moving]
    legs = np.zeros((len(rows), 2), dtypes.LEG)
    held, due = kinds == 4, kinds == 5
    legs["owner"][:, 0] = np.where(due, rows["operator_id"], rows["terminal"])
    legs["owner"][:, 1] = np.where(held, rows["terminal"], rows["operator_id"])
    legs["party"][:, 0] = np.where(due, rows["operator_id"], rows["issuer"])
    legs["party"][:, 1] = np.where(held, rows["issuer"], rows["operator_id"])
    legs["owner_kind"][:, 0] = np.where(due, int(OwnerKind.SUSPENSE), int(OwnerKind.ACCOUNT))
    legs["owner_kind"][:, 1] = np.where(
        held, int(OwnerKind.ACCOUNT), np.where(due, int(OwnerKind.SUSPENSE), int(OwnerKind.PAYABLE))
    )
    legs["purse"][:, 0] = np.where(due, 2, 0)
    legs["purse"][:, 1] = np.where(held, 1, np.where(due, 3, 0))
    legs["amount_fen"][:, 0] = -rows["amount_fen"]
    legs["amount_fen"][:, 1] = rows["amount_fen"]
    return entries, legs.reshape(-1)


def records_of(
    legs: Sequence[NDArray[np.void]], first: int, sequence: int, window: int = 1
) -> NDArray[np.void]:
    """The WINDOWS rows that close a window with these legs."""
    rows = np.zeros(len(NAMES), dtypes.WINDOW_RECORD)
    rows["sequence"] = np.arange(sequence, sequence + len(rows))
    rows["first"], rows["cut"] = first, sequence + len(rows) - 1
    rows["closed_at_us"], rows["business_day"], rows["window"] = NOON_US * 2, DAY, window
    rows["participant"] = np.arange(1, len(rows) + 1)
    for row in rows:
        own = [part["amount_fen"][part["party"] == row["participant"]] for part in legs]
        row["in_fen"] = sum(int(a[a > 0].sum()) for a in own)
        row["out_fen"] = -sum(int(a[a < 0].sum()) for a in own)
        row["legs"] = sum(len(a) for a in own)
    return rows


def journal_of(
    path: Path, counts: Sequence[int], seed: int = 1, block: int = 8192, extra_fen: int = 0
) -> LocalJournal:
    """A journal of closed windows, one for each of `counts` entries, and 3 entries in the open one.

    `extra_fen` is added to the `in_fen` of the first record of each window: a record that lies.
    """
    path.mkdir(parents=True, exist_ok=True)
    journal = LocalJournal.create(path, LEDGER, watermark_bytes=0)
    config = np.zeros(1, dtypes.CONFIG_RECORD)
    config["sequence"] = 1
    at_us = NOON_US
    journal.write([Draft.of(Record.CONFIGS, config, at_us)])
    first = 1
    for window, count in enumerate(counts, 1):
        parts: list[NDArray[np.void]] = []
        while count > 0:
            at = journal.written.last + 1
            entries, legs = entries_of(seed + at_us, min(block, count), at, window)
            at_us += 1
            journal.write([Draft.of(Record.ENTRIES, entries, at_us, legs)])
            parts.append(legs)
            count -= len(entries)
        rows = records_of(parts, first, journal.written.last + 1, window)
        rows["in_fen"][0] += extra_fen
        at_us += 1
        names = np.array([name.encode() for name in NAMES], NAME).tobytes()
        journal.write([Draft.of(Record.WINDOWS, rows, at_us, blob=names)])
        first = journal.written.last + 1
    entries, legs = entries_of(seed, 3, first, len(counts) + 1)
    journal.write([Draft.of(Record.ENTRIES, entries, at_us + 1, legs)])
    return journal


def lying_journal(path: Path, lie: str) -> LocalJournal:
    """A chain that is sound in itself and holds one window that is not."""
    journal = LocalJournal.create(path, bytes(16), watermark_bytes=0)
    entries, legs = entries_of(3, 50, 1)
    rows = records_of([legs], 1, 51)
    drafts = []
    if lie == "window":  # of a block of one entry in the middle
        at = int(entries["legs_at"][7]), int(entries["legs_at"][8])
        parts = (entries[:7], legs[: at[0]]), (entries[7:8], legs[at[0] : at[1]])
        parts = (*parts, (entries[8:], legs[at[1] :]))
        parts[1][0]["window"] = 2
        for time, (some, theirs) in enumerate(parts, 1):
            some["legs_at"] -= int(some["legs_at"][0])
            drafts.append(Draft.of(Record.ENTRIES, some, time, theirs))
    elif lie == "party":
        legs["party"][legs["party"] == 4] = 9
    elif lie == "legs_at":
        entries["legs_at"][entries["legs"] > 0] += 1
    elif lie == "travel_day":
        entries["tapped_at_us"][9] = 1
    elif lie == "moved":
        # One fen more each way between two parties: the nets still sum to zero.
        rows["in_fen"][0] += 1
        rows["out_fen"][3] += 1
    elif lie == "legs":
        rows["legs"][2] += 1
    journal.write(drafts or [Draft.of(Record.ENTRIES, entries, 1, legs)])
    journal.write([Draft.of(Record.WINDOWS, rows, 4)])
    return journal


def big_sheet(path: Path, lines: int) -> NDArray[np.void]:
    """A participant's file of so many lines, without a journal; the ENTRY rows they are of."""
    entries, legs = entries_of(9, lines, 1)
    entries["operator_id"], legs["party"] = 1, 2
    entries["terminal_seq"] = entries["sequence"]
    legs["party"][1::2] = 1
    moving = entries["legs"] > 0
    leg_of = np.where(moving, entries["legs_at"].astype(np.int64) + 1, -1)
    writer, digest = detail_lines(), hashlib.sha256()
    amounts_fen = legs["amount_fen"][leg_of[moving]]
    with path.open("wb") as file:

        def put(text: bytes) -> None:
            digest.update(text)
            file.write(text)

        put(Header(LEDGER.hex(), 1, DAY, 1).text())
        for at in range(0, lines, LINES_MAX):
            part = slice(at, min(at + LINES_MAX, lines))
            rows = np.arange(part.start, part.stop, dtype=np.uint32)
            put(writer.write(entries, legs, rows, leg_of[part]))
        put(Trailer(lines, int(amounts_fen.sum()), 0).text())
        file.write(digest_line(digest.hexdigest()))
    return entries
