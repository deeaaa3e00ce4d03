"""Plays a table of taps: one line a tap, what it must be answered after the equals sign.

    [&] [LABEL:] TERMINAL KIND CARD AMOUNT [OPTION...] = OUTCOME AMOUNT BALANCE [again]
    [&] same LABEL [OPTION...]                         = OUTCOME AMOUNT BALANCE [again]
    ! ACT [WORD...]

A line that starts with & rides in the message of the line before. `same` sends a body again,
changed where an option says so. Options: at=-90m (device time from now), offline, gate_rated (both:
flags=3), seq=, epoch=, place=, about=LABEL, caused_by=LABEL, voids=LABEL or voids=SEQ,
by=PARTICIPANT, and any column by its name. What follows -- is a remark.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

from onecard.ext.shape.numbers import Flag, Funding, Kind, Outcome, OwnerKind, Purse, Role, Status
from tests.support.steps import (
    DAY_US,
    HOUR_US,
    MALFORMED,
    START_RULES,
    Cards,
    Close,
    Item,
    NewHoldTerms,
    NewRules,
    NewTariff,
    Participants,
    Scenes,
    Taps,
    Terminals,
)
from tests.twin.acts import TerminalRow
from tests.twin.scenes import SceneRow
from tests.twin.state import Tap, Terminal
from tests.twin.twin import Decision

NOW_US = 1_780_300_800_000_000  # 2026-06-01 16:00 in UTC+8
TIMES_US = {"s": 1_000_000, "m": 60_000_000, "h": HOUR_US, "d": DAY_US}
METRO, BUS, BANK, AGENT, UNION = 1, 2, 3, 4, 5
PARTIES = {"metro": METRO, "bus": BUS, "bank": BANK, "agent": AGENT, "union": UNION}
ROLES = (Role.OPERATOR, Role.OPERATOR, Role.ISSUER, Role.AGENT, Role.ISSUER)
TERMINALS = {
    "M": Terminal("M-1", METRO, 1, 0, Status.ACTIVE, False),
    "N": Terminal("N-1", METRO, 0, 0, Status.ACTIVE, False),  # registered at no place
    "X": Terminal("X-1", BUS, 2, 1, Status.ACTIVE, True),
    "A": Terminal("A-1", AGENT, 0, 2, Status.ACTIVE, False),
    "Z": Terminal("Z-1", METRO, 1, 0, Status.BLOCKED, False),
    "I": Terminal("internal:adjust", AGENT, 0, 0, Status.INTERNAL, True),  # a virtual one
}
CARDS = {  # token, issuer, funding, floor
    "P": (0xA000_0000_0000_0001, BANK, Funding.PREPAID, 0),
    "Q": (0xA000_0000_0000_0002, BANK, Funding.PREPAID, 0),
    "F": (0xA000_0000_0000_0003, UNION, Funding.PREPAID, -500),
    "B": (0xA000_0000_0000_0004, BANK, Funding.PREPAID, 0),
    "C": (0xB000_0000_0000_0001, UNION, Funding.CHIP, 0),
    "K": (0xC000_0000_0000_0001, BANK, Funding.CREDIT, 0),
}
UNREGISTERED = {"U": 0xF000_0000_0000_0001, "V": 0xF000_0000_0000_0002, "0": 0}
FARES_FEN = (0, 300, 500, -1, 300, 0, 400, -1, 500, 400, 0, 0, -1, -1, 0, 0)


class Side(Protocol):
    """What a table is played on: the twin, or the engine beside it."""

    def step(self, items: Any, now_us: int) -> list[Any]: ...
    def record(self, sequence: int) -> dict[str, Any]: ...
    def restart(self) -> None: ...


@dataclass(frozen=True)
class Line:
    text: str
    label: str
    tap: Tap
    principal: int
    expected: tuple[str, ...]


class Play:
    """A small world of two operators, two issuers and an agent, and the tables played in it."""

    def __init__(self, side: Side) -> None:
        self.side, self.now_us = side, NOW_US
        self.taps: dict[str, Tap] = {}
        self.answers: dict[str, Decision] = {}
        self.tokens = dict(UNREGISTERED)
        self.statuses: dict[str, int] = {}
        self.numbers = {name: number for number, name in enumerate(TERMINALS, 1)}
        self.terminals = dict(TERMINALS)
        self.expected: str | None = None  # what an act is answered instead of being done
        self._next = dict.fromkeys(TERMINALS, 1)
        self._settle_in()

    def run(self, table: str) -> None:
        """Plays every line; AssertionError names the lines that were answered otherwise."""
        wrong: list[str] = []
        for group in groups(table):
            if group[0].startswith("!"):
                self.act(group[0][1:].partition("--")[0].split())
                continue
            lines = [self._line(text) for text in group]
            message = Taps(tuple(line.tap for line in lines), lines[0].principal)
            (decisions,) = self.side.step([message], self.now_us)
            for line, decision in zip(lines, decisions, strict=True):
                self.answers[line.label] = decision
                found = told(decision)
                if found != line.expected:
                    wrong.append(f"{line.text}   found {' '.join(found)}")
        assert not wrong, "\n" + "\n".join(wrong)

    def act(self, words: list[str]) -> None:
        match words:
            case ["clock", change]:
                self.now_us += span_us(change)
            case ["restart"]:
                self.side.restart()
            case ["refused", *rest]:
                self.expected = MALFORMED
                self.act(rest)
                self.expected = None
            case ["close", *words]:
                spans_us = [span_us(word) for word in words if word != "force"]
                day = (self.now_us + START_RULES.zone_offset_us + sum(spans_us)) // DAY_US
                self.do(Close(day, force="force" in words))
            case ["block" | "close_card" | "unblock" as verb, name, *since]:
                status = {"block": Status.BLOCKED, "close_card": Status.CLOSED}.get(verb)
                # "now" leaves the time to the ledger.
                since_us = self.now_us + span_us(since[0]) if since and since != ["now"] else 0
                self.register(name, status or Status.ACTIVE, since_us)
            case ["amount_max", amount_fen]:
                self.do(NewRules(replace(START_RULES, amount_max_fen=int(amount_fen))))
            case ["go_live", change]:
                self.do(NewRules(replace(START_RULES, go_live_us=self.now_us + span_us(change))))
            case ["share", name, other]:
                token, issuer, funding, floor_fen = CARDS[other]
                account = list(CARDS).index(other) + 1
                self.tokens[name] = token + 0x100
                row = Cards((token + 0x100,), issuer, funding, 1, 0, floor_fen, (account,))
                self.do(row)
            case ["swap", name, other, *since]:
                token, issuer, funding, floor_fen = CARDS[name]
                account = list(CARDS).index(other) + 1
                since_us = self.now_us + span_us(since[0]) if since else 0
                self.do(Cards((token,), issuer, funding, 1, since_us, floor_fen, (account,)))
            case ["bank", name, party, funding]:
                token, _, _, floor_fen = CARDS[name]
                self.do(Cards((token,), PARTIES[party], Funding[funding], 1, 0, floor_fen))
            case ["floor", name, floor_fen]:
                token, issuer, funding, _ = CARDS[name]
                self.do(Cards((token,), issuer, funding, self.statuses[name], 0, int(floor_fen)))
            case ["register", name, funding]:
                self.tokens[name] = UNREGISTERED[name]
                self.do(Cards((UNREGISTERED[name],), BANK, Funding[funding]))
            case ["terminal", name, change, *since]:
                column, value = change.split("=")
                values: dict[str, Any] = {column: PARTIES.get(value) or int(value)}
                known = self.terminals[name]
                since_us = self.now_us + span_us(since[0]) if since else 0
                row = TerminalRow(known.number, known.operator, known.place, since_us=since_us)
                self.do(Terminals((replace(row, **values),)))
                if not self.expected:
                    self.terminals[name] = replace(known, **values)
            case ["tariff", since, *words]:
                network = int(words.pop(0)[8:]) if words[0].startswith("network=") else 0
                entry_min_fen, *fares_fen = words
                stations = round(len(fares_fen) ** 0.5)
                fares = tuple(map(int, fares_fen))
                since_us = self.now_us + span_us(since)
                least_fen = int(entry_min_fen)
                self.do(NewTariff("newer", since_us, stations, fares, least_fen, network))
            case ["holds", since, *words]:
                said = dict(word.split("=") for word in words)
                fundings = tuple(Funding[name] for name in said.get("by", "PREPAID").split("+"))
                life_s = span_us(said.get("life", "0s")) // 1_000_000
                network, partial = int(said.get("network", "0")), "parts" in said.get("taken", "")
                since_us = self.now_us + span_us(since)
                self.do(NewHoldTerms(since_us, fundings, partial, life_s, network))
            case ["scene", code, *changes]:
                said = dict(change.split("=") for change in changes)
                numbers = {key: int(value) for key, value in said.items() if key != "name"}
                self.do(Scenes((SceneRow(int(code), said.get("name"), **numbers),)))
            case _:
                raise AssertionError(f"no such act: {words}")

    def do(self, *items: Item) -> list[Any]:
        answers = self.side.step(list(items), self.now_us)
        refused = {answer for answer in answers if isinstance(answer, str)}
        assert refused == ({self.expected} if self.expected else set()), items
        return answers

    def register(self, name: str, status: int = 1, since_us: int = 0) -> None:
        token, issuer, funding, floor_fen = CARDS[name]
        self.tokens[name], self.statuses[name] = token, status
        self.do(Cards((token,), issuer, funding, status, since_us, floor_fen))

    def legs(self, label: str) -> list[str]:
        """The legs of a line's entry, as `KIND OWNER PURSE PARTY AMOUNT`."""
        record = self.side.record(self.answers[label].sequence)
        return [self._leg(leg) for leg in record["legs"]]

    def record(self, label: str) -> dict[str, Any]:
        return self.side.record(self.answers[label].sequence)

    def _settle_in(self) -> None:
        self.do(
            Participants(tuple(zip(PARTIES, ROLES, strict=True))),
            Terminals(tuple(TERMINALS.values())),
            NewTariff("distance", self.now_us - 30 * DAY_US, 4, FARES_FEN, 300),
        )
        for name in CARDS:
            self.register(name)
        for name in ("P", "B"):
            self.run(f"A TOP_UP {name} 1000 = ACCEPTED 1000 1000")
        self.register("B", Status.BLOCKED, self.now_us - 2 * HOUR_US)

    def _line(self, text: str) -> Line:
        said, _, expected = text.partition("--")[0].partition(" = ")
        words = said.split()
        label = words.pop(0)[:-1] if words[0].endswith(":") else text
        if words[0] == "same":
            tap, options = self.taps[words[1]], words[2:]
        else:
            name, kind, card, amount_fen, *options = words
            tap = Tap(self._token(card), self.numbers[name], self._next[name], *(0,) * 9)
            tap = replace(tap, kind=Kind[kind], amount_fen=int(amount_fen))
            self._next[name] += 1
        principal = 0
        for option in options:
            if option.startswith("by="):
                principal = PARTIES[option[3:]]
            else:
                tap = replace(tap, **self._option(option))
        self.taps[label] = tap
        return Line(text, label, tap, principal, tuple(expected.split()))

    def _option(self, option: str) -> dict[str, int]:
        name, _, value = option.partition("=")
        match name:
            case "offline":
                return {"flags": Flag.OFFLINE}
            case "gate_rated":
                return {"flags": Flag.RATED}
            case "at":
                return {"tapped_at_us": self.now_us + span_us(value)}
            case "seq":
                return {"terminal_seq": int(value)}
            case "about" | "caused_by":
                known = self.answers.get(value)
                return {name: known.sequence if known else int(value)}
            case "voids":
                target = self.taps.get(value)
                if target is None:
                    return {"about_seq": int(value)}
                return {"about_epoch": target.epoch, "about_seq": target.terminal_seq}
            case "card":
                return {"card": self._token(value)}
            case "kind":
                return {"kind": Kind[value] if value in Kind.__members__ else int(value)}
            case "amount":
                return {"amount_fen": int(value)}
        return {name: int(value)}

    def _token(self, name: str) -> int:
        return self.tokens[name]

    def _leg(self, leg: dict[str, int]) -> str:
        parties = {number: name for name, number in PARTIES.items()}
        owner_kind = OwnerKind(leg["owner_kind"])
        if owner_kind == OwnerKind.ACCOUNT:
            owner = list(CARDS)[leg["owner"] - 1]
        else:
            owner = parties[leg["owner"]]
        purse, party = Purse(leg["purse"]).name, parties[leg["party"]]
        return f"{owner_kind.name} {owner} {purse} {party} {leg['amount_fen']}"


def groups(table: str) -> Iterator[list[str]]:
    """The messages of a table: a line and the & lines that follow it."""
    group: list[str] = []
    for text in filter(None, map(str.strip, table.splitlines())):
        if text.startswith("--"):
            continue
        if text.startswith("&"):
            group.append(text[1:].strip())
            continue
        if group:
            yield group
        group = [text]
    if group:
        yield group


def span_us(text: str) -> int:
    """-90m as microseconds; the unit is us, s, m, h or d."""
    if text.endswith("us"):
        return int(text[:-2])
    return int(text[:-1]) * TIMES_US[text[-1]]


def told(decision: Decision) -> tuple[str, ...]:
    words = (Outcome(decision.outcome).name, str(decision.amount_fen), str(decision.balance_fen))
    return (*words, "again") if decision.repeated else words
