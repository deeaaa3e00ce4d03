"""CSV as people and spreadsheets write it: rows by column name, each with its line."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from io import BytesIO, TextIOWrapper

from onecard.core.errors import BadInput, quoted
from onecard.core.tariff.notice import Notices
from onecard.core.tariff.source import Source

REASON_CHARACTERS_MAX = 160
FIELD_CHARACTERS_MAX = 1 << 16
SEPARATORS = ((";", "semicolons"), ("\t", "tabs"))  # what spreadsheets part columns by as well
CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x9f]")  # a terminal obeys them
COLUMNS_MAX = 1_000  # a feed's widest file has some twenty


def text_of(source: Source, file: str, notices: Notices) -> str | None:
    """A file in UTF-8, with or without its mark; None where it is none, which is noticed."""
    content = _content(source, file, notices)
    return None if content is None else content.decode("utf-8-sig")


def _content(source: Source, file: str, notices: Notices) -> bytes | None:
    """The bytes of a file in UTF-8; None where it is none, which is noticed."""
    try:
        content = source.read(file)
    except BadInput as error:
        said, _, do = str(error).removeprefix(f"{file}: ").rpartition("; ")
        notices.error("file", file, 0, said or do, do if said else "mend it")
        return None
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        found = f"expected UTF-8, found byte {content[error.start]:#04x}"
        notices.error(
            "encoding", file, line, found, "save it as UTF-8, in a spreadsheet as CSV UTF-8"
        )
        return None
    controls = CONTROL.search(content)
    if controls is None:
        return content
    line = content.count(b"\n", 0, controls.start()) + 1
    found = f"found control character {controls[0][-1]:#04x}"
    notices.warning("control", file, line, found, "remove it; all of them are left out")
    return CONTROL.sub(b"", content)


class Table:
    """The rows of a CSV file that are as long as its header; what is not is noticed and left out.

    `columns` are the header's, in its order, without blanks around them; `rows` are (line, values).
    """

    def __init__(self, file: str, columns: list[str], rows: list[tuple[int, list[str]]]) -> None:
        self.file = file
        self.columns = columns
        self.rows = rows
        self._at = {column: at for at, column in enumerate(columns)}

    def __len__(self) -> int:
        return len(self.rows)

    def has(self, column: str) -> bool:
        """Returns True when the header names the column."""
        return column in self._at

    def each(self, *columns: str) -> Iterator[tuple[int, list[str]]]:
        """Line and values of these columns, "" where the header has none."""
        at = [self._at.get(column, -1) for column in columns]
        for line, row in self.rows:
            yield line, [row[place] if place >= 0 else "" for place in at]


def read_table(
    source: Source,
    file: str,
    notices: Notices,
    required: Sequence[str],
    optional: Sequence[str] | None = (),
) -> Table | None:
    """A table, None where there is none to be had, which is noticed.

    Columns may stand in any order. With `optional` None all others are taken too, as GTFS has it.
    """
    content = _content(source, file, notices)
    if content is None:
        return None
    csv.field_size_limit(FIELD_CHARACTERS_MAX)
    reader = csv.reader(
        TextIOWrapper(BytesIO(content), encoding="utf-8-sig", newline=""), strict=True
    )
    rows: list[tuple[int, list[str]]] = []
    columns: list[str] = []
    try:
        for row in reader:
            if not columns:
                columns = [name.strip() for name in row]
                if not _is_header(file, columns, notices, required, optional):
                    return None
            elif not any(value.strip() for value in row):
                continue  # nothing is on the line, or commas alone, as spreadsheets leave them
            elif len(row) != len(columns):
                found = f"expected {len(columns)} columns, found {len(row)}"
                notices.error("columns", file, reader.line_num, found, "give each its value")
            else:
                rows.append((reader.line_num, [value.strip() for value in row]))
    except csv.Error as error:
        found = f"expected CSV, found otherwise: {quoted(error, REASON_CHARACTERS_MAX)}"
        notices.error("csv", file, reader.line_num + 1, found, "save it as CSV with commas")
        return None
    if not columns:
        expected = ",".join(required)
        notices.error("empty", file, 1, "found nothing", f"begin it with columns {expected}")
        return None
    return Table(file, columns, rows)


def _is_header(
    file: str,
    columns: list[str],
    notices: Notices,
    required: Sequence[str],
    optional: Sequence[str] | None,
) -> bool:
    """Returns True when a header has what is required and nothing that is not known."""
    before = notices.errors
    if len(columns) > COLUMNS_MAX:
        found = f"expected at most {COLUMNS_MAX} columns, found {len(columns)}"
        notices.error("columns", file, 1, found, "remove those that nothing reads")
        return False
    between = next((name for sign, name in SEPARATORS if sign in "".join(columns[:1])), "")
    if between and len(columns) == 1:
        found = f"expected columns parted by commas, found {between}"
        notices.error("csv", file, 1, found, "save it as CSV with commas")
        return False
    if required and columns and not set(columns) & {*required, *(optional or ())}:
        found = f"expected columns {','.join(required)}, found {quoted(','.join(columns))}"
        notices.error("column_missing", file, 1, found, "name the columns so in the first line")
        return False
    for column in required:
        if column not in columns:
            found = f"expected a column {column}, found {quoted(','.join(columns))}"
            notices.error("column_missing", file, 1, found, "add it to the header and each row")
    for at, column in enumerate(columns):
        if column in columns[:at]:
            found = f"found column {quoted(column)} twice"
            notices.error("column_twice", file, 1, found, "name each column once")
        elif optional is not None and column not in required and column not in optional:
            known = ", ".join([*required, *optional])
            found = f"expected only {known}, found {quoted(column) or 'a column without a name'}"
            notices.error("column_unknown", file, 1, found, "remove or rename the column")
    return notices.errors == before
