"""The generated day: the same from the same seed, its totals, and answers that the rules give."""

import numpy as np
import pytest

from onecard.core.days import midnight_us
from onecard.core.errors import BadInput
from onecard.core.tariff.ready import load
from onecard.core.tariff.square import square_of
from onecard.ext.shape.numbers import Funding, Kind, Outcome, Role, Status
from onecard.sample.generated import figures
from onecard.sample.generated.day import TAPS_MAX, TAPS_MIN, Day, Sent, make
from onecard.sample.generated.stream import cuts
from tests.support.steps import START_RULES
from tests.twin import acts, twin
from tests.twin.state import Book, Rules, Tap, Terminal

TARIFF = square_of(load("beijing"), "metro")
TAPS = 6_000
NOW_US = 1_640_000_000_000_000  # 2021-12, after the day


@pytest.fixture(scope="module")
def day() -> Day:
    return make(TAPS, 1, TARIFF)


def test_deterministic(day: Day) -> None:
    again, other = make(TAPS, 1, TARIFF), make(TAPS, 2, TARIFF)
    for one, same, another in zip(day.streams, again.streams, other.streams, strict=True):
        assert one.rows.tobytes() == same.rows.tobytes() != another.rows.tobytes()
    assert day.opening.rows.tobytes() == again.opening.rows.tobytes()


def test_cards_are_those_of_the_banks(day: Day) -> None:
    assert len(day.issuer_of) == figures.CARDS == 270_188
    held = np.bincount(day.issuer_of, minlength=7)
    assert dict(zip(day.issuers, held.tolist(), strict=True)) == dict(figures.BANKS)
    assert len(day.issuers) == 7


@pytest.mark.parametrize("taps", [TAPS_MIN, 7_777, 100_000])
def test_so_many_taps_as_asked(taps: int) -> None:
    assert make(taps, 3, TARIFF).taps == taps


@pytest.mark.parametrize("taps", [TAPS_MIN - 1, TAPS_MAX + 1])
def test_too_few_or_too_many(taps: int) -> None:
    with pytest.raises(BadInput, match="expected 4,000 to 1,500,000 taps"):
        make(taps, 3, TARIFF)


def test_numbers_of_a_terminal_are_dense(day: Day) -> None:
    for sent in (*day.streams, day.opening):
        rows = sent.rows
        assert (np.diff(rows["arrives_us"]) >= 0).all()
        first = rows[(rows["repeated"] == 0) | (rows["outcome"] == Outcome.VOIDED)]
        first = first[first["outcome"] != Outcome.CONFLICT]
        for terminal in np.unique(first["terminal"]):
            numbers = np.sort(first["terminal_seq"][first["terminal"] == terminal])
            assert numbers.tolist() == list(range(1, len(numbers) + 1))


def test_every_case_occurs(day: Day) -> None:
    rows = np.concatenate([sent.rows for sent in day.streams])
    ours = {int(Kind.ADJUST)}  # of the ledger itself, at terminals that no operator has
    ours |= {int(Kind.EVENT)}  # and what moves no money, which a made-up day is of
    ours |= {int(Kind.GRANT)}
    assert set(np.unique(rows["kind"])) == set(map(int, Kind)) - ours
    named = {Outcome(value) for value in np.unique(rows["outcome"])}
    assert named == {
        Outcome.ACCEPTED,
        Outcome.ACCEPTED_BELOW_FLOOR,
        Outcome.ACCEPTED_SUSPENSE,
        Outcome.TOMBSTONED,
        Outcome.VOIDED,
        Outcome.FUNDS,
        Outcome.CARD_UNKNOWN,
        Outcome.CARD_DENIED,
        Outcome.AMOUNT_EXCEEDS_ORIGINAL,
        Outcome.CONFLICT,
    }
    assert sum(sent.late for sent in day.streams) == 1
    plain = rows[rows["outcome"] == Outcome.ACCEPTED]
    assert plain["repeated"].any() and plain["flags"].any()


def test_hours_follow_the_published_shares() -> None:
    day = make(200_000, 5, TARIFF)
    bus = np.concatenate([sent.rows for sent in day.streams[1:4]])
    hour = (bus["at_us"] // 3_600_000_000 + 8) % 24
    share = np.bincount(hour, minlength=24) / len(bus)
    assert share[7:9].sum() == pytest.approx(0.26, abs=0.01)
    assert share[17:19].sum() == pytest.approx(0.22, abs=0.01)
    metro, buses = len(day.streams[0].rows), len(bus)
    assert metro / (metro + buses) == pytest.approx(0.636, abs=0.03)


def test_cuts_leave_no_row_with_its_original(day: Day) -> None:
    for sent in day.streams:
        pieces = cuts(sent.rows, 500)
        assert [start for start, _ in pieces[1:]] == [end for _, end in pieces[:-1]]
        assert (pieces[0][0], pieces[-1][1]) == (0, len(sent.rows))
        for start, end in pieces:
            assert 0 < end - start <= 500
            assert (sent.rows["original"][start:end] < start).all()


# ---- against the rules: the slow twin judges the whole day --------------------------------------


def test_twin_answers_as_foretold(day: Day) -> None:
    book = registered(day)
    play(book, day.opening)
    for sent in sorted(day.streams, key=lambda sent: sent.late):
        play(book, sent)
    assert sum(book.trial_balance().values()) == 0
    for at, (name, _) in enumerate(day.operators):
        net = book.position(at + 1)
        foretold = sum(s.net_fen() for s in (day.opening, *day.streams) if s.operator == at)
        assert net.in_fen - net.out_fen == foretold, name


def registered(day: Day) -> Book:
    """The twin with the day's participants, terminals, cards, tariff; card token = index + 1."""
    book = Book()
    acts.put_rules(book, Rules(1_500_000_000_000_000, NOW_US, 0, 1_000_000, 28_800_000_000), NOW_US)
    issuers = [(name, int(Role.ISSUER)) for name in day.issuers]
    acts.put_participants(
        book, [*((name, int(role)) for name, role in day.operators), *issuers], NOW_US
    )
    first = len(day.operators) + 1
    rows = [
        Terminal(one.number, one.operator + 1, one.place, one.mode, Status.ACTIVE, False)
        for one in day.terminals
    ]
    assert acts.put_terminals(book, rows, NOW_US) == list(range(1, len(rows) + 1))
    used = {int(card) for sent in (*day.streams, day.opening) for card in sent.rows["card"]}
    for card in sorted(used):
        if card < len(day.issuer_of):
            issuer = first + int(day.issuer_of[card])
            row = acts.CardRow(card + 1, issuer, Funding.PREPAID)
            assert acts.put_card(book, row, NOW_US)
    acts.put_tariff(
        book,
        TARIFF.name,
        midnight_us(TARIFF.effective_day, START_RULES.zone_offset_us),
        len(TARIFF.stations),
        TARIFF.fares_fen.ravel().tolist(),
        TARIFF.entry_min_fen,
        0,
        NOW_US,
    )
    return book


def play(book: Book, sent: Sent) -> None:
    """One stream, every answer compared with what the day foretold."""
    answered: list[int] = []
    for row in sent.rows:
        about = answered[row["original"]] if row["original"] >= 0 else 0
        tap = Tap(
            card=int(row["card"]) + 1,
            terminal=int(row["terminal"]) + 1,
            terminal_seq=int(row["terminal_seq"]),
            epoch=0,
            tapped_at_us=int(row["at_us"]),
            kind=int(row["kind"]),
            amount_fen=int(row["amount_fen"]),
            flags=int(row["flags"]),
            place=0,
            about=about,
            about_epoch=0,
            about_seq=int(row["about_seq"]),
        )
        decision = twin.judge(book, sent.operator + 1, tap, NOW_US)
        answered.append(decision.sequence)
        foretold = (int(row["outcome"]), int(row["moved_fen"]), bool(row["repeated"]))
        assert (int(decision.outcome), decision.amount_fen, decision.repeated) == foretold, row
