"""What the files of a window are and what they sum to; docs/files.md describes each field."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from onecard.core.days import day_number, day_text
from onecard.core.errors import BadInput, NotFound
from onecard.core.exchange.form import CURRENCY, FORMAT
from onecard.core.registry.name import spellings

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Sheet:
    """One participant's file."""

    participant: int
    name: str  # as it was when the window closed
    file: str
    bytes: int
    sha256: str
    lines: int
    legs: int
    in_fen: int
    out_fen: int

    @property
    def net_fen(self) -> int:
        return self.in_fen - self.out_fen


@dataclass(frozen=True)
class Manifest:
    """All files of a window. `head` is the hash of the block that closed it: keep it elsewhere,
    and `onecard verify --head` notices if the journal before it ever changes or is cut short.
    """

    folder: Path
    ledger: str
    epoch: int
    window: int
    business_day: int
    first: int
    cut: int
    closed_at_us: int
    head: str
    sheets: tuple[Sheet, ...]
    repeated: bool = False  # these very files were there already

    @property
    def sum_fen(self) -> int:
        """The sum of all net positions, which is 0."""
        return sum(sheet.net_fen for sheet in self.sheets)

    def sheet_of(self, who: int | str) -> Sheet:
        """A participant's file by id or name; NotFound."""
        names = set(spellings(str(who)))
        for sheet in self.sheets:
            if sheet.name in names or str(sheet.participant) in names:
                return sheet
        known = ", ".join(f"{sheet.participant} {sheet.name}" for sheet in self.sheets[:8])
        raise NotFound(
            f"participant {who} is not one of window {self.window}; it has {known}"
            + (", ..." if len(self.sheets) > 8 else "")
        )

    def as_json(self) -> dict[str, Any]:
        """What the manifest's file holds, in its order."""
        sheets = [asdict(sheet) | {"net_fen": sheet.net_fen} for sheet in self.sheets]
        return {
            "format": FORMAT,
            "ledger": self.ledger,
            "epoch": self.epoch,
            "window": self.window,
            "business_day": day_text(self.business_day),
            "first": self.first,
            "cut": self.cut,
            "closed_at_us": self.closed_at_us,
            "head": self.head,
            "currency": CURRENCY,
            "totals": {
                "files": len(self.sheets),
                "lines": sum(sheet.lines for sheet in self.sheets),
                "legs": sum(sheet.legs for sheet in self.sheets),
                "in_fen": sum(sheet.in_fen for sheet in self.sheets),
                "out_fen": sum(sheet.out_fen for sheet in self.sheets),
                "net_fen": self.sum_fen,
            },
            "files": sheets,
        }

    def text(self) -> bytes:
        """The bytes of the manifest's file: the same for the same window."""
        return json.dumps(self.as_json(), indent=2, ensure_ascii=False).encode() + b"\n"


def read_manifest(folder: Path) -> Manifest:
    """The manifest in a window's folder. Errors: NotFound; BadInput where it is not sound."""
    path = folder / MANIFEST
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        raise NotFound(
            f"{path} is not there; write the window's files with onecard settle"
        ) from None
    try:
        found = json.loads(text)
        sheets = []
        for entry in found["files"]:
            del entry["net_fen"]
            sheets.append(Sheet(**entry))
        manifest = Manifest(
            folder,
            found["ledger"],
            found["epoch"],
            found["window"],
            day_number(found["business_day"]),
            found["first"],
            found["cut"],
            found["closed_at_us"],
            found["head"],
            tuple(sheets),
            repeated=True,
        )
        sound = manifest.text() == text
    except (ValueError, KeyError, TypeError, BadInput) as error:
        raise BadInput(f"{path}: expected a manifest of format {FORMAT}, found {error}") from None
    if not sound:
        raise BadInput(
            f"{path}: expected a manifest as it was written, found it changed; "
            "move it away and run onecard settle again"
        )
    return manifest
