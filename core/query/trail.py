"""The entries of an account, newest first: each says which of the account was before it."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from onecard.core.journal.chain import Journal

FIRST_READ, READ_MAX = 16, 256  # entries: most ask for the newest few
SCANNED_MAX = 10_000  # entries of the account looked at for one page: others may share it


@dataclass(frozen=True)
class Page:
    """ENTRY rows of one card, and the sequence that the next page starts at; 0 after the last."""

    rows: list[np.void]
    following: int


def account_entries(journal: Journal, last: int) -> Iterator[np.void]:
    """ENTRY rows from `last` back, some of them read at once; none where `last` is 0."""
    count = FIRST_READ
    while last:
        rows = journal.chain(last, count)
        yield from rows
        last = int(rows["previous"][-1])
        count = READ_MAX


def card_page(journal: Journal, token: int, start: int, rows_max: int) -> Page:
    """The entries of one card among those of its account, from `start` back.

    May hold fewer than `rows_max`, or none, and still be followed by another. Reads the disk once
    an entry, so it is called off the event loop.
    """
    found: list[np.void] = []
    following = start
    for row in islice(account_entries(journal, start), SCANNED_MAX):
        following = int(row["previous"])
        if int(row["token"]) == token:
            found.append(row)
            if len(found) == rows_max:
                break
    return Page(found, following)
