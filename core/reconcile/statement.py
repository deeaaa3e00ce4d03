"""Reads a file of lines with references and amounts: ours, or one that came back.

Streaming, strict, and refused whole: BadInput names the file, the line, the column, what was
expected and what was found. The forms are described in docs/files.md.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NoReturn

import numpy as np
from numpy.typing import NDArray

from onecard.core.errors import BadInput
from onecard.core.exchange import form
from onecard.core.exchange.detail import exact_sum
from onecard.core.exchange.form import BY_ENTRY, BY_IDENTITY, BY_LEG
from onecard.core.reconcile.dialect import (
    AMOUNT,
    AMOUNT_YUAN,
    BOM,
    DELIMITERS,
    SCIENTIFIC,
    UTF16,
    Dialect,
    day_of,
    delimiter_of,
)
from onecard.ext.text import csv_scan

CHUNK_BYTES = 1 << 20
LINE_BYTES_MAX = csv_scan.LINE_BYTES_MAX
LINES_MAX = (1 << 32) - 2  # line numbers are kept in 32 bits
# The least and greatest value of each part of what a line names.
RANGES = {
    "sequence": (1, (1 << 62) - 1),
    "leg": (0, 255),
    "terminal": (0, (1 << 32) - 1),
    "epoch": (0, (1 << 32) - 1),
    "terminal_seq": (0, (1 << 32) - 1),
}
EXPECTED = {
    csv_scan.EMPTY: "an integer",
    csv_scan.NOT_INTEGER: "an integer (digits, with a minus where negative)",
    csv_scan.TOO_LARGE: "an integer of 64 bits",
    csv_scan.QUOTE_OPEN: "a closing quote on the same line",
    csv_scan.QUOTE_TAIL: "a comma after the closing quote",
    csv_scan.NOT_DECIMAL: "yuan with at most two decimals",
}
SPREADSHEET = (
    "every digit of it, which a spreadsheet did not keep (format the column as text, and save "
    "what was sent again)"
)
REWRITTEN = (
    "the file was written again by a program: lines, counts and sums are held against ours, "
    "its #sha256 cannot be"
)


@dataclass(frozen=True)
class Rows:
    """Some lines of a file: `columns[name]` int64, one value a line, from `first_line` on."""

    first_line: int
    columns: dict[str, NDArray[np.int64]]


@dataclass
class Statement:
    """An open file, its head read. `lines`, `in_fen` and `out_fen` grow while `rows` is read."""

    path: Path
    file: BinaryIO
    header: dict[str, str] | None = None  # the #header line, where there is one
    columns: tuple[str, ...] = ()  # that go with the header, in this order
    names: list[str] = field(default_factory=list)
    line: int = 1  # the next one, from 1
    lines: int = 0  # details
    in_fen: int = 0
    out_fen: int = 0
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    rest: bytes = b""  # read from the file, after the last newline seen
    dialect: Dialect = field(default_factory=Dialect)

    @property
    def sum_fen(self) -> int:
        return self.in_fen - self.out_fen

    @property
    def reference(self) -> tuple[str, ...]:
        """The finest way its lines name what they are about."""
        for wanted in (BY_LEG, BY_ENTRY, BY_IDENTITY):
            if all(name in self.names or name == "epoch" for name in wanted):
                return wanted
        self.refuse(
            self.line - 1,
            "",
            "columns named sequence, or terminal and terminal_seq",
            ",".join(self.names)[:120],
        )

    def refuse(self, line: int, column: str, expected: str, found: object) -> NoReturn:
        """BadInput: the whole file is refused for this."""
        place = f"{self.path}, line {line}" + (f", column {column}" if column else "")
        raise BadInput(f"{place}: expected {expected}, found {found}")


def open_statement(path: Path) -> Statement:
    """Open a file and read its head: the #header line if it has one, and the column names."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise BadInput(f"{path}: expected a file to read, found {error.strerror}") from None
    statement = Statement(path, file)
    try:
        _read_head(statement)
    except BaseException:
        file.close()
        raise
    return statement


def rows_of(
    statement: Statement, reference: tuple[str, ...], beside: str | None = None
) -> Iterator[Rows]:
    """All details, a megabyte of text at a time; an absent `epoch` is 0.

    `beside`: a column of integers that is wanted too, if the reference does not hold it.

    After the last, the trailer (if there is one) was compared with what was read.
    """
    wanted = [name for name in (*reference, AMOUNT) if name in statement.names or name == AMOUNT]
    if beside is not None and beside not in wanted:
        wanted.append(beside)
    column_of = np.full(len(statement.names), -1, np.int32)
    for number, name in enumerate(wanted):
        of = statement.dialect.amount if name == AMOUNT else name
        column_of[statement.names.index(of)] = number
    ended = False
    for text in _texts(statement):
        room = np.empty((len(wanted), text.count(b"\n")), np.int64)
        count, size, code, at = _scan(statement, text, column_of, room, wanted.index(AMOUNT))
        first_line = statement.line
        statement.line += count
        statement.digest.update(memoryview(text)[:size])
        columns = {name: room[number, :count] for number, name in enumerate(wanted)}
        if "epoch" in reference and "epoch" not in columns:
            columns["epoch"] = np.zeros(count, np.int64)
        _check_ranges(statement, first_line, columns)
        _count(statement, columns[AMOUNT])
        if code > csv_scan.MARK:
            _read_blank(statement, text[size:], code, at)
        if count:
            yield Rows(first_line, columns)
        if code == csv_scan.MARK:
            _read_end(statement, text[size:] + statement.rest + statement.file.read(LINE_BYTES_MAX))
            ended = True
        if code:
            break
    if statement.header is not None and not ended:
        statement.refuse(statement.line, "", "a #trailer line", "the end: the file was cut short")
    if statement.dialect.form == csv_scan.TWO_DECIMALS and not statement.dialect.cents:
        statement.refuse(
            statement.line - 1,
            AMOUNT,
            f"amounts that tell fen from yuan (name the column {AMOUNT_YUAN}, or leave out .00)",
            "every one to end in .00",
        )


def _scan(
    statement: Statement,
    text: bytes,
    column_of: NDArray[np.int32],
    room: NDArray[np.int64],
    amount: int,
) -> tuple[int, int, int, int]:
    """Rows, bytes, code and field of `csv_scan.scan`; the first amount says how all are written."""
    dialect = statement.dialect
    forms = np.zeros(len(room), np.int32)
    forms[amount] = dialect.form
    delimiter = ord(dialect.delimiter)
    count, size, code, at, seen = csv_scan.scan(text, column_of, room, delimiter, forms)
    first = statement.lines == count == 0 and code == csv_scan.NOT_INTEGER
    if first and column_of[at] == amount and dialect.form == csv_scan.WHOLE:
        forms[amount] = csv_scan.TWO_DECIMALS
        again = csv_scan.scan(text, column_of, room, delimiter, forms)
        if again[0]:
            dialect.form = csv_scan.TWO_DECIMALS
            dialect.remark("yuan, for every amount_fen has two decimals")
            count, size, code, at, seen = again
    dialect.note(seen)
    return count, size, code, at


def _read_head(statement: Statement) -> None:
    line = _head_line(statement)
    if line.startswith("#"):
        mark = line.strip('"').lstrip("#abcdefghijklmnopqrstuvwxyz")[:1]
        statement.dialect.delimiter = mark if mark in DELIMITERS else ","
        pairs = statement.dialect.pairs(line)
        statement.header = form.read_header(pairs, f"{statement.path}, line 1")
        for_people = pairs.startswith(form.SPREADSHEET)
        statement.columns = form.SPREADSHEET_COLUMNS if for_people else form.COLUMNS
        _read_day(statement, statement.header)
        line = _head_line(statement)
    dialect = statement.dialect
    dialect.delimiter = delimiter_of(line)
    if not dialect.delimiter:
        statement.refuse(
            statement.line - 1, "", f"column names, {AMOUNT} among them", repr(line[:120])
        )
    dialect.remark(DELIMITERS[dialect.delimiter])
    statement.names = dialect.names(line)
    for name in (*RANGES, AMOUNT, AMOUNT_YUAN):
        if statement.names.count(name) > 1:
            statement.refuse(statement.line - 1, name, "each column once", "it twice")
    if AMOUNT_YUAN in statement.names:
        if AMOUNT in statement.names:
            statement.refuse(
                statement.line - 1, "", f"{AMOUNT} or {AMOUNT_YUAN}", "both: leave one"
            )
        dialect.amount, dialect.form = AMOUNT_YUAN, csv_scan.DECIMALS
        dialect.remark("yuan")
    if statement.header is not None:
        if statement.names != list(statement.columns):
            statement.refuse(statement.line - 1, "", ",".join(statement.columns), repr(line[:120]))
    _ = statement.reference


def _read_day(statement: Statement, header: dict[str, str]) -> None:
    day = day_of(header["business_day"])
    if day != header["business_day"]:
        statement.dialect.remark(f"the date {day} written {header['business_day']}")
        header["business_day"] = day


def _head_line(statement: Statement) -> str:
    text = statement.file.readline(LINE_BYTES_MAX)
    statement.digest.update(text)
    if statement.line == 1:
        if text.startswith(UTF16):
            statement.refuse(1, "", "UTF-8 or GB18030", "UTF-16: save it as CSV UTF-8")
        if text.startswith(BOM):
            text = text.removeprefix(BOM)
            statement.dialect.encoding = "utf-8"
            statement.dialect.remark("byte order mark")
    if not text:
        statement.refuse(statement.line, "", "a line of column names", "the end of the file")
    _check_text(statement, text)
    if not text.endswith(b"\n"):
        statement.refuse(statement.line, "", "a newline at its end", "none: it was cut short")
    statement.line += 1
    return statement.dialect.text(text[:-1])


def _texts(statement: Statement) -> Iterator[bytes]:
    """Whole lines, a chunk at a time, in the file's encoding and without NUL."""
    while chunk := statement.file.read(CHUNK_BYTES):
        end = chunk.rfind(b"\n") + 1
        if end == 0:
            statement.rest += chunk
            if len(statement.rest) > LINE_BYTES_MAX:
                statement.refuse(statement.line, "", f"at most {LINE_BYTES_MAX} bytes", "more")
            continue
        text = statement.rest + chunk[:end]
        statement.rest = chunk[end:]
        _check_text(statement, text)
        if statement.line + text.count(b"\n") > LINES_MAX:
            statement.refuse(statement.line, "", f"at most {LINES_MAX} lines", "more")
        yield text
    if statement.rest:
        _check_text(statement, statement.rest)
        statement.refuse(statement.line, "", "a newline at its end", "none: the file was cut short")


def _check_text(statement: Statement, text: bytes) -> None:
    nul = text.find(b"\0")
    if nul >= 0:
        statement.refuse(statement.line + text.count(b"\n", 0, nul), "", "text", "a NUL byte")
    wrong = statement.dialect.wrong_byte(text)
    if wrong >= 0:
        expected = "GB18030" if statement.dialect.encoding == "gb18030" else "UTF-8"
        line = statement.line + text.count(b"\n", 0, wrong)
        statement.refuse(line, "", expected, f"byte 0x{text[wrong]:02x}")


def _read_blank(statement: Statement, text: bytes, code: int, at: int) -> None:
    """Nothing but empty lines to the end of the file; else the line at fault is refused."""
    line = text[: text.index(b"\n")]
    if not statement.dialect.is_blank(line) or statement.header is not None:
        _refuse_field(statement, line, code, at)
    if not _is_blank_to_the_end(statement, text + statement.rest):
        _refuse_field(statement, line, code, at)


def _is_blank_to_the_end(statement: Statement, text: bytes) -> bool:
    """Returns True when neither `text` nor what follows it in the file holds a field."""
    while text:
        if not all(statement.dialect.is_blank(line) for line in text.split(b"\n")):
            return False
        statement.dialect.remark("empty lines at the end")
        text = statement.file.read(CHUNK_BYTES)
    return True


def _refuse_field(statement: Statement, line: bytes, code: int, at: int) -> NoReturn:
    dialect = statement.dialect
    if code == csv_scan.LINE_LONG or len(line) > LINE_BYTES_MAX:
        statement.refuse(statement.line, "", f"at most {LINE_BYTES_MAX} bytes", len(line))
    fields = dialect.fields(dialect.text(line))
    if code in (csv_scan.FIELDS_FEW, csv_scan.FIELDS_MANY):
        statement.refuse(statement.line, "", f"{len(statement.names)} fields", str(len(fields)))
    found = repr(fields[at][:40]) if at < len(fields) and fields[at] else "nothing"
    expected = EXPECTED[code]
    if SCIENTIFIC.fullmatch(found.strip("'")):
        expected = SPREADSHEET
    elif statement.names[at] == dialect.amount and code in (
        csv_scan.NOT_INTEGER,
        csv_scan.NOT_DECIMAL,
    ):
        if dialect.form == csv_scan.TWO_DECIMALS:
            expected = "yuan with two decimals, as the lines before"
        elif dialect.form == csv_scan.WHOLE:
            expected += f", or a column named {AMOUNT_YUAN}"
        else:
            expected = EXPECTED[csv_scan.NOT_DECIMAL]
    statement.refuse(statement.line, statement.names[at], expected, found)


def _check_ranges(
    statement: Statement, first_line: int, columns: dict[str, NDArray[np.int64]]
) -> None:
    for name, values in columns.items():
        if name not in RANGES:
            continue
        low, high = RANGES[name]
        wrong = np.flatnonzero((values < low) | (values > high))
        if len(wrong):
            row = int(wrong[0])
            statement.refuse(first_line + row, name, f"{low} to {high}", int(values[row]))


def _count(statement: Statement, amount_fen: NDArray[np.int64]) -> None:
    statement.lines += len(amount_fen)
    statement.in_fen += exact_sum(amount_fen[amount_fen > 0])
    statement.out_fen -= exact_sum(amount_fen[amount_fen < 0])


def _read_end(statement: Statement, text: bytes) -> None:
    """The trailer and, where there is one, the digest; nothing may follow but empty lines."""
    _check_text(statement, text)
    *lines, rest = text.split(b"\n")
    if rest and not statement.dialect.is_blank(rest):
        statement.refuse(
            statement.line + len(lines), "", "a newline at its end", "none: the file was cut short"
        )
    blank = len(lines)
    while blank > 1 and statement.dialect.is_blank(lines[blank - 1]):
        blank -= 1
    # A reader may be at the end of what it took at once; what follows must be as empty.
    after = b"\n".join([*lines[blank:], rest]) if blank < len(lines) or rest else b""
    if not _is_blank_to_the_end(statement, after or statement.file.read(CHUNK_BYTES)):
        statement.refuse(statement.line + len(lines), "", "the end of the file", "more lines")
    del lines[blank:]
    dialect = statement.dialect
    pairs = dialect.pairs(dialect.text(lines[0]))
    trailer = form.read_trailer(pairs, f"{statement.path}, line {statement.line}")
    for name, wanted, found in (
        ("lines", statement.lines, trailer.lines),
        ("in_fen", statement.in_fen, trailer.in_fen),
        ("out_fen", statement.out_fen, trailer.out_fen),
    ):
        if wanted != found:
            statement.refuse(statement.line, name, f"{wanted} as its details come to", found)
    statement.line += 1
    if statement.columns == form.COLUMNS and len(lines) < 2:
        statement.refuse(statement.line, "", "a #sha256 line", "the end: the file was cut short")
    if len(lines) > 1:
        statement.digest.update(lines[0] + b"\n")
        _check_digest(statement, dialect.pairs(dialect.text(lines[1])))
        statement.line += 1
    if len(lines) > 2:
        statement.refuse(
            statement.line, "", "the end of the file", repr(dialect.text(lines[2])[:40])
        )


def _check_digest(statement: Statement, pairs: str) -> None:
    """A file that a program wrote again cannot agree; one that was written by us must."""
    found = form.read_digest(pairs, f"{statement.path}, line {statement.line}")
    wanted = statement.digest.hexdigest()
    if found == wanted:
        return
    if not statement.dialect.remarks:
        expected = f"#sha256,{wanted} over the bytes before it"
        statement.refuse(statement.line, "", expected, f"{found}: the file was changed")
    statement.dialect.remark(REWRITTEN)
