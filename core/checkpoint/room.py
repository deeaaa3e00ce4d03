"""How many rows a state is made for, and what to do where a sound ledger has more of them.

Limits say what may be added. Whoever only reads a ledger takes as much room as is in use, whatever
the limits say, and whoever writes it learns how much that is before it refuses.
"""

from dataclasses import asdict, dataclass, replace

import numpy as np

from onecard.core.config import Settings
from onecard.core.journal.block import Block
from onecard.ext.shape.numbers import Image, Record
from onecard.ext.state.state import State
from onecard.ext.state.table import SETTINGS, SHAPES


@dataclass(frozen=True)
class Room:
    """Rows of each table whose size is a setting: the SETTINGS of the tables, by name."""

    cards: int
    terminals: int
    holds: int
    lots: int

    @classmethod
    def of(cls, settings: Settings) -> "Room":
        return cls(
            settings.cards_max, settings.terminals_max, settings.holds_max, settings.lots_max
        )

    @classmethod
    def made(cls, state: State) -> "Room":
        """What a state has room for."""
        return cls(state.cards_max, state.terminals_max, state.holds_max, state.lots_max)

    @classmethod
    def used(cls, totals: np.void) -> "Room":
        """What a totals row says is in use; of tables that share a setting, the most of it."""
        used = dict.fromkeys(SETTINGS, 0)
        for shape in SHAPES:
            if isinstance(shape.room, str):
                rows = int(totals[shape.name])
                used[shape.room] = max(used[shape.room], shape.setting_for(rows))
        return cls(**used)

    def state(self) -> State:
        """An empty state with so much room."""
        return State(self.cards, self.terminals, self.holds, self.lots)

    def has(self, used: "Room") -> bool:
        """Returns True when so many rows fit."""
        return self.with_(used) == self

    def with_(self, used: "Room") -> "Room":
        """This much, and where that is not enough for `used`, twice of it, so that a ledger which
        grows beyond a limit is opened again a few times and not once a block."""
        have, need = asdict(self), asdict(used)
        return Room(
            **{
                name: rows if need[name] <= rows else max(need[name], 2 * rows)
                for name, rows in have.items()
            }
        )

    @property
    def map_bytes(self) -> int:
        """Addresses for the saved pages of full tables: twice, since a page is written anew."""
        rooms: dict[str, int] = asdict(self)
        sized = [shape for shape in SHAPES if isinstance(shape.room, str)]
        rows = {shape.name: shape.rows_for(rooms[str(shape.room)]) for shape in sized}
        return 2 * sum(rows[shape.name] * shape.dtype.itemsize for shape in sized)


class NoRoom(Exception):
    """A sound ledger has more rows than the state was made for; open it again with `room`."""

    def __init__(self, room: Room) -> None:
        super().__init__(f"expected room for {room}")
        self.room = room


def check_room(state: State, block: Block) -> None:
    """NoRoom where the next block adds more rows than the state has room for.

    Only rows that follow those in use count: what else does not fit is a fault of the block.
    """
    room = Room.made(state)
    now = Room.used(state.totals[0])
    most = block.count
    if block.record == Record.TERMINALS and now.terminals + most > room.terminals:
        highest = int(block.rows["terminal"].max())
        pasts = _pasts_after(state, block, "terminal_pasts", ("was_operator",))
        now = replace(now, terminals=max(min(highest, now.terminals + most), pasts))
    elif block.record == Record.CARDS and now.cards + most > room.cards:
        pasts = _pasts_after(state, block, "card_pasts", ("was_account", "was_status"))
        now = replace(now, cards=max(_cards_after(state, block), pasts))
    elif block.record == Record.ENTRIES and len(block.images):
        # The lowest row that is free is taken, so no block goes beyond those in use and its own.
        holds = _pool_after(block, Image.HOLD_OPENED, now.holds)
        now = replace(now, holds=holds, lots=_pool_after(block, Image.LOT_OPENED, now.lots))
        # There is room for as many journeys as for cards.
        journeys = _pool_after(block, Image.JOURNEY_PLACED, int(state.totals["journeys"][0]))
        now = replace(now, cards=max(now.cards, journeys))
    if not room.has(now):
        raise NoRoom(room.with_(now))


def _pool_after(block: Block, opened: Image, used: int) -> int:
    """The highest row of a pool after the block, whose rows such images of it open."""
    rows = block.images["key"][block.images["what"] == int(opened)]
    return min(used + len(rows), max(used, int(rows.max(initial=0))))


def _pasts_after(state: State, block: Block, table: str, columns: tuple[str, ...]) -> int:
    """How much of its setting a table of pasts takes after the block.

    A row makes a past where one of the columns says what ends; of a block of version 1, which does
    not say it, every row may end what each of them is for.
    """
    [shape] = [one for one in SHAPES if one.name == table]
    names = block.rows.dtype.names or ()
    ending = sum(
        int((block.rows[was] > 0).sum()) if was in names else block.count for was in columns
    )
    return shape.setting_for(int(state.totals[table][0]) + ending)


def _cards_after(state: State, block: Block) -> int:
    token = np.unique(block.rows["token"])
    fresh = int((state.credentials_of(token) < 0).sum())
    issued = int(state.totals["accounts"][0])
    accounts = min(int(block.rows["account"].max()), issued + block.count)
    return max(int(state.totals["credentials"][0]) + fresh, accounts, issued)
