"""Rows of one file about the same card or terminal: a dry run holds each against the register as it
is, a load each after the one before. So what the second of them does is found here."""

from array import array
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from unicodedata import normalize

import numpy as np

from onecard.core.errors import BadInput
from onecard.core.registry.row_change import Change
from onecard.grpc.client import Client
from onecard.v1 import registry_pb2 as pb

OPENED = (1 << 32) - 1  # an account that this file opens; none that is issued is so high


class Twice:
    """What each row is about, and what a dry run said of it: 9 bytes a row, the message again only
    where something comes twice."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.keys = array("Q")
        self.changes = bytearray()

    def add(self, messages: list[Any], changes: Iterable[int]) -> None:
        """Rows in their order, with what a dry run said of them."""
        self.keys.extend(self._keys(messages))
        self.changes.extend(changes)

    def repeats(
        self, rows: Iterable[Any], message: Callable[[Any], Any]
    ) -> Iterator[tuple[Any, int, int, str]]:
        """Each row that is not the first about its card or terminal: the line, what the dry run
        said of it, what it is after the one before, and that in words."""
        keys, counts = np.unique(np.frombuffer(self.keys, np.uint64), return_counts=True)
        many = set(keys[counts > 1].tolist())
        latest: dict[int, tuple[Any, int]] = {}
        for line, key, said in zip(rows, self.keys, self.changes, strict=True) if many else ():
            if key not in many or said == Change.REFUSED:
                continue
            row = message(line)
            if key not in latest:
                latest[key] = (_whole(row) if said == Change.ADDED else row, line.at)
                continue
            before, at = latest[key]
            # What neither a row before nor the register says otherwise is as this row says.
            before = _row_after(row, before) if said == Change.SAME else before
            after = _row_after(before, row)
            change = Change.SAME if after == before else Change.CHANGED
            if _moves(before, after, said):
                change = Change.MOVED
            latest[key] = after, line.at
            yield line, said, change, f"line {at} says otherwise"

    def _keys(self, messages: list[Any]) -> list[int]:
        if messages and isinstance(messages[0], pb.Terminal):
            return [_digest(normalize("NFC", row.number)) for row in messages]
        numbers = [row.number for row in messages if row.number]
        try:
            found = iter(self.client.tokens(numbers).tolist())
        except BadInput:  # one of them is refused, which its row says
            found = iter([_digest(number) for number in numbers])
        return [next(found) if row.number else row.token for row in messages]


def _digest(text: str) -> int:
    """64 bits; of this process alone."""
    return hash(text) % (1 << 64)


def _whole(row: Any) -> Any:
    """A row of what is new, with what it does not say."""
    new = type(row)(status=pb.STATUS_ACTIVE)
    if isinstance(row, pb.Terminal):
        new.place, new.mode, new.counterless = 0, 0, False
    else:
        new.floor_fen = 0
        new.account = OPENED
    new.MergeFrom(row)
    return new


def _row_after(before: Any, row: Any) -> Any:
    """What holds after a second row: what it does not say is as it was."""
    after = type(row)()
    after.CopyFrom(before)
    after.MergeFrom(row)
    after.number = before.number
    if isinstance(row, pb.Card):
        after.token = before.token
    return after


def _moves(before: Any, after: Any, said: int) -> bool:
    """Returns True when it goes to another owner. Whether the account of a card that no row before
    named is another one than the register's, the dry run has said."""
    if isinstance(after, pb.Terminal):
        return bool(after.operator != before.operator)
    if before.account:
        return bool((after.issuer, after.account) != (before.issuer, before.account))
    return bool(after.issuer != before.issuer or (after.account and said == Change.MOVED))
