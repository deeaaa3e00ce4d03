"""Which tables there are: from this list follow memory, pages, digest, manifest, limits and indexes.

A new table is its struct (`ext/shape`), a count of its name in the row of totals, its number
(table.pxd) and a line here.
"""

from typing import NamedTuple

from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers cimport CALENDAR_DAYS_MAX
from onecard.ext.shape.tables cimport PAGE_BYTES
from onecard.ext.state.table cimport (
    ACCOUNTS,
    ACTORS,
    CALENDAR_DAYS,
    CARD_PASTS,
    CREDENTIALS,
    OPEN_HOLDS,
    LOTS,
    JOURNEYS,
    PARTICIPANTS,
    POLICIES,
    POLICIES_MAX,
    PURSES,
    SCENES,
    TABLE_COUNT,
    TERMINAL_PASTS,
    TERMINALS,
    TRAVELS,
    WINDOWS,
)

PARTICIPANTS_MAX = 65535  # a leg's party is 16 bits
WINDOWS_MAX = 65536  # a window a day for longer than a century
ACTORS_MAX = 4095  # people and programs that run one ledger, over all the years
PASTS_A_CARD = 2  # on average over the years: another bank or account once, and once lost and found
ROWS_MAX = (1 << 32) - 1  # rows are numbered in 32 bits
SCENES_MAX = 65535  # a scene's row number is its code, which has 16 bits


class Shape(NamedTuple):
    """What a table is made of."""

    number: int
    name: str  # also of its count in the row of totals
    dtype: object
    first: int  # first row in use: 1 where row 0 is nobody
    room: object  # rows from `first` on: a number, or of which setting of the ledger
    key: object  # column that leads to a row: an integer at its start, or bytes; None: no look-up
    rows_each: int = 1  # where `room` is a setting: rows for each one of it

    def rows_for(self, setting: int) -> int:
        """Rows from `first` on that there are room for where that setting is so much."""
        return min(self.rows_each * setting, ROWS_MAX)

    def setting_for(self, rows: int) -> int:
        """The least of that setting which has room for so many rows."""
        return -(-rows // self.rows_each)


SHAPES = (
    Shape(PARTICIPANTS, "participants", dtypes.PARTICIPANT, 1, PARTICIPANTS_MAX, "name"),
    Shape(TERMINALS, "terminals", dtypes.TERMINAL, 1, "terminals", "number"),
    Shape(ACCOUNTS, "accounts", dtypes.ACCOUNT, 1, "cards", None),
    Shape(CREDENTIALS, "credentials", dtypes.CREDENTIAL, 0, "cards", "token"),
    Shape(WINDOWS, "windows", dtypes.WINDOW, 0, WINDOWS_MAX, None),
    Shape(POLICIES, "policies", dtypes.POLICY_ROW, 0, POLICIES_MAX, None),
    Shape(CARD_PASTS, "card_pasts", dtypes.CARD_PAST, 1, "cards", None, PASTS_A_CARD),
    Shape(TERMINAL_PASTS, "terminal_pasts", dtypes.TERMINAL_PAST, 1, "terminals", None),
    Shape(ACTORS, "actors", dtypes.ACTOR, 1, ACTORS_MAX, "name"),
    Shape(SCENES, "scenes", dtypes.SCENE, 1, SCENES_MAX, None),
    Shape(CALENDAR_DAYS, "calendar_days", dtypes.CALENDAR_DAY, 1, CALENDAR_DAYS_MAX, None),
    Shape(OPEN_HOLDS, "open_holds", dtypes.OPEN_HOLD, 1, "holds", None),
    Shape(PURSES, "purses", dtypes.PURSE, 1, "cards", None),
    Shape(LOTS, "lots", dtypes.LOT, 1, "lots", "lot"),
    Shape(TRAVELS, "travels", dtypes.TRAVEL, 1, "cards", None),
    Shape(JOURNEYS, "journeys", dtypes.JOURNEY, 1, "cards", None),
)
TABLES = tuple(shape.name for shape in SHAPES)  # the number of a table is its place
DTYPES = {shape.name: shape.dtype for shape in SHAPES}
ROWS_A_PAGE = {shape.name: PAGE_BYTES // shape.dtype.itemsize for shape in SHAPES}
SETTINGS = tuple(dict.fromkeys(shape.room for shape in SHAPES if isinstance(shape.room, str)))


def _agrees():
    """Raises ImportError where the list and the numbers of table.pxd or the totals differ."""
    if [shape.number for shape in SHAPES] != list(range(TABLE_COUNT)):
        raise ImportError("table: the tables of the list are not those of table.pxd in their order")
    for shape in SHAPES:
        if shape.name not in dtypes.TOTALS.fields:
            raise ImportError(f"table: the row of totals has no count of {shape.name}")
        dtype, offset = shape.dtype.fields[shape.key][:2] if shape.key else (None, 0)
        # An Index compares the first 8 bytes of a row.
        if dtype is not None and dtype.kind != "S" and (dtype.str, offset) != ("<u8", 0):
            raise ImportError(f"table: the key of {shape.name} is no u8 at the start of its rows")


_agrees()
