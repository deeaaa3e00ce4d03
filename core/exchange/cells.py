"""Fields of a CSV that people open in a spreadsheet: no digit lost, and nothing of it computed."""

import re

# A spreadsheet shows up to so many digits of a number as they are, and saves what it shows.
DIGITS_MAX = 11
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
# 12e5 is 1200000 to it, 0012 is 12, 3-4 and 3/4 are the third of April.
OTHER = re.compile(r"[0-9.]+[eE][+-]?[0-9]+|0[0-9]+|[0-9]+([-/:.][0-9]+)+")
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")  # a date that is to be one
# What begins with one of these is a formula to a spreadsheet, whoever wrote it.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def cell(value: object) -> str:
    """A field: a number as it is while a spreadsheet keeps it so, a text that is no formula."""
    if value is None:
        return ""
    text = str(value)
    if isinstance(value, int):
        return text if len(text) <= DIGITS_MAX else text_cell(text)
    if _is_changed(text):
        return text_cell(text)
    return _quoted(text) if set(text) & set(',"\r\n;\t') else text


def text_cell(text: str) -> str:
    """A field that stays text, whatever it looks like: ="text", as CSV quotes it."""
    return _quoted('="' + text.replace('"', '""') + '"')


def yuan(amount_fen: int | None) -> str | None:
    """Fen as yuan with two decimals: -12.34."""
    if amount_fen is None:
        return None
    sign = "-" if amount_fen < 0 else ""
    return f"{sign}{abs(amount_fen) // 100}.{abs(amount_fen) % 100:02d}"


def _is_changed(text: str) -> bool:
    """Returns True when a spreadsheet would shorten a text, or make something else of it."""
    if NUMBER.fullmatch(text):
        return len(text) > DIGITS_MAX
    return text.startswith(FORMULA) or (
        OTHER.fullmatch(text) is not None and not DAY.fullmatch(text)
    )


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
