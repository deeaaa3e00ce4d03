"""A result as people and programs read it: its breaks one by one, never all in memory."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onecard.core.exchange.cells import cell, text_cell, yuan
from onecard.core.exchange.form import BY_ENTRY, BY_IDENTITY
from onecard.core.exchange.lookup import Lookup
from onecard.core.reconcile.breaks import Breaks
from onecard.core.reconcile.match import TRADE_NAMES, Finding
from onecard.core.reconcile.reconcile import Result
from onecard.ext.shape.numbers import Kind

SIDES = ("ours_line", "ours_fen", "theirs_line", "theirs_fen")
# What a clerk looks a break up by; empty where the ledger has no such entry.
KNOWN = ("entry", "window", "time", "card", "kind", "terminal_number")
IN_YUAN = ("ours_yuan", "theirs_yuan")
TEXTS = ("time", "card", "terminal_number")  # a spreadsheet would make numbers or dates of them


@dataclass
class BreakList:
    """A result, with what the ledger knows of its breaks; without `lookup` what the files say."""

    result: Result
    lookup: Lookup | None = None
    hints: list[str] = field(default_factory=list)

    @property
    def columns(self) -> tuple[str, ...]:
        """The fields of a break, in order."""
        return ("what", "name", *self.result.reference, *SIDES, *KNOWN, *IN_YUAN)

    def breaks(self) -> Iterator[dict[str, Any]]:
        """Each break; what a side does not have, or nobody knows, is None."""
        for rows in self.result.breaks.parts():
            known = self._known(rows)
            for row, facts in zip(rows.tolist(), known, strict=True):
                yield self._break(dict(zip(Breaks.names(), row, strict=True)), facts)

    def json_parts(self) -> Iterator[str]:
        """One object, a part at a time; its last field, `breaks`, holds all of them."""
        head = self.result.as_json() | {"hints": self.hints}
        yield json.dumps(head, ensure_ascii=False)[:-1] + ', "breaks": ['
        for number, found in enumerate(self.breaks()):
            said = json.dumps(found, ensure_ascii=False)
            yield f", {said}" if number else said
        yield "]}"

    def lines(self) -> Iterator[str]:
        """The breaks as CSV that a spreadsheet opens without losing a digit, names first."""
        yield ",".join(self.columns)
        for found in self.breaks():
            yield ",".join(
                text_cell(value) if name in TEXTS and value else cell(value)
                for name, value in found.items()
            )

    def _known(self, rows: NDArray[np.void]) -> list[dict[str, Any]]:
        reference = self.result.reference
        if self.lookup is None:
            return [dict.fromkeys(KNOWN) for _ in rows]
        entries = self.lookup.entries(rows, reference)
        terminals = entries["terminal"].copy()
        if reference == BY_IDENTITY:  # its terminal may be known where its tap is not
            terminals = np.where(entries["sequence"] == 0, rows["high"] >> np.uint64(32), terminals)
        tapped_us, booked_us = entries["tapped_at_us"], entries["booked_at_us"]
        at_us = np.where(tapped_us == 0, booked_us, tapped_us)
        names = ("sequence", "window", "token", "kind")
        columns = (*(entries[name].tolist() for name in names), at_us.tolist(), terminals.tolist())
        return [self._fact(*row) for row in zip(*columns, strict=True)]

    def _fact(
        self, sequence: int, window: int, token: int, kind: int, at_us: int, terminal: int
    ) -> dict[str, Any]:
        known: dict[str, Any] = dict.fromkeys(KNOWN)
        if self.lookup is None:
            return known
        if sequence:
            known["entry"], known["window"] = sequence, window
            known["time"] = self.lookup.local(at_us)
            known["card"] = f"{token:016x}"
            known["kind"] = Kind(kind).name
        known["terminal_number"] = self.lookup.terminal_number(terminal) or None
        return known

    def _break(self, row: dict[str, int], known: dict[str, Any]) -> dict[str, Any]:
        what = Finding(row["what"])
        reference = self.result.reference
        named: tuple[int, ...] = (row["high"], row["low"])
        if reference == BY_ENTRY:
            named = (row["high"],)
        if reference == BY_IDENTITY:
            named = (row["high"] >> 32, row["high"] & 0xFFFFFFFF, row["low"])
        sides: dict[str, int | None] = {}
        for side in ("ours", "theirs"):
            line = row[f"{side}_line"]
            sides[f"{side}_line"] = line or None
            sides[f"{side}_fen"] = row[f"{side}_fen"] if line else None
        return {
            "what": what.name.lower(),
            "name": TRADE_NAMES[what],
            **dict(zip(reference, named, strict=True)),
            **sides,
            **known,
            "ours_yuan": yuan(sides["ours_fen"]),
            "theirs_yuan": yuan(sides["theirs_fen"]),
        }
