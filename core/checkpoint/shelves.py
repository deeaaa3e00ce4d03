"""Proves that no page of the index is missing or of another time.

Pages of one group, a terminal or a million of entries, must sum to what the census says it weighs.
A terminal with few identities has its pages walked. Any other group has *shelves*
(`ext/identity/shelf`), which say what each page weighs: of it the shelves are walked, a head each,
and only the pages asked for are read.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from onecard.core.checkpoint.census import Census
from onecard.core.storage.environment import Cursor
from onecard.ext.identity import pages as identity_pages
from onecard.ext.identity import shelf

TOTAL_AT = slice(8, 16)  # in the value of a shelf
TERMINAL_BYTES = 4


def update(
    shelf_cursor: Cursor,
    page_keys: list[bytes],
    before: NDArray[np.int64],
    after: NDArray[np.int64],
) -> None:
    """Write what some pages weigh now; ValueError where they weighed other than said."""
    keys = shelf.keys_of(page_keys)
    stored = {bytes(key): bytes(value) for key, value in shelf_cursor.getmulti(keys)}
    shelf_cursor.putmulti(shelf.update(page_keys, before, after, stored))


def make(shelf_cursor: Cursor, page_cursor: Cursor, terminal: int) -> None:
    """The first shelves of a group, for all pages it has."""
    pages = [(bytes(key), bytes(value)) for key, value in of_terminal(page_cursor, terminal)]
    keys = [key for key, _ in pages]
    weights = shelf.weights_of(keys, [value for _, value in pages])
    update(shelf_cursor, keys, np.zeros_like(weights), weights)


def prove(
    page_cursor: Cursor,
    shelf_cursor: Cursor,
    census: Census,
    asked: NDArray[np.void],
    pages: dict[bytes, bytes],
) -> None:
    """ValueError unless `pages`, in which these keys were looked for, are the newest.

    All cursors are of one transaction, and the census as of it.
    """
    terminals = np.unique(asked["terminal"])
    counts, shelved = census.counts(terminals), census.shelved(terminals)
    wanted = sorted(set(identity_pages.keys_of(asked)))
    held = shelf.weights_of(wanted, [pages.get(key) for key in wanted])
    of_key = np.searchsorted(terminals, [_terminal_of(key) for key in wanted])
    # Most terminals of few taps have one page: it holds all there are, and no walk can say more.
    left = np.bincount(of_key, held, len(terminals)) != counts
    wanted_shelves = set(shelf.keys_of(wanted))
    kept: dict[bytes, bytes] = {}
    walked: dict[bytes, bytes] = {}
    told = zip(terminals[left].tolist(), counts[left].tolist(), shelved[left], strict=True)
    for terminal, count, has in told:
        if has:
            found = 0
            for key, value in of_terminal(shelf_cursor, terminal):
                found += int.from_bytes(value[TOTAL_AT], "little")
                if bytes(key) in wanted_shelves:
                    kept[bytes(key)] = bytes(value)
        else:
            mine = {bytes(k): bytes(v) for k, v in of_terminal(page_cursor, terminal)}
            found = int(shelf.weights_of(list(mine), list(mine.values())).sum())
            walked |= mine
        _check_weight(terminal, count, found)
    identity_pages.look_up(asked[:0], walked)  # are they what was written? Their counts are, then.
    on_shelf = (left & shelved)[of_key]
    chosen = [key for key, one in zip(wanted, on_shelf, strict=True) if one]
    shelf.check(chosen, held[on_shelf], kept)
    for page_key, one in zip(wanted, (left & ~shelved)[of_key], strict=True):
        if one and pages.get(page_key) != walked.get(page_key):
            raise ValueError(f"the page {page_key.hex()} is met on a walk and not when asked for")


def _check_weight(group: int, expected: int, found: int) -> None:
    if found == expected:
        return
    if moves(group):
        raise ValueError(f"the pages of group {group:#x} are not the newest, or not all there")
    raise ValueError(f"expected {expected} identities of terminal {group}, found {found}")


def moves(group: int) -> bool:
    """Returns True when keys of this group may come to lead to later entries: no terminal's do."""
    return group >= identity_pages.GROUPS_A_SPACE


def _terminal_of(key: bytes) -> int:
    return int.from_bytes(key[:TERMINAL_BYTES], "big")


def check(
    page_cursor: Cursor, shelf_cursor: Cursor, terminal: int, count: int, shelved: bool
) -> None:
    """ValueError unless the pages of a group, and its shelves, are those that are counted."""
    keys, counts = [], []
    for key, value in of_terminal(page_cursor, terminal):
        keys.append(bytes(key))
        counts.append(int(shelf.weights_of(keys[-1:], [bytes(value)])[0]))
    _check_weight(terminal, count, sum(counts))
    stored = {bytes(key): bytes(value) for key, value in of_terminal(shelf_cursor, terminal)}
    if set(stored) != (set(shelf.keys_of(keys)) if shelved else set()):
        raise ValueError(f"expected a shelf for each page of group {terminal:#x}, and no others")
    total = sum(int.from_bytes(value[TOTAL_AT], "little") for value in stored.values())
    if shelved:
        _check_weight(terminal, count, total)
        shelf.check(keys, np.array(counts, np.int64), stored)


def of_terminal(cursor: Cursor, terminal: int) -> Iterator[tuple[memoryview, memoryview]]:
    """All pairs whose key begins with a terminal; ValueError where the keys do not ascend."""
    prefix = terminal.to_bytes(TERMINAL_BYTES, "big")
    before = b""
    if not cursor.set_range(prefix):
        return
    for key, value in cursor.iternext():
        if bytes(key[:TERMINAL_BYTES]) != prefix:
            return
        if bytes(key) <= before:
            raise ValueError(f"the key {bytes(key).hex()} stands behind {before.hex()}")
        before = bytes(key)
        yield key, value
