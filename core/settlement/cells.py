"""Fields of a CSV that people open in a spreadsheet: no digit lost, and nothing of it computed."""

# A spreadsheet shows up to so many digits of a number as they are, and saves what it shows.
DIGITS_MAX = 11
# What begins with one of these is a formula to a spreadsheet, whoever wrote it.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def cell(value: object) -> str:
    """A field: a number as it is while a spreadsheet keeps it so, a text that is no formula."""
    if value is None:
        return ""
    text = str(value)
    if isinstance(value, int):
        return text if len(text) <= DIGITS_MAX else text_cell(text)
    if text.startswith(FORMULA) and not _is_amount(text):
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


def _is_amount(text: str) -> bool:
    """Returns True when it is a minus and an amount of `yuan`."""
    return text[:1] == "-" and text[1:].replace(".", "", 1).isdecimal()


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
