"""Of whom or what something is kept, and what: numbers that stand on disk, so for ever."""

import struct
from enum import IntEnum
from typing import NamedTuple

from onecard.core.errors import BadInput

ID_MAX = (1 << 64) - 1
# Longer than a name, an address or a bank account's number; and all fields of a subject together
# stay below half a page of LMDB, so that no row ever needs pages of its own.
TEXT_BYTES_MAX = 255
KEY = struct.Struct(">BQ")  # sorted by kind, then by id


class SubjectKind(IntEnum):
    """Who or what may be forgotten as a whole."""

    CARD = 1  # id: the card's token
    HOLDER = 2  # id: the holder's number


class Field(IntEnum):
    """What is kept of a subject."""

    NUMBER = 1  # as printed on the card
    NAME = 2
    CITIZEN_NUMBER = 3
    BIRTH_DATE = 4
    BANK_ACCOUNT = 5


class Subject(NamedTuple):
    """One card or one holder."""

    kind: SubjectKind
    id: int

    @property
    def key(self) -> bytes:
        """Nine bytes, by which it is found; BadInput where it is no subject."""
        if self.kind not in _KINDS or not 1 <= self.id <= ID_MAX:
            raise BadInput(
                f"subject: expected a kind of {min(_KINDS)} to {max(_KINDS)} and an id of 1 to "
                f"{ID_MAX}, found another kind or id"
            )
        return KEY.pack(self.kind, self.id)


class Value(NamedTuple):
    """One text to be kept."""

    subject: Subject
    field: Field
    text: str

    @property
    def data(self) -> bytes:
        """The text in UTF-8; BadInput, without it, where it cannot be kept."""
        try:
            data = self.text.encode()
        except UnicodeEncodeError:
            raise BadInput("text: expected UTF-8, found half of a character") from None
        if not 1 <= len(data) <= TEXT_BYTES_MAX:
            raise BadInput(
                f"{Field(self.field).name.lower()}: expected 1 to {TEXT_BYTES_MAX} bytes, found "
                f"{len(data)}"
            )
        return data


_KINDS = frozenset(SubjectKind)
