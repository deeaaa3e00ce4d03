"""What a tap refers to is what was true when it was tapped, of its terminal and of its card."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, combinations, product

import numpy as np
import pytest

from onecard.core.journal.block import HEADER_BYTES, Tip, parse, seal
from onecard.core.registry.cards import PutCards
from onecard.core.registry.participants import PutParticipants
from onecard.core.registry.terminals import PutTerminals, TerminalRow
from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import Funding, Record, Role, Status
from onecard.ext.state.apply import apply
from onecard.ext.state.state import State
from tests.rules.taptable import NOW_US, UNION, Play
from tests.rules.was_true_tables import TABLES
from tests.support.engine import Both, opened, quick_folder
from tests.support.random_steps import RandomSteps
from tests.support.spells_met import SpellsMet
from tests.support.steps import DAY_US, HOUR_US, Item, Message, Taps, Terminals
from tests.twin.state import Book, CardPast, Tap

SEEDS = range(20)
CAMPAIGN = 2_000


@pytest.fixture(params=("twin", "engine"))
def play(request: pytest.FixtureRequest) -> Iterator[Play]:
    with opened(request.param, NOW_US) as side:
        yield Play(side)


@pytest.mark.parametrize("name", TABLES)
def test_table(play: Play, name: str) -> None:
    play.run(TABLES[name])


# ---- faults that were seen -------------------------------------------------------------------


def test_a_moved_terminal_pays_whose_it_was_when_it_was_tapped(play: Play) -> None:
    play.run(
        """
        ! terminal M operator=bus -1h
        a: M RIDE P 100 at=-2h offline = ACCEPTED 100 900
        b: M RIDE P 100 at=-1h offline = ACCEPTED 100 800 -- from that moment on
        u: M RIDE U 7 at=-2h offline   = ACCEPTED_SUSPENSE 7 0
        t: M TOP_UP P 50 at=-2h        = ACCEPTED 50 850
        """
    )
    assert play.legs("a")[1] == "PAYABLE metro MAIN metro 100"
    assert play.legs("b")[1] == "PAYABLE bus MAIN bus 100"
    assert play.legs("u")[0] == "SUSPENSE metro DUE metro -7"
    assert play.legs("t")[1] == "COLLECTED metro MAIN metro -50"
    assert [play.record(label)["operator_id"] for label in "ab"] == [1, 2]


def test_whose_a_terminal_was_can_upload_and_send_again(play: Play) -> None:
    play.run(
        """
        a: M RIDE P 1 at=-2h offline by=metro = ACCEPTED 1 999
        ! terminal M operator=bus -1h
        ! terminal M status=2
        same a by=metro                       = ACCEPTED 1 999 again
        M RIDE P 1 at=-2h offline by=metro    = ACCEPTED 1 998 -- blocked since, not then
        """
    )


def test_a_moved_card_debits_what_it_drew_on_and_strands_nothing(play: Play) -> None:
    play.run(
        """
        A TOP_UP Q 500               = ACCEPTED 500 500
        h: M HOLD P 300              = ACCEPTED 300 700
        p: M RIDE P 100              = ACCEPTED 100 600
        ! swap P Q
        a: M RIDE P 100 at=-2h offline = ACCEPTED 100 500
        b: M RIDE P 100              = ACCEPTED 100 400
        c: M CAPTURE P 200 about=h   = ACCEPTED 200 600
        d: M REFUND P 100 about=p    = ACCEPTED 100 700
        e: M REVERSAL P 0 voids=a    = ACCEPTED 100 800
        """
    )
    legs = {label: play.legs(label)[0] for label in "abcde"}
    assert legs == {
        "a": "ACCOUNT P MAIN bank -100",
        "b": "ACCOUNT Q MAIN bank -100",
        "c": "ACCOUNT P HELD bank -300",
        "d": "ACCOUNT P MAIN bank 100",
        "e": "ACCOUNT P MAIN bank 100",
    }
    accounts = [play.record(label)["account"] for label in "abcde"]
    assert accounts == [1, 2, 1, 1, 1]
    previous = [play.record(label)["previous"] for label in "cde"]
    assert previous == [play.answers[label].sequence for label in "acd"]


def test_a_swap_to_another_bank_is_one_record_and_keeps_the_home(play: Play) -> None:
    play.run("r: M RIDE P 100 = ACCEPTED 100 900")
    before = play.answers["r"].sequence
    play.run(
        """
        ! bank P union PREPAID
        a: M RIDE P 100 = ACCEPTED 100 800
        ! bank P union CREDIT
        b: M RIDE P 100 = ACCEPTED 100 0
        """
    )
    assert play.answers["a"].sequence == before + 3  # who did it, and one record of the card
    assert play.legs("a") == ["ACCOUNT P MAIN bank -100", "PAYABLE metro MAIN metro 100"]
    assert play.legs("b") == ["RECEIVABLE union MAIN union -100", "PAYABLE metro MAIN metro 100"]
    said = [(play.record(label)["issuer"], play.record(label)["funding"]) for label in "ab"]
    assert said == [(3, Funding.PREPAID), (5, Funding.CREDIT)]


# ---- at random -------------------------------------------------------------------------------


class Late(RandomSteps):
    """Much changes hands, and much is sent late, by whoever has or had the terminal."""

    def step(self) -> list[Item]:
        items: list[Item] = []
        for _ in range(self.rng.randint(0, 2)):
            if self.rng.random() < 0.5:
                items.append(self._card())
                continue
            parties = range(1, len(self.book.participants) + 1)
            items.append(
                Terminals((self._changed(self._terminal(self.rng.randrange(3), parties)),))
            )
        return [*items, *super().step()]

    def _tap(self) -> Tap:
        tap = super()._tap()
        if self.rng.random() < 0.6:
            ago_us = self.rng.choice((1, 2, 60_000_000, 3 * HOUR_US, 6 * HOUR_US, 50 * DAY_US))
            lost_us = self._about_lost(tap.card) if self.rng.random() < 0.2 else 0
            return replace(tap, tapped_at_us=lost_us or self.now_us - ago_us)
        return tap

    def _batch(self) -> Taps | Message:
        return replace(super()._batch(), principal=self.rng.choice((0, 0, 1, 2, 3)))


def play_late(seed: int, steps: int = 25) -> Counter[str]:
    """AssertionError where engine and twin differ; how often what was true then is not any more."""
    rng = random.Random(seed)
    with quick_folder() as folder:
        both = Both(folder / "ledger", NOW_US)
        try:
            book = both.twin_side.book
            drawn, met = Late(rng, book), SpellsMet(book)
            both.step(drawn.registry(), drawn.now_us)
            for _ in range(steps):
                both.step(drawn.step(), drawn.now_us)
                met.look()
            for checkpoint in (True, False):
                both.restart(checkpoint)
        except Exception as error:
            raise AssertionError(f"seed {seed}, {steps} steps: {error}") from error
        finally:
            both.engine_side.close()
    seen = met.count()
    seen["both"] = sum(
        newer.status and not older.status and newer.until_us == older.until_us
        for newer, older in pairs_of_pasts(book)
    )
    for entry in book.entries.values():
        t = entry.tap.tapped_at_us or entry.booked_at_us
        seen["operator"] += entry.operator_id != book.terminals[entry.tap.terminal].operator
        if entry.account:
            card = book.credentials[entry.tap.card]
            seen["account"] += entry.account != card.account
            seen["funding"] += entry.funding != card.funding
            seen["original"] += entry.account != book.card_at(entry.tap.card, t).account
    return seen


def pairs_of_pasts(book: Book) -> Iterator[tuple[CardPast, CardPast]]:
    """Those of a card that follow one another, the newer first."""
    for newer in book.card_pasts.values():
        if newer.next:
            yield newer, book.card_pasts[newer.next]


def test_hands_change_while_taps_come_late() -> None:
    seen: Counter[str] = Counter()
    for seed in SEEDS:
        seen += play_late(seed)
    assert min(seen[name] for name in ("operator", "account", "funding", "original")) > 20, seen
    assert min(seen[name] for name in ("spells", "within", "ends")) > 20 and seen["both"] > 5, seen


@pytest.mark.campaign
def test_hands_change_campaign() -> None:
    first = random.SystemRandom().getrandbits(32)
    for seed in range(first, first + CAMPAIGN):
        play_late(seed, 10 + seed % 50)


# ---- what is kept of it ----------------------------------------------------------------------


def changes() -> list[bytes]:
    """Blocks that register a terminal and two cards, which change hands, are lost and found."""
    state, tip = room(), Tip()
    values = []
    both, one = np.array([7, 8], np.uint64), np.array([7], np.uint64)
    people = [("Metro", Role.OPERATOR), ("Bus", Role.OPERATOR), ("A", Role.ISSUER)]
    acts = [
        PutParticipants([*people, ("B", Role.ISSUER)]),
        PutTerminals([TerminalRow("G", 1, 5)]),
        PutCards(both, 3, Funding.PREPAID),
        PutTerminals([TerminalRow("G", 2), TerminalRow("G", 1, 6, network=9)]),
        PutCards(both, 4, Funding.PREPAID, generation=2, expires_day=21_000, key_version=3),
        PutCards(one, 4, Funding.CREDIT, Status.BLOCKED, account=np.array([2], np.uint32)),
        PutTerminals([TerminalRow("G", 2, status=Status.BLOCKED)]),
        PutCards(one, 3, Funding.CHIP),
        PutCards(both, 4, Funding.PREPAID, Status.ACTIVE),  # found, and drawn otherwise
        PutCards(both, 4, Funding.PREPAID, Status.CLOSED),
        PutCards(both, 4, Funding.CREDIT, Status.ACTIVE),
    ]
    for number, act in enumerate(acts):
        drafts, _ = act.apply(state, tip.last + 1, NOW_US + number)
        for draft in drafts:
            tip = seal(draft, bytes(16), 1, tip)
            values.append(bytes(draft.value))
            apply(state, values[-1])
    return values


def room() -> State:
    return State(64, 64)


def test_pages_of_different_moments_make_one_state() -> None:
    """A page that is ahead of a record hides what the record ends, so the record says it."""
    values = changes()
    whole = room()
    for value in values:
        apply(whole, value)
    names = ("terminals", "accounts", "credentials", "card_pasts", "terminal_pasts")
    for begun, ahead in product(range(len(values)), subsets(names)):
        state = room()
        for value in values[:begun]:
            apply(state, value)
        for name in ahead:
            state.table(name)[:] = whole.table(name)
            state.as_of(name)[:] = int(whole.totals["last"][0])
        state.reindex()
        for value in values[begun:]:
            apply(state, value)
        assert state.digest() == whole.digest(), (begun, ahead)


def subsets(names: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    return chain.from_iterable(combinations(names, size) for size in range(len(names) + 1))


def old_block(record: int, rows: np.ndarray, state: State, booked_at_us: int) -> bytes:
    """A block as it was written before there were times."""
    first = int(state.totals["last"][0]) + 1
    rows["sequence"] = np.arange(first, first + len(rows))
    header = np.zeros(1, dtypes.HEADER_1)
    header["magic"], header["version"] = dtypes.MAGIC, 1
    header["hash_algorithm"], header["record"] = dtypes.SHA256, record
    header["row_bytes"], header["count"], header["first"] = rows.itemsize, len(rows), first
    header["booked_at_us"] = booked_at_us
    return header.tobytes() + rows.tobytes()


def test_rows_of_before_change_what_they_say_from_their_booking_on() -> None:
    state = room()
    apply(state, changes()[0])
    assert (dtypes.TERMINAL_RECORD_1.itemsize, dtypes.CARD_RECORD_1.itemsize) == (48, 40)
    gate = np.zeros(1, dtypes.TERMINAL_RECORD_1)
    gate["terminal"] = gate["status"] = gate["number_bytes"] = 1
    gate["number"], gate["place"] = b"G", 5
    card = np.zeros(1, dtypes.CARD_RECORD_1)
    card["token"], card["status"], card["account"] = 7, Status.ACTIVE, 1
    steps = ((1, 3, Funding.PREPAID, 1), (1, 3, Funding.PREPAID, 1), (2, 4, Funding.CHIP, 2))
    for at, (operator, issuer, funding, account) in enumerate(steps):
        gate["operator_id"] = operator
        card["issuer"], card["funding"], card["account"] = issuer, funding, account
        for record, rows in ((Record.TERMINALS, gate), (Record.CARDS, card)):
            value = old_block(record, rows, state, NOW_US + at)
            assert (parse(value, "here", digest=False).rows == rows).all()
            apply(state, value)
    [past] = state.rows("terminal_pasts")[1:]
    assert (past["until_us"], past["operator_id"], past["place"]) == (NOW_US + 2, 1, 5)
    [was] = state.rows("card_pasts")[1:]
    assert (was["until_us"], was["account"], was["issuer"]) == (NOW_US + 2, 1, 3)
    [now] = state.rows("credentials")
    assert (now["account"], now["issuer"], now["funding"]) == (2, 4, Funding.CHIP)
    assert (now["past"], now["key_version"], now["generation"]) == (1, 1, 0)
    assert state.rows("accounts")["issuer"].tolist() == [0, 3, 4]


def test_what_is_journalled_of_a_card_found_again_and_drawn_otherwise() -> None:
    """One row ends what it drew on, with the status of then; the next the spell. Sizes stay."""
    rows = parse(changes()[8], "here", digest=False).rows
    assert rows.dtype.itemsize == 80
    names = ("token", "status", "was_account", "was_status", "was_past", "account", "funding")
    active, blocked = Status.ACTIVE, Status.BLOCKED
    assert rows[list(names)].tolist() == [
        (7, blocked, 2, 0, 4, 2, Funding.PREPAID),
        (7, active, 0, blocked, 5, 2, Funding.PREPAID),
    ]
    lost_us, found_us = NOW_US + 5, NOW_US + 8
    assert rows["since_us"].tolist() == [lost_us, found_us]
    assert rows["from_us"].tolist() == [found_us, lost_us]
    assert rows["was_funding"].tolist() == [Funding.CHIP, 0]
    closed = parse(changes()[10], "here", digest=False).rows
    assert closed["token"].tolist() == [7, 7, 8, 8]
    assert closed["was_past"].tolist() == [6, 7, 2, 9]  # each card's own chain
    cards = np.array([7, 8], np.uint64)
    for status, most in ((Status.ACTIVE, 4), (Status.BLOCKED, 2), (None, 2)):
        assert PutCards(cards, 4, Funding.CREDIT, status).size_bytes == most * rows.itemsize
    state = room()
    for value in changes():
        apply(state, value)
    chains = [[int(row) for row in chain_of(state, token)] for token in (7, 8)]
    assert chains == [[8, 7, 6, 5, 4, 3, 1], [10, 9, 2]]


def chain_of(state: State, token: int) -> Iterator[int]:
    row = state.table("credentials")["past"][state.credential(token)]
    while row:
        yield row
        row = state.table("card_pasts")["next"][row]


def test_a_row_that_ends_what_there_is_no_room_for_is_refused() -> None:
    values = changes()
    for at, name, size in (
        *((3, "was_past", 1), (5, "was_past", 1), (5, "was_account", 1)),
        (8, "was_past", 1),
        (5, "was_status", Status.BLOCKED / 60),  # of a row that ends what the card drew on
        (2, "was_status", Status.BLOCKED / 60),  # of a card that was never there
    ):
        state = room()
        for value in values[:at]:
            apply(state, value)
        block = parse(values[at], "here", digest=False)
        rows = block.rows.copy()
        rows[name] += int(60 * size)
        with pytest.raises(ValueError, match="no room for"):
            apply(state, values[at][:HEADER_BYTES] + rows.tobytes())


def test_rows_of_before_end_spells_that_the_state_has() -> None:
    """A row of version 1 may end what the card drew on and a spell at once."""
    state = room()
    apply(state, changes()[0])
    card = np.zeros(1, dtypes.CARD_RECORD_1)
    card["token"], card["issuer"], card["funding"] = 7, 3, Funding.PREPAID
    lost_us, found_us = NOW_US - HOUR_US, NOW_US - 60
    for at, (account, status, since_us) in enumerate(
        (
            (1, Status.ACTIVE, NOW_US - DAY_US),
            (1, Status.BLOCKED, lost_us),
            (1, Status.CLOSED, lost_us),
            (2, Status.ACTIVE, found_us),
            (2, Status.ACTIVE, found_us + 5),
            (2, Status.BLOCKED, found_us + 9),
            (2, Status.ACTIVE, found_us + 9),  # no time lies between
        )
    ):
        card["account"], card["status"], card["since_us"] = account, status, since_us
        apply(state, old_block(Record.CARDS, card, state, NOW_US + at))
    names = ["until_us", "from_us", "account", "next", "issuer", "funding", "status"]
    assert state.rows("card_pasts")[names][1:].tolist() == [
        (NOW_US + 3, 0, 1, 0, 3, Funding.PREPAID, 0),
        (found_us, lost_us, 0, 1, 0, 0, Status.CLOSED),
    ]
    [now] = state.rows("credentials")
    assert (now["account"], now["status"], now["since_us"]) == (2, Status.ACTIVE, found_us + 9)
    assert now["past"] == 2


# ---- which home an account has ---------------------------------------------------------------


def test_only_an_account_without_entries_that_is_a_cards_own_follows_it(play: Play) -> None:
    def homes() -> list[int]:
        if isinstance(play.side, Both):
            return list(play.side.engine_side.engine.state.rows("accounts")["issuer"][1:])
        return [one.issuer for one in play.side.book.accounts.values()]  # type: ignore[attr-defined]

    before = homes()
    play.run("! bank Q union PREPAID")  # it was registered by mistake as of the other bank
    play.run("! bank P union PREPAID")  # an entry is on it
    assert homes() == [before[0], UNION, *before[2:]]
    play.run("! share Q2 Q")
    play.run("! bank Q bank PREPAID")
    assert homes() == [before[0], UNION, *before[2:]]


@pytest.mark.parametrize("more", [{"issuer": 3}, {"issuer": 2, "floor_fen": -7}], ids=str)
def test_a_time_given_for_something_else_leaves_the_time_of_loss(more: dict[str, int]) -> None:
    """Seen: a card that changed its bank as of long ago had been lost since then."""
    state, one, lost_us = room(), np.array([7], np.uint64), NOW_US - HOUR_US
    people = [("op", Role.OPERATOR), ("a", Role.ISSUER), ("b", Role.ISSUER)]
    acts = [
        PutParticipants(people),
        PutCards(one, 2, Funding.PREPAID),
        PutCards(one, 2, Funding.PREPAID, Status.BLOCKED, lost_us),
        PutCards(one, funding=Funding.PREPAID, since_us=NOW_US - 10 * HOUR_US, **more),
    ]
    tip = Tip(epoch=1)
    for number, act in enumerate(acts):
        drafts, _ = act.apply(state, tip.last + 1, NOW_US + number)
        for draft in drafts:
            tip = seal(draft, bytes(16), 1, tip)
            apply(state, bytes(draft.value))
    assert state.rows("credentials")["since_us"].tolist() == [lost_us]
