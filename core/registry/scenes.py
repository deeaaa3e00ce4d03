"""Scenes: what a tap may be for, by code."""

from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from onecard.core.errors import BadInput
from onecard.core.journal.block import Draft
from onecard.core.registry.cards import AMOUNT_MAX_FEN
from onecard.core.registry.name import name_bytes
from onecard.core.registry.role import check_payee
from onecard.core.registry.row_change import Change, Put, change_of, draft_of, in_row
from onecard.core.registry.terminals import NETWORK_MAX
from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import Policy, Purse, Record, Status
from onecard.ext.state.state import State
from onecard.ext.state.table import SCENES_MAX

NAME_BYTES_MAX = dtypes.SCENE["name"].itemsize
PURSES_MAX = dtypes.SCENE["purses"].itemsize
PAYING = (Purse.MAIN,)  # what may be in a purse order; HELD, DUE and OWED pay nothing by themselves
MCC_MAX = 9999  # ISO 18245 has four digits
STATUSES = (Status.ACTIVE, Status.CLOSED)  # blocked is what a card or a terminal can be
FOR_EVER = ("payee", "rated_by")  # what was tapped before a change would be another's
KEPT = ("most_fen", "payee", "mcc", "rated_by", "status", "closed_us")  # numbers, by their column


@dataclass(frozen=True)
class SceneRow:
    """A scene as the register is told of it, by its code. None keeps what it has, or is what a new
    one has: the purse MAIN, 0 for what is a number, active; a new one needs a name. `purses` is a
    byte a Purse; for ever are `payee`, the operator that earns there, and `rated_by`, the network
    whose tariffs rate journeys there: 0 for those of the terminal."""

    code: int
    name: str | None = None
    purses: bytes | None = None
    most_fen: int | None = None
    payee: int | None = None
    mcc: int | None = None
    rated_by: int | None = None
    status: int | None = None


@dataclass(frozen=True)
class PutScenes:
    """Register scenes by code; answers a Put."""

    rows: list[SceneRow]

    @property
    def size_bytes(self) -> int:
        """What it will journal, at most."""
        return len(self.rows) * dtypes.SCENE_RECORD.itemsize

    def halves(self) -> list[Self]:
        """The same in two acts, one after the other."""
        middle = len(self.rows) // 2
        return [replace(self, rows=rows) for rows in (self.rows[:middle], self.rows[middle:])]

    def apply(self, state: State, sequence: int, booked_at_us: int) -> tuple[list[Draft], Put]:
        latest: dict[int, _Scene] = {}
        changed: list[tuple[int, _Scene]] = []
        changes: list[Change] = []
        what: dict[int, str] = {}
        for at, row in enumerate(self.rows):
            with in_row(at):
                if not 1 <= row.code <= SCENES_MAX:
                    raise BadInput(f"scene code: expected 1 to {SCENES_MAX}, found {row.code}")
                before = latest.get(row.code) or _scene_now(state, row.code)
                after = _after(state, row, before, booked_at_us)
            changes.append(change_of(before, after))
            if before is not None and before != after:
                what[at] = _difference(state, before, after)
            if before != after:
                changed.append((row.code, after))
            latest[row.code] = after
        rows = _records(changed, booked_at_us)
        drafts = draft_of(Record.SCENES, rows, sequence, booked_at_us)
        return drafts, Put.of(changes, [], what)


@dataclass(frozen=True)
class _Scene:
    """A scene as it is; the fields of its row, but for when it was recorded."""

    name: bytes
    purses: bytes = bytes((Purse.MAIN,))
    most_fen: int = 0
    payee: int = 0
    mcc: int = 0
    rated_by: int = 0
    status: int = int(Status.ACTIVE)
    closed_us: int = 0


def _scene_now(state: State, code: int) -> _Scene | None:
    row = state.table("scenes")[code]
    if not row["code"]:
        return None
    return _Scene(
        bytes(row["name"]),
        bytes(row["purses"])[: row["purse_count"]],
        *(int(row[name]) for name in KEPT),
    )


def _after(state: State, row: SceneRow, before: _Scene | None, booked_at_us: int) -> _Scene:
    """What a row makes of a scene, which keeps what is not said; BadInput where it may not be."""
    if row.name is None and before is None:
        raise BadInput("scene name: expected one for a scene that is new, found none")
    said = {one.name: getattr(row, one.name) for one in fields(row) if one.name != "code"}
    said = {column: value for column, value in said.items() if value is not None}
    if row.name is not None:
        said["name"] = name_bytes(row.name, NAME_BYTES_MAX, "scene name")
    _check(state, row)
    _check_kept(state, row, before)
    after = _Scene(**said) if before is None else replace(before, **said)
    if after.status != Status.CLOSED:
        return replace(after, closed_us=0)
    return after if after.closed_us else replace(after, closed_us=booked_at_us)


def _check(state: State, row: SceneRow) -> None:
    """BadInput unless each value is one that a scene may have."""
    purses = row.purses
    if purses is not None and not (
        1 <= len(purses) <= PURSES_MAX
        and len(set(purses)) == len(purses)
        and all(purse in PAYING for purse in purses)
    ):
        paying = purse_words(bytes(PAYING))
        found = purse_words(purses[: PURSES_MAX + 1]) or "none"
        raise BadInput(
            f"scene purses: expected some of {paying}, which pay, each once, found {found}"
        )
    for column, value, most in (
        ("most_fen", row.most_fen, AMOUNT_MAX_FEN),
        ("payee", row.payee, int(state.totals["participants"][0])),
        ("mcc", row.mcc, MCC_MAX),
        ("rated_by", row.rated_by, NETWORK_MAX),
    ):
        if value is not None and not 0 <= value <= most:
            raise BadInput(f"scene {column}: expected 0 to {most}, found {value}")
    if row.status is not None and row.status not in STATUSES:
        numbers = " or ".join(str(int(status)) for status in STATUSES)
        raise BadInput(f"scene status: expected {numbers} (active or closed), found {row.status}")


def _check_kept(state: State, row: SceneRow, before: _Scene | None) -> None:
    """BadInput unless what a scene has for ever is what it had, and of a new one what may earn and
    rate."""
    for column in FOR_EVER if before is not None else ():
        had, found = getattr(before, column), getattr(row, column)
        if found is not None and found != had:
            had, found = (_value(state, column, value) for value in (had, found))
            raise BadInput(
                f"scene {column}: expected {had}, as the scene has for ever, found {found}; "
                "load a new one"
            )
    if before is None and row.payee:
        check_payee(state, row.payee)
    if before is None and row.rated_by:
        policies = state.rows("policies")
        rating = policies[policies["policy"] == Policy.OD_FARES]
        if row.rated_by not in rating["network"]:
            raise BadInput(
                f"scene rated_by: expected a network that has a tariff, found {row.rated_by}; "
                "load one for it first"
            )


def _difference(state: State, before: _Scene, after: _Scene) -> str:
    """From what to what, a column each; since when it is closed goes without saying."""
    said = []
    for column in (one.name for one in fields(_Scene) if one.name != "closed_us"):
        old, new = (_value(state, column, getattr(scene, column)) for scene in (before, after))
        if old != new:
            said.append(f"{column} {old} -> {new}")
    return ", ".join(said)


def _value(state: State, column: str, value: int | bytes) -> str:
    if isinstance(value, bytes):
        return purse_words(value) if column == "purses" else value.decode("utf-8", "replace")
    if column == "status":
        return Status(value).name.lower()
    if column == "payee" and value:
        return bytes(state.table("participants")[value]["name"]).decode("utf-8", "replace")
    return str(value)


def purse_words(purses: bytes) -> str:
    """Purses in their order as people write them: `main`; a number where it is none."""
    known = {int(purse): purse.name.lower() for purse in Purse}
    return "+".join(known.get(purse, str(purse)) for purse in purses)


def _records(changed: list[tuple[int, _Scene]], booked_at_us: int) -> NDArray[np.void]:
    rows = np.zeros(len(changed), dtypes.SCENE_RECORD)
    for row, (code, scene) in zip(rows, changed, strict=True):
        row["code"], row["from_us"] = code, booked_at_us
        for name in KEPT:
            row[name] = getattr(scene, name)
        row["purse_count"], row["purses"] = len(scene.purses), scene.purses.ljust(PURSES_MAX, b"\0")
        row["name_bytes"], row["name"] = len(scene.name), scene.name
    return rows
