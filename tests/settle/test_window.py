"""Closing a window: what is journalled, what is refused, what is said of it afterwards."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from onecard.core.errors import BadInput, LedgerFault, NotFound, OnecardError, Overloaded
from onecard.core.journal import Draft, LocalJournal
from onecard.core.settlement.window import (
    Closed,
    CloseWindow,
    closed_view,
    find_window,
    window_view,
)
from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import Record
from onecard.ext.state.apply import apply
from onecard.ext.state.state import State
from tests.settle.settling import DAY, LEDGER, NAMES, NOON_US, entries_of, journal_of


class Book:
    """A journal and the state it folds to."""

    def __init__(self, path: Path) -> None:
        self.state = State(cards_max=4096, terminals_max=8192)
        self.journal = LocalJournal.create(path, LEDGER, watermark_bytes=0)
        self.at_us = NOON_US

    def append(self, *drafts: Draft) -> None:
        for draft in drafts:
            self.journal.write([draft])
            block = self.journal.block_of(draft.first)
            assert block is not None
            apply(self.state, block.value)

    def participants(self) -> None:
        rows = np.zeros(len(NAMES), dtypes.PARTICIPANT_RECORD)
        rows["sequence"] = self.journal.written.last + 1 + np.arange(len(rows))
        rows["participant"] = np.arange(1, len(rows) + 1)
        rows["status"] = 1
        rows["name"] = [name.encode() for name in NAMES]
        rows["name_bytes"] = [len(name.encode()) for name in NAMES]
        self.append(Draft.of(Record.PARTICIPANTS, rows, self.tick()))

    def accounts(self, count: int) -> None:
        rows = np.zeros(count, dtypes.CARD_RECORD)
        rows["sequence"] = self.journal.written.last + 1 + np.arange(count)
        rows["account"] = np.arange(1, count + 1)
        rows["token"] = rows["account"] * 7
        rows["issuer"], rows["funding"], rows["status"] = 4, 1, 1
        self.append(Draft.of(Record.CARDS, rows, self.tick()))
        rows = np.zeros(count, dtypes.TERMINAL_RECORD)
        rows["sequence"] = self.journal.written.last + 1 + np.arange(count)
        rows["terminal"] = np.arange(1, count + 1)
        rows["operator_id"], rows["status"] = 1, 1
        self.append(Draft.of(Record.TERMINALS, rows, self.tick()))

    def entries(self, count: int) -> None:
        window = int(self.state.totals["window"][0])
        entries, legs = entries_of(count, count, self.journal.written.last + 1, window)
        entries["account"] = entries["terminal"] = entries["terminal"] % 500 + 1
        legs["owner"] = np.where(legs["owner_kind"] == 1, legs["owner"] % 500 + 1, legs["owner"])
        self.append(Draft.of(Record.ENTRIES, entries, self.tick(), legs))

    def tick(self) -> int:
        self.at_us += 1
        return self.at_us

    def close(self, window: int, day: int = DAY) -> Closed:
        drafts, answer = CloseWindow(window, day).apply(
            self.state, self.journal.written.last + 1, self.tick()
        )
        self.append(*drafts)
        return answer


@pytest.fixture
def book(tmp_path: Path) -> Book:
    book = Book(tmp_path)
    book.participants()
    book.accounts(500)
    return book


def test_a_closed_window_is_its_own_sum_and_the_next_one_is_open(book: Book) -> None:
    book.entries(300)
    live = window_view(book.state, book.journal, 1)
    assert not live.closed and live.first == 1 and live.cut == book.journal.durable.last
    before = book.journal.durable.last
    answer = book.close(1)
    view = window_view(book.state, book.journal, 1)
    assert view.positions == live.positions
    assert [position.name for position in view.positions] == list(NAMES)
    assert any(position.in_fen for position in view.positions)
    assert sum(position.net_fen for position in view.positions) == 0
    assert (view.closed, view.first, view.cut) == (True, 1, before + len(NAMES))
    assert closed_view(book.journal, find_window(book.journal, 1)) == view
    assert answer == find_window(book.journal, 1)
    after = window_view(book.state, book.journal, 2)
    assert after.first == view.cut + 1
    assert not any(p.in_fen or p.out_fen or p.legs for p in after.positions)
    book.entries(20)
    book.close(2)
    # What was booked after the cut is in the next window, and the first one stays as it was.
    assert window_view(book.state, book.journal, 1) == view
    second = window_view(book.state, book.journal, 2)
    assert second.first == view.cut + 1
    assert sum(position.legs for position in second.positions) > 0


def test_an_act_changes_nothing_until_its_draft_is_applied(book: Book) -> None:
    book.entries(50)
    digest = book.state.digest()
    drafts, _ = CloseWindow(1, DAY).apply(book.state, book.journal.written.last + 1, book.tick())
    assert len(drafts) == 1 and book.state.digest() == digest


def test_closing_again_answers_as_it_did_and_books_nothing(book: Book) -> None:
    book.entries(10)
    first = book.close(1)
    book.entries(10)
    last = book.journal.durable.last
    again = book.close(1)
    assert book.journal.durable.last == last
    assert again == replace(first, repeated=True)


def test_a_window_without_entries_closes_too(book: Book) -> None:
    book.close(1)
    book.close(2)
    view = window_view(book.state, book.journal, 2)
    assert view.cut - view.first + 1 == len(NAMES)


REFUSALS = [
    # window, day, error, what its line says
    (0, DAY, NotFound, "window 0 is neither closed nor open; the open one is 2"),
    (3, DAY, NotFound, "the open one is 2"),
    (-1, DAY, NotFound, "the open one is 2"),
    (1, DAY + 1, BadInput, "was closed for 2024-10-04, not 2024-10-05"),
    (2, 0, BadInput, "2000-01-01"),
    (2, 50_000, BadInput, "found 50000 days"),
    (
        2,
        DAY - 1,
        BadInput,
        r"expected 2024-10-04 \(the day of window 1\) to 2024-10-19",
    ),
    (2, DAY + 16, BadInput, "found 2024-10-20; give the day that is meant, or force it"),
]


@pytest.mark.parametrize(("window", "day", "error", "says"), REFUSALS)
def test_refusals(book: Book, window: int, day: int, error: type[OnecardError], says: str) -> None:
    book.close(1)
    with pytest.raises(error, match=says):
        CloseWindow(window, day).apply(book.state, book.journal.written.last + 1, book.tick())


def test_a_ledger_without_participants_is_not_closed(tmp_path: Path) -> None:
    book = Book(tmp_path)
    with pytest.raises(BadInput, match="load participants"):
        book.close(1)


def test_nets_that_do_not_sum_to_zero_are_not_closed(book: Book) -> None:
    book.entries(10)
    book.state.table("participants")["window_in_fen"][3] += 1
    with pytest.raises(LedgerFault, match="nets that sum to zero"):
        book.close(1)


def test_a_window_whose_record_is_not_durable_yet_is_asked_for_again(book: Book) -> None:
    drafts, _ = CloseWindow(1, DAY).apply(book.state, book.journal.written.last + 1, book.tick())
    other = LocalJournal.create(book.journal.folder.parent / "other", LEDGER, watermark_bytes=0)
    other.write(drafts[:0])
    book.append(*drafts)
    with pytest.raises(Overloaded, match="being closed"):
        window_view(book.state, other, 1)
    other.close()


@pytest.mark.parametrize("block", [1, 7, 8192])
def test_a_window_is_found_without_the_state(tmp_path: Path, block: int) -> None:
    counts = [0, 30, 0, 0, 25, 1, 40]
    journal = journal_of(tmp_path, counts, block=block)
    expected_first = 1
    for number in range(1, len(counts) + 1):
        found = find_window(journal, number)
        assert (found.window, found.first) == (number, expected_first)
        rows = journal.block_of(found.record)
        assert rows is not None and rows.last == found.cut
        expected_first = found.cut + 1
    for number in (0, len(counts) + 1, 99):
        with pytest.raises(NotFound, match=f"window {number} is not a closed window"):
            find_window(journal, number)
    journal.close()
