"""Actors: who may act on the ledger, by name; and whether some acts need two of them."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from onecard.core.errors import BadInput, Overloaded
from onecard.core.journal.block import Draft
from onecard.core.registry.name import find_name, name_bytes
from onecard.core.registry.row_change import Put, change_of, draft_of, in_row
from onecard.core.registry.status import STATUSES
from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import ActorRole, Record, Status
from onecard.ext.state.state import State
from onecard.ext.state.table import ACTORS_MAX

NAME_BYTES_MAX = dtypes.ACTOR["name"].itemsize
SECRET_BYTES = dtypes.ACTOR["secret"].itemsize  # a SHA-256
NO_SECRET = bytes(SECRET_BYTES)
EVERY_ROLE = sum(ActorRole)
# System, security and audit administrators are three people: who sets the rules neither says who
# may set them nor looks after it.
APART = ActorRole.SYSTEM | ActorRole.SECURITY | ActorRole.AUDIT
KEPT = ("secret", "roles", "participant", "status")  # in the order of an ActorRow


@dataclass(frozen=True)
class ActorRow:
    """An actor as the register is told of it; None keeps what it has, or is what a new one has: no
    roles, participant 0, active. `secret` is the SHA-256 of what it signs in with, 32 bytes."""

    name: str
    secret: bytes | None = None
    roles: int | None = None
    participant: int | None = None
    status: int | None = None


@dataclass(frozen=True)
class PutActors:
    """Register actors by name; answers a Put with their numbers. four_eyes None keeps the rule."""

    rows: list[ActorRow] = field(default_factory=list)
    four_eyes: bool | None = None

    @property
    def size_bytes(self) -> int:
        """What it will journal, at most."""
        return (len(self.rows) + 1) * dtypes.ACTOR_RECORD.itemsize

    def apply(self, state: State, sequence: int, booked_at_us: int) -> tuple[list[Draft], Put]:
        after = state.rows("actors").copy()
        ids: list[int] = []
        changes = []
        what: dict[int, str] = {}
        for at, said in enumerate(self.rows):
            with in_row(at):
                number, after = _placed(after, state, said)
                row, before = after[number], after[number].copy()
                is_new = int(before["actor"]) == 0
                _put(row, number, said, state.count("participants"))
                _check_secret(after, number)
            if not is_new and before != row:
                what[at] = _difference(before, row)
            changes.append(change_of(None if is_new else before, row))
            ids.append(number)
        known = state.rows("actors")
        changed = [n for n in dict.fromkeys(ids) if n >= len(known) or after[n] != known[n]]
        if self.four_eyes is not None and bool(after[0]["four_eyes"]) != self.four_eyes:
            after[0]["four_eyes"] = self.four_eyes
            after[0]["status"] = Status.ACTIVE
            changed.append(0)
        _check_all(state.rows("actors"), after)
        rows = _records(after[changed], booked_at_us)
        drafts = draft_of(Record.ACTORS, rows, sequence, booked_at_us)
        return drafts, Put.of(changes, ids, what)


def _placed(after: NDArray[np.void], state: State, said: ActorRow) -> tuple[int, NDArray[np.void]]:
    """The actor's number, and the rows with one for it; BadInput for a name that is none."""
    encoded = name_bytes(said.name, NAME_BYTES_MAX, "actor name")
    if said.name.strip().isdecimal():
        raise BadInput("actor name: expected one that cannot be read as a number")
    number = find_name(state.by_actor, said.name)
    if number is None:
        fresh = np.flatnonzero(after["name"][state.count("actors") :] == encoded)
        number = state.count("actors") + int(fresh[0]) if len(fresh) else len(after)
    if number > ACTORS_MAX:
        raise Overloaded(f"a ledger holds at most {ACTORS_MAX} actors, found one more")
    if number == len(after):
        after = np.append(after, np.zeros(1, dtypes.ACTOR))
    return number, after


def _put(row: np.void, number: int, said: ActorRow, participants: int) -> None:
    """Write what is said into a row; BadInput where it may not be."""
    for name in KEPT:
        if getattr(said, name) is not None:
            _check_value(name, getattr(said, name), participants)
    is_new = int(row["actor"]) == 0
    if is_new and said.secret is None:
        raise BadInput("actor secret: expected the SHA-256 of one for who is new, found none")
    for name in KEPT:
        value = getattr(said, name)
        if value is not None:
            row[name] = np.void(value) if name == "secret" else value
    if is_new:
        encoded = name_bytes(said.name, NAME_BYTES_MAX, "actor name")
        row["actor"], row["name"], row["name_bytes"] = number, encoded, len(encoded)
        row["status"] = said.status or Status.ACTIVE
    apart = int(row["roles"]) & APART
    if apart & (apart - 1):
        raise BadInput(
            "actor roles: expected one of system, security and audit at most, found more; they are "
            "of three people"
        )


def _check_value(name: str, value: object, participants: int) -> None:
    """BadInput unless a column may have the value."""
    if isinstance(value, bytes):
        if len(value) != SECRET_BYTES or value == NO_SECRET:
            raise BadInput(
                f"actor secret: expected a SHA-256 of {SECRET_BYTES} bytes, found {len(value)}"
            )
        return
    assert isinstance(value, int)
    if name == "roles" and not 0 <= value <= EVERY_ROLE:
        raise BadInput(f"actor roles: expected a sum of {EVERY_ROLE} at most, found {value}")
    if name == "participant" and not 0 <= value < participants:
        raise BadInput(f"actor participant: expected a participant id or 0, found {value}")
    if name == "status" and value not in STATUSES:
        raise BadInput(f"actor status: expected 1 to {max(STATUSES)}, found {value}")


def _check_secret(after: NDArray[np.void], number: int) -> None:
    """BadInput where two actors would sign in with one secret: four eyes would be two."""
    if int((after["secret"][1:] == after[number]["secret"]).sum()) > 1:
        raise BadInput(
            "actor secret: expected one of its own, found another actor's; make a new one"
        )


def _check_all(before: NDArray[np.void], after: NDArray[np.void]) -> None:
    """BadInput where nobody would be left to mend it, or all the others were let in."""
    security, checkers = _having(after, ActorRole.SECURITY), _having(after, ActorRole.CHECKER)
    asked = bool(_having(after, ActorRole.SYSTEM))
    if _having(before, ActorRole.SYSTEM) and not asked:
        raise BadInput(
            "actors: expected an active one with the role system to stay, found none left; acts "
            "would need no actor any more"
        )
    if asked and not security:
        raise BadInput(
            "actors: expected an active one with the role security where one has system, found "
            "none; nobody could register another"
        )
    if not after[0]["four_eyes"]:
        return
    if not asked or not any(one != other for one in security for other in checkers):
        raise BadInput(
            "four eyes: expected active actors with the roles system, security, and checker of "
            "another than that, found fewer; nobody could end it"
        )


def _having(rows: NDArray[np.void], role: ActorRole) -> list[int]:
    """The active actors who have a role; row 0 is nobody."""
    fits = (rows["status"] == Status.ACTIVE) & ((rows["roles"] & role) != 0)
    return [int(actor) for actor in rows["actor"][fits] if actor]


def _difference(before: np.void, after: np.void) -> str:
    """From what to what; of a secret that it is another."""
    said = [
        f"{name} {int(before[name])} -> {int(after[name])}"
        for name in KEPT
        if name != "secret" and before[name] != after[name]
    ]
    return ", ".join([*said, *(["secret"] if before["secret"] != after["secret"] else [])])


def _records(rows: NDArray[np.void], booked_at_us: int) -> NDArray[np.void]:
    records = np.zeros(len(rows), dtypes.ACTOR_RECORD)
    names = ("secret", "roles", "actor", "participant", "status", "four_eyes", "name_bytes", "name")
    for name in names:
        records[name] = rows[name]
    records["from_us"] = booked_at_us
    return records
