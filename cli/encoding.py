"""Why a file is no UTF-8, in words: a spreadsheet wrote it, most often."""

import codecs
from pathlib import Path

LOOKED_AT_BYTES = 1 << 20  # enough to tell GB18030 from noise
BOMS = (
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
    (b"PK\x03\x04", "a spreadsheet's own form"),
)


def why_not_utf8(file: Path) -> str:
    """One line: where the first byte is that is not UTF-8, what the file seems to be instead, and
    what to do. The file is read a line at a time."""
    at, found = 1, "a byte that is not"
    with file.open("rb") as lines:
        for line in lines:
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                found = f"byte {error.object[error.start]:#04x}"
                break
            at += 1
    with file.open("rb") as start:
        seems = _seems(start.read(LOOKED_AT_BYTES))
    return f"{file}:{at}: expected UTF-8, found {found}{seems}; save it as CSV in UTF-8"


def _seems(start: bytes) -> str:
    for mark, name in BOMS:
        if start.startswith(mark):
            return f", as {name} begins"
    try:
        codecs.getincrementaldecoder("gb18030")().decode(start)
    except UnicodeDecodeError:
        return ""
    return ", which can be read as GB18030"
