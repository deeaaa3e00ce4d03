"""The details of a window, line by line, against a slow reading of the same journal."""

import csv
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onecard.core.days import day_text
from onecard.core.errors import LedgerFault
from onecard.core.exchange import detail, form
from onecard.core.exchange.detail import Sums, detail_lines, exact_sum, write_details
from onecard.core.journal import LocalJournal
from onecard.core.settlement.window import WindowView, find_window, read_view
from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import Kind, Outcome, OwnerKind, Purse, Record
from onecard.ext.text import csv_write
from tests.settle.settling import NAMES, entries_of, journal_of, lying_journal

WRITER = detail_lines()


def name_of(enum: Any, number: int) -> str:
    return "" if number not in list(enum) else str(enum(number).name)


def slow_line(entry: Any, leg: Any, number: int) -> str:
    """One line, from docs/files.md."""
    values = {
        "sequence": entry["sequence"],
        "leg": number,
        "terminal": entry["terminal"],
        "epoch": entry["epoch"],
        "terminal_seq": entry["terminal_seq"],
        "kind": name_of(Kind, entry["kind"]),
        "outcome": name_of(Outcome, entry["outcome"]),
        "reason": name_of(Outcome, entry["reason"]),
        "offline": entry["flags"] & 1,
        "card": f"{int(entry['token']):016x}",
        "operator": entry["operator_id"],
        "issuer": entry["issuer"],
        "account": "" if leg is None else name_of(OwnerKind, leg["owner_kind"]),
        "purse": "" if leg is None else name_of(Purse, leg["purse"]),
        "place": entry["place"],
        "tariff": entry["tariff"],
        "journey": entry["journey"],
        "about": entry["about"],
        "tapped_at_us": entry["tapped_at_us"],
        "booked_at_us": entry["booked_at_us"],
        "travel_date": day_text(int(entry["travel_day"])),
        "entry_fen": entry["amount_fen"],
        "amount_fen": 0 if leg is None else leg["amount_fen"],
    }
    assert tuple(values) == form.COLUMNS
    return ",".join(str(value) for value in values.values())


def slow_details(journal: LocalJournal, view: WindowView) -> dict[int, list[str]]:
    """Every line of every participant: one a leg, and one of 0 for an operator without any."""
    lines: dict[int, list[str]] = defaultdict(list)
    for block in journal.blocks(view.first, view.cut):
        if block.record != Record.ENTRIES:
            continue
        for entry in block.rows:
            at = int(entry["legs_at"])
            legs = block.legs[at : at + int(entry["legs"])]
            for number, leg in enumerate(legs, 1):
                lines[int(leg["party"])].append(slow_line(entry, leg, number))
            if int(entry["operator_id"]) not in legs["party"]:
                lines[int(entry["operator_id"])].append(slow_line(entry, None, 0))
    return lines


def fast_details(journal: LocalJournal, window: int) -> tuple[dict[int, bytes], dict[int, Sums]]:
    block = journal.block_of(find_window(journal, window).record)
    assert block is not None
    texts: dict[int, bytes] = defaultdict(bytes)

    def sink(participant: int, text: bytes) -> None:
        texts[participant] += text

    return texts, write_details(journal, read_view(block), sink)


@pytest.mark.parametrize("group", [1, 100, detail.GROUP_ENTRIES])
def test_each_leg_and_each_outcome_has_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group: int
) -> None:
    monkeypatch.setattr(detail, "GROUP_ENTRIES", group)
    journal = journal_of(tmp_path, [40, 700], block=64)
    for window in (1, 2):
        block = journal.block_of(find_window(journal, window).record)
        assert block is not None
        view = read_view(block)
        expected = slow_details(journal, view)
        texts, sums = fast_details(journal, window)
        for position in view.positions:
            lines = texts[position.participant].decode().splitlines()
            assert lines == expected[position.participant]
            found = sums[position.participant]
            assert (found.lines, found.legs) == (len(lines), position.legs)
            assert (found.in_fen, found.out_fen) == (position.in_fen, position.out_fen)
    journal.close()


def test_progress_ends_at_the_last_entry(tmp_path: Path) -> None:
    journal = journal_of(tmp_path, [300], block=50)
    block = journal.block_of(find_window(journal, 1).record)
    assert block is not None
    seen: list[tuple[int, int]] = []
    write_details(journal, read_view(block), lambda *_: None, lambda *at: seen.append(at))
    assert seen and seen[-1][0] == 301 and seen[-1][1] == 301 + len(NAMES)
    journal.close()


LIES = [
    ("window", "expected entries of window 1, found others"),
    ("party", "found one of participant 9"),
    ("legs_at", "found its legs are not in the order of its rows"),
    ("travel_day", "travel day is out of range"),
    ("moved", "participant 1: expected .* as its record says, found details of"),
    ("legs", "participant 3: expected .* legs as its record says"),
]


@pytest.mark.parametrize(("lie", "says"), LIES)
def test_details_that_are_not_their_record_are_refused(tmp_path: Path, lie: str, says: str) -> None:
    with lying_journal(tmp_path, lie) as journal, pytest.raises(LedgerFault, match=says):
        fast_details(journal, 1)


def test_a_record_whose_nets_are_not_zero_is_refused(tmp_path: Path) -> None:
    with journal_of(tmp_path, [50], extra_fen=1) as journal:
        with pytest.raises(LedgerFault, match="nets that sum to zero"):
            fast_details(journal, 1)


@given(st.data())
def test_a_line_says_every_number_exactly(data: st.DataObject) -> None:
    entry = np.zeros(1, dtypes.ENTRY)
    for name in dtypes.ENTRY.names or ():
        dtype = dtypes.ENTRY[name]
        if name == "travel_day":
            entry[name] = data.draw(st.integers(detail.DAY_FIRST, detail.DAY_LAST))
        elif name == "legs_at":
            entry[name] = 0
        else:
            info = np.iinfo(dtype)
            entry[name] = data.draw(st.integers(int(info.min), int(info.max)), label=name)
    leg = np.zeros(1, dtypes.LEG)
    leg["owner_kind"] = data.draw(st.integers(0, 255))
    leg["purse"] = data.draw(st.integers(0, 255))
    leg["amount_fen"] = data.draw(st.integers(-(2**63), 2**63 - 1))
    text = WRITER.write(entry, leg, np.array([0, 0], np.uint32), np.array([0, -1], np.int64))
    expected = [slow_line(entry[0], leg[0], 1), slow_line(entry[0], None, 0)]
    assert text.decode().splitlines() == expected
    assert all(len(row) == len(form.COLUMNS) for row in csv.reader(text.decode().splitlines()))


def test_a_line_outside_its_arrays_is_refused() -> None:
    entries, legs = entries_of(1, 5, 1)
    for entry_of, leg_of in ((5, 0), (0, len(legs)), (0, -2)):
        with pytest.raises(ValueError, match="out of range"):
            WRITER.write(
                entries, legs, np.array([entry_of], np.uint32), np.array([leg_of], np.int64)
            )
    with pytest.raises(ValueError, match="at most"):
        many = np.zeros(csv_write.LINES_MAX + 1, np.uint32)
        WRITER.write(entries, legs, many, many.astype(np.int64))


@given(st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_sums_of_fen_are_exact(amounts_fen: list[int]) -> None:
    assert exact_sum(np.array(amounts_fen, np.int64)) == sum(amounts_fen)
