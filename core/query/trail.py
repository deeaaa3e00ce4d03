"""The trail of a card: its entries on every account that it draws on or drew on, newest first.

Each entry says which of its account was before it, so the entries of an account are a chain; those
of a card's accounts are walked side by side, and of each no more is read than the walk comes to.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from onecard.core.journal import Journal
from onecard.core.query.card import card_of
from onecard.ext.shape import dtypes
from onecard.ext.state.state import State

FIRST_READ, READ_MAX = 16, 256  # entries of one chain: most ask for the newest few
SCANNED_MAX = 10_000  # entries looked at for one page: others may share an account
PASTS_READ = 256  # rows of one question: a fraction of a millisecond, for which taps wait
NO_ROWS = np.zeros(0, dtypes.ENTRY)


@dataclass(frozen=True)
class Drawn:
    """Accounts of a card, each with the sequence of its newest entry (0 = it has none): the one
    that it draws on, and those of before as far as they were looked up. `past` is the row of
    card_pasts that says more, 0 where none does."""

    account: int
    newest: dict[int, int]
    past: int

    @property
    def heads(self) -> list[int]:
        """The newest entry of each account that has one."""
        return [last for last in self.newest.values() if last]


@dataclass(frozen=True)
class Page:
    """ENTRY rows, and where each chain that has more goes on; nothing does after the last page."""

    rows: list[np.void]
    following: list[int]


def drawn_on(state: State, token: int) -> Drawn:
    """The account that a card draws on; `drawn_before` has those of before. NotFound without
    saying which card."""
    card = card_of(state, token)
    past = int(state.table("credentials")["past"][state.credential(token)])
    return Drawn(card.account, {card.account: card.last}, past)


def drawn_before(state: State, drawn: Drawn) -> Drawn:
    """With what PASTS_READ pasts more say; asked again until `past` is 0. A past stays as it is
    for ever, so it does not matter what is registered between two questions."""
    accounts, pasts = state.table("accounts"), state.table("card_pasts")
    newest, past = dict(drawn.newest), drawn.past
    for _ in range(PASTS_READ):
        if not past:
            break
        account = int(pasts[past]["account"])  # 0 where it says no account
        if account and account not in newest:
            newest[account] = int(accounts[account]["last"])
        past = int(pasts[past]["next"])
    return Drawn(drawn.account, newest, past)


class Walk:
    """The entries of several chains as one iterator of ENTRY rows, newest first, each once.

    Reads the disk, so it is called off the event loop. Of a chain it holds at most as many rows as
    it gave of it and FIRST_READ.
    """

    def __init__(self, journal: Journal, heads: Sequence[int]) -> None:
        """`heads` are the entries to begin with, one a chain."""
        self._journal = journal
        self._chains = [_Chain(-head, NO_ROWS) for head in heads]
        heapify(self._chains)

    def __iter__(self) -> "Walk":
        return self

    def __next__(self) -> np.void:
        if not self._chains:
            raise StopIteration
        chain = heappop(self._chains)
        row = chain.take(self._journal)
        if chain.back:
            heappush(self._chains, chain)
        return row

    @property
    def heads(self) -> list[int]:
        """Where each chain that has more goes on, newest first."""
        return sorted((-chain.back for chain in self._chains), reverse=True)


@dataclass(order=True)
class _Chain:
    """The entries of one account from one on. `back` is the sequence of the next one below 0, so
    that the newest is the least; 0 at the end."""

    back: int
    rows: NDArray[np.void] = field(compare=False)
    at: int = field(default=0, compare=False)

    def take(self, journal: Journal) -> np.void:
        """The next entry. LedgerFault where it is none."""
        if self.at == len(self.rows):
            # Twice as many each time: few are read in vain, however many chains there are.
            count = min(max(2 * len(self.rows), FIRST_READ), READ_MAX)
            self.rows, self.at = journal.chain(-self.back, count), 0
        row: np.void = self.rows[self.at]
        self.at += 1
        self.back = -int(row["previous"])
        return row


def card_page(
    journal: Journal, heads: Sequence[int], rows_max: int, is_shown: Callable[[np.void], bool]
) -> Page:
    """Those of the entries from `heads` back that are shown.

    May hold fewer than `rows_max`, or none, and still be followed by another. Reads the disk, so it
    is called off the event loop.
    """
    found: list[np.void] = []
    walk = Walk(journal, heads)
    for row in islice(walk, SCANNED_MAX):
        if is_shown(row):
            found.append(row)
            if len(found) == rows_max:
                break
    return Page(found, walk.heads)


def is_told(row: np.void, token: int, account: int, participant: int) -> bool:
    """Returns True when an ENTRY row is of a card's trail for whoever asks by a service, where the
    card draws on `account`. A participant is told of an account that the card left what it may ask
    for by its sequence; 0 is whoever runs the ledger."""
    return int(row["token"]) == token and (
        participant in (0, int(row["issuer"]), int(row["operator_id"]))
        or int(row["account"]) == account
    )


def is_shown(row: np.void, token: int, account: int) -> bool:
    """Returns True when an ENTRY row is of a card's trail for whoever holds the ledger's folder:
    all of the account that it draws on, and its own of those that it left."""
    return int(row["account"]) == account or int(row["token"]) == token
