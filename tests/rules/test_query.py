"""What services and commands are told of random ledgers, against the slow twin's own book."""

import random
import unicodedata
from collections.abc import Iterator

import pytest

from onecard.core.authorize.engine import Engine
from onecard.core.errors import BadInput, NotFound
from onecard.core.ledger.token import key_check
from onecard.core.query import outcome
from onecard.core.query.card import (
    PASTS_TOLD_MAX,
    Balance,
    Card,
    CardPast,
    Journey,
    balance_of,
    card_of,
    find_card,
)
from onecard.core.query.declarations import Declared, all_differences, differences
from onecard.core.query.dry_run import would_put
from onecard.core.query.entry import find_entry, is_offline
from onecard.core.query.gaps import Gap, find_gaps, not_looked_at
from onecard.core.query.head import head_of
from onecard.core.query.participant import find_participant, participant_name, participants
from onecard.core.query.room import rows_in_use
from onecard.core.query.rules import rules_of
from onecard.core.query.tariff import tariffs
from onecard.core.query.terminal import (
    Terminal,
    find_terminal,
    operators_of,
    terminal_number,
    terminal_of,
    terminals,
)
from onecard.core.query.window import every_window, last_closed_us, open_number, window_of
from onecard.core.registry.participants import PutParticipants
from onecard.core.registry.row_change import Change
from onecard.ext.shape.numbers import Flag, Outcome
from onecard.ext.state.table import SCENES_MAX
from tests.support.engine import Both, quick_folder
from tests.support.random_steps import NOW_US, RandomSteps
from tests.support.steps import Cards, Close, Participants
from tests.twin.state import Book, Credential, chain

STEPS = 40  # so many that identities left memory, and windows were closed
ACCEPTED = (Outcome.ACCEPTED, Outcome.ACCEPTED_BELOW_FLOOR, Outcome.ACCEPTED_SUSPENSE)
ACCENTED = "Métro"  # one name, spelt in two ways


@pytest.fixture(scope="module", params=[2, 11, 24])
def played(request: pytest.FixtureRequest) -> Iterator[tuple[Engine, Book]]:
    """The engine after random steps, and the book that the twin has of them."""
    rng = random.Random(request.param)
    with quick_folder() as folder:
        both = Both(folder / "ledger", NOW_US)
        book = both.twin_side.book
        steps = RandomSteps(rng, book)
        both.step(steps.registry(), NOW_US)
        first = next(iter(book.credentials.values()))
        shared = Cards((0xBEEF,), first.issuer, first.funding, accounts=(1,))
        both.step([Participants(((ACCENTED, 1),)), shared], NOW_US)
        for _ in range(STEPS):
            both.step(steps.step(), steps.now_us)
        both.step([Close(NOW_US // 86_400_000_000, force=True)], steps.now_us)
        both.step(steps.step(), steps.now_us)
        assert both.engine_side.ledger.identities.retired > 0
        yield both.engine_side.engine, book
        both.engine_side.close()


Played = tuple[Engine, Book]


def pasts_of(book: Book, known: Credential) -> tuple[CardPast, ...]:
    """What a card was, newest first; what it drew on began when what it drew on before ended."""
    rows = list(chain(book.card_pasts, known.past))
    ends = [row.until_us for row in rows if not row.status] + [0]
    found = []
    for row in rows:
        if row.status:
            found.append(CardPast(row.from_us, row.until_us, row.status))
        else:
            del ends[0]
            drew = row.account, row.issuer, row.funding
            found.append(CardPast(ends[0], row.until_us, 0, *drew))
    return tuple(found)


def journeys_of(book: Book, account: int) -> tuple[Journey, ...]:
    found = sorted(book.open_journeys(account).values(), key=lambda one: one.sequence)
    names = ("sequence", "at_us", "place", "network", "mode")
    return tuple(Journey(*(getattr(one, name) for name in names)) for one in found)


def test_cards_and_balances(played: Played) -> None:
    engine, book = played
    for token, known in book.credentials.items():
        number, account = known.account, book.accounts[known.account]
        posted_fen, held_fen = book.sum("posted", number), book.sum("held", number)
        card = card_of(engine.state, token)
        assert card == find_card(engine.state, token)
        assert card == Card(
            token=token,
            account=number,
            issuer=known.issuer,
            funding=known.funding,
            status=known.status,
            since_us=known.since_us,
            denied=known.denied,
            deny_version=known.deny_version,
            posted_fen=posted_fen,
            held_fen=held_fen,
            floor_fen=account.floor_fen,
            entries=account.entries,
            last=account.last,
            home_issuer=account.issuer,
            bank_status=known.bank_status,
            generation=known.generation,
            expires_day=known.expires_day,
            key_version=known.key_version,
            pasts=pasts_of(book, known),
            journeys=journeys_of(book, number),
        )
        balance = balance_of(engine.state, token)
        assert balance == Balance(number, account.issuer, posted_fen, held_fen, book.last)
        assert balance.available_fen == card.available_fen == book.available_fen(number)
    for token in (0, 0xFEED):
        assert find_card(engine.state, token) is None
        for ask in (card_of, balance_of):
            with pytest.raises(NotFound, match=r"^there is no such card; register it first$"):
                ask(engine.state, token)


def test_what_a_card_was_is_told_as_far_as_a_hundred() -> None:
    """Each spell lies within what it drew on; of a card that is lost all the time the newest."""
    with quick_folder() as folder:
        both = Both(folder / "ledger", NOW_US)
        book, again = both.twin_side.book, PASTS_TOLD_MAX // 2
        both.step([Participants((("Metro", 1), ("Bank", 2)))], NOW_US)
        for at in range(again + 1):
            for funding, status in ((1 + at % 2, 2), (1 + at % 2, 1)):
                both.step([Cards((7,), 2, funding, status)], NOW_US + at)
        found = find_card(both.engine_side.engine.state, 7)
        both.engine_side.close()
    assert found is not None
    expected = pasts_of(book, book.credentials[7])
    assert len(expected) == 2 * again + 1 > len(found.pasts)
    assert found.pasts == expected[:PASTS_TOLD_MAX]
    assert {bool(past.status) for past in found.pasts} == {True, False}


def test_every_sequence_is_an_entry_or_none(played: Played) -> None:
    engine, book = played
    for sequence in range(book.last + 3):
        found, known = find_entry(engine.journal, sequence), book.entries.get(sequence)
        assert (found is None) == (known is None)
        if found is None or known is None:
            continue
        block = engine.journal.block_of(sequence)
        assert block is not None and (found.block, found.block_hash) == (block.first, block.hash)
        assert (int(found.row["sequence"]), int(found.row["outcome"])) == (sequence, known.outcome)
        legs = [{name: int(leg[name]) for name in leg.dtype.names} for leg in found.legs]
        assert legs == [leg._asdict() for leg in known.legs]
        parties = {known.operator_id, known.issuer, *(leg.party for leg in known.legs)}
        assert found.parties == parties
        assert is_offline(found.row) == bool(known.tap.flags & Flag.OFFLINE)


def test_an_outcome_is_found_in_memory_or_on_disk(played: Played) -> None:
    engine, book = played
    told = {"memory": 0, "disk": 0}
    bound = {key: entry.sequence for key, entry in book.bound.items()} | book.voided
    for key, sequence in bound.items():
        identity = outcome.Identity(*key)
        memory = outcome.in_memory(engine.recent, identity)
        disk = outcome.on_disk(engine.ledger.identities, identity)
        assert sequence == (memory or disk)
        assert disk in (0, sequence)
        told["memory" if memory else "disk"] += 1
    assert all(told.values())
    for terminal in (1, 99):
        absent = outcome.Identity(terminal, 77, 77)
        assert outcome.in_memory(engine.recent, absent) == 0
        assert outcome.on_disk(engine.ledger.identities, absent) == 0


def test_windows(played: Played) -> None:
    engine, book = played
    views = every_window(engine.state, engine.journal)
    assert [view.window for view in views] == [*(one.window for one in book.windows), book.window]
    assert open_number(engine.state) == book.window
    assert last_closed_us(engine.state) == book.windows[-1].closed_at_us
    for view, known in zip(views, book.windows, strict=False):
        assert window_of(engine.state, engine.journal, view.window) == view
        assert (view.closed, view.first, view.cut) == (True, known.first, known.cut)
        assert view.business_day == known.business_day
        assert {one.participant for one in view.positions} == known.positions.keys()
    still = views[-1]
    assert (still.closed, still.first, still.cut) == (False, book.window_first, book.last)
    nets = {one.participant: (one.in_fen, one.out_fen, one.legs) for one in still.positions}
    assert nets == {
        number: (at.in_fen, at.out_fen, at.legs)
        for number in book.participants
        for at in [book.position(number)]
    }


def test_who_takes_part(played: Played) -> None:
    engine, book = played
    found = list(participants(engine.state))
    assert [one.id for one in found] == list(book.participants)
    for one in found:
        known, at = book.participants[one.id], book.position(one.id)
        assert (one.name, one.role) == (known.name, known.role)
        assert one.window_net_fen == at.in_fen - at.out_fen
        assert one.terminals == sum(row.operator == one.id for row in book.terminals.values())
        assert one.accounts == sum(row.issuer == one.id for row in book.accounts.values())
        assert participant_name(engine.state, one.id) == known.name
        assert find_participant(engine.state, known.name) == one.id
    assert participant_name(engine.state, 0) == ""


def test_terminals(played: Played) -> None:
    engine, book = played
    found = list(terminals(engine.state))
    assert [one.id for one in found] == list(book.terminals)
    for one in found:
        known = book.terminals[one.id]
        assert (
            one
            == terminal_of(engine.state, one.id)
            == Terminal(
                id=one.id,
                number=known.number,
                operator=known.operator,
                place=known.place,
                network=known.network,
                mode=known.mode,
                status=known.status,
                counterless=known.counterless,
                taps=known.taken,
                epoch=known.seen >> 32,
                seq=known.seen & 0xFFFF_FFFF,
            )
        )
        assert terminal_number(engine.state, one.id) == known.number
        assert find_terminal(engine.state, known.number) == one.id
    for operator in (*book.participants, 99):
        mine = [one for one in found if one.operator == operator]
        assert list(terminals(engine.state, operator)) == mine
    asked = [1, len(found) + 1, (1 << 32) - 1]
    assert operators_of(engine.state, asked) == [book.terminals[1].operator, 0, 0]
    assert find_terminal(engine.state, "T-99") is None


def test_gaps_of_what_counts_and_is_ones_own(played: Played) -> None:
    engine, book = played
    seen: dict[tuple[int, int], set[int]] = {}
    for terminal, epoch, terminal_seq in (*book.bound, *book.voided):
        seen.setdefault((terminal, epoch), set()).add(terminal_seq)
    missing = [
        Gap(terminal, epoch, low + 1, high - 1)
        for (terminal, epoch), sequences in sorted(seen.items())
        for low, high in zip(sorted(sequences), sorted(sequences)[1:], strict=False)
        if high > low + 1
    ]
    assert missing
    for operator in (0, *book.participants):
        looked_at = {
            number
            for number, row in book.terminals.items()
            if not row.counterless and operator in (0, row.operator)
        }
        hidden = not_looked_at(engine.state, operator)
        assert hidden.isdisjoint(looked_at) and hidden | looked_at >= book.terminals.keys()
        for only in (None, 1):
            found = list(find_gaps(engine.journal, engine.ledger.identities, only, hidden))
            mine = looked_at & {only} if only else looked_at
            assert found == [gap for gap in missing if gap.terminal in mine]


def test_declarations_that_do_not_agree(played: Played) -> None:
    engine, book = played
    # Rules and clock were thrown about: so all of the journal may hold a day.
    rules = rules_of(engine.state) | {"ahead_max_us": 1 << 60}
    days = {(one.tap.terminal, one.travel_day) for one in book.entries.values()}
    declared = [Declared(terminal, day, 0, 0) for terminal, day in sorted(days)]
    told = {
        (one.declared.terminal, one.declared.day): (one.booked_taps, one.booked_fen)
        for one in differences(engine.journal, declared, rules)
    }
    slow = {
        pair: (len(of), sum(one.amount_fen for one in of if one.outcome in ACCEPTED))
        for pair in days
        if (of := [e for e in book.entries.values() if (e.tap.terminal, e.travel_day) == pair])
    }
    assert told == slow
    rows = [Declared(*vars(one).values()) for one in book.declarations.values()]
    for terminal in (None, 1, 99):
        mine = [row for row in rows if terminal in (None, row.terminal)]
        said = all_differences(engine.journal, terminal, rules)
        assert said == differences(engine.journal, mine, rules)


def test_tariffs_rules_room_and_head(played: Played) -> None:
    engine, book = played
    state, ledger = engine.state, engine.ledger
    assert rules_of(state) == vars(book.rules)
    for one, (version, known) in zip(
        tariffs(state, engine.journal), book.tariffs.items(), strict=True
    ):
        assert (one.version, one.name, one.record) == (version, known.name, known.record)
        assert (one.effective_from_us, one.stations) == (known.effective_from_us, known.stations)
        assert one.fares == sum(fare >= 0 for fare in known.fares_fen)
        assert one.entry_min_fen == known.entry_min_fen
    assert rows_in_use(state) == {
        "cards": (len(book.credentials), ledger.settings.cards_max),
        "terminals": (len(book.terminals), ledger.settings.terminals_max),
        "card_pasts": (len(book.card_pasts), 2 * ledger.settings.cards_max),
        "lots": (len(book.lots), ledger.settings.lots_max),
        "terminal_pasts": (len(book.terminal_pasts), ledger.settings.terminals_max),
        "travels": (len(book.travels), ledger.settings.cards_max),
        "journeys": (book.journeys_used, ledger.settings.cards_max),
        "scenes": (len(book.scenes), SCENES_MAX),
        "open_holds": (len(book.open_holds), ledger.settings.holds_max),
    }
    head = head_of(engine.journal, ledger.card_tokens, open_number(state))
    assert (head.sequence, head.window, head.ledger) == (book.last, book.window, ledger.id)
    assert head.hash == list(engine.journal.blocks())[-1].hash
    assert head.key_check == key_check(ledger.token_key, ledger.algorithms.tokens)
    assert head.tokens == ledger.algorithms.names()["tokens"]
    assert head.card_number == ledger.card_tokens.form.text() != ""


BY_NAME_OR_ID = [  # what is given, whether it is the accented one (9), or an id, or nobody
    (ACCENTED, 9),
    (unicodedata.normalize("NFD", ACCENTED), 9),
    ("1", 1),
    ("00001", 1),
    ("000001", None),
    ("0", None),
    ("-1", None),
    ("99", None),
    ("\u0661", None),  # a digit, and none of ours
    ("party", None),
    ("", None),
]


@pytest.mark.parametrize(("given", "found"), BY_NAME_OR_ID)
def test_a_participant_is_found_by_name_or_id(
    played: Played, given: str, found: int | None
) -> None:
    engine, book = played
    accented = next(n for n, one in book.participants.items() if one.name == ACCENTED)
    assert find_participant(engine.state, given) == (accented if found == 9 else found)


def test_a_dry_run_says_and_changes_nothing(played: Played) -> None:
    engine, book = played
    before = engine.state.digest()
    put = would_put(engine.state, PutParticipants([("New", 1), (ACCENTED, 1)]), NOW_US)
    assert put.ids == [len(book.participants) + 1, find_participant(engine.state, ACCENTED)]
    assert put.change.tolist() == [Change.ADDED, Change.SAME]
    with pytest.raises(BadInput, match="participant name"):
        would_put(engine.state, PutParticipants([("", 1)]), NOW_US)
    assert engine.state.digest() == before
