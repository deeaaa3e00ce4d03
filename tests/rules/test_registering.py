"""Who is registered as what: names of one spelling, roles, and what a role keeps one from."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onecard.core.authorize.engine import ActIn
from onecard.core.days import instant_us
from onecard.core.errors import BadInput
from onecard.core.journal import Draft
from onecard.core.registry.cards import PutCards
from onecard.core.registry.participants import PutParticipants
from onecard.core.registry.tariffs import PutTariff
from onecard.core.registry.terminals import PutTerminals, TerminalRow
from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import Funding, Record, Role, Status
from onecard.grpc.client import Refused
from onecard.v1 import registry_pb2
from tests.command.test_load import run_load, write
from tests.support.engine import EngineSide
from tests.support.serving import served

NOW_US = 1_790_000_000_000_000
METRO, BANK, KIOSK, OTHER = 1, 2, 3, 4
TIMES = re.compile(r"\S+ [0-9:.]+[+]08:00")
NFC, NFD = "Caf\u00e9 \u304c", "Cafe\u0301 \u304b\u3099"


@pytest.fixture
def side(tmp_path: Path) -> Iterator[EngineSide]:
    """An operator, an issuer, an agent and another issuer; a gate of the first, a card of the
    second with an account of its own."""
    one = EngineSide(tmp_path / "ledger", NOW_US)
    rows = [("Metro", Role.OPERATOR), ("Bank", Role.ISSUER), ("Kiosk", Role.AGENT)]
    do(one, PutParticipants([*rows, ("Other", Role.ISSUER)]))
    do(one, PutTerminals([TerminalRow("G1", METRO)]))
    do(one, cards(1, BANK))
    yield one
    one.close()


def do(side: EngineSide, act: Any) -> Any:
    (answer,) = side.engine.step([ActIn(act)])
    if isinstance(answer, BaseException):
        raise answer
    return answer


def last(side: EngineSide) -> int:
    return int(side.engine.state.totals["last"][0])


def cards(token: int, issuer: int, status: int = Status.ACTIVE, account: int = 0) -> PutCards:
    wanted = np.array([account], np.uint32) if account else None
    return PutCards(np.array([token], np.uint64), issuer, Funding.CHIP, status, account=wanted)


def test_a_bound_that_a_refusal_names_is_taken_when_it_is_typed(side: EngineSide) -> None:
    """And what was found does not read as what was expected."""
    side.clock.us += 10_000_000  # so that some seconds of it are over
    zone_us = int(side.engine.state.totals["zone_offset_us"][0])
    booked_us = int(side.engine.state.totals["booked_at_us"][0])
    began_us = booked_us + 1_500_000

    def card(issuer: int, since_us: int) -> PutCards:
        return replace(cards(1, issuer, account=1), since_us=since_us)

    def gate(operator: int, since_us: int) -> PutTerminals:
        return PutTerminals([TerminalRow("G1", operator, since_us=since_us)])

    for act, first, second in ((card, OTHER, BANK), (gate, KIOSK, METRO)):
        do(side, act(first, began_us))
        with pytest.raises(BadInput, match="since when it is what it is") as early:
            do(side, act(second, began_us - 1))
        expected, found = TIMES.findall(str(early.value))
        assert [instant_us(one, 0) for one in (expected, found)] == [began_us, began_us - 1]
        do(side, act(second, instant_us(expected, zone_us)))
        with pytest.raises(BadInput, match="to now") as late:
            do(side, act(first, side.clock.us + 1_000))
        now, found = TIMES.findall(str(late.value))
        assert began_us < instant_us(now, 0) < instant_us(found, 0) == side.clock.us + 1_000
        do(side, act(first, instant_us(now, zone_us)))


# ---- names ----------------------------------------------------------------------------------


def test_a_name_is_one_name_however_it_is_spelt(side: EngineSide) -> None:
    do(side, PutParticipants([(NFD, Role.OPERATOR)]))
    do(side, PutTerminals([TerminalRow(NFD, METRO)]))
    assert side.engine.state.by_name[NFC.encode()] == 5
    assert side.engine.state.by_number[NFC.encode()] == 2
    before = last(side)
    for _ in range(2):
        for name in (NFC, NFD):
            do(side, PutParticipants([(name, Role.OPERATOR), (NFC, Role.OPERATOR)]))
            do(side, PutTerminals([TerminalRow(name, METRO)]))
        assert last(side) == before
        side.restart(checkpoint=False)


def test_a_spelling_of_a_ledger_from_before_stays_and_is_found(side: EngineSide) -> None:
    rows = np.zeros(1, dtypes.PARTICIPANT_RECORD)
    name = NFD.encode()
    rows[0] = (last(side) + 1, 5, Role.ISSUER, Status.ACTIVE, len(name), name)
    side.ledger.journal.write([Draft.of(Record.PARTICIPANTS, rows, NOW_US + 1_000)])
    side.restart(checkpoint=False)
    before = last(side)
    for spelling in (NFC, NFD):
        do(side, PutParticipants([(spelling, Role.ISSUER)]))
    assert last(side) == before
    do(side, PutParticipants([(NFC, Role.AGENT)]))
    assert last(side) == before + 2  # and who did it
    assert bytes(side.engine.state.table("participants")[5]["name"]) == name
    side.restart(checkpoint=False)
    assert side.engine.state.by_name[name] == 5 and NFC.encode() not in side.engine.state.by_name


@pytest.mark.parametrize("sign", "\u200b \u200f \ufeff \u2060 \u00ad \u0000 \n \ud800".split(" "))
def test_what_cannot_be_seen_is_no_part_of_a_name(side: EngineSide, sign: str) -> None:
    for act in (
        PutParticipants([(f"Me{sign}tro", Role.OPERATOR)]),
        PutTerminals([TerminalRow(f"G{sign}1", METRO)]),
    ):
        with pytest.raises(BadInput, match="expected printable characters") as refused:
            do(side, act)
        assert sign not in str(refused.value)


def test_every_door_finds_a_name_in_any_spelling(tmp_path: Path) -> None:
    with served(tmp_path / "ledger") as server, server.client() as client:
        client.put_participant(NFC, Role.OPERATOR)
        row = registry_pb2.Terminal(number=NFC, operator=1)
        assert client.load_terminals([row]) == [1]
        terminals = write(tmp_path, "t.csv", f"number,operator\n{NFD},{NFD}\n")
        assert "1 terminals read, 0 changed" in run_load(server, "terminals", terminals).output
        with server.client(NFD) as named:
            tap = {"card": 9, "amount_fen": 5}
            answers = [named.authorize_one(terminal_number=n, **tap) for n in (NFC, NFD)]
        assert answers[0].outcome == answers[1].outcome and answers[0].sequence
        with pytest.raises(Refused), server.client("Cafe") as nobody:
            nobody.authorize_one(terminal=1, **tap)


# ---- roles ----------------------------------------------------------------------------------

ACTS = [  # what is registered, why it is refused; None: it is not
    (PutTerminals([TerminalRow("G2", METRO)]), None),
    (PutTerminals([TerminalRow("G2", KIOSK)]), None),  # agents take top-ups at their own
    (PutTerminals([TerminalRow("G2", BANK)]), "terminal G2: .* found Bank .*2.*, an issuer"),
    (PutTerminals([TerminalRow("G1", KIOSK)]), None),
    (PutTerminals([TerminalRow("G1", BANK)]), "terminal G1: expected an operator or an agent"),
    (cards(2, BANK), None),
    (cards(2, METRO), "card issuer: expected an issuer, found Metro .*1.*, an operator"),
    (cards(2, KIOSK), "found Kiosk .*3.*, an agent"),
    (cards(1, OTHER), None),  # its account is not used yet
    (cards(1, METRO), "card issuer: expected an issuer"),
    (PutParticipants([("Metro", Role.OPERATOR), ("Bank", Role.ISSUER)]), None),
    (PutParticipants([("Kiosk", Role.OPERATOR), ("Other", Role.AGENT)]), None),
    (PutParticipants([("Metro", Role.AGENT)]), "Metro .*, an operator, to stay .* has terminals,"),
    (PutParticipants([("Metro", Role.ISSUER)]), "while it has terminals, found an issuer"),
    (PutParticipants([("Bank", Role.OPERATOR)]), "while it has cards, found an operator"),
    (PutParticipants([("New", Role.AGENT), ("Bank", Role.AGENT)]), "while it has cards"),
]


@pytest.mark.parametrize(("act", "says"), ACTS)
def test_roles_are_held_against_what_is_registered(
    side: EngineSide, act: Any, says: str | None
) -> None:
    if says is None:
        do(side, act)
        return
    before = side.engine.state.digest()
    with pytest.raises(BadInput, match=says) as refused:
        do(side, act)
    assert "\n" not in str(refused.value)
    assert side.engine.state.digest() == before


def test_a_role_is_held_against_what_is_registered_in_every_row(side: EngineSide) -> None:
    before = last(side)
    rows = [("Metro", Role.OPERATOR), ("Metro", Role.ISSUER)]
    with pytest.raises(BadInput, match="to stay what it is while it has terminals") as refused:
        do(side, PutParticipants(rows))
    assert (refused.value.row, last(side)) == (1, before)
    do(side, PutParticipants([("New", Role.OPERATOR), ("New", Role.ISSUER)]))  # has nothing yet
    assert int(side.engine.state.rows("participants")[-1]["kind"]) == Role.ISSUER


def test_what_was_registered_before_roles_were_held_stays(side: EngineSide) -> None:
    """Its lost cards can be blocked, its gates moved away, and its role set right."""
    card = np.zeros(1, dtypes.CARD_RECORD)
    for name, value in (("token", 7), ("account", 2), ("issuer", KIOSK), ("funding", Funding.CHIP)):
        card[name] = value
    card["home_issuer"] = KIOSK
    card["status"], card["sequence"] = Status.ACTIVE, last(side) + 1
    side.ledger.journal.write([Draft.of(Record.CARDS, card, NOW_US + 1_000)])
    gate = np.zeros(1, dtypes.TERMINAL_RECORD)
    gate["sequence"], gate["terminal"], gate["operator_id"] = last(side) + 2, 2, OTHER
    gate["status"], gate["number_bytes"], gate["number"] = Status.ACTIVE, 2, b"G9"
    side.ledger.journal.write([Draft.of(Record.TERMINALS, gate, NOW_US + 2_000)])
    side.restart(checkpoint=False)
    do(side, cards(7, KIOSK, Status.BLOCKED))
    do(side, PutTerminals([TerminalRow("G9", OTHER, status=Status.BLOCKED)]))
    with pytest.raises(BadInput, match="expected an issuer"):
        do(side, cards(8, KIOSK))
    do(side, PutParticipants([("Kiosk", Role.ISSUER), ("Other", Role.OPERATOR)]))
    do(side, cards(8, KIOSK))
    do(side, PutTerminals([TerminalRow("G9", METRO), TerminalRow("G8", OTHER)]))
    with pytest.raises(BadInput, match="while it has cards"):
        do(side, PutParticipants([("Kiosk", Role.AGENT)]))


# ---- what a row does not say ----------------------------------------------------------------


@pytest.mark.parametrize("status", [Status.BLOCKED, Status.CLOSED])
def test_only_a_row_that_says_so_unblocks(side: EngineSide, status: int) -> None:
    gate = TerminalRow("G1", METRO, 7, 3, status, True)
    do(side, PutTerminals([gate]))
    do(side, cards(1, BANK, status))
    before = last(side)
    do(side, PutTerminals([TerminalRow("G1", METRO), gate, TerminalRow("G1", METRO)]))
    do(side, PutCards(np.array([1], np.uint64), BANK, Funding.CHIP))
    assert last(side) == before
    do(side, PutTerminals([TerminalRow("G1", METRO, place=0), TerminalRow("G2", METRO)]))
    do(side, PutCards(np.array([1, 2], np.uint64), BANK, Funding.CHIP))
    side.restart(checkpoint=False)
    rows = side.engine.state.rows("terminals")[1:]
    columns = ("place", "mode", "status", "counterless")
    found = [tuple(int(row[name]) for name in columns) for row in rows]
    assert found == [(0, 3, status, 1), (0, 0, Status.ACTIVE, 0)]
    found_cards = side.engine.state.table("credentials")["status"]
    assert [found_cards[side.engine.state.credential(t)] for t in (1, 2)] == [status, Status.ACTIVE]
    do(side, PutTerminals([TerminalRow("G1", METRO, status=Status.ACTIVE)]))
    do(side, cards(1, BANK, Status.ACTIVE))
    assert side.engine.state.rows("terminals")["status"][1] == Status.ACTIVE
    assert found_cards[side.engine.state.credential(1)] == Status.ACTIVE


# ---- tariffs --------------------------------------------------------------------------------


def test_a_tariff_said_again_is_in_force_again(side: EngineSide) -> None:
    """A mistake is mended by loading the file from before, not by changing a cell of it."""

    def put(fare_fen: int, from_us: int = 5, name: str = "metro") -> int:
        version = do(side, PutTariff(name, from_us, 1, np.array([fare_fen], np.int32)))
        assert isinstance(version, int)
        return version

    right, wrong = put(100), put(900)
    assert (right, wrong) == (1, 2)
    before = last(side)
    assert put(900) == put(900, name="another name") == wrong
    assert last(side) == before  # what is in force is not journalled again
    assert put(100) == 3
    assert put(100) == 3
    assert put(900, from_us=6) == 4  # of another start
    assert put(100) == 3
