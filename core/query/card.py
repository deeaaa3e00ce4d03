"""One card and its account as they are, and what the card was."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onecard.core.errors import NotFound
from onecard.ext.state.state import State

MODE_BITS = 8  # of the key of a journey, below the account
PASTS_TOLD_MAX = 100  # no card is lost so often in its life; an answer stays within some kilobytes


@dataclass(frozen=True)
class CardPast:
    """What a card was until a time: what it drew on, or a spell in which it was not ACTIVE.

    from_us: 0 = ever since it is registered. A spell has a status; what it drew on has the other
    three, and of each what is not said is 0.
    """

    from_us: int
    until_us: int
    status: int = 0
    account: int = 0
    issuer: int = 0
    funding: int = 0


@dataclass(frozen=True)
class Journey:
    """One that is open, of the card's account. `mode` and `network` are its entry's."""

    sequence: int  # of the entry tap
    at_us: int
    place: int
    network: int
    mode: int


@dataclass(frozen=True)
class Card:
    """A credential and its account; kinds and statuses are the numbers of ext/shape/numbers."""

    token: int
    account: int
    issuer: int
    funding: int
    status: int
    since_us: int
    denied: bool
    deny_version: int
    posted_fen: int
    held_fen: int
    floor_fen: int
    entries: int  # of the account, which others may share
    last: int  # its newest entry, 0 where it has none
    home_issuer: int  # of the account
    bank_status: int  # of its second function, 0 = as the status
    generation: int
    expires_day: int  # days since 1970-01-01, 0 = never said
    key_version: int
    pasts: tuple[CardPast, ...] = ()  # newest first, at most PASTS_TOLD_MAX
    journeys: tuple[Journey, ...] = ()  # the oldest first

    @property
    def available_fen(self) -> int:
        return self.posted_fen - self.held_fen


@dataclass(frozen=True)
class Balance:
    """Of an account after entry `as_of`, the newest of the ledger."""

    account: int
    issuer: int
    posted_fen: int
    held_fen: int
    as_of: int

    @property
    def available_fen(self) -> int:
        return self.posted_fen - self.held_fen


@dataclass(frozen=True)
class Lot:
    """Money of a card's account with a purpose and an end; ends_us: 0 = it has none."""

    lot: int
    left_fen: int
    ends_us: int
    programme: int
    sponsor: int


def find_card(state: State, token: int) -> Card | None:
    """The card of a token; None where it is not registered."""
    row = _row_of(state, token)
    if row < 0:
        return None
    credential = state.table("credentials")[row]
    account = state.table("accounts")[credential["account"]]
    return Card(
        token=token,
        account=int(credential["account"]),
        issuer=int(credential["issuer"]),
        funding=int(credential["funding"]),
        status=int(credential["status"]),
        since_us=int(credential["since_us"]),
        denied=bool(credential["denied"]),
        deny_version=int(credential["deny_version"]),
        posted_fen=int(account["posted_fen"]),
        held_fen=int(account["held_fen"]),
        floor_fen=int(account["floor_fen"]),
        entries=int(account["entries"]),
        last=int(account["last"]),
        home_issuer=int(account["issuer"]),
        bank_status=int(credential["bank_status"]),
        generation=int(credential["generation"]),
        expires_day=int(credential["expires_day"]),
        key_version=int(credential["key_version"]),
        pasts=tuple(_pasts(state.table("card_pasts"), int(credential["past"]))),
        journeys=tuple(_journeys(state, int(credential["account"]))),
    )


def card_of(state: State, token: int) -> Card:
    """The card of a token; NotFound without saying which card."""
    card = find_card(state, token)
    if card is None:
        raise _unknown()
    return card


def balance_of(state: State, token: int) -> Balance:
    """The balance of a card's account; NotFound without saying which card."""
    row = _row_of(state, token)
    if row < 0:
        raise _unknown()
    number = int(state.table("credentials")["account"][row])
    account = state.table("accounts")[number]
    return Balance(
        account=number,
        issuer=int(account["issuer"]),
        posted_fen=int(account["posted_fen"]),
        held_fen=int(account["held_fen"]),
        as_of=int(state.totals["last"][0]),
    )


def lots_of(state: State, account: int) -> list[Lot]:
    """An account's lots, in the order in which they are spent. On the state's own thread."""
    names = ("lot", "left_fen", "ends_us", "programme", "sponsor")
    return [Lot(*(int(row[name]) for name in names)) for row in state.lots_of(account)]


def _journeys(state: State, account: int) -> Iterator[Journey]:
    """The open journeys of an account, in its travel row and apart."""
    travel = int(state.table("accounts")["travel"][account])
    if travel == 0:
        return
    apart = state.rows("journeys")
    found = [state.table("travels")[travel], *apart[apart["key"] >> MODE_BITS == account]]
    for row in sorted((row for row in found if row["key"]), key=lambda row: int(row["sequence"])):
        yield Journey(
            sequence=int(row["sequence"]),
            at_us=int(row["at_us"]),
            place=int(row["place"]),
            network=int(row["network"]),
            mode=int(row["key"]) & ((1 << MODE_BITS) - 1),
        )


def _pasts(rows: NDArray[np.void], newest: int) -> Iterator[CardPast]:
    """What a card was, from its newest past on, as far as it is told."""
    at = newest
    for _ in range(PASTS_TOLD_MAX):
        if at == 0:
            return
        row = rows[at]
        until_us, at = int(row["until_us"]), int(row["next"])
        if row["status"]:
            yield CardPast(int(row["from_us"]), until_us, int(row["status"]))
        else:
            drew = (int(row[name]) for name in ("account", "issuer", "funding"))
            yield CardPast(_drawn_since_us(rows, at), until_us, 0, *drew)


def _drawn_since_us(rows: NDArray[np.void], before: int) -> int:
    """When what a card drew on before ended: its newest past from `before` on that is no spell.
    Row 0, where every chain ends, is none and says 0."""
    while rows["status"][before]:
        before = int(rows["next"][before])
    return int(rows["until_us"][before])


def _row_of(state: State, token: int) -> int:
    """Of the credentials; negative where it is not registered. No card has token 0."""
    return state.credential(token) if token else -1


def _unknown() -> NotFound:
    return NotFound("there is no such card; register it first")
