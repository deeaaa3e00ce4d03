"""Rows out of a CSV or JSON file whose columns are known by name; which of the two it is, is seen.

JSON comes as one document, as one document over many lines, or as one document a line; a
document is a record, a list of records, or a page: an object that holds its records in `data`.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from onecard.core.errors import BadInput

LINE_BYTES = 1 << 16  # a tap needs some 120; a longer line of CSV is something else
NUMBER = re.compile(r"[0-9A-Z]{8,}|(?:[0-9][ -]?){12,}", re.ASCII)  # of a card, or a name of one
SHOWN = 40  # characters of a found value in a message

Drop = Callable[[str, int, str, str, str], None]  # unit, number, column, expected, found


class Row(NamedTuple):
    unit: str  # "line" of a CSV, "record" of a JSON
    at: int  # counted from 1
    values: list[object]  # in the order of the columns asked for; "" where a JSON key lacks


def rows(
    path: Path, columns: Sequence[str], drop: Drop, optional: Sequence[str] = ()
) -> Iterator[Row]:
    """All rows of a file, values of `columns`, then of `optional`, "" where the file has not that
    column; what is not a row goes to `drop`.

    Raises BadInput where the file as a whole is not what it says.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise BadInput(f"{path}: expected a file of taps, found: {error.strerror}") from error
    with file:
        start = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
        file.seek(0)
        if not start:
            raise BadInput(f"{path}: expected taps as CSV or JSON, found an empty file")
        if start[:1] in b"{[":
            yield from _json_rows(str(path), file, (*columns, *optional), drop)
        else:
            yield from _csv_rows(str(path), file, columns, optional, drop)


def clip(text: str) -> str:
    """The beginning of what was found. What may be the number of a card, in whichever column a row
    that slipped has it, is not shown."""
    shown = NUMBER.sub(lambda found: f"({len(found[0])} characters)", text)
    return shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}... ({len(text)} characters)"


# ---- CSV: one physical line a row, so that a stray quote cannot swallow the rows after it --------


def _csv_rows(
    path: str, file: BinaryIO, columns: Sequence[str], optional: Sequence[str], drop: Drop
) -> Iterator[Row]:
    lines = _lines(file)
    names = _header(path, next(lines)[1], columns, optional)
    places = [names.index(name) if name in names else -1 for name in (*columns, *optional)]
    for at, raw in lines:
        if raw is None:
            drop("line", at, "-", f"a row below {LINE_BYTES} bytes", "a longer line")
        elif raw.strip():
            try:
                values = _split(raw)
            except (UnicodeDecodeError, csv.Error) as error:
                drop("line", at, "-", "CSV in UTF-8", str(error))
                continue
            if len(values) == len(names):
                yield Row("line", at, [values[p] if p >= 0 else "" for p in places])
            else:
                drop("line", at, "-", f"{len(names)} columns", str(len(values)))


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Numbered lines, None for one that is too long: it is skipped without being held."""
    at = 0
    while raw := file.readline(LINE_BYTES):
        at += 1
        whole = raw.endswith(b"\n") or len(raw) < LINE_BYTES
        rest = b"" if whole else file.readline(LINE_BYTES)
        while len(rest) == LINE_BYTES and not rest.endswith(b"\n"):
            rest = file.readline(LINE_BYTES)
        yield at, raw if whole else None


def _split(raw: bytes) -> list[str]:
    line = raw.decode().rstrip("\r\n")
    if '"' not in line:
        return line.split(",")
    values: list[str] = next(csv.reader([line], strict=True))
    return values


def _header(
    path: str, raw: bytes | None, columns: Sequence[str], optional: Sequence[str]
) -> list[str]:
    """The column names of the header line. BadInput unless they are what was asked for."""
    try:
        names = [name.strip() for name in _split((raw or b"").removeprefix(b"\xef\xbb\xbf"))]
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"{path}: line 1: expected column names in UTF-8, found {error}") from error
    missing = [name for name in columns if name not in names]
    other = [name for name in names if name not in columns and name not in optional]
    if missing or other or len(set(names)) != len(names):
        if len(names) == 1 and (";" in names[0] or "\t" in names[0]):
            between = "semicolons" if ";" in names[0] else "tabs"
            raise BadInput(
                f"{path}: line 1: expected the column names parted by commas, found {between}; "
                "save it as CSV with commas"
            )
        may = f", and perhaps {','.join(optional)}," if optional else ""
        raise BadInput(
            f"{path}: line 1: expected the column names {','.join(columns)}{may} in any order, "
            f"found {clip(','.join(names))}" + (f" without {','.join(missing)}" if missing else "")
        )
    return names


# ---- JSON ---------------------------------------------------------------------------------------


def _json_rows(path: str, file: BinaryIO, columns: Sequence[str], drop: Drop) -> Iterator[Row]:
    at = 0
    for document in _documents(path, file):
        for record in _records(document):
            at += 1
            if isinstance(record, dict):
                yield Row(
                    "record", at, ["" if (v := record.get(c)) is None else v for c in columns]
                )
            else:
                drop("record", at, "-", "an object", clip(repr(record)))


def _records(document: object) -> Sequence[object]:
    if isinstance(document, dict):
        data = document.get("data")
        return data if isinstance(data, list) else [document]
    return document if isinstance(document, list) else [document]


def _documents(path: str, file: BinaryIO) -> Iterator[object]:
    """One document a line where the first line is one; else all lines are one document."""
    try:
        _document(file.readline())
    except (ValueError, RecursionError):
        file.seek(0)
        try:
            yield _document(file.read())
        except (ValueError, RecursionError) as error:
            raise BadInput(f"{path}: expected JSON, found: {error}") from error
        return
    file.seek(0)
    for raw in file:
        if raw.strip():
            try:
                yield _document(raw)
            except (ValueError, RecursionError) as error:
                yield f"a line that is not JSON: {error}"


def _document(raw: bytes) -> object:
    found: object = json.loads(raw.decode("utf-8-sig"))
    return found
