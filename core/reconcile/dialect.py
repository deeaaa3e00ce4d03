"""How a file is written: what a spreadsheet or a bank's program makes of a CSV.

What is recognised is kept as a remark for whoever reads the result; what could be read in two
ways is refused where it is met.
"""

import re
from dataclasses import dataclass, field

from onecard.ext.text import csv_scan

AMOUNT = "amount_fen"
AMOUNT_YUAN = "amount_yuan"
BOM = b"\xef\xbb\xbf"
UTF16 = (b"\xff\xfe", b"\xfe\xff")
DELIMITERS = {",": "", ";": "semicolons", "\t": "tabs"}
SEEN = {
    csv_scan.SEEN_CR: "CR LF",
    csv_scan.SEEN_PADDED: "empty fields at the ends of lines",
    csv_scan.SEEN_THOUSANDS: "thousands separators",
    csv_scan.SEEN_APOSTROPHE: "apostrophes before numbers",
    csv_scan.SEEN_GUARD: 'numbers as ="text"',
}
FIELDS = {
    delimiter: re.compile(f'("(?:[^"]|"")*"|[^{delimiter}]*){delimiter}')
    for delimiter in DELIMITERS
}
GUARD = re.compile(r'="(.*)"')
SCIENTIFIC = re.compile(r"-?[0-9]+(\.[0-9]+)?[eE][+-]?[0-9]+")
DATE = re.compile(r"([0-9]{4})[/-]([0-9]{1,2})[/-]([0-9]{1,2})")


@dataclass
class Dialect:
    """How one file is written, as far as it was read."""

    encoding: str = ""  # "": ASCII so far
    delimiter: str = ","
    amount: str = AMOUNT  # the column that holds it
    form: int = csv_scan.WHOLE  # how it is written there
    cents: bool = False  # True when an amount in decimals was not whole
    remarks: list[str] = field(default_factory=list)

    def remark(self, text: str) -> None:
        """What a reader of the result should know, once."""
        if text and text not in self.remarks:
            self.remarks.append(text)

    def note(self, seen: int) -> None:
        """Bits of `csv_scan.scan`."""
        for bit, text in SEEN.items():
            if seen & bit:
                self.remark(text)
        self.cents |= bool(seen & csv_scan.SEEN_CENTS)

    def wrong_byte(self, text: bytes) -> int:
        """Where whole lines of text are not in the file's encoding, -1: nowhere.

        The first bytes beyond ASCII decide: UTF-8 where they are that, else GB18030.
        """
        if text.isascii():
            return -1
        wrong = _wrong(text, self.encoding or "utf-8")
        if wrong >= 0 and not self.encoding and _wrong(text, "gb18030") < 0:
            self.encoding = "gb18030"
            self.remark("GB18030")
            return -1
        if wrong < 0:
            self.encoding = self.encoding or "utf-8"
        return wrong

    def text(self, line: bytes) -> str:
        """A line without its end; in any encoding, for a message."""
        if line.endswith(b"\r"):
            self.remark(SEEN[csv_scan.SEEN_CR])
        return line.removesuffix(b"\r").decode(self.encoding or "utf-8", "replace")

    def fields(self, line: str) -> list[str]:
        """The fields of a line, quotes around them taken off."""
        pattern = FIELDS[self.delimiter]
        found = [match[1] for match in pattern.finditer(line + self.delimiter)]
        return [_unquoted(name) for name in found]

    def pairs(self, line: str) -> str:
        """A line that begins with '#' as we write it: commas, nothing quoted, nothing after it."""
        return ",".join(GUARD.sub(r"\1", name.removeprefix("'")) for name in self.names(line))

    def names(self, line: str) -> list[str]:
        """The fields of a line without the empty ones that a spreadsheet puts after them."""
        fields = self.fields(line)
        while len(fields) > 1 and not fields[-1]:
            self.remark(SEEN[csv_scan.SEEN_PADDED])
            fields.pop()
        return fields

    def is_blank(self, line: bytes) -> bool:
        """Returns True when a line holds nothing but delimiters."""
        return not line.strip(self.delimiter.encode() + b"\r")


def delimiter_of(line: str) -> str:
    """What parts the column names of a line, by the amount among them; "": there is none."""
    for delimiter in DELIMITERS:
        names = [_unquoted(name) for name in line.split(delimiter)]
        if AMOUNT in names or AMOUNT_YUAN in names:
            return delimiter
    return ""


def day_of(text: str) -> str:
    """A date as spreadsheets write it, 2026/1/5, as YYYY-MM-DD; what is none stays as it is."""
    match = DATE.fullmatch(text)
    return f"{match[1]}-{int(match[2]):02d}-{int(match[3]):02d}" if match else text


def _unquoted(name: str) -> str:
    quoted = len(name) > 1 and name[0] == name[-1] == '"'
    return name[1:-1].replace('""', '"') if quoted else name


def _wrong(text: bytes, encoding: str) -> int:
    try:
        text.decode(encoding)
    except UnicodeDecodeError as error:
        return error.start
    return -1
