"""The beginning of a ledger's life as version 1 had it: random steps that the twin takes, in blocks
of version 1, and then stamped as one of format 2. So the twin knows all of it, and goes on with it.

Left out is what was not known then: later columns, kinds and records, and who did what.
"""

import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from onecard.core.config import Settings
from onecard.core.journal.algorithms import INTERNATIONAL
from onecard.core.ledger.folder import LedgerToml, read_ledger_toml
from onecard.core.ledger.migrate import migrate
from onecard.core.ledger.opened import Ledger
from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import Flag, Kind, Record
from tests.support import version_1
from tests.support.random_steps import LATER, NOW_US, RandomSteps
from tests.support.steps import (
    Cards,
    Close,
    Item,
    NewRules,
    NewTariff,
    Participants,
    Taps,
    Terminals,
    TwinSide,
)
from tests.twin import acts
from tests.twin import digest as twin_digest
from tests.twin.state import Tap
from tests.twin.twin import Decision

ACTING = acts.Acting
RECORDS = {
    Participants: (Record.PARTICIPANTS, dtypes.PARTICIPANT_RECORD),
    Terminals: (Record.TERMINALS, dtypes.TERMINAL_RECORD_1),
    Cards: (Record.CARDS, dtypes.CARD_RECORD_1),
    NewTariff: (Record.TARIFFS, dtypes.TARIFF_RECORD),
    NewRules: (Record.CONFIGS, dtypes.CONFIG_RECORD),
    Close: (Record.WINDOWS, dtypes.WINDOW_RECORD),
}
RULES = ("go_live_us", "age_max_us", "ahead_max_us", "amount_max_fen", "zone_offset_us")


@contextmanager
def nobody_named() -> Iterator[None]:
    """Version 1 has no word of who did what: an act is its records."""
    with mock.patch.object(
        acts, "Acting", lambda book, act, at_us: ACTING(book, act, at_us - 1, begun=True)
    ):
        yield


class OldLife:
    """The twin with what was taken, the steps to go on with, and the blocks until now."""

    def __init__(
        self, rng: random.Random, stream_of: Callable[[int], int], steps: int, holds_max: int
    ) -> None:
        self.blocks: list[bytearray] = []
        self.answered: list[tuple[Taps, list[Decision]]] = []
        with nobody_named():
            self.side = TwinSide(NOW_US, holds_max)
            self._book_rules()
            self.steps = RandomSteps(rng, self.side.book)
            registry = self.steps.registry()
            for item in filter(None, map(of_version_1, registry)):
                self._take(item)
            for _ in range(steps):
                self._step(stream_of)
        self.later = [item for item in registry if of_version_1(item) != item]

    def write(self, folder: Path, settings: Settings) -> None:
        """The ledger in `folder`: as version 1 left it, and then migrated."""
        origin = Ledger.create(folder, settings, algorithms=INTERNATIONAL)
        said = read_ledger_toml(folder)
        shutil.rmtree(folder / "journal")
        version_1.journal(folder, origin.ledger_id, self.blocks, settings.segment_bytes)
        (folder / "digest.key").unlink()
        old = LedgerToml(origin, said.segment_bytes, said.key_check, said.form)
        (folder / "ledger.toml").write_text(old.text(said.engine))
        assert migrate(folder) is not None

    def _step(self, stream_of: Callable[[int], int]) -> None:
        for item in filter(None, map(of_version_1, self.steps.step())):
            if not isinstance(item, Taps):
                if isinstance(item, Close):  # the registry stays as it is
                    self._take(item)
                continue
            streams = sorted({stream_of(tap.terminal) for tap in item.taps})
            for stream in streams:
                taps = tuple(tap for tap in item.taps if stream_of(tap.terminal) == stream)
                self._take(replace(item, taps=taps))
        self.steps.sent[:] = map(without_later, self.steps.sent)

    def _take(self, item: Item) -> None:
        book = self.side.book
        last = book.last
        (answer,) = self.side.step([item], self.steps.now_us)
        if isinstance(item, Taps):
            self.answered.append((item, answer))
        if book.last == last:
            return
        if isinstance(item, Taps):
            self._book_entries(last + 1)
        elif isinstance(item, NewRules):
            self._book_rules()
        else:
            self._book(item, self._rows(item))

    def _rows(self, item: Item) -> list[dict[str, Any]]:
        book = self.side.book
        match item:
            case Participants(rows):
                return [
                    {"participant": number, "kind": role, "status": 1, **named("name", name)}
                    for number, (name, role) in enumerate(rows, 1)
                ]
            case Terminals():
                columns = ("place", "mode", "status", "counterless")
                return [
                    {"terminal": number, "operator_id": one.operator, **named("number", one.number)}
                    | {name: getattr(one, name) for name in columns}
                    for number, one in book.terminals.items()
                ]
            case Cards(tokens):
                columns = ("account", "issuer", "funding", "status", "since_us")
                cards = [(token, book.credentials[token]) for token in tokens]
                return [
                    {"token": token, "floor_fen": book.accounts[card.account].floor_fen}
                    | {name: getattr(card, name) for name in columns}
                    for token, card in cards
                ]
            case NewTariff(name, effective_from_us, stations, _, entry_min_fen):
                row = {"effective_from_us": effective_from_us, "version": len(book.tariffs)}
                row |= {"stations": stations, "entry_min_fen": entry_min_fen}
                return [row | {"name": name.encode()}]
        window = book.windows[-1]
        columns = ("first", "cut", "closed_at_us", "window", "business_day")
        row = {name: getattr(window, name) for name in columns}
        return [
            row | vars(position) | {"participant": number}
            for number, position in window.positions.items()
        ]

    def _book_rules(self) -> None:
        rules = self.side.book.rules
        self._book(NewRules(rules), [{name: getattr(rules, name) for name in RULES}])

    def _book(self, item: Item, said: list[dict[str, Any]]) -> None:
        """A block of the newest records; the twin has counted them."""
        book = self.side.book
        record, dtype = RECORDS[type(item)]
        rows = np.zeros(len(said), dtype)
        for row, columns in zip(rows, said, strict=True):
            for name, value in columns.items():
                row[name] = value
        rows["sequence"] = np.arange(book.last + 1 - len(rows), book.last + 1)
        fares = np.array(item.fares_fen if isinstance(item, NewTariff) else (), "<i4")
        made = version_1.block(record, rows, book.booked_at_us, blob=fares.tobytes())
        self.blocks.append(made)

    def _book_entries(self, first: int) -> None:
        book = self.side.book
        entries = [book.entries[number] for number in range(first, book.last + 1)]
        rows = np.zeros(len(entries), dtypes.ENTRY)
        legs: list[dict[str, int]] = []
        images: list[dict[str, int]] = []
        for at, entry in enumerate(entries):
            said = twin_digest.entry_record(entry)
            said["body"] = version_1.body(twin_digest.words_of(entry.tap))
            said["legs_at"] = len(legs)
            for name, value in said.items():
                rows[at][name] = value
            legs += twin_digest.leg_records(entry)
            images += [{**one, "row": at} for one in twin_digest.image_records(entry)]
        parts = (packed(dtypes.LEG, legs), packed(dtypes.AFTER_IMAGE, images))
        self.blocks.append(version_1.block(Record.ENTRIES, rows, book.booked_at_us, *parts))


def of_version_1(item: Item) -> Item | None:
    """An item as it could be said then; None where it could not."""
    match item:
        case Taps(taps):
            known = tuple(without_later(tap) for tap in taps if tap.kind <= Kind.CHECK)
            return replace(item, taps=known) if known else None
        case Terminals(rows):
            devices = [row for row in rows if not row.number.startswith("internal:")]
            return Terminals(tuple(replace(row, network=0, mode=0) for row in devices))
        case NewTariff():
            return replace(item, network=0)
        case Participants() | Cards() | NewRules() | Close():
            return item
    return None


def without_later(tap: Tap) -> Tap:
    """A tap as it could be sent then: no later column, and no exit that its gate rated."""
    tap = replace(tap, **dict.fromkeys(LATER, 0))
    if tap.flags & Flag.RATED:
        tap = replace(tap, flags=tap.flags & ~Flag.RATED, amount_fen=0)
    return tap


def named(column: str, text: str) -> dict[str, Any]:
    return {column: text.encode(), f"{column}_bytes": len(text.encode())}


def packed(dtype: np.dtype[Any], said: list[dict[str, int]]) -> np.ndarray:
    rows = np.zeros(len(said), dtype)
    for row, columns in zip(rows, said, strict=True):
        for name, value in columns.items():
            row[name] = value
    return rows
