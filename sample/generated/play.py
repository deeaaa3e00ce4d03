"""Plays a generated day into a server: a stream an operator, and every answer compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from onecard.core.clock import Clock
from onecard.core.days import midnight_us
from onecard.core.ledger.token import CardTokens
from onecard.core.tariff.square import Square
from onecard.ext.shape.numbers import Funding, Outcome, Role
from onecard.grpc.client import Client
from onecard.sample.generated.day import Day, Sent, card_number
from onecard.sample.generated.stream import cuts
from onecard.sample.recorded.play import Window, close_date, widen_rules
from onecard.sample.send import MESSAGE_TAPS, Answers, Progress, send
from onecard.v1 import registry_pb2, tap_pb2

SINGLE = 300  # unary taps, to see what one waits when little else goes on
SINGLE_TERMINAL = "GZ-001"


@dataclass(slots=True)
class Played:
    """What the server answered to a day."""

    answers: list[Answers] = field(default_factory=list)  # a stream, in the day's order
    opening: int = 0  # opening balances booked
    wrong: int = 0  # answers that are not what the rules give
    first_wrong: str = ""
    outcomes: Counter[str] = field(default_factory=Counter)
    windows: list[Window] = field(default_factory=list)
    load_s: float = 0.0  # registering
    seconds: float = 0.0  # the taps of the day, late ones too
    single_ms: list[float] = field(default_factory=list)  # a unary tap

    @property
    def known_before(self) -> bool:
        """Returns True when the ledger held this day already."""
        return not any(answers.booked for answers in self.answers)

    def wait_ms(self) -> NDArray[np.float64]:
        """What each tap of the day waited: as long as its message."""
        return np.array([wait for answers in self.answers for wait in answers.wait_ms])


def play_day(
    address: str,
    day: Day,
    tariff: Square,
    card_tokens: CardTokens,
    clock: Clock,
    say: Callable[[str], None],
    progress: Progress,
) -> Played:
    """Register, send the day over a stream an operator at once, close it; then the late upload."""
    played = Played()
    with Client(address, timeout_s=60.0) as client:
        say("registering")
        began = clock.monotonic()
        widen_rules(client, int(day.opening.rows["at_us"].min()), clock.now_us())
        terminal = _register(client, day, tariff, token := _tokens(day, card_tokens))
        played.load_s = clock.monotonic() - began
        carrier = _Carrier(address, day, token, terminal, clock)
        say("opening balances")
        played.opening = carrier.carry(day.opening, lambda taps: None).booked

        say("taps of the day")
        began = clock.monotonic()
        with ThreadPoolExecutor(len(day.streams)) as threads:
            waiting = [
                None if sent.late else threads.submit(carrier.carry, sent, progress)
                for sent in day.streams
            ]
            done = [None if one is None else one.result() for one in waiting]
        played.seconds = clock.monotonic() - began
        booked = any(answers is not None and answers.booked for answers in done)
        played.windows.append(close_date(client, day.day, booked))

        say("a day late")
        began = clock.monotonic()
        played.answers = [
            carrier.carry(sent, progress) if answers is None else answers
            for sent, answers in zip(day.streams, done, strict=True)
        ]
        played.seconds += clock.monotonic() - began
        say("one tap at a time")
        played.single_ms = _singles(client, day, int(token[0]), clock)
        late = any(a.booked for s, a in zip(day.streams, played.answers, strict=True) if s.late)
        played.windows.append(close_date(client, day.day + 1, late))
    for sent, answers in zip(day.streams, played.answers, strict=True):
        _compare(played, day, sent, answers)
    return played


@dataclass(frozen=True, slots=True)
class _Carrier:
    """Sends what operators send, each over a connection in its own name."""

    address: str
    day: Day
    token: NDArray[np.uint64]
    terminal: NDArray[np.uint32]
    clock: Clock

    def carry(self, sent: Sent, progress: Progress) -> Answers:
        rows = sent.rows
        name, _ = self.day.operators[sent.operator]
        columns = {
            "card": self.token[rows["card"]],
            "terminal": self.terminal[rows["terminal"]],
            "terminal_seq": rows["terminal_seq"],
            "epoch": np.full(len(rows), self.day.seed, np.uint32),
            "tapped_at_us": rows["at_us"],
            "kind": rows["kind"],
            "amount_fen": rows["amount_fen"],
            "flags": rows["flags"],
        }
        if rows["about_seq"].any():
            columns["about_epoch"] = np.where(rows["about_seq"] > 0, columns["epoch"], 0)
            columns["about_seq"] = rows["about_seq"]
        with Client(self.address, participant=name, timeout_s=60.0) as client:
            return send(
                client,
                columns,
                self.clock,
                original=rows["original"] if (rows["original"] >= 0).any() else None,
                pieces=cuts(rows, MESSAGE_TAPS),
                progress=progress,
            )


# ---- who takes part -----------------------------------------------------------------------------


def _tokens(day: Day, card_tokens: CardTokens) -> NDArray[np.uint64]:
    return card_tokens.of_all(card_number(card) for card in range(day.cards))


def _register(
    client: Client, day: Day, tariff: Square, token: NDArray[np.uint64]
) -> NDArray[np.uint32]:
    """Participants, terminals, cards bank by bank, the tariff; ids of the day's terminals."""
    ids = client.load_participants([*day.operators, *((name, Role.ISSUER) for name in day.issuers)])
    operators, issuers = ids[: len(day.operators)], ids[len(day.operators) :]
    terminals = [
        registry_pb2.Terminal(
            number=one.number, operator=operators[one.operator], place=one.place, mode=one.mode
        )
        for one in day.terminals
    ]
    terminals.append(
        registry_pb2.Terminal(number=SINGLE_TERMINAL, operator=operators[0], counterless=True)
    )
    registered = token[: len(day.issuer_of)]
    for at, issuer in enumerate(issuers):
        client.load_cards(registered[day.issuer_of == at], issuer, Funding.PREPAID)
    from_us = midnight_us(tariff.effective_day, client.rules().zone_offset_us)
    client.put_tariff(tariff.name, from_us, tariff.fares_fen, tariff.entry_min_fen)
    return np.array(client.load_terminals(terminals)[:-1], dtype=np.uint32)


# ---- what came of it ----------------------------------------------------------------------------


def _singles(client: Client, day: Day, card: int, clock: Clock) -> list[float]:
    """Zero-value taps, one a call and one after the other: milliseconds each."""
    waits = []
    for number in range(1, SINGLE + 1):
        began_ns = clock.elapsed_ns()
        client.authorize_one(
            card=card,
            terminal_number=SINGLE_TERMINAL,
            terminal_seq=number,
            epoch=day.seed,
            tapped_at_us=int(day.opening.rows["at_us"][-1]),
            kind=tap_pb2.TAP_KIND_CHECK,
        )
        waits.append((clock.elapsed_ns() - began_ns) / 1e6)
    return waits


def _compare(played: Played, day: Day, sent: Sent, answers: Answers) -> None:
    """Count outcomes, and the answers that differ from those the day foretells."""
    rows = sent.rows
    voided = answers.outcome == Outcome.VOIDED
    repeated = (answers.repeated > 0) & ~voided
    played.outcomes["DUPLICATE"] += int(repeated.sum())
    counts = np.bincount(answers.outcome[~repeated], minlength=256)
    played.outcomes.update({one.name: int(counts[one]) for one in Outcome if counts[one]})
    if answers.booked == 0:
        return  # the ledger held this stream before: all of it is repeats
    wrong = (
        (answers.outcome != rows["outcome"])
        | (answers.amount_fen != rows["moved_fen"])
        | (answers.repeated != rows["repeated"])
    )
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        played.wrong += int(wrong.sum())
        played.first_wrong = played.first_wrong or (
            f"{day.operators[sent.operator][0]}, row {at}: expected "
            f"{Outcome(int(rows['outcome'][at])).name} {rows['moved_fen'][at]} fen, found "
            f"{Outcome(int(answers.outcome[at])).name} {answers.amount_fen[at]} fen"
        )
