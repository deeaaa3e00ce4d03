"""The three files of a tariff's folder, each number and name in them checked; docs/tariffs.md.

Whoever writes them is no programmer, so that what is wrong in them is said by file and by line or
key, with what was expected there and what was found.
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from importlib.resources.abc import Traversable
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onecard.core.days import EPOCH
from onecard.core.errors import BadInput, quoted
from onecard.core.registry.name import name_bytes
from onecard.core.registry.tariffs import STATIONS_MAX, TARIFF_NAME_BYTES_MAX
from onecard.core.storage.disk import is_irregular

METRES_MAX = 1 << 29  # so that two of them still add up in 32 bits
LIMIT_MAX_METRES = (1 << 31) - 1  # of a step: people write a very large one for "any distance"
FARE_MAX_FEN = (1 << 31) - 1  # a ledger stores fares in 32 bits
METRES_DIGITS_MAX = 20  # more are no number that fits, and slow to read as one
STEPS_MAX = 1024  # as many as a network of a city has limits of any kind
REASON_CHARACTERS_MAX = 160  # of what a parser says, which names the place at its end
RULES = "fares.toml"
KEYS = ("name", "effective_from", "grace_metres", "steps", "beyond")
STEP = ("metres", "fare_fen")


@dataclass(frozen=True, slots=True)
class Steps:
    """`upto[i] = (metres, fare_fen)`; above the last, `beyond_fen` per started `beyond_metres`."""

    upto: tuple[tuple[int, int], ...]
    beyond_metres: int
    beyond_fen: int
    grace_metres: int  # carried beyond each limit at no charge


@dataclass(frozen=True, slots=True)
class Rules:
    """What fares.toml says."""

    name: str
    effective_day: int  # days since 1970-01-01
    steps: Steps


def read_rules(folder: Traversable) -> Rules:
    """fares.toml. BadInput, naming the key."""
    try:
        found = tomllib.loads(_text(folder, RULES))
    except (ValueError, RecursionError) as error:
        raise BadInput(
            f"{RULES}: expected TOML such as grace_metres = 99, found otherwise: "
            f"{quoted(error, REASON_CHARACTERS_MAX)}"
        ) from None
    if "zone_hours" in found:
        raise BadInput(
            f"{RULES}: zone_hours: expected none, since a tariff begins at midnight of the "
            "ledger's zone; remove the line"
        )
    start = found.get("effective_from")
    if type(start) is not date:  # a datetime is one as well, and its time would be dropped
        raise BadInput(f"{RULES}: effective_from: expected a day as 2026-01-31, found {start}")
    name = found.get("name")
    if type(name) is not str:
        raise BadInput(f'{RULES}: name: expected a text as "metro", found {_said(name)}')
    name_bytes(name, TARIFF_NAME_BYTES_MAX, f"{RULES}: name")
    _only(found, KEYS, "")
    beyond = _table(found.get("beyond"), "beyond")
    steps = Steps(
        upto=_steps(found.get("steps")),
        beyond_metres=_number(beyond, "beyond", "metres", 1, LIMIT_MAX_METRES),
        beyond_fen=_number(beyond, "beyond", "fare_fen", 0, FARE_MAX_FEN),
        grace_metres=_number(found, "", "grace_metres", 0, LIMIT_MAX_METRES),
    )
    return Rules(name, (start - EPOCH).days, steps)


def read_stations(folder: Traversable) -> tuple[str, ...]:
    """stations.csv: the name of station s at s - 1. BadInput, naming the line."""
    names: dict[str, int] = {}
    for line, row in _rows(folder, "stations.csv", ("station", "name")):
        if row["station"] != str(len(names) + 1) or row["name"] in names or not row["name"]:
            raise BadInput(
                f"stations.csv: line {line}: expected station {len(names) + 1} and a new name, "
                f"found {quoted(row['station'])} {quoted(row['name'])}"
            )
        names[row["name"]] = line
    if not 1 < len(names) <= STATIONS_MAX:
        raise BadInput(f"stations.csv: expected 2 to {STATIONS_MAX} stations, found {len(names)}")
    return tuple(names)


def read_links(folder: Traversable, stations: tuple[str, ...]) -> NDArray[np.int32]:
    """links.csv as rows of (from, to, metres), stations from 0. BadInput, naming the line."""
    at = {name: index for index, name in enumerate(stations)}
    links: list[tuple[int, int, int]] = []
    for line, row in _rows(folder, "links.csv", ("line", "from", "to", "metres")):
        for name in (row["from"], row["to"]):
            if name not in at:
                raise BadInput(
                    f"links.csv: line {line}: expected a known station, found {quoted(name)}"
                )
        metres = row["metres"]
        digits = metres.isascii() and metres.isdecimal() and len(metres) <= METRES_DIGITS_MAX
        if not digits or int(metres) >= METRES_MAX:
            raise BadInput(
                f"links.csv: line {line}: expected metres, 0 to {METRES_MAX - 1}, found "
                f"{quoted(metres)}"
            )
        links.append((at[row["from"]], at[row["to"]], int(metres)))
    return np.array(links, dtype=np.int32).reshape(-1, 3)


# ---- parts of fares.toml ------------------------------------------------------------------------


def _steps(found: object) -> tuple[tuple[int, int], ...]:
    if type(found) is not list or not 1 <= len(found) <= STEPS_MAX:
        said = f"{len(found)}" if type(found) is list else _said(found)
        raise BadInput(
            f"{RULES}: steps: expected a list of 1 to {STEPS_MAX} steps such as "
            f"[{{ metres = 6000, fare_fen = 300 }}], found {said}"
        )
    upto: list[tuple[int, int]] = []
    for number, one in enumerate(found, start=1):
        key = f"step {number}"
        step = _table(one, key)
        metres = _number(step, key, "metres", 0, LIMIT_MAX_METRES)
        upto.append((metres, _number(step, key, "fare_fen", 0, FARE_MAX_FEN)))
    limits = [limit for limit, _ in upto]
    for before, after in pairwise(limits):
        if before >= after:
            raise BadInput(
                f"{RULES}: steps: expected steps with rising metres, found {after} after {before}"
            )
    return tuple(upto)


def _table(found: object, key: str) -> dict[str, Any]:
    if type(found) is not dict:
        raise BadInput(
            f"{RULES}: {key}: expected {{ metres = 6000, fare_fen = 300 }}, found {_said(found)}"
        )
    _only(found, STEP, f"{key}: ")
    return found


def _only(found: dict[str, Any], keys: tuple[str, ...], where: str) -> None:
    """A key that is misspelt would otherwise be a rule that is left out."""
    for key in found:
        if key not in keys:
            raise BadInput(f"{RULES}: {where}expected only {', '.join(keys)}, found {quoted(key)}")


def _number(found: dict[str, Any], where: str, key: str, least: int, most: int) -> int:
    """A whole number: half a fen is none, and neither is `true`."""
    value = found.get(key)
    if type(value) is not int or not least <= value <= most:
        name = f"{where}: {key}" if where else key
        raise BadInput(
            f"{RULES}: {name}: expected a whole number from {least} to {most}, found {_said(value)}"
        )
    return value


def _said(value: object) -> str:
    return "none" if value is None else quoted(repr(value))


# ---- files --------------------------------------------------------------------------------------


def _text(folder: Traversable, name: str) -> str:
    """A file in UTF-8; the mark that some spreadsheets put before it is no part of it."""
    file = folder.joinpath(name)
    if isinstance(file, Path) and is_irregular(file):
        raise BadInput(f"{name}: expected a regular file, found a folder, a pipe or a device")
    content = file.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadInput(
            f"{name}: line {line}: expected UTF-8, found byte {content[error.start]:#04x}; save "
            "it as UTF-8"
        ) from None


def _rows(
    folder: Traversable, name: str, columns: tuple[str, ...]
) -> Iterator[tuple[int, dict[str, str]]]:
    reader = csv.DictReader(StringIO(_text(folder, name), newline=""), strict=True)
    try:
        if tuple(reader.fieldnames or ()) != columns:
            raise BadInput(
                f"{name}: line 1: expected columns {','.join(columns)}, found "
                f"{quoted(','.join(reader.fieldnames or ()) or 'none')}"
            )
        for row in reader:
            if None in row or None in row.values():
                raise BadInput(f"{name}: line {reader.line_num}: expected {len(columns)} columns")
            yield reader.line_num, row
    except csv.Error as error:
        raise BadInput(
            f"{name}: line {reader.line_num + 1}: expected CSV, found otherwise: "
            f"{quoted(error, REASON_CHARACTERS_MAX)}"
        ) from None
