"""The form of a participant's file of a window, field by field in docs/files.md.

#header,format,1,ledger,...,window,7,business_day,2026-11-22,participant,3,currency,CNY
sequence,leg,terminal,...,amount_fen
... one line a detail ...
#trailer,lines,12,in_fen,500,out_fen,200,net_fen,300
#sha256,<64 hexadecimal digits over every byte before this line>
"""

import re
from dataclasses import dataclass

from onecard.core.days import day_text
from onecard.core.errors import BadInput

FORMAT = 1
CURRENCY = "CNY"
COLUMNS = (
    "sequence",
    "leg",
    "terminal",
    "epoch",
    "terminal_seq",
    "kind",
    "outcome",
    "reason",
    "offline",
    "card",
    "operator",
    "issuer",
    "account",
    "purse",
    "place",
    "tariff",
    "journey",
    "about",
    "tapped_at_us",
    "booked_at_us",
    "travel_date",
    "entry_fen",
    "amount_fen",
)
# How a line that came back may name what it is about; the finest that it has counts.
BY_LEG = ("sequence", "leg")
BY_ENTRY = ("sequence",)
BY_IDENTITY = ("terminal", "epoch", "terminal_seq")
# The form for people (spreadsheet.py): times of the ledger's zone, names, yuan, and no digest.
SPREADSHEET = "#spreadsheet"
SPREADSHEET_COLUMNS = (
    "sequence",
    "leg",
    "tapped_at",
    "booked_at",
    "travel_date",
    "terminal",
    "terminal_number",
    "epoch",
    "terminal_seq",
    "kind",
    "outcome",
    "reason",
    "offline",
    "card",
    "operator",
    "operator_name",
    "issuer",
    "issuer_name",
    "account",
    "purse",
    "place",
    "tariff",
    "journey",
    "about",
    "entry_yuan",
    "amount_yuan",
)
HEADER_KEYS = (
    "format",
    "ledger",
    "window",
    "business_day",
    "participant",
    "currency",
)
TRAILER_KEYS = ("lines", "in_fen", "out_fen", "net_fen")
INTEGER = re.compile(r"-?[0-9]{1,38}")
DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Header:
    """Whose details of which window a file holds."""

    ledger: str  # the ledger's id, 32 hexadecimal digits
    window: int
    business_day: int  # days since 1970-01-01
    participant: int

    def text(self) -> bytes:
        """The first line and the names of the columns."""
        values = (
            FORMAT,
            self.ledger,
            self.window,
            day_text(self.business_day),
            self.participant,
            CURRENCY,
        )
        return _line("#header", HEADER_KEYS, values) + ",".join(COLUMNS).encode() + b"\n"


@dataclass(frozen=True)
class Trailer:
    """What the details above it come to."""

    lines: int
    in_fen: int
    out_fen: int

    @property
    def net_fen(self) -> int:
        return self.in_fen - self.out_fen

    def text(self) -> bytes:
        values = (self.lines, self.in_fen, self.out_fen, self.net_fen)
        return _line("#trailer", TRAILER_KEYS, values)


def digest_line(digest: str) -> bytes:
    """The last line, over all bytes before it."""
    return f"#sha256,{digest}\n".encode()


def read_header(line: str, where: str) -> dict[str, str]:
    """The pairs of a #header or #spreadsheet line. BadInput, naming `where`, if it is neither."""
    mark = SPREADSHEET if line.startswith(SPREADSHEET) else "#header"
    found = _pairs(line, mark, HEADER_KEYS, where)
    for key, wanted in (("format", str(FORMAT)), ("currency", CURRENCY)):
        if found[key] != wanted:
            raise BadInput(f"{where}, {key}: expected {wanted}, found {found[key]!r}")
    return found


def read_trailer(line: str, where: str) -> Trailer:
    """A #trailer line. BadInput where it is none, or its net is not in less out."""
    found = _pairs(line, "#trailer", TRAILER_KEYS, where)
    for key, value in found.items():
        if not INTEGER.fullmatch(value):
            raise BadInput(f"{where}, {key}: expected an integer, found {value!r}")
    trailer = Trailer(int(found["lines"]), int(found["in_fen"]), int(found["out_fen"]))
    if trailer.net_fen != int(found["net_fen"]):
        raise BadInput(
            f"{where}, net_fen: expected in_fen less out_fen, {trailer.net_fen}, "
            f"found {found['net_fen']}"
        )
    return trailer


def read_digest(line: str, where: str) -> str:
    """The digits of a #sha256 line; BadInput where it is none."""
    mark, _, digest = line.partition(",")
    if mark != "#sha256" or not DIGEST.fullmatch(digest):
        raise BadInput(f"{where}: expected #sha256 and 64 hexadecimal digits, found {line[:80]!r}")
    return digest


def _line(mark: str, keys: tuple[str, ...], values: tuple[object, ...]) -> bytes:
    pairs = [f"{key},{value}" for key, value in zip(keys, values, strict=True)]
    return ",".join([mark, *pairs]).encode() + b"\n"


def _pairs(line: str, mark: str, keys: tuple[str, ...], where: str) -> dict[str, str]:
    """Alternating names and values after a mark, in this order and no others."""
    fields = line.split(",")
    if fields[0] != mark or tuple(fields[1::2]) != keys or len(fields) != 2 * len(keys) + 1:
        wanted = ",".join([mark, *(f"{key},..." for key in keys)])
        raise BadInput(f"{where}: expected {wanted}, found {line[:120]!r}")
    return dict(zip(keys, fields[2::2], strict=True))
