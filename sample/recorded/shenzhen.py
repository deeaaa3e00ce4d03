"""Shenzhen taps: data set 29200_00403601 of the city's open data, as CSV or the publisher's JSON.

Some JSON records lack keys where the CSV writes "-": both are blank here, so that a tap has one
digest, and so one identity, whichever way it came.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onecard.core import rows
from onecard.core.ledger import card_number
from onecard.core.ledger.card_number import CardForm
from onecard.sample.recorded import identity
from onecard.sample.recorded.taps import TAP, Fault, Roll

METRO, BUS = 1, 2
MODES = {"地铁入站": METRO, "地铁出站": METRO, "巴士": BUS}  # metro entry, metro exit, bus
SHANGHAI = timezone(timedelta(hours=8))  # no summer time since 1991
ZERO = datetime(1970, 1, 1, tzinfo=UTC)
NAME_BYTES = 88  # of a participant in the ledger
NUMBER_BYTES = 26  # of a terminal in the ledger
CARD_BYTES = 64

Report = Callable[[Fault], None]


def read(
    paths: Sequence[Path], roll: Roll, report: Report, form: CardForm = card_number.ANY
) -> tuple[NDArray[np.void], int]:
    """Read files into TAP rows, ordered by settlement date, then tap time; ties keep file order.

    Returns the rows and how many were left out; each of those was given to `report`, those too
    whose card number has not the form. Raises
    BadInput where a whole file is not Shenzhen taps.
    """
    columns = Columns(roll, report, form)
    for path in paths:
        columns.file = str(path)
        for row in rows.rows(path, tuple(PARSERS), columns.drop):
            columns.take(row)
    taps = columns.taps()
    identity.derive(taps)
    return taps[np.lexsort((taps["at_us"], taps["day"]))], columns.invalid


class Columns:
    """The rows read so far, packed; 56 bytes each."""

    def __init__(self, roll: Roll, report: Report, form: CardForm) -> None:
        self.file = ""
        self.invalid = 0
        self._roll = roll
        self._report = report
        self._packed = bytearray()
        self._parsers = PARSERS | {"card_no": _card(form)}
        self._memos = {
            name: Memo(parse, exact=name == "card_no") for name, parse in self._parsers.items()
        }

    def take(self, row: rows.Row) -> None:
        """Keep a row, or report the first of its columns that is wrong."""
        try:
            fields = [
                memo[value] for memo, value in zip(self._memos.values(), row.values, strict=True)
            ]
        except (Wrong, TypeError):  # TypeError: a list or an object, which no memo can hold
            self._refuse(row)
            return
        at_us, day, card, _, kind, company, _, _, _, money, equipment = fields
        text = "\x1f".join(map(str, fields))  # no field holds a control character
        self._packed += ROW.pack(
            at_us,
            money,
            hashlib.blake2b(text.encode(), digest_size=16).digest(),
            day,
            self._roll.terminal(str(equipment), str(company), MODES[str(kind)]),
            self._roll.card(str(card)),
        )

    def drop(self, unit: str, at: int, column: str, expected: str, found: str) -> None:
        self.invalid += 1
        self._report(Fault(self.file, unit, at, column, expected, found))

    def taps(self) -> NDArray[np.void]:
        return np.frombuffer(self._packed, dtype=TAP)

    def _refuse(self, row: rows.Row) -> None:
        for (name, memo), value in zip(self._memos.items(), row.values, strict=True):
            try:
                memo[value]
            except Wrong as wrong:
                found = wrong.found if isinstance(wrong, WrongCard) else _found(name, value)
                self.drop(row.unit, row.at, name, str(wrong), found)
                return
            except TypeError:
                self.drop(row.unit, row.at, name, "one value", type(value).__name__)
                return
        raise AssertionError("a row was refused though each of its columns is right")


ROW = struct.Struct("<qq16siII8x")  # TAP, its identity still zero
assert ROW.size == TAP.itemsize


# ---- the columns --------------------------------------------------------------------------------


class Wrong(ValueError):
    """A value is not what its column holds; the message says what was expected."""


class WrongCard(Wrong):
    """As a card number's form says it, which shows nothing of the number."""

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(expected)
        self.found = found


class Memo(dict[object, str | int]):
    """A column's values, each parsed once: a day has few distinct times, stations and prices."""

    def __init__(self, parse: Callable[[str], str | int], exact: bool = False) -> None:
        """`exact`: blanks around a value are part of it."""
        super().__init__()
        self._parse = parse
        self._exact = exact

    def __missing__(self, value: object) -> str | int:
        if not isinstance(value, str | int) or isinstance(value, bool):
            raise Wrong("text")
        parsed = self._parse(str(value) if self._exact else str(value).strip())
        self[value] = parsed
        return parsed


def _found(column: str, value: object) -> str:
    if value == "":
        return "nothing"
    if column == "card_no":  # a card number is never shown
        return f"{len(str(value))} characters"
    return repr(rows.clip(str(value)))


def _time(text: str) -> int:
    """Microseconds since 1970 UTC of a wall clock in Shanghai."""
    if re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", text, re.ASCII):
        try:
            at = datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)
        except ValueError:
            pass
        else:
            if 2000 <= at.year < 2100:
                return (at - ZERO) // timedelta(microseconds=1)
    raise Wrong("a time as 2018-09-01 06:24:32, 2000 to 2099")


def _date(text: str) -> int:
    """Days since 1970-01-01; the publisher writes a settlement date with a time of midnight."""
    if re.fullmatch(r"\d{4}-\d\d-\d\d( 00:00:00)?", text, re.ASCII):
        try:
            day = (datetime.fromisoformat(text).replace(tzinfo=UTC) - ZERO).days
        except ValueError:
            pass
        else:
            if 0 <= day - identity.DATE_ZERO < identity.DATES:
                return day
    raise Wrong("a date as 2018-09-01 00:00:00, 2000 to 2044")


def _fen(text: str) -> int:
    if re.fullmatch(r"\d{1,12}", text, re.ASCII):
        return int(text)
    raise Wrong("an amount in whole fen, not negative")


def _kind(text: str) -> str:
    if text in MODES:
        return text
    raise Wrong(" or ".join(MODES))


def _mark(text: str) -> str:
    if text in ("0", "1"):
        return text
    raise Wrong("0 or 1")


def _optional(text: str) -> str:
    if text in ("", "-"):
        return ""
    if text.isprintable():
        return text
    raise Wrong("printable text")


def _name(bytes_max: int) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text in ("", "-") or not text.isprintable() or len(text.encode()) > bytes_max:
            raise Wrong(f"1 to {bytes_max} bytes of printable text")
        return text

    return parse


def _card(form: CardForm) -> Callable[[str], str]:
    """A card's number; a ledger from before takes it without the blanks around it."""
    any_name = _name(CARD_BYTES)

    def parse(text: str) -> str:
        if form == card_number.ANY:
            return any_name(text.strip())
        fault = form.fault(text)
        if fault is not None:
            raise WrongCard(str(form), fault)
        return text

    return parse


PARSERS: dict[str, Callable[[str], str | int]] = {
    "deal_date": _time,
    "close_date": _date,
    "card_no": _name(CARD_BYTES),
    "deal_value": _fen,
    "deal_type": _kind,
    "company_name": _name(NAME_BYTES),
    "car_no": _optional,
    "station": _optional,
    "conn_mark": _mark,
    "deal_money": _fen,
    "equ_no": _name(NUMBER_BYTES),
}
