"""A participant's file for people: the same details as a spreadsheet opens them, on request.

Made of the file for programs, line by line. No digit is lost in it and nothing of it is computed;
what comes back of it, saved again or not, `onecard reconcile` reads.
"""

import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from onecard.core.errors import BadInput
from onecard.core.exchange.cells import DIGITS_MAX, cell, text_cell, yuan
from onecard.core.exchange.files import disk_errors, file_digest, sole_writer
from onecard.core.exchange.form import COLUMNS, SPREADSHEET, SPREADSHEET_COLUMNS
from onecard.core.exchange.lookup import Lookup
from onecard.core.exchange.manifest import Manifest, Sheet
from onecard.core.storage.environment import sync_folder

ROWS_MAX = 1_048_576  # that a spreadsheet opens; it may say nothing of the others
ROWS_BESIDE = 3  # of a file's lines: #spreadsheet, column names, #trailer
WRITE_LINES = 4_096
LONG = ("sequence", "journey", "about")  # numbers of 64 bits; the others have 11 digits at most


def write_spreadsheets(manifest: Manifest, lookup: Lookup) -> list[Path]:
    """Write, or find already written, a file for people beside each of the manifest's.

    Errors: BadInput where one that is there has another content, which is kept; Overloaded the
    disk, or another process that writes there.
    """
    names = {sheet.participant: sheet.name for sheet in manifest.sheets}
    written = []
    with sole_writer(manifest.folder) as fresh, disk_errors(manifest.folder):
        for sheet in manifest.sheets:
            name = sheet.file.removesuffix(".csv") + ".spreadsheet.csv"
            _write(fresh / name, manifest.folder / sheet.file, lookup, names)
            _publish(fresh / name, manifest.folder / name)
            written.append(manifest.folder / name)
        sync_folder(manifest.folder)
    return written


def beyond_rows(manifest: Manifest) -> list[Sheet]:
    """The files with more lines than a spreadsheet opens."""
    return [sheet for sheet in manifest.sheets if sheet.lines + ROWS_BESIDE > ROWS_MAX]


def _write(path: Path, ours: Path, lookup: Lookup, names: dict[int, str]) -> None:
    with ours.open(encoding="ascii") as lines, path.open("w", encoding="utf-8-sig") as out:
        pending: list[str] = []
        for line in _lines(lines, lookup, names):
            pending.append(line + "\r\n")
            if len(pending) == WRITE_LINES:
                out.write("".join(pending))
                pending.clear()
        out.write("".join(pending))
        out.flush()
        os.fsync(out.fileno())


def _lines(lines: Iterator[str], lookup: Lookup, names: dict[int, str]) -> Iterator[str]:
    header = next(lines).rstrip("\n").split(",")
    yield ",".join([SPREADSHEET, *map(_as_it_is, header[1:])])
    next(lines)
    yield ",".join(SPREADSHEET_COLUMNS)
    details = _Details(lookup, names)
    for line in lines:
        values = line.rstrip("\n").split(",")
        if values[0] == "#trailer":
            yield ",".join([values[0], *map(_as_it_is, values[1:])])
            return  # a digest would not survive the first time somebody saves it
        yield details.line(values)


class _Details:
    """Lines for people; the words of a terminal, a participant and a second are made once."""

    def __init__(self, lookup: Lookup, names: dict[int, str]) -> None:
        self._lookup = lookup
        self._names = {str(who): _as_it_is(name) for who, name in names.items()}
        self._numbers: dict[str, str] = {}
        self._second = lru_cache(1 << 16)(lookup.local)

    def line(self, values: list[str]) -> str:
        """One detail of ours, its fields in the order of COLUMNS."""
        row = dict(zip(COLUMNS, values, strict=True))
        terminal = row["terminal"]
        if terminal not in self._numbers:
            number = self._lookup.terminal_number(int(terminal))
            self._numbers[terminal] = text_cell(_plain(number)) if number else ""
        row["terminal_number"] = self._numbers[terminal]
        row["card"] = text_cell(row["card"])
        row["operator_name"] = self._names.get(row["operator"], "")
        row["issuer_name"] = self._names.get(row["issuer"], "")
        row["tapped_at"] = self._time(int(row["tapped_at_us"]))
        row["booked_at"] = self._time(int(row["booked_at_us"]))
        row["entry_yuan"] = cell(yuan(int(row["entry_fen"])))
        row["amount_yuan"] = cell(yuan(int(row["amount_fen"])))
        for name in LONG:
            if len(row[name]) > DIGITS_MAX:
                row[name] = text_cell(row[name])
        return ",".join([row[name] for name in SPREADSHEET_COLUMNS])

    def _time(self, at_us: int) -> str:
        if at_us == 0:
            return ""
        second = at_us // 1_000_000
        return text_cell(f"{self._second(second * 1_000_000)}.{at_us - second * 1_000_000:06d}")


def _as_it_is(text: str) -> str:
    """A field of a file of ours: a number, a word, a date, or a name that somebody chose."""
    digits = text.removeprefix("-").isdecimal()
    return cell(int(text)) if digits and text == str(int(text)) else cell(_plain(text))


def _plain(text: str) -> str:
    """A text of one line."""
    return "".join(" " if ord(letter) < 32 else letter for letter in text)


def _publish(fresh: Path, path: Path) -> None:
    if path.exists() and file_digest(path) != file_digest(fresh):
        raise BadInput(
            f"{path}: expected what the ledger says, found another content, which somebody may "
            "have entered; move it away and run onecard settle --spreadsheet again"
        )
    fresh.rename(path)
