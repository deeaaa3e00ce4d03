"""TOML as people write it: read, and where it is none, which line is at fault and what to write."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from onecard.core.errors import quoted
from onecard.core.tariff.language.lines import Lines
from onecard.core.tariff.notice import Notices
from onecard.core.tariff.source import Source
from onecard.core.tariff.table import REASON_CHARACTERS_MAX, text_of

DOCUMENT_CHARACTERS_MAX = 1 << 20  # rules; what is long is a table beside them
DOTS_MAX = 200  # of a line: a key of many parts takes the parser the square of them
LINE_CHARACTERS_MAX = 40
PLACE = re.compile(r" ?\(at line (\d+), column \d+\)|\(at end of document\)")
HEADER = re.compile(r"\s*\[+\s*([\w.-]+)")
# What a line looks like that people write instead of TOML, and what to write; the first is said.
SLIPS = (
    (re.compile("[“”„‘’«»]"), 'write straight quotes, as "text"'),
    (re.compile(r"^\s*[^\s\"'\[=#]*[^\x00-\x7f][^=\"']*="), "write its name in docs/tariffs.md"),
    (re.compile(r"^\s*[\w-]+\s*[:：]"), "write = between a key and its value"),
    (re.compile(r"=\s*-?\d+,\d+\s*(#.*)?$"), "write whole minor units, as 200 for 2.00"),
    (re.compile(r"=\s*\d+[/.-]\d+[/.-]\d+"), "write a day as 2026-01-31"),
    (re.compile(r"=\s*\d+:\d+"), 'write a time in quotes, as "04:30"'),
    (re.compile(r"=\s*(?i:true|false|yes|no)\b"), "write true or false, in small letters"),
    (re.compile(r"=\s*[-+]?\d+\s*[^\d\s,.#_\]}]"), "write the number alone, without its unit"),
    (re.compile(r"=\s*[^\d\s\"'\[{+-]"), 'write text in quotes, as "text"'),
)  # fmt: skip


def read_document(
    source: Source, file: str, notices: Notices
) -> tuple[dict[str, Any], Lines] | None:
    """A TOML file and where its keys stand; None where it is none, which is noticed."""
    text = text_of(source, file, notices)
    if text is None:
        return None
    if len(text) > DOCUMENT_CHARACTERS_MAX:
        found = f"expected at most {DOCUMENT_CHARACTERS_MAX} characters, found {len(text)}"
        notices.error("too_large", file, 0, found, "put tables into CSV files")
        return None
    for number, content in enumerate(text.split("\n"), start=1):
        if content.count(".") > DOTS_MAX:
            found = f"expected at most {DOTS_MAX} dots in a line, found {content.count('.')}"
            notices.error("toml", file, number, found, "write it in several lines")
            return None
    try:
        return tomllib.loads(text.replace("\r\n", "\n")), Lines(text)
    except (ValueError, RecursionError) as error:
        place = re.search(r"at line (\d+)", str(error))
        line = int(place[1]) if place else 0
        lines = text.split("\n")
        content = lines[line - 1] if 0 < line <= len(lines) else ""
        reason = quoted(PLACE.sub("", str(error)), REASON_CHARACTERS_MAX)
        found = f"expected TOML, found {quoted(content, LINE_CHARACTERS_MAX) or 'otherwise'}"
        notices.error("toml", file, line, f"{found}: {reason}", _instead(str(error), content))
        return None


def _instead(reason: str, content: str) -> str:
    """What to write instead of a line that is no TOML."""
    header = HEADER.match(content)
    if header is not None and ("twice" in reason or "overwrite" in reason):
        return f"write [[{header[1]}]] at each of them, in two brackets"
    if "overwrite" in reason:
        return (
            "write the key once, or, where a table of the same name stands above, [[NAME]] at each"
        )
    if "Unclosed" in reason:
        return "close the bracket that was opened above it"
    return next((do for slip, do in SLIPS if slip.search(content)), "mend the line")
