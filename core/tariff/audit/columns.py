"""The two forms of file that an audit reads: their columns, and what a row of each says."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import IntEnum
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from onecard.core import rows
from onecard.core.days import EPOCH_TIME, TIME_MAX_US, TIME_MIN_US, US
from onecard.core.errors import BadInput

LOOKED_AT_BYTES = 4096  # enough for a header, or for the keys of a first record
SHENZHEN_MARK = b"deal_date"  # of that form alone
NAME_CHARACTERS_MAX = 200
NOT_SAID = -1  # of a face, of metres


class Kind(IntEnum):
    ENTRY = 0
    EXIT = 1
    RIDE = 2  # one tap, or one row for the whole ride


class Mark(IntEnum):
    """Whether a row itself says that it had a discount of a transfer."""

    NO = 0
    YES = 1
    NOT_SAID = 2


class Tap(NamedTuple):
    """One row; amounts in minor units, `company` is (network, company, mode)."""

    at_us: int
    end_us: int
    card: str
    company: tuple[str, str, str]
    kind: Kind
    station: str
    to: str
    route: str
    face: int
    charged: int
    metres: int
    mark: Mark


Parse = Callable[[str], Any]
Values = dict[str, Any]


class Form(NamedTuple):
    """`parsers` has the columns, `required` of them first; `tap` makes a Tap of their values."""

    parsers: dict[str, Parse]
    required: tuple[str, ...]
    optional: tuple[str, ...]
    card: str
    tap: Callable[[Values], Tap]


class Wrong(ValueError):
    """A value is not what its column holds; the message says what was expected. Of values that
    do not go together `found` says what they are."""

    def __init__(self, expected: str, found: str = "") -> None:
        super().__init__(expected)
        self.found = found


class Memo(dict[object, Any]):
    """A column's values, each parsed once: a day has few distinct times, stations and prices."""

    def __init__(self, parse: Parse) -> None:
        super().__init__()
        self._parse = parse

    def __missing__(self, value: object) -> Any:
        if not isinstance(value, str | int) or isinstance(value, bool):
            raise Wrong("text")
        parsed = self._parse(str(value).strip())
        self[value] = parsed
        return parsed


def form_of(path: Path, zone: ZoneInfo) -> Form:
    """The form that a file begins as. BadInput where it cannot be read."""
    try:
        with path.open("rb") as file:
            start = file.read(LOOKED_AT_BYTES)
    except OSError as error:
        raise BadInput(
            f"{path}: expected a file of recorded charges, found: {error.strerror}; name another"
        ) from error
    return shenzhen(zone) if SHENZHEN_MARK in start else described(zone)


def found(form: Form, column: str, value: object) -> str:
    """A value in a message; of a card's number only its length."""
    if value == "":
        return "nothing"
    if column == form.card:
        return f"{len(str(value))} characters"
    return repr(rows.clip(str(value)))


# ---- the two forms ------------------------------------------------------------------------------

SHENZHEN_KINDS = {
    "地铁入站": (Kind.ENTRY, "metro"),
    "地铁出站": (Kind.EXIT, "metro"),
    "巴士": (Kind.RIDE, "bus"),
}
KINDS = {"entry": Kind.ENTRY, "exit": Kind.EXIT, "ride": Kind.RIDE}


def shenzhen(zone: ZoneInfo) -> Form:
    """Data set 29200_00403601 of Shenzhen's open data: a metro's line is its company, a bus's line
    stands where the metro has its station."""
    required = {
        "deal_date": _time(zone),
        "card_no": _text,
        "deal_value": _amount,
        "deal_type": _one_of(SHENZHEN_KINDS),
        "company_name": _text,
        "station": _name,
        "conn_mark": _one_of({"0": Mark.NO, "1": Mark.YES}),
        "deal_money": _amount,
    }
    optional = {"close_date": _any, "car_no": _any, "equ_no": _any}

    def tap(values: Values) -> Tap:
        kind, mode = values["deal_type"]
        place, company = values["station"], values["company_name"]
        station, route = ("", place) if mode == "bus" else (place, company)
        at_us = values["deal_date"]
        return Tap(
            at_us=at_us,
            end_us=at_us,
            card=values["card_no"],
            company=("", company, mode),
            kind=kind,
            station=station,
            to="",
            route=route,
            face=values["deal_value"],
            charged=values["deal_money"],
            metres=NOT_SAID,
            mark=values["conn_mark"],
        )

    return Form({**required, **optional}, tuple(required), tuple(optional), "card_no", tap)


def described(zone: ZoneInfo) -> Form:
    """The form of docs/tariffs.md, "Audit"."""
    required = {
        "at": _time(zone),
        "card": _text,
        "line": _name,
        "kind": _one_of(KINDS),
        "station": _name,
        "face": _or_nothing(_amount),
        "charged": _amount,
    }
    at = _time(zone)
    optional = {
        "network": _name,
        "company": _name,
        "end": _or_nothing(at),
        "to": _name,
        "metres": _or_nothing(_metres),
        "mark": _one_of({"": Mark.NOT_SAID, "0": Mark.NO, "1": Mark.YES}),
    }

    def tap(values: Values) -> Tap:
        if not values["network"] and not values["company"]:
            raise Wrong("a network, or a company that runs one", "neither")
        at_us, end_us = values["at"], values["end"]
        if end_us == NOT_SAID:
            end_us = at_us
        if end_us < at_us:
            raise Wrong("an end that is not before its beginning", "an earlier one")
        return Tap(
            at_us=at_us,
            end_us=end_us,
            card=values["card"],
            company=(values["network"], values["company"], ""),
            kind=values["kind"],
            station=values["station"],
            to=values["to"],
            route=values["line"],
            face=values["face"],
            charged=values["charged"],
            metres=values["metres"],
            mark=values["mark"],
        )

    return Form({**required, **optional}, tuple(required), tuple(optional), "card", tap)


# ---- what a column holds ------------------------------------------------------------------------

TIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?", re.ASCII)
DIGITS = re.compile(r"\d{1,12}", re.ASCII)


def _time(zone: ZoneInfo) -> Parse:
    def parse(text: str) -> int:
        """Microseconds since 1970 UTC. Of a time that a zone has twice the first is meant."""
        if TIME.fullmatch(text):
            try:
                at = datetime.fromisoformat(text)
                at = at if at.tzinfo else at.replace(tzinfo=zone)
                at_us = (at - EPOCH_TIME) // US
            except (ValueError, OverflowError):
                at_us = TIME_MAX_US
            if TIME_MIN_US <= at_us < TIME_MAX_US:
                back = EPOCH_TIME + timedelta(microseconds=at_us)
                if back.astimezone(at.tzinfo).replace(tzinfo=None) != at.replace(tzinfo=None):
                    raise Wrong(f"a time that clocks of {zone.key} show, which skip this one")
                return at_us
        raise Wrong("a time as 2018-09-01 06:24:32, 2000 to 2099")

    return parse


def _amount(text: str) -> int:
    if DIGITS.fullmatch(text):
        return int(text)
    raise Wrong("an amount in whole minor units, not negative")


def _metres(text: str) -> int:
    if DIGITS.fullmatch(text):
        return int(text)
    raise Wrong("whole metres, not negative")


def _or_nothing(parse: Parse) -> Parse:
    return lambda text: NOT_SAID if text in ("", "-") else parse(text)


def _one_of(values: dict[str, Any]) -> Parse:
    def parse(text: str) -> Any:
        if text not in values:
            raise Wrong(" or ".join(value or "nothing" for value in values))
        return values[text]

    return parse


def _name(text: str) -> str:
    if text in ("", "-"):
        return ""
    if text.isprintable() and len(text) <= NAME_CHARACTERS_MAX:
        return text
    raise Wrong(f"at most {NAME_CHARACTERS_MAX} printable characters")


def _text(text: str) -> str:
    if _name(text):
        return text
    raise Wrong(f"1 to {NAME_CHARACTERS_MAX} printable characters")


def _any(text: str) -> str:
    return text
