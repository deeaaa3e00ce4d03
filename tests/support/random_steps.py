"""Random registries, taps and acts out of one source of randomness, so that a seed replays it.

What is drawn is meant to meet the rules: it looks into the twin's book for entries worth
refunding, holds worth capturing, identities worth sending again. A few values are hostile.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from onecard.ext.shape.numbers import Flag, Funding, Kind, Role, Status
from tests.support.steps import (
    DAY_US,
    HOUR_US,
    START_RULES,
    Actors,
    Calendar,
    Cards,
    Close,
    Declare,
    Item,
    Message,
    NewHoldTerms,
    NewRules,
    NewTariff,
    Participants,
    Scenes,
    Taps,
    Terminals,
)
from tests.twin.acts import ActorRow, TerminalRow
from tests.twin.scenes import SceneRow
from tests.twin.state import Book, Declaration, Rules, Tap, Terminal
from tests.twin.twin import USED_BY

NOW_US = 1_780_300_800_000_000  # 2026-06-01 16:00 in UTC+8
FARES_FEN = (0, 0, 1, 300, 500, 1000, -1)
AMOUNTS_FEN = (1, 2, 99, 100, 250, 500, 999)
HUGE_FEN = (1, 500, 1 << 61, (1 << 62) - 1, 1 << 62)  # so that sums reach the end of 64 bits
KINDS = (
    *(Kind.RIDE,) * 5,
    *(Kind.ENTRY,) * 4,
    *(Kind.EXIT,) * 4,
    *(Kind.TOP_UP,) * 3,
    *(Kind.REFUND,) * 3,
    *(Kind.REVERSAL,) * 4,
    *(Kind.HOLD,) * 4,
    *(Kind.CAPTURE,) * 3,
    *(Kind.RELEASE,) * 2,
    Kind.PURCHASE,
    Kind.CHECK,
    Kind.EVENT,
    *(Kind.ADJUST,) * 2,
    *(Kind.GRANT,) * 2,
)
NETWORKS = (0, 7, 65_535)
LATER = tuple(Tap.__dataclass_fields__)[12:]  # columns that clients of before do not send
STATUSES = (Status.ACTIVE, Status.BLOCKED, Status.CLOSED)  # of cards and devices
HOSTILE = {  # values that a rule of form, terminal or card is about
    "card": (0, 1, (1 << 64) - 1),
    "terminal": (0, 99, (1 << 32) - 1),
    "terminal_seq": (0, (1 << 32) - 1),
    "epoch": (1, (1 << 32) - 1),
    "tapped_at_us": (-1, 1, 946_684_799_999_999, 4_102_444_800_000_000, (1 << 63) - 1, -(1 << 63)),
    "kind": (0, 14, 15, 255),
    "amount_fen": (-1, 0, 1_000_000, 1_000_001, (1 << 63) - 1, -(1 << 63), 1 << 61),
    "flags": (1, 2, 3, 4, 255),
    "place": (0, 9, (1 << 32) - 1),
    "about": (0, 1, (1 << 64) - 1),
    "about_epoch": (1, (1 << 32) - 1),
    "about_seq": (0, (1 << 32) - 1),
    "line": (1, (1 << 32) - 1),
    "scene": (1, 65_535, 65_536, (1 << 32) - 1),
    "rider_class": (1, 255),
    "media": (1, 255),
    "face_fen": (-1, 1, (1 << 63) - 1, -(1 << 63)),
    "chip_before_fen": (1, (1 << 32) - 1),
    "chip_counter": (1, (1 << 32) - 1),
    "chip_loads": (1, (1 << 32) - 1),
    "caused_by": (1, (1 << 64) - 1),
    "sponsor": (0, 1, 65_536, (1 << 32) - 1),
    "programme": (1, (1 << 32) - 1),
    "ends_us": (-1, 1, 946_684_799_999_999, 4_102_444_799_999_999, 4_102_444_800_000_000),
}


@dataclass
class RandomSteps:
    """Draws what happens next in a ledger whose state is `book`."""

    rng: random.Random
    book: Book
    now_us: int = NOW_US
    sent: list[Tap] = field(default_factory=list)
    rich: bool = False
    counted: dict[int, int] = field(default_factory=dict)
    kinds: tuple[Kind, ...] = KINDS

    def registry(self) -> list[Item]:
        """Participants, terminals, cards and perhaps a tariff to begin with."""
        rng = self.rng
        roles = [Role.OPERATOR, Role.ISSUER]
        roles += [rng.choice(list(Role)) for _ in range(rng.randint(0, 3))]
        items: list[Item] = [
            Participants(tuple((f"party {n}", role) for n, role in enumerate(roles)))
        ]
        issuers = [n for n, role in enumerate(roles, 1) if role == Role.ISSUER]
        parties = [n for n, role in enumerate(roles, 1) if role != Role.ISSUER]
        gates = [self._terminal(n, parties) for n in range(rng.randint(2, 4))]
        virtual = Terminal("internal:0", rng.choice(parties), 0, 0, Status.INTERNAL, True)
        items.append(Terminals((*gates, virtual)))
        for number in range(rng.randint(1, 4)):
            tokens = tuple(0x1000 + 16 * number + n for n in range(rng.randint(1, 3)))
            items.append(
                Cards(
                    tokens,
                    rng.choice(issuers),
                    rng.choice((Funding.PREPAID, Funding.PREPAID, Funding.CHIP, Funding.CREDIT)),
                    floor_fen=rng.choice((0, 0, -500, 300)),
                )
            )
        if rng.random() < 0.9:
            items += [self._tariff() for _ in range(rng.randint(1, 2))]
        if rng.random() < 0.4:
            items += [self._scenes() for _ in range(3)]
        if rng.random() < 0.6:
            items += [self._hold_terms() for _ in range(rng.randint(1, 3))]
        if rng.random() < 0.15:
            self.rich = True
            items.append(NewRules(replace(START_RULES, amount_max_fen=1 << 62)))
        return items

    def step(self) -> list[Item]:
        """What is judged as one group; the clock moves before it, now and then backwards."""
        rng = self.rng
        self.now_us += rng.choice((1, 1, 1_000_000, 60_000_000, HOUR_US))
        if rng.random() < 0.05:
            self.now_us += rng.choice((-HOUR_US, -DAY_US, DAY_US, 31 * DAY_US))
        items = [
            self._batch() if rng.random() < 0.85 else self._act() for _ in range(rng.randint(1, 3))
        ]
        if rng.random() < 0.3:
            items.insert(0, self._card())
        closes = [item for item in items if isinstance(item, Close)]
        return [item for item in items if item not in closes[1:]]  # the number is told beforehand

    # ---- taps ---------------------------------------------------------------------------

    def _batch(self) -> Taps | Message:
        rng = self.rng
        taps: list[Tap] = []
        for _ in range(rng.randint(1, 12)):
            taps.append(self._again(taps) if self.sent and rng.random() < 0.12 else self._tap())
            self.sent.append(taps[-1])
        principal = rng.choice((0,) * 14 + (rng.randint(1, 5),))
        batch = Taps(tuple(taps), principal, rng.choice((0, 7, (1 << 64) - 1)))
        if rng.random() < 0.02:
            raw = batch.message()
            return Message(raw[: rng.randrange(len(raw))], principal)
        return batch

    def _again(self, taps: list[Tap]) -> Tap:
        """A tap sent before, now and then with one column changed."""
        rng = self.rng
        tap = rng.choice(taps or self.sent[-40:]) if rng.random() < 0.6 else rng.choice(self.sent)
        if rng.random() < 0.3:
            name = rng.choice(list(HOSTILE))
            tap = replace(tap, **{name: rng.choice(HOSTILE[name])})
        return tap

    def _tap(self) -> Tap:
        rng, book = self.rng, self.book
        terminal = rng.choice(self._terminals(is_virtual=rng.random() < 0.03))
        token = 0xDEAD if rng.random() < 0.06 else rng.choice(list(book.credentials))
        kind = rng.choice(self.kinds)
        tap = Tap(token, terminal, self._fresh_seq(terminal), 0, 0, kind, 0, 0, 0, 0, 0, 0)
        if kind in (Kind.RIDE, Kind.PURCHASE, Kind.TOP_UP, Kind.HOLD, Kind.CAPTURE, Kind.REFUND):
            tap = replace(tap, amount_fen=rng.choice(HUGE_FEN if self.rich else AMOUNTS_FEN))
        if kind in (Kind.REFUND, Kind.CAPTURE, Kind.RELEASE):
            tap = self._about(tap)
        if kind == Kind.ADJUST:
            tap = self._adjustment(tap)
        if kind == Kind.RELEASE and rng.random() < 0.5:
            tap = self._at_virtual(self._about_open(tap))
        if kind == Kind.GRANT:
            tap = self._grant(tap)
        if kind == Kind.REVERSAL:
            tap = self._target(tap)
        if kind in (Kind.ENTRY, Kind.EXIT):
            tap = replace(tap, place=rng.randint(0, 5))
        if kind == Kind.EVENT and rng.random() < 0.9:
            tap = replace(tap, scene=rng.choice((1, 7, 65_535)))
        if kind <= Kind.PURCHASE or kind in (Kind.CHECK, Kind.EVENT):
            tap = replace(tap, flags=int(rng.random() < 0.25))
        if kind == Kind.EXIT and rng.random() < 0.4:
            tap = self._gate_rated(tap)
        if rng.random() < 0.3:
            tap = replace(tap, scene=rng.choice((1, 1, 2, 7, 200, 600, *self.book.scenes)))
        if rng.random() < 0.3:
            ago_us = rng.choice((0, 1, 60_000_000, 5 * HOUR_US, 40 * DAY_US, 61 * DAY_US, -HOUR_US))
            lost_us = self._about_lost(tap.card) if rng.random() < 0.5 else 0
            tap = replace(tap, tapped_at_us=lost_us or self.now_us - ago_us)
        if rng.random() < 0.2:
            tap = self._saying_more(tap)
        if rng.random() < 0.05:
            name = rng.choice(list(HOSTILE))
            tap = replace(tap, **{name: rng.choice(HOSTILE[name])})
        return tap

    def _gate_rated(self, tap: Tap) -> Tap:
        """What a gate charged by itself, now and then nothing; often what the tariffs have too."""
        rng = self.rng
        known = [fen for one in self.book.tariffs.values() for fen in one.fares_fen if fen >= 0]
        odd = (0, *(HUGE_FEN if self.rich else AMOUNTS_FEN))
        amount_fen = rng.choice(known if known and rng.random() < 0.6 else odd)
        return replace(tap, flags=tap.flags | Flag.RATED, amount_fen=amount_fen)

    def _about_lost(self, token: int) -> int:
        """A time in a spell of the card, at an end of it, or next to one; 0 where it has none."""
        rng, book = self.rng, self.book
        if token not in book.credentials or not book.spells(token):
            return 0
        spell = rng.choice(book.spells(token))
        middle_us = (spell.from_us + spell.until_us) // 2
        return rng.choice((spell.from_us, middle_us, spell.until_us)) + rng.choice((-1, 0, 0, 1))

    def _terminals(self, is_virtual: bool) -> list[int]:
        terminals = self.book.terminals.items()
        fitting = [n for n, one in terminals if (one.status == Status.INTERNAL) == is_virtual]
        return fitting or list(self.book.terminals)  # a ledger of version 1 has no virtual one

    def _saying_more(self, tap: Tap) -> Tap:
        """With some of the later columns, mostly those that its kind uses."""
        rng = self.rng
        for name in rng.sample(LATER, rng.randint(1, 4)):
            if tap.kind in USED_BY.get(name, Kind) or rng.random() < 0.05:
                tap = replace(tap, **{name: rng.choice((1, 2, 200))})
        return tap

    def _fresh_seq(self, terminal: int) -> int:
        """The terminal's next number, mostly; now and then a gap, or one it may have used."""
        self.counted[terminal] = self.counted.get(terminal, 0) + self.rng.choice((1, 1, 1, 1, 2, 4))
        back = 2 if self.rng.random() < 0.04 else 0
        return max(1, self.counted[terminal] - back)

    def _about(self, tap: Tap) -> Tap:
        """Mostly an entry that can be taken back, with its own card and a terminal of its own."""
        rng, book = self.rng, self.book
        if tap.kind in (Kind.REFUND, Kind.ADJUST):
            kinds = {Kind.RIDE, Kind.EXIT, Kind.PURCHASE, Kind.CAPTURE}
        else:
            kinds = {Kind.HOLD}
        last = list(book.entries.values())[-60:]
        fitting = [entry for entry in last if entry.kind in kinds and entry.outcome < 20]
        if not fitting or rng.random() < 0.1:
            return replace(tap, about=rng.randint(0, book.last + 2))
        entry = rng.choice(fitting)
        tap = replace(tap, about=entry.sequence)
        if rng.random() < 0.9:
            terminal = entry.tap.terminal
            seq = self._fresh_seq(terminal)
            tap = replace(tap, card=entry.tap.card, terminal=terminal, terminal_seq=seq)
        if rng.random() < 0.3 and tap.kind in (Kind.REFUND, Kind.CAPTURE):
            tap = replace(tap, amount_fen=max(1, entry.amount_fen))
        return tap

    def _adjustment(self, tap: Tap) -> Tap:
        """Mostly of a charge, at the virtual terminal, up or down by some fen or by all of it."""
        rng = self.rng
        change_fen = rng.choice(HUGE_FEN if self.rich else AMOUNTS_FEN) * rng.choice((-1, 1))
        tap = self._about(replace(tap, amount_fen=change_fen))
        entry = self.book.entries.get(tap.about)
        if entry is not None and rng.random() < 0.2:
            tap = replace(tap, amount_fen=-entry.amount_fen or change_fen)
        return self._at_virtual(tap) if rng.random() < 0.95 else tap

    def _at_virtual(self, tap: Tap) -> Tap:
        virtual = self.rng.choice(self._terminals(is_virtual=True))
        return replace(tap, terminal=virtual, terminal_seq=self._fresh_seq(virtual))

    def _about_open(self, tap: Tap) -> Tap:
        """Of a hold that has an end, where one is open: its end is asked at the tap's time."""
        if not self.book.open_holds:
            return tap
        hold = self.rng.choice(list(self.book.open_holds.values()))
        return replace(tap, about=hold.sequence, card=hold.token)

    def _grant(self, tap: Tap) -> Tap:
        """Mostly at the virtual terminal, out of a participant's budget, with an end or none."""
        rng = self.rng
        tap = replace(
            tap,
            amount_fen=rng.choice(HUGE_FEN if self.rich else AMOUNTS_FEN),
            sponsor=rng.randint(1, len(self.book.participants) + (rng.random() < 0.05)),
            programme=rng.choice((0, 1, 7)),
            ends_us=rng.choice((0, self.now_us + rng.choice((DAY_US, HOUR_US, 2, 1, 0, -HOUR_US)))),
        )
        if rng.random() < 0.95:
            virtual = rng.choice(self._terminals(is_virtual=True))
            tap = replace(tap, terminal=virtual, terminal_seq=self._fresh_seq(virtual))
        return tap

    def _target(self, tap: Tap) -> Tap:
        """Mostly a tap that was sent, else one that has not come yet."""
        rng = self.rng
        if not self.sent or rng.random() < 0.15:
            return replace(tap, about_seq=tap.terminal_seq + rng.randint(0, 3))
        target = rng.choice(self.sent[-40:])
        tap = replace(tap, about_epoch=target.epoch, about_seq=target.terminal_seq)
        if rng.random() < 0.9 and target.terminal in self.book.terminals:
            seq = self._fresh_seq(target.terminal)
            tap = replace(tap, card=target.card, terminal=target.terminal, terminal_seq=seq)
        return tap

    # ---- acts ---------------------------------------------------------------------------

    def _act(self) -> Item:
        rng, book = self.rng, self.book
        parties = range(1, len(book.participants) + 1)
        match rng.randrange(12):
            case 0:
                number = rng.randrange(6)
                return Participants(((f"party {number}", rng.choice(list(Role))),))
            case 1:
                row = self._terminal(rng.randrange(5), parties)
                if rng.random() < 0.1:  # refused of a device, and of another number
                    row = replace(row, status=Status.INTERNAL)
                if rng.random() < 0.1:
                    row = replace(row, number=f"internal:{rng.randrange(2)}")
                return Terminals((self._changed(row),))
            case 2:
                return self._tariff()
            case 3:
                return NewRules(self._rules())
            case 4:
                day = NOW_US // DAY_US + rng.randrange(3)
                terminal = rng.choice((1, 1, 1, len(book.terminals)))
                rows = [
                    Declaration(terminal, day, rng.randrange(9), 5) for _ in range(rng.randrange(3))
                ]
                return Declare(tuple(rows))
            case 5 | 6:
                # By force, since the clock is thrown about; rules/rule_tables.py has the days.
                return Close(NOW_US // DAY_US + rng.randrange(3), force=True)
            case 9:
                return self._actors()
            case 10:
                return self._scenes()
            case 11:
                return self._calendar() if rng.random() < 0.4 else self._hold_terms()
        return self._card()

    def _terminal(self, number: int, parties: Sequence[int]) -> Terminal:
        rng = self.rng
        status = Status.ACTIVE if rng.random() < 0.95 else rng.choice(STATUSES)
        place = rng.choice((0, 1, 2, 3))
        network = rng.choice(NETWORKS) if rng.random() < 0.2 else 0
        counterless = rng.random() < 0.2
        party = rng.choice(parties)
        mode = (0, 0, 1, 2, 255)[number % 5]
        return Terminal(f"T-{number}", party, place, mode, status, counterless, network)

    def _changed(self, row: Terminal) -> Terminal | TerminalRow:
        """Of some rows not all is said, which stays, and since when it is so."""
        rng = self.rng
        if rng.random() < 0.3:
            return TerminalRow(row.number, row.operator, row.place)
        if rng.random() < 0.4:
            since_us = self.now_us - rng.choice((1, 60_000_000, 6 * HOUR_US, 50 * DAY_US, -DAY_US))
            network = rng.choice((None, *NETWORKS))
            status = rng.choice((None, *Status))
            mode = None if network is None else network % 3
            said = row.operator, row.place, mode, status, None, network
            return TerminalRow(row.number, *said, since_us=since_us)
        return row

    def _tariff(self) -> NewTariff:
        """Mostly of network 0, which most terminals are of."""
        rng = self.rng
        network = rng.choice((0, 0, *NETWORKS))
        stations = rng.randint(1, 4)
        since_us = self.now_us - rng.choice((0, 0, 1, HOUR_US, 30 * DAY_US, 90 * DAY_US))
        fares = tuple(rng.choice(FARES_FEN) for _ in range(stations**2))
        return NewTariff("fares", since_us, stations, fares, rng.choice((0, 0, 300)), network)

    def _hold_terms(self) -> NewHoldTerms:
        """Mostly of network 0 and for all cards; of a life that steps go beyond now and then."""
        rng = self.rng
        network = rng.choice((0, 0, *NETWORKS))
        since_us = self.now_us - rng.choice((0, 0, 1, HOUR_US, 30 * DAY_US, 90 * DAY_US))
        fundings = rng.choice(((1, 2, 3), (1, 2, 3), (1,), (2, 3), (3,)))
        life_s = rng.choice((0, 60, 600, 3600, 86_400, 400 * 86_400))
        if rng.random() < 0.1:  # refused
            fundings, life_s = rng.choice((((), 60), ((2, 1), 0), ((1, 4), 0), ((1,), 59)))
        return NewHoldTerms(since_us, fundings, rng.random() < 0.6, life_s, network)

    def _rules(self) -> Rules:
        rng = self.rng
        change: dict[str, int] = rng.choice(
            (
                {},
                {"go_live_us": self.now_us - DAY_US},
                {"age_max_us": HOUR_US},
                {"ahead_max_us": 0},
                {"amount_max_fen": 400},
                {"amount_max_fen": 1 << 61},  # a few of these reach the end of 64 bits
                {"zone_offset_us": -5 * HOUR_US},
            )
        )
        return replace(START_RULES, **change)

    def _actors(self) -> Actors:
        """Few names and fewer secrets, so that much of it is refused."""
        rng = self.rng
        rows = tuple(
            ActorRow(
                f"actor {rng.randrange(4)}",
                rng.choice((None, bytes([rng.randint(1, 4)]) * 32)),
                rng.choice((None, None, rng.randrange(64))),
                rng.choice((None, 0, 1)),
                rng.choice((None, None, *Status)),
            )
            for _ in range(rng.randint(0, 3))
        )
        return Actors(rows, rng.choice((None, None, True, False)))

    def _scenes(self) -> Scenes:
        """Of few codes, so that taps meet them; now and then one that is refused."""
        rng = self.rng
        rating = [0, 0, *sorted({one.network for one in self.book.tariffs.values()})]
        rows = tuple(
            SceneRow(
                rng.choice((1, 1, 2, 7, 200, 600, 0)),
                rng.choice((None, f"scene {rng.randrange(3)}")),
                rng.choice((None, None, None, bytes(1), bytes(2) if rng.random() < 0.1 else None)),
                rng.choice((None, None, 0, 100, 300)),
                rng.choice((None, None, 0, 1, 2, 3 if rng.random() < 0.2 else None)),
                rng.choice((None, 0, 4111, 9999)),
                rng.choice((None, None, rng.choice(rating), 9 if rng.random() < 0.05 else None)),
                rng.choice((None, Status.ACTIVE, Status.ACTIVE, Status.CLOSED)),
            )
            for _ in range(rng.randint(1, 3))
        )
        # Most are of a scene that is loaded, or say what a new one needs.
        named = tuple(
            row if row.code in self.book.scenes else replace(row, name="new") for row in rows
        )
        return Scenes(named if rng.random() < 0.9 else rows)

    def _calendar(self) -> Calendar:
        """Days around today; now and then with a gap, or what no class is."""
        rng = self.rng
        first_day = NOW_US // DAY_US + rng.choice((-3, -1, 0, 1, 2, 2, 30))
        classes = bytes(rng.choice((1, 2, 3)) for _ in range(rng.randrange(6)))
        return Calendar(first_day, classes if rng.random() < 0.9 else classes + bytes(1))

    def _card(self) -> Cards:
        """Mostly a card that is known, with another status or floor; one that is lost is found."""
        rng, book = self.rng, self.book
        token = rng.choice([*book.credentials, 0xDEAD, 0xBEEF])
        status = rng.choice((None, Status.ACTIVE, Status.ACTIVE, Status.BLOCKED, Status.CLOSED))
        lost = [one for one, card in book.credentials.items() if card.status != Status.ACTIVE]
        if lost and rng.random() < 0.5:
            token, status = rng.choice(lost), rng.choice((status, Status.ACTIVE))
        known = book.credentials.get(token)
        account = book.accounts[known.account] if known else None
        issuer, funding = (known.issuer, known.funding) if known else (rng.choice((2, 2, 2, 1)), 0)
        shared = None
        if rng.random() < (0.2 if account else 0.5):  # a swapped card, or one more of an account
            number = rng.randint(1, len(book.accounts))
            account, shared = book.accounts[number], (number,)
            issuer = rng.choice((issuer, account.issuer))
        if rng.random() < 0.15:  # another bank's, or drawn otherwise
            issuer, funding = rng.choice((issuer, 2, 3)), rng.choice((funding, 0))
        recorded = {"generation": 2, "bank_status": 1, "expires_day": 20_000, "key_version": 9}
        return Cards(
            (token,),
            min(issuer, len(book.participants)),
            funding or rng.choice(list(Funding)),
            status,
            rng.choice((0, self.now_us, self.now_us - 60_000_000, self.now_us - 6 * HOUR_US)),
            account.floor_fen if account and rng.random() < 0.7 else rng.choice((0, -500, 200)),
            shared,
            tuple(recorded.items()) if rng.random() < 0.1 else (),
        )
