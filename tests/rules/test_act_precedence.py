"""Which of several refusals an act is answered with: the first in its line of docs/ledger.md."""

import re
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onecard.core.authorize.booking import ConfirmClock
from onecard.core.days import day_of
from onecard.core.errors import OnecardError
from onecard.core.registry.actors import PutActors
from onecard.core.registry.calendar import Days, PutCalendar
from onecard.core.registry.cards import PutCards
from onecard.core.registry.declarations import Declare
from onecard.core.registry.hold_terms import PutHoldTerms
from onecard.core.registry.participants import PutParticipants
from onecard.core.registry.rules import RULES, PutRules
from onecard.core.registry.scenes import PutScenes, SceneRow
from onecard.core.registry.tariffs import PutTariff
from onecard.core.registry.terminals import PutTerminals, TerminalRow
from onecard.core.settlement.window import CloseWindow
from onecard.ext.shape.numbers import ActorRole, Funding, Kind, Role, Status
from onecard.ext.state.hold_terms import HoldTerms
from tests.rules.taptable import NOW_US
from tests.support.engine import SMALL, EngineSide, quick_folder
from tests.support.steps import (
    DAY_US,
    HOUR_US,
    Actors,
    Calendar,
    Cards,
    Close,
    NewHoldTerms,
    NewTariff,
    Participants,
    Scenes,
    Taps,
    Terminals,
)
from tests.twin.acts import ActorRow
from tests.twin.scenes import SceneRow as TwinSceneRow
from tests.twin.state import Tap, Terminal

PAGE = (Path(__file__).resolve().parent.parent.parent / "docs/ledger.md").read_text()
METRO, BANK = 1, 2
INTERNAL = Status.INTERNAL
TODAY = day_of(NOW_US, 8 * HOUR_US)
POLICIES_MAX = 65_535
SINCE_WHEN = "on, since when it is what it is"
Value = Hashable
Broken = dict[str, frozenset[Value]]
Values = dict[str, Any]


@dataclass(frozen=True)
class Refusals:
    """An act as its fields make it, and its refusals in order: what each says, and what of which
    fields makes it so, whatever the others are."""

    act: Callable[[EngineSide, Values], None]  # raises what it is refused with
    sound: Values
    order: tuple[tuple[str, Broken], ...]

    def cases(self) -> Iterator[tuple[str, Values]]:
        """What is said of values that break one, each pair, and as many as go together."""
        for at, (says, broken) in enumerate(self.order):
            earlier = [other for _, other in self.order[:at]]
            together = broken
            assert self.chosen(broken, earlier), says
            for _, other in ((says, broken), *self.order[at + 1 :]):
                both = joined(broken, other)
                values = both and self.chosen(both, earlier)
                if values:
                    yield says, values
                more = joined(together, other)
                if more and self.chosen(more, earlier):
                    together = more
            yield says, self.chosen(together, earlier) or {}

    def chosen(self, broken: Broken, earlier: list[Broken]) -> Values | None:
        """Values that break these, and nothing before them; None where there are none."""
        for picked in product(*(sorted(some, key=repr) for some in broken.values())):
            values = {**self.sound, **dict(zip(broken, picked, strict=True))}
            if not any(all(values[n] in some for n, some in one.items()) for one in earlier):
                return values
        return None


def joined(one: Broken, other: Broken) -> Broken | None:
    both = {name: one.get(name, some) & some for name, some in other.items()}
    return {**one, **both} if all(both.values()) else None


def by(**fields: Value | set[Any]) -> Broken:
    return {
        name: frozenset(some if isinstance(some, set) else (some,)) for name, some in fields.items()
    }


def applied(side: EngineSide, act: Any) -> None:
    state = side.engine.state
    act.apply(state, int(state.totals["last"][0]) + 1, NOW_US + 1_000)


def participants(side: EngineSide, to: Values) -> None:
    applied(side, PutParticipants([(to["name"], to["role"])]))


def terminals(side: EngineSide, to: Values) -> None:
    row = TerminalRow(to["number"], to["operator"], to["place"], None, to["status"])
    row = replace(row, network=to["network"], since_us=to["since_us"])
    applied(side, PutTerminals([row], to["may_move"]))


def cards(side: EngineSide, to: Values) -> None:
    token = np.array(to["token"], np.uint64)
    account = None if to["account"] is None else np.array(to["account"], np.uint32)
    columns = [to[name] for name in ("issuer", "funding", "status", "since_us", "floor_fen")]
    names = ("may_move", "bank_status", "generation", "expires_day", "key_version")
    applied(side, PutCards(token, *columns, account, **{name: to[name] for name in names}))


def tariff(side: EngineSide, to: Values) -> None:
    fares = np.array(to["fares"], np.int32)
    said = to["name"], to["start_us"], to["stations"], fares, to["entry_min_fen"], to["network"]
    applied(side, PutTariff(*said))


def holds(side: EngineSide, to: Values) -> None:
    terms = HoldTerms(to["fundings"], to["partial"], to["life_s"])
    applied(side, PutHoldTerms(to["name"], to["start_us"], terms, to["network"]))


def rules(side: EngineSide, to: Values) -> None:
    applied(side, PutRules(**to))


def declarations(side: EngineSide, to: Values) -> None:
    applied(side, Declare([(to["terminal"], to["day"], to["taps"], 0)]))


def window(side: EngineSide, to: Values) -> None:
    """With a hold in the state that ended so long ago, where one did."""
    state = side.engine.state
    row = state.table("open_holds")[1]
    if to["ended"]:
        row["sequence"], row["expires_us"] = 1, NOW_US - 2 * 60_000_000
        state.totals["open_holds"] = 1
    state.reindex()
    try:
        applied(side, CloseWindow(to["window"], to["day"]))
    finally:
        row["sequence"] = row["expires_us"] = state.totals["open_holds"] = 0
        state.reindex()


def clock(side: EngineSide, to: Values) -> None:
    booking = side.engine.booking
    booking.wall_us = NOW_US - to["behind_us"]
    act = ConfirmClock(booking.wall_us + to["off_us"], to["reason"])
    booking.check(act, side.engine.state)


def actors(side: EngineSide, to: Values) -> None:
    row = ActorRow(*(to[name] for name in ("name", "secret", "roles", "participant", "status")))
    applied(side, PutActors([row], to["four_eyes"]))


def scenes(side: EngineSide, to: Values) -> None:
    applied(side, PutScenes([SceneRow(**to)]))


def calendar(side: EngineSide, to: Values) -> None:
    applied(side, PutCalendar(Days(to["first_day"], bytes(to["classes"])), to["calendar"]))


def of_name(what: str, name: str) -> tuple[tuple[str, Broken], ...]:
    return (
        (f"{what}: expected 1 to", by(**{name: {"", "x" * 99}})),
        (f"{what}: expected printable", by(**{name: {" M", "a\nb"}})),
        (f"{what}: expected characters that can be seen", by(**{name: "M\u2800"})),
        (f"{what}: expected a letter", by(**{name: "\u0301M"})),
    )


ACTS = {
    "participants": Refusals(
        participants,
        {"name": "Metro", "role": Role.OPERATOR},
        (
            *of_name("participant name", "name"),
            ("cannot be read as an id", by(name="12")),
            ("participant role: expected 1 to", by(role=9)),
            ("to stay what it is", by(name="Metro", role={2, 9})),
        ),
    ),
    "terminals": Refusals(
        terminals,
        {
            **{"number": "M-1", "operator": METRO, "place": 1, "network": 0, "status": 1},
            **{"since_us": 0, "may_move": True},
        },
        (
            *of_name("terminal number", "number"),
            ("terminal operator: expected a participant id", by(operator=99)),
            ("terminal place or mode", by(place=-1)),
            ("terminal network: expected 0 to 65535", by(network={-1, 1 << 16})),
            ("terminal status", by(status=9)),
            ("terminal since: expected a time", by(since_us={1, NOW_US + DAY_US})),
            ("terminals_max: this ledger has room for 2", by(number={"M-2", "internal:b"})),
            ("internal from its first row on or never", by(number="M-1", status=INTERNAL)),
            ("internal from its first row on or never", by(number="internal:a", status=1)),
            ("M-1: expected it to stay", by(number="M-1", operator=BANK, may_move=False)),
            ("expected an operator or an agent", by(operator=BANK)),
            (SINCE_WHEN, by(number="M-1", since_us=NOW_US - HOUR_US, place=2)),
            ("terminals_max: this ledger has room for 2 changes", by(number="M-1", place=2)),
        ),
    ),
    "cards": Refusals(
        cards,
        {
            **{"token": (1,), "issuer": BANK, "funding": 1, "status": 1, "since_us": 0},
            **{"floor_fen": -500, "account": None, "may_move": True, "bank_status": None},
            **{"generation": None, "expires_day": None, "key_version": None},
        },
        (
            ("card since: expected a time from 2000", by(since_us={1, NOW_US + DAY_US})),
            ("card token: expected not 0", by(token={(0,), (50, 0, 50)})),
            ("card issuer: expected a participant id", by(issuer=99)),
            ("card funding: expected 1 to", by(funding=9)),
            ("card status: expected 1 to 3", by(status={INTERNAL, 9})),
            ("card floor: expected at most", by(floor_fen=1 << 63)),
            ("card bank_status: expected 0 to 3", by(bank_status={-1, 4})),
            ("card generation: expected 0 to 255", by(generation={-1, 256})),
            ("card expires_day: expected 0 to", by(expires_day={-1, 1 << 20})),
            ("card key_version: expected 0 to 65535", by(key_version=1 << 16)),
            ("expected a card once", by(token={(50, 50), (50, 0, 50)}, account={(9,), (0, 0)})),
            ("card accounts: expected 1 rows", by(token={(1,), (60,)}, account={(0, 0), (9, 9)})),
            ("expected one that was issued", by(token={(1,), (60,)}, account={(9,), (9, 9)})),
            ("card issuer: expected an issuer", by(token={(1,), (60,)}, issuer=METRO)),
            ("cards_max: this ledger has room for 2", by(token=(60,), account={None, (0,)})),
            (SINCE_WHEN, by(token=(1,), since_us=NOW_US - HOUR_US, account=(2,))),
            ("card: expected it to stay", by(token=(1,), account=(2,), may_move=False)),
            ("cards_max: this ledger has room for 2", by(token=(60,), account=(2,))),
            ("cards_max: this ledger has room for 4 changes", by(token=(1,), account=(2,))),
            ("cards_max: this ledger has room for 4 changes", by(token=(2,))),  # found again
        ),
    ),
    "tariff": Refusals(
        tariff,
        {
            **{"name": "a", "start_us": 0, "stations": 1, "fares": (5,), "entry_min_fen": 0},
            **{"network": 0},
        },
        (
            *of_name("tariff name", "name"),
            ("tariff stations", by(stations={0, 5_000})),
            ("tariff fares: expected 1, found 2", by(stations=1, fares={(5, 5), (5, -2)})),
            ("tariff fares: expected 0 or more", by(stations=1, fares={(-2,), (5, -2)})),
            ("tariff fares: expected 0 or more", by(entry_min_fen=-1)),
            ("tariff start", by(start_us={-1, 1 << 62})),
            ("tariff network: expected 0 to 65535", by(network={-1, 1 << 16})),
            (f"holds at most {POLICIES_MAX} policies", by(stations=1, fares=(6,))),
        ),
    ),
    "holds": Refusals(
        holds,
        {
            **{"name": "a", "start_us": 0, "fundings": (1,), "partial": False, "life_s": 0},
            **{"network": 0},
        },
        (
            *of_name("name of hold terms", "name"),
            (
                "hold terms fundings: expected some of [1, 2, 3], each once in rising order, found",
                by(fundings={(), (0,), (4,), (1, 1), (2, 1), (1, 9)}),
            ),
            (
                "hold terms life_s: expected 0, or 60 to 34560000, found",
                by(life_s={-1, 59, 34_560_001, 1 << 63}),
            ),
            ("hold terms start", by(start_us={-1, 1 << 62})),
            ("hold terms network: expected 0 to 65535", by(network={-1, 1 << 16})),
            (f"holds at most {POLICIES_MAX} policies", by(fundings=(2,), life_s=60)),
        ),
    ),
    "rules": Refusals(
        rules,
        {name: 5 for name in RULES},
        tuple((f"rule {name}:", by(**{name: 1 << 63})) for name in RULES),
    ),
    "declarations": Refusals(
        declarations,
        {"terminal": 1, "day": 0, "taps": 0},
        (
            ("declared terminal: expected an issued id", by(terminal={0, 3})),
            ("declared terminal: expected a device", by(terminal=2)),
            ("declared count or sum", by(taps=-1)),
            ("declared day", by(day=-1)),
        ),
    ),
    "window": Refusals(
        window,
        {"window": 2, "day": TODAY, "ended": False},
        (
            ("window 9 is neither closed nor open", by(window=9)),
            ("window 1 was closed for", by(window=1, day={-1, TODAY + 1, TODAY + 16})),
            ("expected one of 2000-01-01", by(window=2, day={-1, 99_999})),
            ("(the day of window 1)", by(window=2, day={TODAY - 1, TODAY + 16, -1, 99_999})),
            ("the last of the calendar", by(window=2, day={TODAY + 8, TODAY + 15})),
            ("found a hold that ended at", by(window=2, day={TODAY, TODAY + 7}, ended=True)),
        ),
    ),
    "clock": Refusals(
        clock,
        {"reason": "by the radio", "off_us": 0, "behind_us": 0},
        (
            ("reason: expected", by(reason={"", "x" * 201, "a\nb"})),
            ("clock: expected the time of the server", by(off_us=HOUR_US)),
            ("clock: expected the last block", by(behind_us=61 * DAY_US)),
        ),
    ),
    "actors": Refusals(
        actors,
        {
            **{"name": "Li", "secret": b"l" * 32, "roles": ActorRole.MAKER, "participant": 0},
            **{"status": 1, "four_eyes": None},
        },
        (
            *of_name("actor name", "name"),
            ("cannot be read as a number", by(name="12")),
            ("actor secret: expected a SHA-256", by(secret={b"", bytes(32), b"l" * 33})),
            ("actor roles: expected a sum", by(roles={-1, 64})),
            ("actor participant: expected", by(participant=99)),
            ("actor status: expected 1 to 3", by(status={INTERNAL, 9})),
            ("for who is new, found none", by(name="Wu", secret=None)),
            ("they are of three people", by(roles={3, 5, 6, 7})),
            ("found another actor's", by(name="Li", secret=b"w" * 32)),
            ("role security where one has system", by(roles={1, 9})),
            ("four eyes: expected", by(four_eyes=True)),
        ),
    ),
    "scenes": Refusals(
        scenes,
        {
            **{"code": 7, "name": "Bus", "purses": b"\0", "most_fen": 5, "payee": 0, "mcc": 4111},
            **{"rated_by": 0, "status": 1},
        },
        (
            ("scene code: expected 1 to 65535", by(code={-1, 0, 1 << 16})),
            ("for a scene that is new, found none", by(code=8, name=None)),
            *of_name("scene name", "name"),
            ("scene purses: expected some of main", by(purses={b"", b"\1", b"\0\0", b"\0" * 9})),
            ("scene most_fen: expected 0 to", by(most_fen={-1, 1 << 63})),
            ("scene payee: expected 0 to", by(payee={-1, 99})),
            ("scene mcc: expected 0 to 9999", by(mcc={-1, 10_000})),
            ("scene rated_by: expected 0 to 65535", by(rated_by={-1, 1 << 16})),
            ("scene status: expected 1 or 3", by(status={0, Status.BLOCKED, INTERNAL, 9})),
            ("scene payee: expected", by(code=7, payee={METRO, BANK})),
            ("as the scene has for ever", by(code=7, rated_by={1, 7})),
            ("scene payee: expected an operator", by(code=8, payee=BANK)),
            ("expected a network that has a tariff", by(code=8, rated_by={1, 9})),
        ),
    ),
    "calendar": Refusals(
        calendar,
        {"calendar": 0, "first_day": TODAY, "classes": (1, 2)},
        (
            ("calendar: expected 0, the one there is", by(calendar={-1, 1})),
            ("calendar: expected at least one day", by(classes=())),
            ("calendar: expected days of 2000-01-01", by(first_day={10_956, 47_481, -1 << 31})),
            ("expected a class of 1 to 3", by(classes={(1, 4), (0, 2), (1, 0)})),
            ("load the days between them too", by(first_day={TODAY - 3, TODAY + 8})),
            ("expected workday, as it was when", by(first_day=TODAY, classes={(2,), (3, 1)})),
        ),
    ),
}


@pytest.fixture(scope="module")
def side() -> Iterator[EngineSide]:
    """A device and a virtual terminal, two cards that have entries, all the tariffs and pasts
    there may be."""
    settings = replace(SMALL, terminals_max=2, cards_max=2, clock_step_max_s=300)
    with quick_folder() as folder:
        made = EngineSide(folder / "ledger", NOW_US, settings)
        made.step(
            [
                Participants((("Metro", Role.OPERATOR), ("Bank", Role.ISSUER))),
                *(Terminals((Terminal("M-1", METRO, place, 0, 1, False),)) for place in (3, 2, 1)),
                Terminals((Terminal("internal:a", METRO, 0, 0, INTERNAL, True),)),
                Cards((1, 2), BANK, Funding.CHIP, floor_fen=-500),
                Actors((ActorRow("Wang", b"w" * 32),)),
                Scenes((TwinSceneRow(7, "Canteen"),)),
                Calendar(TODAY, bytes((1, *(2,) * 6, 3))),
                *(Cards((1, 2), BANK, Funding.PREPAID, status, 0, -500) for status in (2, 2, 1)),
                Cards((2,), BANK, Funding.PREPAID, Status.BLOCKED, floor_fen=-500),
                Taps((Tap(1, 1, 1, 0, 0, Kind.RIDE, 5, *(0,) * 5),)),
                *(NewTariff("a", at, 1, (5,), 0) for at in (1, 0)),
                NewHoldTerms(0),
                Close(TODAY),
            ],
            NOW_US,
        )
        # As if the others were in force later: each would be a record.
        made.engine.state.totals["policies"] = POLICIES_MAX
        yield made
        made.engine.state.totals["policies"] = 3
        made.close()


@pytest.mark.parametrize("name", ACTS)
def test_an_act(side: EngineSide, name: str) -> None:
    act = ACTS[name]
    act.act(side, act.sound)  # which is not refused
    for says, values in act.cases():
        with pytest.raises(OnecardError) as refused:
            act.act(side, values)
        assert says in str(refused.value), (values, says)
        assert len(str(refused.value).splitlines()) == 1


def test_rows_one_after_the_other(side: EngineSide) -> None:
    """The first row at fault is named, though a later one breaks what is asked first."""
    sound = TerminalRow("M-1", METRO)
    for act in (
        PutParticipants([("Tram", 1), ("Metro", 2), ("", 9)]),
        PutTerminals([sound, TerminalRow("M-1", BANK), TerminalRow("", 99)]),
        Declare([(1, 0, 0, 0), (1, -1, 0, 0), (9, 0, 0, 0)]),
        PutScenes([SceneRow(7), SceneRow(7, mcc=-1), SceneRow(0)]),
    ):
        with pytest.raises(OnecardError) as refused:
            applied(side, act)
        assert refused.value.row == 1, act
    # Of cards a rule is of all of them.
    act = PutCards(np.array([1, 0, 2], np.uint64), BANK, funding=9)
    with pytest.raises(OnecardError, match="card token") as refused:
        applied(side, act)
    assert refused.value.row == 1


def test_the_page_has_a_line_for_each() -> None:
    table = PAGE[PAGE.index("| act | refused, in this order |") :].split("\n\n")[0]
    assert re.findall(r"^\| (\w+)", table, re.M)[1:] == list(ACTS)
