"""The cases of refusals.py as taps in a world that is made for them, many at a time.

Each case has cards and numbers of its own, so all of them live in one ledger: what they are about
is booked under lax rules, then cards, terminals and rules become what the cases say, and the taps
themselves come last.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from onecard.core.config import Settings
from onecard.ext.shape.numbers import Funding, Kind, Outcome, Role, Status
from tests.rules.refusals import REPEATED, Case
from tests.rules.taptable import FARES_FEN, Side
from tests.support.engine import SMALL, EngineSide
from tests.support.steps import (
    DAY_US,
    HOUR_US,
    Cards,
    Item,
    NewHoldTerms,
    NewRules,
    NewTariff,
    Participants,
    Scenes,
    Taps,
    Terminals,
    TwinSide,
)
from tests.twin.acts import TerminalRow
from tests.twin.scenes import SceneRow
from tests.twin.state import LOTS_AN_ACCOUNT, Rules, Tap, Terminal
from tests.twin.twin import Decision

NOW_US = 1_780_300_800_000_000
METRO, BUS, EDGE, TRAM, BANK, FIRST, SECOND = range(1, 8)
THIRD = 8  # a card
NAMES = ("Metro", "Bus", "Edge", "Tram", "Bank", "First", "Second")
OPERATORS = {"metro": METRO, "edge": EDGE}
FUNDINGS = {"prepaid": Funding.PREPAID, "chip": Funding.CHIP, "credit": Funding.CREDIT}
AMOUNT_MAX_FEN, SUM_HALF_FEN = 1_000_000, 1 << 62
LAX = Rules(0, 1 << 61, 1 << 61, SUM_HALF_FEN, 8 * HOUR_US)
STRICT = Rules(NOW_US - 40 * DAY_US, 60 * DAY_US, HOUR_US, AMOUNT_MAX_FEN, 8 * HOUR_US)
LIVE = {"past": STRICT, "ahead": replace(STRICT, go_live_us=NOW_US + 3 * HOUR_US)}
AMOUNTS = {
    "plain": 100,
    "zero": 0,
    "negative": -1,
    "less": -150,
    "more": 150,
    "huge": AMOUNT_MAX_FEN + 1,
    "low": -AMOUNT_MAX_FEN - 1,
}
TIMES_US = {
    "now": 0,
    "low": 1,
    "old": NOW_US - 90 * DAY_US,
    "unborn": NOW_US - 50 * DAY_US,
    "early": NOW_US - 20 * DAY_US,
    "before": NOW_US - DAY_US,
    "future": NOW_US + 2 * HOUR_US,
    "high": 4_102_444_800_000_000,
}
TARIFF_FROM_US, LOST_US = NOW_US - 10 * DAY_US, NOW_US - 30 * DAY_US
FOUND_US = NOW_US - HOUR_US
BEGINNING_US = 946_684_800_000_000  # what a terminal becomes, it is of taps of whatever time
SCENES = {"given": 2, "unknown": 1, "closed": 3, "small": 65_535}
PRINCIPALS = {"all": 0, "other": TRAM, "former": BUS}
RICH_FEN, POOR_FEN = -(10**9), 10**9  # floors far below and far above every balance
# A terminal that was never issued, a place the tariff has not, a sequence never booked.
NOWHERE, BEYOND, NEVER = 999_999, 9, 1 << 40
STATIONS, FERRY, WHARF = 4, 7, 8  # of all networks; the numbers of the others
LIFE_US = 400 * DAY_US  # of what is held in the network of the wharf
UNUSED = {"about": "about", "target": "about_seq", "line": "line", "caused_by": "caused_by"}
UNUSED |= {"sponsor": "sponsor"}
SPONSORS = {"known": METRO, "none": 0, "unknown": 99}
ENDS_US = {"none": 0, "later": NOW_US + DAY_US, "past": BEGINNING_US}
FILLING = (8, 9)  # cards whose lots take what room there is
MODES = range(1, 256)  # of the gates at which journeys begin that take what room there is
SPARE, STRANGE = 1 << 32, 1 << 33  # what is added to a case's token for a card beside, and for none
# Of the sequences of a case on its terminal, those that are named.
SEQUENCES, ORIGINAL, REFUND, FINAL, ABSENT = 16, 0, 1, 8, 9
MESSAGE_TAPS_MAX = 4_096
HOLDS_MAX = 1 << 10  # more than the cases hold; the rest is filled up
ROOMY: Settings = replace(
    SMALL,
    cards_max=1 << 15,
    terminals_max=1 << 10,
    holds_max=HOLDS_MAX,
    recent_max=1 << 16,
    batch_taps_max=MESSAGE_TAPS_MAX,
    group_taps_max=1 << 15,
    lots_max=600,
)
JOURNEYS_MAX = 400  # apart, of the twin, which looks through all of them again and again
RIDERS = range(1_000, 1_000 + ROOMY.cards_max // len(MODES) + 2)  # cards of those journeys


@dataclass
class Played:
    """A case with what it needs of the world."""

    case: Case
    number: int
    terminal: int
    till: int  # where what comes before is tapped: the terminal, or one like it that is a device
    original: int = 0  # the sequence of what it names
    before: Decision | None = None  # what the same tap was answered when it came first

    def __getitem__(self, name: str) -> str:
        return self.case.values[name]

    @property
    def token(self) -> int:
        return 0xA000_0000_0000_0000 + self.number

    @property
    def in_a_full_world(self) -> bool:
        return "full" in (self["lots"], self["journey"])

    @property
    def owner(self) -> int:
        """The card that made what this case names."""
        return self.token + SPARE * (self["owner"] == "other" or self["token"] != "known")

    def sequence(self, at: int) -> int:
        """The number on its terminal of the tap at this place in the order of the case."""
        return SEQUENCES * (self.number + 1) + at

    def tap(self, at: int, kind: int, amount_fen: int = 0, **fields: int) -> Tap:
        """What is sent at this place, by whoever owns what is named."""
        made = Tap(self.owner, self.till, self.sequence(at), 0, 0, kind, amount_fen, *(0,) * 5)
        return replace(made, **fields)

    def entry(self, terminal: int) -> Tap:
        return self.tap(4, Kind.ENTRY, card=self.token, place=1, terminal=terminal)

    def final(self) -> Tap:
        """The tap that is decided by the first of what it breaks."""
        kind = int(Kind.__members__.get(self["kind"], max(Kind) + 1))
        tap = self.tap(
            FINAL,
            kind,
            terminal=self.terminal,
            amount_fen=AMOUNTS[self["amount"]],
            card={"known": self.token, "unknown": self.token + STRANGE, "zero": 0}[self["token"]],
            flags=int(self["flags"]),
            tapped_at_us=TIMES_US[self["at"]],
            place=BEYOND if self["place"] == "beyond" else 0,
            scene=SCENES.get(self["scene"], 0),
        )
        if kind == Kind.GRANT:
            sponsor, ends_us = SPONSORS[self["sponsor"]], ENDS_US[self["ends"]]
            tap = replace(tap, sponsor=sponsor, ends_us=ends_us)
        if kind != Kind.REVERSAL:
            about = {"original": self.original, "unknown": NEVER}.get(self["named"], 0)
            tap = replace(tap, about=about)
        elif self["named"] != "none":
            original = REFUND if self["original"] == "refund" else ORIGINAL
            at = {"original": original, "own": FINAL, "voided": ABSENT}.get(self["named"], 15)
            tap = replace(tap, about_seq=self.sequence(at))
        if self["column"] == "later":
            tap = replace(tap, caused_by=NEVER)
        if self["column"] in UNUSED and not getattr(tap, UNUSED[self["column"]]):
            tap = replace(tap, **{UNUSED[self["column"]]: 1})
        return tap if self["gate"] == "known" else replace(tap, terminal=NOWHERE)


class World:
    """A ledger in which every one of these cases can be played."""

    def __init__(self, side: Side, cases: Iterable[Case]) -> None:
        self.side, self.now_us = side, NOW_US
        if isinstance(side, TwinSide):
            side.book.lots_max = ROOMY.lots_max
            side.book.journeys_max = JOURNEYS_MAX
        self.records: dict[int, dict[str, Any]] = {}  # entries of the engine, by sequence
        self.numbers: dict[tuple[str, ...], int] = {}
        self.played = [self._placed(case, number) for number, case in enumerate(cases)]
        self.ferry = len(self.numbers) + 2  # after the one at the edge
        self.wheels = self.ferry + 2  # the first of them; after the one at the wharf
        self._register()
        self._fill_edge()
        self._grant_many()
        self._send(first_taps)
        self._send(lambda one: [one.entry(self.ferry)] * (one["journey"] == "elsewhere"))
        self._send(lambda one: [one.entry(self.wheels)] * (one["journey"] == "full"))
        self._send(taps_about_originals)
        self._send(lambda one: [one.final()] * (one["identity"] == "repeat"))
        self._fill_holds()
        self._deny()
        self._become()

    def wrong(self) -> list[str]:
        """The cases that are answered otherwise than by the first of what they break."""
        found = []
        for is_full, (live, rules) in product((False, True), LIVE.items()):
            played = [one for one in self.played if one.in_a_full_world == is_full]
            self._do(NewRules(STRICT))
            if is_full and played:
                self._fill_lots()
                self._fill_journeys()
            self._do(NewRules(rules))
            for who, principal in PRINCIPALS.items():
                some = [o for o in played if o["live"] == live and o["principal"] == who]
                for one, decision in zip(
                    some, self._decided([o.final() for o in some], principal), strict=True
                ):
                    told = self._told(one, decision)
                    if told != self._expected(one):
                        found.append(f"{one.case}, found {told}")
        return found

    # ---- making it --------------------------------------------------------------------------

    def _placed(self, case: Case, number: int) -> Played:
        names = ("operator", "terminal", "place", "moved", "terms")
        key = tuple(case.values[name] for name in names)
        till = tuple("active" if word == "internal" else word for word in key)
        numbers = [self.numbers.setdefault(one, len(self.numbers) + 1) for one in (key, till)]
        return Played(case, number, *numbers)

    def _register(self) -> None:
        roles = [Role.OPERATOR] * 4 + [Role.ISSUER] * 3
        self._do(Participants(tuple(zip(NAMES, roles, strict=True))))
        self._do(NewRules(LAX))
        self._do(Terminals(tuple(self._terminal(key, False) for key in self.numbers)))
        for network in (0, FERRY, WHARF):
            self._do(NewTariff("square", TARIFF_FROM_US, STATIONS, FARES_FEN, 300, network))
        self._do(NewHoldTerms(0, (Funding.PREPAID,), False, LIFE_US // 1_000_000, WHARF))
        if many := self._of_many():  # they share the first account
            self._do(Cards((many[0].token,), BANK, Funding.PREPAID, 1, 0, RICH_FEN))
            tokens = tuple(one.token for one in many[1:])
            accounts = (1,) * len(tokens)
            self._do(Cards(tokens, BANK, Funding.PREPAID, 1, 0, RICH_FEN, accounts))
        self._do(Cards(FILLING, BANK, Funding.PREPAID))
        for funding, some in self._grouped("funding").items():
            tokens = tuple(token for one in some for token in (one.token, one.token + SPARE))
            self._do(Cards(tokens, BANK, FUNDINGS[funding[0]], 1, 0, RICH_FEN))
        for token, issuer in ((FIRST, FIRST), (SECOND, SECOND)):
            self._do(Cards((token,), issuer, Funding.CHIP))
        self._do(Cards((THIRD,), BANK, Funding.PREPAID, 1, 0, RICH_FEN))
        self._do(Cards(tuple(RIDERS), BANK, Funding.CHIP))

    def _terminal(self, key: tuple[str, ...], becomes: bool) -> Terminal:
        operator, status, place, moved, terms = key
        is_blocked, is_virtual = becomes and status == "blocked", status == "internal"
        return Terminal(
            f"{'internal:' * is_virtual}T{self.numbers[key]}",
            OPERATORS[operator] if becomes or moved == "no" else BUS,
            0 if place == "none" else 2,
            0,
            Status.INTERNAL if is_virtual else Status.BLOCKED if is_blocked else Status.ACTIVE,
            is_virtual,
            0 if terms == "none" else WHARF,
        )

    def _fill_edge(self) -> None:
        """What the operator at the edge collected, of two issuers, is all that a sum can hold."""
        edge = Terminal("edge", EDGE, 1, 0, Status.ACTIVE, False)
        ferry = replace(edge, number="ferry", operator=METRO, network=FERRY)
        wharf = replace(ferry, number="wharf", network=WHARF)
        wheels = (replace(edge, number=f"wheels {mode}", mode=mode) for mode in MODES)
        self._do(Terminals((edge, ferry, wharf, *wheels)))
        number = len(self.numbers) + 1
        for token, amount_fen in ((FIRST, SUM_HALF_FEN), (SECOND, SUM_HALF_FEN - 1)):
            tap = Tap(token, number, token, 0, 0, Kind.TOP_UP, amount_fen, *(0,) * 5)
            [[decision]] = self.side.step([Taps((tap,))], self.now_us)
            assert decision.outcome == Outcome.ACCEPTED

    def _fill_holds(self) -> None:
        """After what the cases hold, as much as there is room for."""
        taps = [
            Tap(THIRD, self.ferry + 1, number, 0, 0, Kind.HOLD, 1, *(0,) * 5)
            for number in range(1, HOLDS_MAX + 2)
        ]
        outcomes = [decision.outcome for decision in self._decided(taps, 0)]
        assert (outcomes[0], outcomes[-1]) == (Outcome.ACCEPTED, Outcome.HOLDS_FULL)

    def _of_many(self) -> list[Played]:
        asked = ("lots", "many"), ("funding", "prepaid"), ("kind", "GRANT")
        return [one for one in self.played if all(one[name] == value for name, value in asked)]

    def _grant_many(self) -> None:
        for one in self._of_many()[:1]:
            answers = self._grant(one.token, LOTS_AN_ACCOUNT)
            assert {answer.outcome for answer in answers} == {Outcome.ACCEPTED}

    def _fill_lots(self) -> None:
        """What is granted until no more is; of nothing else is it known how many lots there are."""
        answers = [self._grant(token, LOTS_AN_ACCOUNT)[-1] for token in FILLING]
        assert answers[-1].outcome == Outcome.LOTS_FULL, answers

    def _fill_journeys(self) -> None:
        """What is begun until there is no room; those that were begun before are repeated."""
        for token in RIDERS:
            tap = Tap(token, 0, token, 1, 0, Kind.ENTRY, *(0,) * 6)
            taps = [replace(tap, terminal=self.wheels + at) for at in range(len(MODES))]
            answers = self._decided(taps, 0)
            if answers[-1].outcome == Outcome.JOURNEYS_FULL:
                return
        raise AssertionError(answers)

    def _grant(self, token: int, count: int) -> list[Decision]:
        """So many lots at a virtual terminal of its own; what was granted before is repeated."""
        known = {key: number for key, number in self.numbers.items() if key[1] == "internal"}
        terminal = min(known.values())
        tap = Tap(token, terminal, 0, token % 97 + 1, 0, Kind.GRANT, 1, *(0,) * 5, sponsor=METRO)
        return self._decided([replace(tap, terminal_seq=at) for at in range(count)], 0)

    def _deny(self) -> None:
        """An offline ride below the floor puts a card on the deny list."""
        some = [one for one in self.played if one["denied"] == "yes"]
        prepaid = [one for one in some if one["funding"] == "prepaid"]
        if prepaid:
            tokens = tuple(one.token for one in prepaid)
            self._do(Cards(tokens, BANK, Funding.PREPAID, 1, 0, POOR_FEN))
        self._send(
            lambda one: [one.tap(7, Kind.RIDE, 1, card=one.token, flags=1)] * (one in prepaid)
        )

    def _become(self) -> None:
        """Cards, terminals and scenes become what the cases say; until now any scene would do."""
        closed = SceneRow(SCENES["closed"], "closed", most_fen=99, status=Status.CLOSED)
        small = SceneRow(SCENES["small"], "small", most_fen=99)
        self._do(Scenes((SceneRow(SCENES["given"], "given"), closed, small)))
        become = [self._terminal(key, True) for key in self.numbers]
        rows = [
            TerminalRow(t.number, t.operator, t.place, t.mode, t.status, since_us=BEGINNING_US)
            for t in become
        ]
        self._do(Terminals(tuple(rows)))
        for key, some in self._grouped("funding", "status", "funds").items():
            funding, status, funds = key
            floor_fen = POOR_FEN if funds == "poor" else RICH_FEN
            tokens = tuple(one.token for one in some)
            becomes = [(Status.ACTIVE, 0)] if status == "active" else [(Status.BLOCKED, LOST_US)]
            becomes += [(Status.ACTIVE, FOUND_US)] if status == "found" else []
            for state, since_us in becomes:
                self._do(Cards(tokens, BANK, FUNDINGS[funding], state, since_us, floor_fen))

    def _grouped(self, *names: str) -> dict[tuple[str, ...], list[Played]]:
        groups = defaultdict(list)
        for one in self.played:
            groups[tuple(one[name] for name in names)].append(one)
        return groups

    # ---- taps -------------------------------------------------------------------------------

    def _send(self, taps: Callable[[Played], list[Tap]]) -> None:
        """What comes before, of all cases; every tap of it is booked."""
        sent = [(one, tap) for one in self.played for tap in taps(one)]
        decisions = self._decided([tap for _, tap in sent], 0)
        for (one, tap), decision in zip(sent, decisions, strict=True):
            assert decision.sequence and not decision.repeated, (str(one.case), tap, decision)
            if tap.terminal_seq in (one.sequence(ORIGINAL), one.sequence(REFUND)):
                one.original = decision.sequence
            if tap.terminal_seq == one.sequence(FINAL):
                one.before = decision

    def _decided(self, taps: list[Tap], principal: int) -> list[Decision]:
        found: list[Decision] = []
        for first in range(0, len(taps), MESSAGE_TAPS_MAX):
            part = Taps(tuple(taps[first : first + MESSAGE_TAPS_MAX]), principal)
            [decisions] = self.side.step([part], self.now_us)
            assert isinstance(decisions, list), decisions
            found += decisions
        return found

    def _do(self, item: Item) -> None:
        [answer] = self.side.step([item], self.now_us)
        assert not isinstance(answer, str), (item, answer)

    # ---- what is told -----------------------------------------------------------------------

    def _told(self, one: Played, decision: Decision) -> tuple[Any, ...]:
        outcome = Outcome(decision.outcome)
        if outcome == Outcome.ACCEPTED_SUSPENSE and not decision.repeated:
            return outcome.name, Outcome(self._reason(decision.sequence)).name
        return outcome.name, "again" if decision.repeated else ""

    def _reason(self, sequence: int) -> int:
        """Of an entry; the engine's are read a message at a time."""
        if isinstance(self.side, EngineSide):
            if sequence not in self.records:
                self.records = self.side.records(sequence)
            return int(self.records[sequence]["reason"])
        return int(self.side.record(sequence)["reason"])

    def _expected(self, one: Played) -> tuple[Any, ...]:
        first = one.case.first
        if first.outcome == REPEATED:
            assert one.before is not None
            return Outcome(one.before.outcome).name, "again"
        if first.softened and one["flags"] in ("1", "3"):
            return "ACCEPTED_SUSPENSE", first.outcome
        return first.outcome, "again" if first.outcome == "VOIDED" else ""


def first_taps(one: Played) -> list[Tap]:
    """Journeys, originals, and what binds the identity of the case to something else."""
    beside = one.token + SPARE
    found: list[Tap] = []
    if one["identity"] == "conflict" and one["terminal"] == "internal":
        tap = one.tap(FINAL, Kind.ADJUST, 1, card=beside, about=NEVER, terminal=one.terminal)
        found.append(tap)
    elif one["identity"] == "conflict":
        found.append(one.tap(FINAL, Kind.CHECK, card=beside))
    if one["identity"] == "voided":
        found.append(one.tap(6, Kind.REVERSAL, card=beside, about_seq=one.sequence(FINAL)))
    if one["named"] == "voided":
        found.append(one.tap(5, Kind.REVERSAL, card=beside, about_seq=one.sequence(ABSENT)))
    if one["journey"] == "open":
        found.append(one.entry(one.till))
    if one["named"] == "original":
        kinds = {"top_up": Kind.TOP_UP, "hold": Kind.HOLD, "declined": Kind.EXIT}
        kind = kinds.get(one["original"], Kind.RIDE)
        amount_fen = 0 if kind == Kind.EXIT else 100
        over = kind == Kind.HOLD and one["terms"] == "over"
        at_us = NOW_US - LIFE_US - DAY_US if over else 0
        found.append(one.tap(ORIGINAL, kind, amount_fen, place=1, tapped_at_us=at_us))
        if one["used"] == "closed":
            found.append(one.tap(2, Kind.REVERSAL, about_seq=one.sequence(ORIGINAL)))
    return found


def taps_about_originals(one: Played) -> list[Tap]:
    """What names an original by the sequence it was booked with."""
    if one["named"] == "original" and one["original"] == "refund":
        return [one.tap(REFUND, Kind.REFUND, 100, about=one.original)]
    if one["named"] == "original" and one["used"] == "part":
        return [one.tap(3, Kind.REFUND, 50, about=one.original)]
    return []
