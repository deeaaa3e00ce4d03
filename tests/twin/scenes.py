"""How scenes are loaded, for the slow twin."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from unicodedata import normalize

from onecard.ext.shape.numbers import Purse, Record, Status
from tests.twin.acts import Acting, Refused, may_have
from tests.twin.state import Book, Scene


@dataclass(frozen=True)
class SceneRow:
    """One scene as the register is told of it; None keeps what it has."""

    code: int
    name: str | None = None
    purses: bytes | None = None
    most_fen: int | None = None
    payee: int | None = None
    mcc: int | None = None
    rated_by: int | None = None
    status: int | None = None


def put_scenes(book: Book, rows: Sequence[SceneRow], booked_at_us: int) -> int:
    """How many rows changed something; what is closed keeps since when."""
    acting = Acting(book, Record.SCENES, booked_at_us)
    after = dict(book.scenes)
    changed: list[tuple[int, Scene]] = []
    for row in rows:
        if not scene_fits(row) or (row.name is None and row.code not in after):
            raise Refused
        before = after.get(row.code)
        if not payee_fits(book, row.payee, before) or not rater_fits(book, row.rated_by, before):
            raise Refused
        old = after.get(row.code) or Scene(0, 0, "")
        new = replace(old)
        for name in ("purses", "most_fen", "payee", "mcc", "rated_by", "status"):
            if getattr(row, name) is not None:
                setattr(new, name, getattr(row, name))
        new.name = old.name if row.name is None else normalize("NFC", row.name)
        new.purses = tuple(new.purses)
        if new.status == Status.ACTIVE:
            new.closed_us = 0
        elif not old.closed_us:
            new.closed_us = acting.booked_at_us
        if new != old:
            changed.append((row.code, new))
        after[row.code] = new
    for code, scene in changed:
        scene.record, scene.from_us = acting.next_sequence(), acting.booked_at_us
        book.scenes[code] = scene
    return len(changed)


def payee_fits(book: Book, payee: int | None, before: Scene | None) -> bool:
    """Returns True when who earns is whom it was, or of a new scene 0 or an operator."""
    if payee is None or before is not None:
        return payee is None or payee == before.payee
    known = book.participants.get(payee)
    return payee == 0 or (known is not None and may_have(known.role, False, False, True))


def rater_fits(book: Book, rated_by: int | None, before: Scene | None) -> bool:
    """Returns True when whose tariffs rate is whose they were, or of a new scene 0 or a network's
    that has some."""
    if rated_by is None or before is not None:
        return rated_by is None or rated_by == before.rated_by
    return rated_by == 0 or any(one.network == rated_by for one in book.tariffs.values())


def scene_fits(row: SceneRow) -> bool:
    """Returns True when each value is one that a scene may have, or is left open."""
    return (
        1 <= row.code <= 65_535
        and row.purses in (None, bytes([Purse.MAIN]))
        and 0 <= (row.most_fen or 0) <= 1 << 62
        and 0 <= (row.mcc or 0) <= 9999
        and 0 <= (row.rated_by or 0) <= 65_535
        and row.status in (None, Status.ACTIVE, Status.CLOSED)
    )
