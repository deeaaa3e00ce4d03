"""Some days of a made-up one card, to be recorded: acts and messages, the same for the same seed.

What is drawn looks at what was answered before, so that refunds and captures name what there is.
It knows nothing of the engine, and of the ledger's numbers only what the protos say; to change
anything here is to record anew (recording.py).
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from onecard.v1.registry_pb2 import (
    FUNDING_CHIP,
    FUNDING_CREDIT,
    FUNDING_PREPAID,
    ROLE_AGENT,
    ROLE_ISSUER,
    ROLE_OPERATOR,
)
from onecard.v1.tap_pb2 import TapKind
from tests.support.steps import (
    DAY_US,
    HOUR_US,
    START_RULES,
    Cards,
    Close,
    Declare,
    Item,
    NewHoldTerms,
    NewRules,
    NewTariff,
    Participants,
    Scenes,
    Terminals,
)
from tests.twin.acts import TerminalRow
from tests.twin.scenes import SceneRow
from tests.twin.state import Declaration, Tap
from tests.twin.twin import Decision

NOW_US = 1_780_300_800_000_000  # 2026-06-01 16:00 in UTC+8
ACTIVE, BLOCKED, CLOSED, INTERNAL = 1, 2, 3, 4
METRO, BUS, BANK, RURAL, AGENT, SHOP = range(1, 7)
PARTIES = (
    ("地铁集团", ROLE_OPERATOR),
    ("East Bus", ROLE_OPERATOR),
    ("徽商银行", ROLE_ISSUER),
    ('Rural "R", Bank', ROLE_ISSUER),
    ("=Agent, 24h", ROLE_AGENT),
    ("Canteen", ROLE_OPERATOR),
)
GATES = (  # number, operator, place, mode, status, counterless
    ("M-01", METRO, 1, 0, ACTIVE, False),
    ("M-02", METRO, 2, 0, ACTIVE, False),
    ("M-03", METRO, 3, 0, ACTIVE, False),
    ("M-00", METRO, 0, 0, ACTIVE, False),
    ("B-1", BUS, 2, 1, ACTIVE, True),
    ("B-2", BUS, 0, 1, ACTIVE, False),
    ("A-1", AGENT, 0, 2, ACTIVE, False),
    ("C-1E10", SHOP, 0, 3, ACTIVE, False),
    ("Z-1", METRO, 1, 0, BLOCKED, False),
)
MOVING = 6  # the bus whose operator changes, and which is blocked for a while
STRANGER = 0x00C0_FFEE  # a token of no card
# By number in CARDS: 24 prepaid, 4 prepaid that may go 500 fen below 0, 6 chips, 6 credentials.
PREPAID, PATIENT, CHIPS, CREDIT = range(24), range(24, 28), range(28, 34), range(34, 40)
CARDS = 40
FARES_FEN = (0, 300, 500, -1, 300, 0, 400, -1, 500, 400, 0, 0, -1, -1, 0, 0)
NEWER_FEN = (0, 330, 530, 330, 0, 430, 530, 430, 0)
AMOUNTS_FEN = (0, 1, 99, 100, 250, 500, 999)
RIDE, ENTRY, EXIT, PURCHASE, REFUND, REVERSAL, TOP_UP, HOLD, CAPTURE, RELEASE, CHECK = range(1, 12)
EVENT = 13
GRANT = 14
KINDS = (
    *(RIDE,) * 6,
    *(ENTRY,) * 4,
    *(EXIT,) * 4,
    *(TOP_UP,) * 4,
    *(REFUND,) * 3,
    *(REVERSAL,) * 3,
    *(HOLD,) * 2,
    *(CAPTURE,) * 2,
    RELEASE,
    *(PURCHASE,) * 2,
    CHECK,
)
PAYING = (RIDE, PURCHASE, REFUND, TOP_UP, HOLD, CAPTURE)
ODD = {  # values that a rule of form, terminal, limit or card is about
    "card": (0, STRANGER),
    "terminal": (0, 99),
    "terminal_seq": (0, (1 << 32) - 1),
    "epoch": (1,),
    "tapped_at_us": (-1, 946_684_799_999_999, 946_684_800_000_000, 4_102_444_799_999_999),
    "kind": (0, 12, 255),
    "amount_fen": (-1, 0, 1_000_001, -(1 << 63)),
    "flags": (1, 2),
    "place": (0, 9),
    "about": (0, 1, 1 << 40),
    "about_seq": (0, 1),
}
LONG_FEN = tuple(1234567890123456 // 10**digits for digits in range(8))  # of 16 to 9 digits
MESSAGE_TAPS = 48
DRAWN = 30  # messages a day, of half as many taps as they may hold
WIDE = 330  # stations of a tariff that is never in force: its blocks fill a segment
NO_TAP = Tap(**dict.fromkeys(Tap.__dataclass_fields__, 0))  # all columns 0
Sent = tuple[Tap, Decision]


class Counter(Protocol):
    """Where acts and taps are handed in, one after the other; the clock is its own."""

    now_us: int

    def do(self, item: Item) -> object: ...
    def send(self, taps: Sequence[Tap], principal: int = 0) -> list[Decision]: ...
    def send_raw(self, message: bytes) -> None: ...
    def token(self, number: str) -> int: ...
    def restart(self, checkpoint: bool) -> None: ...


def card_number(index: int) -> str:
    """The printed number of a card: made up, in no issuer's range."""
    return f"LX{index:07d}"


class Traffic:
    """The days, played at a counter from an empty ledger on."""

    def __init__(self, counter: Counter, seed: int = 1) -> None:
        self.counter, self.rng = counter, random.Random(seed)
        self.tokens: list[int] = []
        self.sent: list[Sent] = []
        self.next_seq = dict.fromkeys(range(1, len(GATES) + 1), 1)

    def play(self) -> None:
        self._register()
        self._first_day()
        self._close(0)
        self.counter.restart(checkpoint=True)
        self._close(0)  # nothing in it
        self._second_day()
        self._close(1)
        self.counter.restart(checkpoint=False)
        self._third_day()
        self._close(2)
        self._to_the_end_of_64_bits()
        self._close(2)
        self._holds()
        self._scenes()
        self._some()
        self._send([self._tap(EVENT, 1, 1, scene=7), self._tap(EVENT, 1, 1)])
        self._lots()
        self._journeys()

    # ---- days -------------------------------------------------------------------------------

    def _register(self) -> None:
        do, now_us = self.counter.do, self.counter.now_us
        self.tokens = [self.counter.token(card_number(index)) for index in range(CARDS)]
        do(Participants(PARTIES))
        do(Terminals(tuple(TerminalRow(*gate) for gate in GATES)))
        do(NewTariff("distance", now_us - 30 * DAY_US, 4, FARES_FEN, 300))
        do(Cards(self._tokens(PREPAID[:18]), BANK, FUNDING_PREPAID))
        do(Cards(self._tokens(PREPAID[18:]), RURAL, FUNDING_PREPAID, floor_fen=200))
        do(Cards(self._tokens(PATIENT), RURAL, FUNDING_PREPAID, floor_fen=-500))
        do(Cards(self._tokens(CHIPS), RURAL, FUNDING_CHIP))
        do(Cards(self._tokens(CREDIT), BANK, FUNDING_CREDIT))
        wide_fen = tuple(at % 7 * 100 for at in range(WIDE * WIDE))
        do(NewTariff("wide", now_us + 90 * DAY_US, WIDE, wide_fen, 0))
        do(NewTariff("wider", now_us + 99 * DAY_US, WIDE, wide_fen, 0))
        do(Cards(self._tokens(PREPAID[:1]), 9, FUNDING_PREPAID))  # no such issuer
        do(Participants((("East Bus", ROLE_ISSUER),)))  # it has terminals
        do(Participants(PARTIES))  # as they are

    def _first_day(self) -> None:
        agent = 7
        self._send([self._tap(TOP_UP, card, agent, amount_fen=4000) for card in range(CARDS)])
        for _ in range(DRAWN):
            self._some()
        self._kept_for_later()
        self._refunds()
        self.counter.send_raw(b"")
        self.counter.send_raw(b"\x09\x01")
        self.counter.send_raw(b"\x12\x08" + bytes(8) + b"\x1a\x04" + bytes(4))
        day = self._today()
        self.counter.do(Declare(tuple(Declaration(n, day, 10 * n, 100 * n) for n in (1, 2, 5))))
        self.counter.do(Close(day + 40))  # no day that is expected

    def _second_day(self) -> None:
        do = self.counter.do
        self.counter.now_us += 20 * HOUR_US
        now_us = self.counter.now_us
        do(NewTariff("three stations", now_us - HOUR_US, 3, NEWER_FEN, 0))
        do(Terminals((TerminalRow("B-2", SHOP),)))  # moves; all else stays
        do(Terminals((TerminalRow("M-03", METRO, 1, 4, ACTIVE, True),)))
        do(Cards(self._tokens((2, 3)), BANK, FUNDING_PREPAID, BLOCKED, now_us - 2 * HOUR_US))
        do(Cards(self._tokens((4,)), BANK, FUNDING_PREPAID, CLOSED))
        do(Cards(self._tokens((30,)), RURAL, FUNDING_CHIP, BLOCKED, now_us - HOUR_US))
        do(Cards((STRANGER + 1,), BANK, FUNDING_PREPAID, accounts=(1,)))  # one more of an account
        do(Cards(self._tokens((5,)), BANK, FUNDING_PREPAID, accounts=(7,)))  # a card was swapped
        do(Cards(self._tokens((6,)), BANK, FUNDING_PREPAID, None, floor_fen=-100))
        do(Participants((("Late Comer", ROLE_OPERATOR),)))
        for _ in range(DRAWN):
            self._some()
        self._given_back()
        self._below_floor()
        self._refused()
        do(Terminals((TerminalRow("B-2", SHOP, status=BLOCKED),)))
        self._some()
        do(Terminals((TerminalRow("B-2", BUS, status=ACTIVE),)))
        do(Cards(self._tokens((2, 4)), BANK, FUNDING_PREPAID, ACTIVE))
        day = self._today()
        do(Declare((Declaration(1, day, 3, 300), Declaration(6, day - 1, 0, 0))))

    def _third_day(self) -> None:
        self.counter.now_us += 30 * HOUR_US
        go_live_us = self.counter.now_us - 20 * DAY_US
        rules = replace(
            START_RULES, go_live_us=go_live_us, amount_max_fen=900, ahead_max_us=HOUR_US
        )
        self.counter.do(NewRules(rules))
        for _ in range(DRAWN):
            self._some()
        self._send(self._bound(300))  # what was answered on all days, once more

    def _to_the_end_of_64_bits(self) -> None:
        """Sums that do not fit, and amounts of more digits than a spreadsheet shows."""
        half_fen, shop, agent = 1 << 62, 8, 7
        self.counter.do(NewRules(replace(START_RULES, amount_max_fen=half_fen)))
        self._send([self._tap(RIDE, CHIPS[0], shop, amount_fen=fen) for fen in LONG_FEN])
        self._send([self._tap(TOP_UP, 10, agent, amount_fen=fen) for fen in LONG_FEN])
        for card in (CHIPS[0], CREDIT[0]):
            for amount_fen in (half_fen, half_fen - (1 << 40), 1 << 41):
                self._send([self._tap(RIDE, card, shop, amount_fen=amount_fen)])
        self._send([self._tap(TOP_UP, 9, agent, amount_fen=half_fen)] * 2)
        self._send([self._tap(TOP_UP, 9, agent, amount_fen=half_fen) for _ in range(2)])

    def _scenes(self) -> None:
        """What taps are for: loaded, limited, closed; and what costs nothing, a kind with one."""
        card, gate, costless = CHIPS[0], 1, 13
        self._send([self._tap(costless, card, gate, scene=code) for code in (7, 0)])
        rows = SceneRow(7, "Canteen", most_fen=500), SceneRow(9, "Library", mcc=8299)
        self.counter.do(Scenes(rows))
        self.counter.do(Scenes((SceneRow(9, status=CLOSED), SceneRow(70))))  # new, and has no name
        self.counter.do(Scenes((SceneRow(9, status=CLOSED),)))
        for amount_fen, code in ((500, 7), (501, 7), (5, 8), (5, 9)):
            tap = self._tap(RIDE, card, gate, amount_fen=amount_fen, scene=code)
            self._send([tap, self._tap(costless, card, gate, scene=code)])

    def _holds(self) -> None:
        """By terms: of a chip, in parts, with an end; and one more than there is room for."""
        do, card, virtual = self.counter.do, CHIPS[0], len(GATES) + 1
        do(NewHoldTerms(self.counter.now_us - HOUR_US, (1, 2, 3), partial=True, life_s=3600))
        do(NewHoldTerms(self.counter.now_us - HOUR_US, (1, 2, 3), partial=True, life_s=59))
        do(Terminals((TerminalRow("internal:holds", METRO, status=INTERNAL),)))
        held = self._send([self._tap(HOLD, card, 1, amount_fen=400) for _ in range(4)])
        first, second, _, _ = (answer.sequence for answer in held)
        part = {"amount_fen": 150, "about": first}
        self._send([self._tap(CAPTURE, card, gate, **part) for gate in (1, 2, 3)])
        self._send([self._tap(RELEASE, card, virtual, about=second)])
        self._send([self._undo(self.sent[-6][0])])
        self.counter.now_us += 2 * HOUR_US
        self._send([self._tap(CAPTURE, card, 1, amount_fen=1, about=first)])
        self._send([self._tap(RELEASE, card, gate, about=first) for gate in (virtual, 1)])
        self._send([self._tap(HOLD, CREDIT[0], 1, amount_fen=70)])

    def _lots(self) -> None:
        """Granted and taken back; as many as an account has, and as there is room for."""
        virtual, budget = len(GATES) + 2, {"amount_fen": 2500, "sponsor": SHOP, "programme": 7}
        self.counter.do(Terminals((TerminalRow("internal:grants", METRO, status=INTERNAL),)))
        ends_us = self.counter.now_us + DAY_US
        first = self._tap(GRANT, 9, virtual, **budget, ends_us=ends_us)
        others = [self._tap(GRANT, card, virtual, **budget) for card in (1, 9, CHIPS[0])]
        ended = self._tap(GRANT, 9, virtual, **budget, ends_us=ends_us - 2 * DAY_US)
        self._send([first, *others, ended, self._tap(GRANT, 9, virtual, amount_fen=1), first])
        self._send([self._undo(first), self._undo(others[0]), self._undo(first)])
        many = [self._tap(GRANT, 9, virtual, **budget) for _ in range(242)]
        for at in range(0, len(many), MESSAGE_TAPS):
            self._send(many[at : at + MESSAGE_TAPS])
        self._send([self._tap(GRANT, 10, virtual, **budget) for _ in range(5)])

    def _journeys(self) -> None:
        """Of five modes at once, more of them than there is room for; and what gates charged."""
        gates = (1, 5, 7, 8, 3)
        cards = (*CHIPS, *CREDIT, *PREPAID[:12])
        self._send([self._tap(ENTRY, one, gate, place=1) for one in cards for gate in gates])
        self._send([self._tap(EXIT, one, 1, place=2, amount_fen=30, flags=2) for one in cards[:20]])

    def _close(self, days: int) -> None:
        self.counter.now_us += 60_000_000
        self.counter.do(Close(self._first + days))

    @property
    def _first(self) -> int:
        return (NOW_US + START_RULES.zone_offset_us) // DAY_US

    def _today(self) -> int:
        return (self.counter.now_us + START_RULES.zone_offset_us) // DAY_US

    # ---- what is meant ----------------------------------------------------------------------

    def _kept_for_later(self) -> None:
        """A tap that was reversed before it came, one that is said otherwise, one sent twice."""
        early = self._tap(REVERSAL, 1, 1, about_seq=5000)
        self._send([early])
        late = replace(self._tap(RIDE, 1, 1, amount_fen=100), terminal_seq=5000)
        ride = self._tap(RIDE, 1, 2, amount_fen=100)
        self._send([late, ride, ride, replace(ride, amount_fen=101), replace(late, card=0)])
        self._send([ride, late, replace(ride, place=3)])
        self._send([replace(self._tap(RIDE, 1, 1, amount_fen=7), terminal_seq=6000)])
        self.next_seq[1] = 6001  # thousands that never came

    def _refunds(self) -> None:
        """Several of one ride, until there is nothing left, and one by another operator."""
        ride = self._tap(RIDE, 10, 1, amount_fen=300)
        (answer,) = self._send([ride])
        about = answer.sequence
        backs = [(100, 1), (100, 2), (50, 1), (51, 1), (50, 3), (1, 1)]
        self._send([self._tap(REFUND, 10, gate, amount_fen=a, about=about) for a, gate in backs])
        self._send([self._tap(REFUND, 10, 5, amount_fen=1, about=about)])
        self._send([self._tap(REFUND, 11, 1, amount_fen=1, about=about)])

    def _given_back(self) -> None:
        """What can be reversed and what cannot, holds and what becomes of them."""
        taps = [
            self._tap(TOP_UP, 8, 7, amount_fen=9000),
            self._tap(RIDE, 8, 1, amount_fen=200),
            self._tap(PURCHASE, 8, 8, amount_fen=150),
            self._tap(HOLD, 8, 1, amount_fen=700),
            self._tap(HOLD, 8, 8, amount_fen=600),
            self._tap(ENTRY, 8, 1),
            self._tap(EXIT, 8, 2),
            self._tap(RIDE, 40, 1, amount_fen=30, flags=1),
            self._tap(TOP_UP, CREDIT[0], 7, amount_fen=10),
            self._tap(HOLD, CHIPS[0], 1, amount_fen=10),
        ]
        answers = self._send(taps)
        about = [answer.sequence for answer in answers]
        self._send(
            [
                self._tap(CAPTURE, 8, 1, amount_fen=701, about=about[3]),
                self._tap(CAPTURE, 8, 2, amount_fen=500, about=about[3]),
                self._tap(RELEASE, 8, 1, about=about[3]),
                self._tap(RELEASE, 8, 8, about=about[4]),
                self._tap(RELEASE, 8, 8, about=about[2]),
                self._tap(REFUND, 8, 7, amount_fen=1, about=about[0]),
                *(self._undo(tap) for tap in taps[:7]),
                self._undo(taps[7]),
                self._undo(replace(taps[1], card=self.tokens[9])),
                self._tap(CAPTURE, 8, 1, amount_fen=1, about=1 << 50),
            ]
        )
        self._send([self._undo(self.sent[-3][0])])

    def _below_floor(self) -> None:
        """A card that went below its floor offline is denied, until there is money on it again."""
        self._send(
            [
                self._tap(RIDE, 12, 1, amount_fen=90_000, flags=1),
                self._tap(RIDE, 12, 1, amount_fen=1),
                self._tap(RIDE, 12, 5, amount_fen=1, flags=1),
                self._tap(TOP_UP, 12, 7, amount_fen=100),
                self._tap(CHECK, 12, 1),
                self._tap(TOP_UP, 12, 7, amount_fen=100_000),
                self._tap(CHECK, 12, 1),
            ]
        )

    def _refused(self) -> None:
        """By form, terminal, limit or time: mostly not taken."""
        late_us = self.counter.now_us - 70 * DAY_US
        self._send(
            [
                self._tap(RIDE, 1, 1, amount_fen=1, tapped_at_us=late_us),
                self._tap(RIDE, 1, 1, amount_fen=1, tapped_at_us=late_us, flags=1),
                self._tap(RIDE, 1, 1, amount_fen=1, tapped_at_us=self.counter.now_us + DAY_US),
                self._tap(ENTRY, 1, 1, tapped_at_us=self.counter.now_us - 40 * DAY_US),
                self._tap(ENTRY, 1, 4),
                self._tap(ENTRY, 1, 4, place=9),
                self._tap(ENTRY, 1, 1),
                self._tap(EXIT, 1, 1, tapped_at_us=self.counter.now_us - HOUR_US),
                self._tap(RIDE, 1, 9, amount_fen=1),
                self._tap(ENTRY, 1, 1, amount_fen=1),
                self._tap(HOLD, 1, 1),
                self._tap(TOP_UP, 1, 7, amount_fen=5, flags=1),
                self._tap(CAPTURE, 1, 1, amount_fen=5),
                self._tap(RIDE, 1, 1, amount_fen=1_000_001),
                self._tap(RIDE, 40, 1, amount_fen=1),
                self._tap(RIDE, 2, 1, amount_fen=1),
                replace(self._tap(RIDE, 1, 1, amount_fen=1), terminal=99),
                replace(self._tap(RIDE, 1, 1, amount_fen=1), flags=4),
            ]
        )
        self._send([self._tap(RIDE, 1, 1, amount_fen=1), self._tap(RIDE, 1, 5, amount_fen=1)], BUS)

    # ---- what is drawn ----------------------------------------------------------------------

    def _some(self) -> None:
        """A message of so many taps as it happens, a little later than the one before."""
        rng = self.rng
        self.counter.now_us += rng.choice((1, 1_000_000, 60_000_000, 900_000_000))
        taps: list[Tap] = []
        for _ in range(rng.randint(1, MESSAGE_TAPS)):
            again = self.sent and rng.random() < 0.06
            tap = rng.choice(self.sent)[0] if again else self._drawn()
            if rng.random() < 0.06:
                name = rng.choice(list(ODD))
                tap = replace(tap, **{name: rng.choice(ODD[name])})
            taps.append(tap)
        self._send(taps, METRO if rng.random() < 0.05 else 0)

    def _drawn(self) -> Tap:
        rng = self.rng
        kind, card, terminal = rng.choice(KINDS), rng.randrange(CARDS + 1), rng.randint(1, 8)
        tap = self._tap(kind, card, terminal)
        if kind in PAYING:
            tap = replace(tap, amount_fen=rng.choice(AMOUNTS_FEN[kind != RIDE :]))
        if kind == TOP_UP:
            tap = replace(tap, amount_fen=5 * tap.amount_fen)
        if kind in (ENTRY, EXIT):
            tap = replace(tap, place=rng.randint(0, 4))
        if kind in (RIDE, ENTRY, EXIT, PURCHASE, CHECK) and rng.random() < 0.25:
            tap = replace(tap, flags=1)
        if rng.random() < 0.4:
            ago_us = rng.choice((0, 60_000_000, 5 * HOUR_US, 25 * DAY_US, 61 * DAY_US))
            tap = replace(tap, tapped_at_us=self.counter.now_us - ago_us)
        if kind in (REFUND, CAPTURE, RELEASE):
            return self._about(tap)
        if kind == REVERSAL:
            return self._target(tap)
        return tap

    def _about(self, tap: Tap) -> Tap:
        """Mostly something fitting that was taken on this terminal or near it, of that card."""
        kinds = (RIDE, EXIT, PURCHASE, CAPTURE) if tap.kind == REFUND else (HOLD,)
        fitting = [
            (was, answer)
            for was, answer in self.sent[-250:]
            if was.kind in kinds and answer.sequence
        ]
        if not fitting or self.rng.random() < 0.1:
            return replace(tap, about=self.rng.randint(0, 3000))
        was, answer = self.rng.choice(fitting)
        tap = replace(tap, about=answer.sequence)
        if self.rng.random() < 0.9:
            tap = replace(tap, card=was.card, terminal=was.terminal, terminal_seq=self._seq(was))
        if tap.amount_fen and self.rng.random() < 0.5:
            tap = replace(tap, amount_fen=max(1, was.amount_fen // self.rng.randint(1, 3)))
        return tap

    def _target(self, tap: Tap) -> Tap:
        """Mostly a tap that was sent, else one that has not come yet."""
        if self.rng.random() < 0.15:
            return replace(tap, about_seq=tap.terminal_seq + self.rng.randint(1, 3))
        was, _ = self.rng.choice(self.sent[-100:])
        undone = self._undo(was)
        return undone if self.rng.random() < 0.9 else replace(undone, card=tap.card)

    def _undo(self, was: Tap) -> Tap:
        """The reversal of a tap."""
        tap = replace(NO_TAP, card=was.card, terminal=was.terminal, terminal_seq=self._seq(was))
        return replace(tap, kind=REVERSAL, about_epoch=was.epoch, about_seq=was.terminal_seq)

    def _tap(self, kind: int, card: int, terminal: int, **columns: int) -> Tap:
        """A tap with the terminal's next number; card CARDS is nobody's."""
        token = self.tokens[card] if card < CARDS else STRANGER
        tap = replace(NO_TAP, card=token, terminal=terminal, kind=kind, **columns)
        return replace(tap, terminal_seq=self._seq(tap))

    def _seq(self, tap: Tap) -> int:
        """The next number of the tap's terminal; now and then one is left out."""
        skipped = self.rng.random() < 0.02
        number = self.next_seq.get(tap.terminal, 1) + skipped
        self.next_seq[tap.terminal] = number + 1
        return number

    def _bound(self, count: int) -> list[Tap]:
        """Taps that were answered for ever, from all days."""
        bound = [tap for tap, answer in self.sent if answer.sequence and not answer.repeated]
        return self.rng.sample(bound, count)

    def _send(self, taps: Sequence[Tap], principal: int = 0) -> list[Decision]:
        """In messages of at most MESSAGE_TAPS."""
        answers: list[Decision] = []
        for at in range(0, len(taps), MESSAGE_TAPS):
            some = taps[at : at + MESSAGE_TAPS]
            found = self.counter.send(some, principal)
            self.sent += zip(some, found, strict=True)
            answers += found
        return answers

    def _tokens(self, cards: Iterable[int]) -> tuple[int, ...]:
        return tuple(self.tokens[card] for card in cards)


def kind_name(kind: int) -> str:
    """RIDE for 0 and 1, and so on; the number where it is no kind."""
    known = kind in TapKind.values()
    return TapKind.Name(kind or RIDE).removeprefix("TAP_KIND_") if known else str(kind)
