"""The trail of a card whose accounts change, against a model: a walk over all entries there are."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence

import pytest

from onecard.core.authorize.engine import Engine
from onecard.core.errors import NotFound
from onecard.core.query import trail
from onecard.core.query.entry import find_entry
from onecard.ext.state.state import State
from tests.rules.test_was_true import Late
from tests.support.engine import Both, quick_folder
from tests.support.random_steps import NOW_US
from tests.support.steps import Cards, Item
from tests.twin.state import Book, Entry

STEPS = 40


class HandOvers(Late):
    """Cards go from account to account, back too, and share them."""

    def step(self) -> list[Item]:
        items: list[Item] = []
        for _ in range(self.rng.randint(0, 2)):
            token = self.rng.choice(list(self.book.credentials))
            known = self.book.credentials[token]
            account = self.rng.randint(1, len(self.book.accounts))
            since_us = self.now_us - self.rng.choice((0, 1, 60_000_000))
            items.append(
                Cards((token,), known.issuer, known.funding, None, since_us, accounts=(account,))
            )
        return [*items, *super().step()]


Played = tuple[Engine, Book]


@pytest.fixture(scope="module", params=(0, 1, 3))  # issuers differ there
def played(request: pytest.FixtureRequest) -> Iterator[Played]:
    with quick_folder() as folder:
        both = Both(folder / "ledger", NOW_US)
        book = both.twin_side.book
        steps = HandOvers(random.Random(request.param), book)
        both.step(steps.registry(), NOW_US)
        for _ in range(STEPS):
            both.step(steps.step(), steps.now_us)
        yield both.engine_side.engine, book
        both.engine_side.close()


def drawn_of(state: State, token: int) -> trail.Drawn:
    drawn = trail.drawn_on(state, token)
    while drawn.past:
        drawn = trail.drawn_before(state, drawn)
    return drawn


def newest_first(book: Book) -> list[Entry]:
    return [one for one in reversed(book.entries.values()) if one.account]


def paged(
    engine: Engine, token: int, rows_max: int, party: int = 0, scanned_max: int = 10_000
) -> list[int]:
    """The sequences of all pages one after the other."""
    drawn = drawn_of(engine.state, token)
    found: list[int] = []
    heads: Sequence[int] = drawn.heads
    while heads:
        page = trail.card_page(
            engine.journal,
            heads,
            rows_max,
            lambda row: trail.is_told(row, token, drawn.account, party),
        )
        assert len(page.rows) <= min(rows_max, scanned_max)
        assert sum(page.following) < sum(heads) and len(page.following) <= len(heads)
        found += [int(row["sequence"]) for row in page.rows]
        heads = page.following
    return found


def test_it_is_all_that_was_made_with_the_card(
    played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, book = played
    entries = newest_first(book)
    accounts: Counter[int] = Counter()
    for token, known in book.credentials.items():
        mine = [one for one in entries if one.tap.card == token]
        accounts[len({one.account for one in mine})] += 1
        wanted = [one.sequence for one in mine]
        for rows_max, scanned_max in ((1, 10_000), (3, 10_000), (1000, 10_000), (3, 2), (7, 5)):
            monkeypatch.setattr(trail, "SCANNED_MAX", scanned_max)
            assert paged(engine, token, rows_max, 0, scanned_max) == wanted
        monkeypatch.setattr(trail, "PASTS_READ", 1)
        drawn = drawn_of(engine.state, token)
        assert drawn.account == known.account
        assert {one.account for one in mine} <= drawn.newest.keys()
        assert drawn.newest == {number: book.accounts[number].last for number in drawn.newest}
        shown = [
            int(row["sequence"])
            for row in trail.Walk(engine.journal, drawn.heads)
            if trail.is_shown(row, token, drawn.account)
        ]
        assert shown == [
            one.sequence for one in entries if one.tap.card == token or one.account == known.account
        ]
    assert max(accounts) > 2  # so that chains were merged


def test_a_past_of_no_account_is_passed_over(played: Played) -> None:
    engine, book = played
    """As that of a spell, which is among the pasts as well."""
    pasts = engine.state.table("card_pasts")
    token = max(book.credentials, key=lambda token: len(drawn_of(engine.state, token).newest))
    drawn, at = drawn_of(engine.state, token), trail.drawn_on(engine.state, token).past
    while pasts["account"][at] == 0:
        at = int(pasts["next"][at])
    account = int(pasts["account"][at])
    pasts["account"][at] = 0
    try:
        found = drawn_of(engine.state, token)
    finally:
        pasts["account"][at] = account
    assert found.newest.keys() | {account} == drawn.newest.keys() and 0 not in found.newest


def test_a_participant_is_told_of_what_a_card_left_what_it_may_ask_for(played: Played) -> None:
    engine, book = played
    left_out = 0
    for token, known in book.credentials.items():
        mine = [one for one in newest_first(book) if one.tap.card == token]
        for party in book.participants:
            wanted = []
            for one in mine:
                found = find_entry(engine.journal, one.sequence)
                assert found is not None
                # Who else has a leg in it (a payee, a sponsor) may ask for it by its sequence.
                told = party in (one.issuer, one.operator_id)
                assert party in found.parties or not told
                if one.account == known.account or told:
                    wanted.append(one.sequence)
            assert paged(engine, token, 5, party) == wanted
            left_out += len(mine) - len(wanted)
    assert left_out


def test_a_chain_that_is_long_is_read_in_parts(
    played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And of many that are short little is read in vain."""
    engine, book = played
    monkeypatch.setattr(trail, "FIRST_READ", 1)
    monkeypatch.setattr(trail, "READ_MAX", 4)
    counts: list[int] = []
    chain = engine.journal.chain

    def counted(last: int, rows_max: int) -> object:
        counts.append(rows_max)
        return chain(last, rows_max)

    monkeypatch.setattr(engine.journal, "chain", counted)
    heads = [account.last for account in book.accounts.values() if account.last]
    found = [int(row["sequence"]) for row in trail.Walk(engine.journal, heads)]
    assert found == [one.sequence for one in newest_first(book)]
    assert set(counts) == {1, 2, 4}
    assert sum(counts) <= 2 * len(found) + len(heads)


def test_nobody_has_none(played: Played) -> None:
    engine, _ = played
    for token in (0, 0xFEED):
        with pytest.raises(NotFound, match=r"^there is no such card; register it first$"):
            trail.drawn_on(engine.state, token)
