"""Where a key stands in a TOML file: the parser says what is there, not on which line."""

from __future__ import annotations

import re

HEADER = re.compile(r"\s*\[(\[)?\s*([A-Za-z0-9_.\"'-]+)\s*\]\]?")
KEY = re.compile(r"\s*([A-Za-z0-9_-]+|\"[^\"]*\")\s*(?:=|\.)")


class Lines:
    """Lines by table and key: ("network", 1, "fare") is `fare` of the second `[[network]]`.

    The text is TOML that a parser took, so that a line of the form of a header or of a key is one,
    but for those within texts of several lines.
    """

    def __init__(self, text: str) -> None:
        self._at: dict[tuple[str, int, str], int] = {}
        table, number = "", 0
        seen: dict[str, int] = {}
        for line, content in enumerate(text.split("\n"), start=1):
            header = HEADER.match(content)
            if header is not None:
                table = header[2].replace('"', "")
                if header[1]:
                    seen[table] = number = seen.get(table, -1) + 1
                else:
                    number = 0
                self._at.setdefault((table, number, ""), line)
                continue
            key = KEY.match(content)
            if key is not None:
                self._at.setdefault((table, number, key[1].strip('"')), line)

    def of(self, table: str, number: int, key: str = "") -> int:
        """The line of a key, of its table where the key is none of its own, 0 where neither is."""
        found = self._at.get((table, number, key))
        return found if found is not None else self._at.get((table, number, ""), 0)
