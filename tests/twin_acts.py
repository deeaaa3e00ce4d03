"""The acts that are not taps, for the slow twin: each changed row takes the next sequence."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from onecard.ext.outcome import Status
from tests.twin_state import (
    Account,
    Book,
    Credential,
    Declaration,
    Participant,
    Position,
    Rules,
    Tariff,
    Terminal,
    Window,
)


@dataclass(frozen=True)
class CardRow:
    """One card as the registry is told of it; account 0 opens one or keeps the card's own."""

    token: int
    issuer: int
    funding: int
    status: int = Status.ACTIVE
    since_us: int = 0  # 0 = when it is booked
    floor_fen: int = 0
    account: int = 0


def put_participants(book: Book, rows: Iterable[tuple[str, int]], booked_at_us: int) -> list[int]:
    """Ids in the order of the rows; a name that is known with that role changes nothing."""
    ids = {known.name: number for number, known in book.participants.items()}
    answers = []
    for name, role in rows:
        number = ids.setdefault(name, len(ids) + 1)
        known = book.participants.get(number)
        if known is None:
            book.participants[number] = Participant(name, role, Status.ACTIVE)
        elif known.role != role:
            known.role = role
        else:
            answers.append(number)
            continue
        book.next_sequence(booked_at_us)
        answers.append(number)
    return answers


def put_terminals(book: Book, rows: Iterable[Terminal], booked_at_us: int) -> list[int]:
    """Ids in the order of the rows; what was seen and taken at a terminal stays."""
    ids = {known.number: number for number, known in book.terminals.items()}
    answers = []
    for row in rows:
        number = ids.setdefault(row.number, len(ids) + 1)
        answers.append(number)
        known = book.terminals.get(number)
        after = Terminal(row.number, row.operator, row.place, row.mode, row.status, row.counterless)
        if known is not None:
            after.seen, after.taken = known.seen, known.taken
        if after != known:
            book.terminals[number] = after
            book.next_sequence(booked_at_us)
    return answers


def put_cards(book: Book, rows: Iterable[CardRow], booked_at_us: int) -> int:
    """How many changed. The floor is the account's, status and its time the credential's."""
    changed = 0
    for row in rows:
        known = book.credentials.get(row.token)
        if put_card(book, row, known, booked_at_us):
            book.next_sequence(booked_at_us)
            changed += 1
    return changed


def put_card(book: Book, row: CardRow, known: Credential | None, booked_at_us: int) -> bool:
    number = row.account or (known.account if known else len(book.accounts) + 1)
    account = book.accounts.get(number)
    if known and account and known.account == number and known.status == row.status:
        same_since = row.since_us in (0, known.since_us)
        if same_since and account.floor_fen == row.floor_fen:
            return False
    if account is None:
        account = book.accounts[number] = Account(row.issuer, row.funding)
    account.floor_fen = row.floor_fen
    if known is None:
        known = book.credentials[row.token] = Credential(number, row.status, 0)
        known.since_us = row.since_us or booked_at_us
    elif row.since_us or known.status != row.status:
        known.since_us = row.since_us or booked_at_us
    known.account, known.status = number, row.status
    return True


def put_tariff(
    book: Book,
    name: str,
    effective_from_us: int,
    stations: int,
    fares_fen: Sequence[int],
    entry_min_fen: int,
    booked_at_us: int,
) -> int:
    """The version it was given. Immutable: the same again is the same version."""
    for version, known in book.tariffs.items():
        if (known.name, known.effective_from_us, known.stations) != (
            name,
            effective_from_us,
            stations,
        ):
            continue
        if known.fares_fen == list(fares_fen) and known.entry_min_fen == entry_min_fen:
            return version
    version = len(book.tariffs) + 1
    record = book.next_sequence(booked_at_us)
    book.tariffs[version] = Tariff(
        record, name, effective_from_us, stations, list(fares_fen), entry_min_fen
    )
    return version


def put_rules(book: Book, rules: Rules, booked_at_us: int) -> None:
    if rules != book.rules:
        book.next_sequence(booked_at_us)
        book.rules = rules


def declare(book: Book, rows: Iterable[Declaration], booked_at_us: int) -> None:
    """Kept for comparison; every one is journalled, the latest of a terminal and day counts."""
    for row in rows:
        book.declarations[book.next_sequence(booked_at_us)] = row


def close_window(book: Book, business_day: int, booked_at_us: int) -> Window:
    """One record a participant; they are the last of the window they close."""
    first_record = book.last + 1
    positions: dict[int, Position] = {}
    for number, participant in book.participants.items():
        book.next_sequence(booked_at_us)
        positions[number] = book.position(number)
        for name in ("window_in", "window_out"):
            book.sums.pop((name, number), None)
        participant.window_legs = 0
    closed = Window(
        book.window,
        book.window_first,
        book.last,
        first_record,
        booked_at_us,
        business_day,
        positions,
    )
    book.windows.append(closed)
    book.window += 1
    book.window_first = book.last + 1
    return closed
