"""The acts that are not taps, for the slow twin: each changed row takes the next sequence."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from unicodedata import normalize

from onecard.ext.shape.numbers import ActorRole, Record, Role, Status
from tests.twin.state import (
    Account,
    Act,
    Actor,
    Book,
    CardPast,
    Credential,
    Declaration,
    Participant,
    Position,
    Rules,
    Tariff,
    Terminal,
    TerminalPast,
    Window,
    chain,
)

DAY_US = 86_400_000_000
MINUTE_US = 60_000_000
DAYS_APART_MAX = 15
YEAR_2000_US = 946_684_800_000_000
APART = ActorRole.SYSTEM | ActorRole.SECURITY | ActorRole.AUDIT  # of three people


class Refused(Exception):
    """The act is not what it says; nothing of it is done."""


@dataclass
class Acting:
    """An act under way, by whoever runs the ledger. Who did it is on record before its first
    record, and booked before it; where it makes none, so is not that."""

    book: Book
    act: int
    at_us: int  # when who did it is booked
    begun: bool = False

    @property
    def booked_at_us(self) -> int:
        return self.at_us + 1

    def next_sequence(self) -> int:
        if not self.begun:
            self.begun = True
            sequence = self.book.next_sequence(self.at_us)
            self.book.acts.append(Act(sequence, sequence + 1, self.act, 0, 0, 0, ""))
        return self.book.next_sequence(self.booked_at_us)


@dataclass(frozen=True)
class TerminalRow:
    """One terminal as the registry is told of it; None keeps what it has."""

    number: str
    operator: int
    place: int | None = None
    mode: int | None = None
    status: int | None = None
    counterless: bool | None = None
    network: int | None = None
    since_us: int = 0  # 0 = when it is booked


@dataclass(frozen=True)
class CardRow:
    """One card as the registry is told of it; account 0 opens one or keeps the card's own, status
    None keeps it."""

    token: int
    issuer: int
    funding: int
    status: int | None = None
    since_us: int = 0  # 0 = when it is booked
    floor_fen: int = 0
    account: int = 0
    bank_status: int | None = None
    generation: int | None = None
    expires_day: int | None = None
    key_version: int | None = None


@dataclass(frozen=True)
class ActorRow:
    """One actor as the register is told of it; None keeps what it has."""

    name: str
    secret: bytes | None = None
    roles: int | None = None
    participant: int | None = None
    status: int | None = None


def put_participants(book: Book, rows: Iterable[tuple[str, int]], booked_at_us: int) -> list[int]:
    """Ids in the order of the rows; a name that is known with that role changes nothing."""
    acting = Acting(book, Record.PARTICIPANTS, booked_at_us)
    ids = {known.name: number for number, known in book.participants.items()}
    rows = [(normalize("NFC", name), role) for name, role in rows]
    if any(name in ids and not may_become(book, ids[name], role) for name, role in rows):
        raise Refused
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
        acting.next_sequence()
        answers.append(number)
    return answers


def may_have(role: int, terminals: bool, cards: bool, earns: bool = False) -> bool:
    """Terminals are an operator's or an agent's, cards an issuer's; at scenes an operator earns."""
    if earns and role != Role.OPERATOR:
        return False
    return (not terminals or role != Role.ISSUER) and (not cards or role == Role.ISSUER)


def may_become(book: Book, participant: int, role: int) -> bool:
    """A participant with terminals or cards, or that earns at a scene, keeps its role, unless those
    need the other one."""
    now = book.participants[participant].role
    terminals = any(known.operator == participant for known in book.terminals.values())
    issued = [*book.accounts.values(), *book.credentials.values()]
    cards = any(one.issuer == participant for one in issued)
    earns = any(scene.payee == participant for scene in book.scenes.values())
    if role == now or not (terminals or cards or earns):
        return True
    return may_have(role, terminals, cards, earns) and not may_have(now, terminals, cards, earns)


def put_terminals(
    book: Book, rows: Iterable[Terminal | TerminalRow], booked_at_us: int
) -> list[int]:
    """Ids in the order of the rows; what was seen and taken at a terminal stays."""
    acting = Acting(book, Record.TERMINALS, booked_at_us)
    ids = {known.number: number for number, known in book.terminals.items()}
    rows = [replace(row, number=normalize("NFC", row.number)) for row in rows]
    operators = {known.number: known.operator for known in book.terminals.values()}
    by_number = {known.number: known for known in book.terminals.values()}
    if not all(virtual_or_not(by_number, row) for row in rows):
        raise Refused
    for row in rows:
        role = book.participants[row.operator].role
        if operators.get(row.number) != row.operator and not may_have(role, True, False):
            raise Refused
        operators[row.number] = row.operator
    before = dict(book.terminals), dict(book.terminal_pasts), book.last, book.booked_at_us
    acts = list(book.acts)
    try:
        return [put_terminal(book, ids, row, acting) for row in rows]
    except Refused:
        book.terminals, book.terminal_pasts, book.last, book.booked_at_us = before
        book.acts[:] = acts
        raise


def put_terminal(
    book: Book, ids: dict[str, int], row: Terminal | TerminalRow, acting: Acting
) -> int:
    """Its id. What it is no longer ends when it becomes something else: a past of it more."""
    number = ids.setdefault(row.number, len(ids) + 1)
    since_us = row.since_us if isinstance(row, TerminalRow) else 0
    if not dated(since_us, acting.booked_at_us):
        raise Refused
    known = book.terminals.get(number)
    is_virtual = row.status == Status.INTERNAL
    old = known or Terminal(row.number, row.operator, 0, 0, Status.ACTIVE, is_virtual)
    after = replace(old, number=row.number, operator=row.operator)
    for name in ("place", "mode", "status", "counterless", "network"):
        if getattr(row, name) is not None:
            setattr(after, name, getattr(row, name))
    if known and any(
        getattr(after, name) != getattr(known, name)
        for name in ("operator", "place", "network", "status", "mode")
    ):
        from_us = since_us or acting.booked_at_us
        if known.past and from_us < book.terminal_pasts[known.past].until_us:
            raise Refused
        was = known.place, known.operator, known.network, known.status, known.mode
        book.terminal_pasts[len(book.terminal_pasts) + 1] = TerminalPast(from_us, known.past, *was)
        after.past = len(book.terminal_pasts)
    if after != known:
        book.terminals[number] = after
        acting.next_sequence()
    return number


def virtual_or_not(known: dict[str, Terminal | TerminalRow], row: Terminal | TerminalRow) -> bool:
    """Returns True when a row makes no device of a virtual terminal, and none virtual."""
    old = known.setdefault(row.number, row)
    is_virtual = row.status == Status.INTERNAL
    if old is row:
        if is_virtual != row.number.startswith("internal:"):
            return False
    elif row.status is not None and (old.status == Status.INTERNAL) != is_virtual:
        return False
    counts = row.counterless is not None and not row.counterless
    return not (old.status == Status.INTERNAL and counts)


def put_cards(book: Book, rows: Iterable[CardRow], booked_at_us: int) -> int:
    """How many changed. The floor is the account's, status and its time the credential's."""
    acting = Acting(book, Record.CARDS, booked_at_us)
    first: dict[int, CardRow] = {}
    for row in rows:
        first.setdefault(row.token, row)
    if any(row.status == Status.INTERNAL for row in first.values()):
        raise Refused
    if any(refuses(book, row, acting.booked_at_us) for row in first.values()):
        raise Refused
    made = [put_card(book, row, acting.booked_at_us) for row in first.values()]
    for _ in range(sum(made)):
        acting.next_sequence()
    return sum(records > 0 for records in made)


def refuses(book: Book, row: CardRow, booked_at_us: int) -> bool:
    """A time that was not yet, or is before what the card is now began; an account that was not
    issued; a card that comes to a participant which issues none."""
    known = book.credentials.get(row.token)
    number = row.account or (known.account if known else 0)
    account = book.accounts.get(number)
    if not dated(row.since_us, booked_at_us) or (number and account is None):
        return True
    before = known.issuer if known else account.issuer if account else 0
    if before != row.issuer and not may_have(book.participants[row.issuer].role, False, True):
        return True
    if known is None or (number, row.issuer, row.funding) == drawn(known):
        return False
    from_us = row.since_us or booked_at_us
    drew = [past for past in chain(book.card_pasts, known.past) if not past.status]
    return bool(drew) and from_us < drew[0].until_us


def drawn(known: Credential) -> tuple[int, int, int]:
    """What is true of a card from a time on."""
    return known.account, known.issuer, known.funding


def dated(since_us: int, booked_at_us: int) -> bool:
    """Returns True when a time is left open or is one that has been."""
    return since_us == 0 or YEAR_2000_US <= since_us <= booked_at_us


def since(known: Credential, row: CardRow, booked_at_us: int) -> int:
    """Of a card that is not ACTIVE it is when it left ACTIVE: the earliest time that was said."""
    lost_us = row.since_us or booked_at_us
    was_active, is_active = known.status == Status.ACTIVE, row.status == Status.ACTIVE
    if was_active and is_active:
        return row.since_us or known.since_us
    if was_active or is_active:
        return lost_us
    return min(known.since_us, lost_us)


def put_card(book: Book, row: CardRow, booked_at_us: int) -> int:
    """In how many records: none where it changed nothing, two where it ends both what the card drew
    on and a spell, in this order."""
    known = book.credentials.get(row.token)
    says_status = row.status is not None
    if row.status is None:
        row = replace(row, status=known.status if known else Status.ACTIVE)
    assert row.status is not None
    if known is None:
        number, since_us = row.account or len(book.accounts) + 1, row.since_us or booked_at_us
    else:
        number = row.account or known.account
        since_us = since(known, row, booked_at_us) if says_status else known.since_us
    account = book.accounts.get(number, Account())
    before = (known and replace(known), replace(account))
    account.issuer = home(book, row, known, account)
    account.floor_fen = row.floor_fen
    after = replace(known or Credential(), account=number, status=row.status)
    after.issuer, after.funding, after.since_us = row.issuer, row.funding, since_us
    for name in ("bank_status", "generation", "expires_day", "key_version"):
        if getattr(row, name) is not None:
            setattr(after, name, getattr(row, name))
    ended = []
    if known and drawn(after) != drawn(known):
        until_us = row.since_us or booked_at_us
        ended.append(CardPast(until_us, known.account, 0, known.issuer, known.funding))
    if known and ends_spell(known, after):
        ended.append(CardPast(since_us, 0, 0, 0, 0, known.status, known.since_us))
    for was in ended:
        book.card_pasts[len(book.card_pasts) + 1] = was._replace(next=after.past)
        after.past = len(book.card_pasts)
    book.accounts[number], book.credentials[row.token] = account, after
    return max(len(ended), int(before != (after, account)))


def ends_spell(known: Credential, after: Credential) -> bool:
    """Returns True when a card that was not ACTIVE is that again, and some time lies between."""
    again = known.status != Status.ACTIVE and after.status == Status.ACTIVE
    return again and known.since_us < after.since_us


def home(book: Book, row: CardRow, known: Credential | None, account: Account) -> int:
    """An account keeps its home, but that no entry is on it yet and it is of this card alone."""
    if known is None and not row.account:
        return row.issuer
    if known is None or row.account or known.issuer == row.issuer or account.entries:
        return account.issuer
    sharing = [one for one in book.credentials.values() if one.account == known.account]
    return row.issuer if len(sharing) == 1 else account.issuer


def put_tariff(
    book: Book,
    name: str,
    effective_from_us: int,
    stations: int,
    fares_fen: Sequence[int],
    entry_min_fen: int,
    network: int,
    booked_at_us: int,
) -> int:
    """The version it was given. Immutable: what is in force in its network for its start already is
    the same version."""
    acting = Acting(book, Record.TARIFF_SETS, booked_at_us)
    same = (stations, list(fares_fen), entry_min_fen)
    alike = [
        version
        for version, known in book.tariffs.items()
        if (known.network, known.effective_from_us) == (network, effective_from_us)
    ]
    if alike:
        known = book.tariffs[max(alike)]
        if (known.stations, known.fares_fen, known.entry_min_fen) == same:
            return max(alike)
    version = len(book.policies) + 1
    record = acting.next_sequence()
    book.policies[version] = Tariff(
        record, name, effective_from_us, stations, list(fares_fen), entry_min_fen, network
    )
    return version


def put_rules(book: Book, rules: Rules, booked_at_us: int) -> bool:
    """Whether they changed; the very first are journalled in any case."""
    acting = Acting(book, Record.CONFIGS, booked_at_us)
    if rules == book.rules and book.last:
        return False
    acting.next_sequence()
    book.rules = rules
    return True


def declare(book: Book, rows: Sequence[Declaration], booked_at_us: int) -> int:
    """How many; every one is journalled, and kept for comparison."""
    acting = Acting(book, Record.DECLARATIONS, booked_at_us)
    if any(book.terminals[row.terminal].status == Status.INTERNAL for row in rows):
        raise Refused
    for row in rows:
        book.declarations[acting.next_sequence()] = row
    return len(rows)


def put_actors(
    book: Book, rows: Sequence[ActorRow], four_eyes: bool | None, booked_at_us: int
) -> list[int]:
    """Numbers in the order of the rows; refused where nobody would be left to mend it."""
    acting = Acting(book, Record.ACTORS, booked_at_us)
    after = {number: replace(known) for number, known in book.actors.items()}
    ids = {known.name: number for number, known in after.items()}
    answers = []
    for row in rows:
        number = ids.setdefault(normalize("NFC", row.name), len(ids) + 1)
        answers.append(number)
        if row.status == Status.INTERNAL:
            raise Refused
        if number not in after:
            if row.secret is None:
                raise Refused
            name = normalize("NFC", row.name)
            after[number] = Actor(0, 0, name, row.secret, 0, 0, Status.ACTIVE)
        for name in ("secret", "roles", "participant", "status"):
            if getattr(row, name) is not None:
                setattr(after[number], name, getattr(row, name))
        if (after[number].roles & APART).bit_count() > 1:
            raise Refused
        if sum(one.secret == after[number].secret for one in after.values()) > 1:
            raise Refused
    rule = book.four_eyes if four_eyes is None else four_eyes
    asked_before = having(book.actors, ActorRole.SYSTEM)
    if asked_before and not having(after, ActorRole.SYSTEM):  # all the others were let in
        raise Refused
    if not somebody_left(after, rule):
        raise Refused
    for number in dict.fromkeys(answers):
        if after[number] != book.actors.get(number):
            after[number].record = acting.next_sequence()
            after[number].from_us = acting.booked_at_us
            book.actors[number] = after[number]
    if rule != book.four_eyes:
        book.four_eyes = rule
        book.four_eyes_record = acting.next_sequence(), acting.booked_at_us
    return answers


def having(actors: dict[int, Actor], role: int) -> set[int]:
    """The active ones who have a role."""
    active = ((n, one) for n, one in actors.items() if one.status == Status.ACTIVE)
    return {number for number, one in active if one.roles & role}


def somebody_left(actors: dict[int, Actor], four_eyes: bool) -> bool:
    """Returns True when who may register actors is there, wherever that is asked of anybody."""
    system, security = having(actors, ActorRole.SYSTEM), having(actors, ActorRole.SECURITY)
    if system and not security:
        return False
    pairs = {(one, other) for one in security for other in having(actors, ActorRole.CHECKER)}
    return not four_eyes or (bool(system) and any(one != other for one, other in pairs))


def follows(book: Book, business_day: int, booked_at_us: int) -> bool:
    """Returns True when a window may be closed for that day without force."""
    if book.windows:
        return 0 <= business_day - book.windows[-1].business_day <= DAYS_APART_MAX
    today = (booked_at_us + book.rules.zone_offset_us) // DAY_US
    return abs(business_day - today) <= DAYS_APART_MAX


def close_window(book: Book, business_day: int, booked_at_us: int, force: bool = False) -> Window:
    """One record a participant; they are the last of the window they close."""
    acting = Acting(book, Record.WINDOWS, booked_at_us)
    if not force and not follows(book, business_day, acting.booked_at_us):
        raise Refused
    if book.calendar_days and business_day > max(book.calendar_days):
        raise Refused
    over_us = (business_day + 1) * DAY_US - book.rules.zone_offset_us
    due_us = min(over_us - 1, acting.booked_at_us - MINUTE_US)
    if not force and any(hold.expires_us <= due_us for hold in book.open_holds.values()):
        raise Refused
    records: list[int] = []
    positions: dict[int, Position] = {}
    for number, participant in book.participants.items():
        records.append(acting.next_sequence())
        positions[number] = book.position(number)
        for name in ("window_in", "window_out"):
            book.sums.pop((name, number), None)
        participant.window_legs = 0
    closed = Window(
        book.window,
        book.window_first,
        book.last,
        records[0],
        acting.booked_at_us,
        business_day,
        positions,
    )
    book.windows.append(closed)
    book.window += 1
    book.window_first = book.last + 1
    return closed
