"""A subject as it stands on disk: its wrapped key, and its values sealed under that key."""

import struct
from dataclasses import dataclass, field

HEAD = struct.Struct("<BIB")  # layout, day, bytes of the wrapped key
PART = struct.Struct("<BH")  # field, bytes of its sealed value
LAYOUT = 1


@dataclass
class Row:
    """`wrapped` is the subject's key, sealed by the store's; `sealed` its values by field. `day`,
    in days since 1970, is when it was kept last; 0 where it is kept until it is erased."""

    wrapped: bytes
    day: int = 0
    sealed: dict[int, bytes] = field(default_factory=dict)

    def packed(self) -> bytes:
        parts = [HEAD.pack(LAYOUT, self.day, len(self.wrapped)), self.wrapped]
        for number, value in self.sealed.items():
            parts += (PART.pack(number, len(value)), value)
        return b"".join(parts)

    @classmethod
    def parse(cls, packed: bytes) -> "Row | None":
        """None where it is no row; that its values are as they were, only their keys can tell."""
        if len(packed) < HEAD.size:
            return None
        layout, day, length = HEAD.unpack_from(packed)
        at = HEAD.size + length
        row = cls(packed[HEAD.size : at], day)
        while at + PART.size <= len(packed):
            number, length = PART.unpack_from(packed, at)
            at += PART.size
            row.sealed[number] = packed[at : at + length]
            at += length
        return row if layout == LAYOUT and at == len(packed) else None
