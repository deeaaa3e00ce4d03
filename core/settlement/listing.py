"""Reads a file of lines with references and amounts: ours, or one that came back.

Streaming, strict, and refused whole: BadInput names the file, the line, the column, what was
expected and what was found. Both forms are described in docs/files.md.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NoReturn

import numpy as np
from numpy.typing import NDArray

from onecard.core.errors import BadInput
from onecard.core.settlement import form
from onecard.core.settlement.detail import exact_sum
from onecard.ext import csvscan

CHUNK_BYTES = 1 << 20
LINE_BYTES_MAX = csvscan.LINE_BYTES_MAX
LINES_MAX = (1 << 32) - 2  # line numbers are kept in 32 bits
BOM = b"\xef\xbb\xbf"
AMOUNT = "amount_fen"
FIELD = re.compile(r'("(?:[^"]|"")*"|[^,]*),')
# How a line names what it is about, and the least and greatest value of each part.
BY_LEG = ("sequence", "leg")
BY_ENTRY = ("sequence",)
BY_IDENTITY = ("terminal", "epoch", "terminal_seq")
RANGES = {
    "sequence": (1, (1 << 62) - 1),
    "leg": (0, 255),
    "terminal": (0, (1 << 32) - 1),
    "epoch": (0, (1 << 32) - 1),
    "terminal_seq": (0, (1 << 32) - 1),
}
EXPECTED = {
    csvscan.EMPTY: "an integer",
    csvscan.NOT_INTEGER: "an integer (digits, with a minus where negative)",
    csvscan.TOO_LARGE: "an integer of 64 bits",
    csvscan.QUOTE_OPEN: "a closing quote on the same line",
    csvscan.QUOTE_TAIL: "a comma after the closing quote",
}


@dataclass(frozen=True)
class Rows:
    """Some lines of a file: `columns[name]` int64, one value a line, from `first_line` on."""

    first_line: int
    columns: dict[str, NDArray[np.int64]]


@dataclass
class Listing:
    """An open file, its head read. `lines`, `in_fen` and `out_fen` grow while `rows` is read."""

    path: Path
    file: BinaryIO
    header: dict[str, str] | None = None  # the #header line, where there is one
    names: list[str] = field(default_factory=list)
    line: int = 1  # the next one, from 1
    lines: int = 0  # details
    in_fen: int = 0
    out_fen: int = 0
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    rest: bytes = b""  # read from the file, after the last newline seen

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


def open_listing(path: Path) -> Listing:
    """Open a file and read its head: the #header line if it has one, and the column names."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise BadInput(f"{path}: expected a file to read, found {error.strerror}") from None
    listing = Listing(path, file)
    try:
        _read_head(listing)
    except BaseException:
        file.close()
        raise
    return listing


def rows_of(
    listing: Listing, reference: tuple[str, ...], beside: str | None = None
) -> Iterator[Rows]:
    """All details, a megabyte of text at a time; an absent `epoch` is 0.

    `beside`: a column of integers that is wanted too, if the reference does not hold it.

    After the last, the trailer (if there is one) was compared with what was read.
    """
    names = dict.fromkeys((*reference, AMOUNT, *([beside] if beside else [])))
    wanted = [name for name in names if name in listing.names]
    column_of = np.full(len(listing.names), -1, np.int32)
    for number, name in enumerate(wanted):
        column_of[listing.names.index(name)] = number
    ended = False
    for text in _texts(listing):
        room = np.empty((len(wanted), text.count(b"\n")), np.int64)
        count, size, code, at = csvscan.scan(text, column_of, room)
        first_line = listing.line
        listing.line += count
        listing.digest.update(memoryview(text)[:size])
        if code > csvscan.MARK:
            _refuse_field(listing, text[size : text.index(b"\n", size)], code, at)
        columns = {name: room[number, :count] for number, name in enumerate(wanted)}
        if "epoch" in reference and "epoch" not in columns:
            columns["epoch"] = np.zeros(count, np.int64)
        _check_ranges(listing, first_line, columns)
        _count(listing, columns[AMOUNT])
        if count:
            yield Rows(first_line, columns)
        if code == csvscan.MARK:
            _read_end(listing, text[size:] + listing.rest + listing.file.read(LINE_BYTES_MAX))
            ended = True
            break
    if listing.header is not None and not ended:
        listing.refuse(listing.line, "", "a #trailer line", "the end: the file was cut short")


def _read_head(listing: Listing) -> None:
    line = _head_line(listing)
    if line.startswith("#"):
        listing.header = form.read_header(line, f"{listing.path}, line 1")
        line = _head_line(listing)
    listing.names = _fields(line)
    if AMOUNT not in listing.names:
        listing.refuse(listing.line - 1, "", f"column names, {AMOUNT} among them", repr(line[:120]))
    for name in (*RANGES, AMOUNT):
        if listing.names.count(name) > 1:
            listing.refuse(listing.line - 1, name, "each column once", "it twice")
    if listing.header is not None and listing.names != list(form.COLUMNS):
        listing.refuse(listing.line - 1, "", ",".join(form.COLUMNS), repr(line[:120]))
    _ = listing.reference


def _head_line(listing: Listing) -> str:
    text = listing.file.readline(LINE_BYTES_MAX)
    listing.digest.update(text)
    if listing.line == 1:
        text = text.removeprefix(BOM)
    if not text:
        listing.refuse(listing.line, "", "a line of column names", "the end of the file")
    _check_text(listing, text)
    if not text.endswith(b"\n"):
        listing.refuse(listing.line, "", "a newline at its end", "none: it was cut short")
    listing.line += 1
    return text.decode().rstrip("\r\n")


def _texts(listing: Listing) -> Iterator[bytes]:
    """Whole lines, a chunk at a time, as UTF-8 without NUL."""
    while chunk := listing.file.read(CHUNK_BYTES):
        end = chunk.rfind(b"\n") + 1
        if end == 0:
            listing.rest += chunk
            if len(listing.rest) > LINE_BYTES_MAX:
                _check_text(listing, listing.rest)
                listing.refuse(listing.line, "", f"at most {LINE_BYTES_MAX} bytes", "more")
            continue
        text = listing.rest + chunk[:end]
        listing.rest = chunk[end:]
        _check_text(listing, text)
        if listing.line + text.count(b"\n") > LINES_MAX:
            listing.refuse(listing.line, "", f"at most {LINES_MAX} lines", "more")
        yield text
    if listing.rest:
        _check_text(listing, listing.rest)
        listing.refuse(listing.line, "", "a newline at its end", "none: the file was cut short")


def _check_text(listing: Listing, text: bytes) -> None:
    nul = text.find(b"\0")
    if nul >= 0:
        listing.refuse(listing.line + text.count(b"\n", 0, nul), "", "text", "a NUL byte")
    try:
        text.decode()
    except UnicodeDecodeError as error:
        line = listing.line + text.count(b"\n", 0, error.start)
        listing.refuse(line, "", "UTF-8", f"byte 0x{text[error.start]:02x}")


def _refuse_field(listing: Listing, line: bytes, code: int, at: int) -> NoReturn:
    if code == csvscan.LINE_LONG or len(line) > LINE_BYTES_MAX:
        listing.refuse(listing.line, "", f"at most {LINE_BYTES_MAX} bytes", len(line))
    fields = _fields(_line(line))
    if code in (csvscan.FIELDS_FEW, csvscan.FIELDS_MANY):
        listing.refuse(listing.line, "", f"{len(listing.names)} fields", str(len(fields)))
    found = repr(fields[at][:40]) if at < len(fields) and fields[at] else "nothing"
    listing.refuse(listing.line, listing.names[at], EXPECTED[code], found)


def _check_ranges(listing: Listing, first_line: int, columns: dict[str, NDArray[np.int64]]) -> None:
    for name, values in columns.items():
        if name not in RANGES:
            continue
        low, high = RANGES[name]
        wrong = np.flatnonzero((values < low) | (values > high))
        if len(wrong):
            row = int(wrong[0])
            listing.refuse(first_line + row, name, f"{low} to {high}", int(values[row]))


def _count(listing: Listing, amount_fen: NDArray[np.int64]) -> None:
    listing.lines += len(amount_fen)
    listing.in_fen += exact_sum(amount_fen[amount_fen > 0])
    listing.out_fen -= exact_sum(amount_fen[amount_fen < 0])


def _read_end(listing: Listing, text: bytes) -> None:
    """The trailer and, where there is one, the digest; nothing may follow."""
    _check_text(listing, text)
    *lines, rest = text.split(b"\n")
    if rest:
        listing.refuse(
            listing.line + len(lines), "", "a newline at its end", "none: the file was cut short"
        )
    trailer = form.read_trailer(_line(lines[0]), f"{listing.path}, line {listing.line}")
    for name, wanted, found in (
        ("lines", listing.lines, trailer.lines),
        ("in_fen", listing.in_fen, trailer.in_fen),
        ("out_fen", listing.out_fen, trailer.out_fen),
    ):
        if wanted != found:
            listing.refuse(listing.line, name, f"{wanted} as its details come to", found)
    listing.line += 1
    if listing.header is not None and len(lines) < 2:
        listing.refuse(listing.line, "", "a #sha256 line", "the end: the file was cut short")
    if len(lines) > 1:
        listing.digest.update(lines[0] + b"\n")
        found_digest = form.read_digest(_line(lines[1]), f"{listing.path}, line {listing.line}")
        wanted_digest = listing.digest.hexdigest()
        if found_digest != wanted_digest:
            expected = f"#sha256,{wanted_digest} over the bytes before it"
            listing.refuse(listing.line, "", expected, f"{found_digest}: the file was changed")
        listing.line += 1
    if len(lines) > 2:
        listing.refuse(listing.line, "", "the end of the file", repr(_line(lines[2])[:40]))


def _fields(line: str) -> list[str]:
    """The fields of a line, quotes around them taken off."""
    found = [match[1] for match in FIELD.finditer(line + ",")]
    return [name[1:-1] if len(name) > 1 and name[0] == name[-1] == '"' else name for name in found]


def _line(text: bytes) -> str:
    return text.decode().rstrip("\r")
