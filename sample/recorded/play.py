"""Plays recorded taps into a ledger: registers who is met, sends, closes each date's window."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onecard.core.clock import Clock
from onecard.core.days import DAY_US, day_text
from onecard.core.errors import BadInput
from onecard.core.ledger.token import CardTokens
from onecard.ext.shape.numbers import Funding, Outcome, Role
from onecard.grpc.client import Client
from onecard.sample.recorded.taps import Device, Roll
from onecard.sample.send import Answers, send
from onecard.v1 import registry_pb2, settlement_pb2

HOUR_US = 3_600_000_000
ISSUER = "深圳通"  # who issued the cards: the data names no other
ZONE_US = 8 * HOUR_US
MARGIN_US = 30 * DAY_US  # so that tomorrow's run on the same file needs no new rules
AMOUNT_MAX_FEN = 1_000_000  # 10,000 yuan, where the ledger has no rules yet
ACCEPTED = (Outcome.ACCEPTED, Outcome.ACCEPTED_BELOW_FLOOR, Outcome.ACCEPTED_SUSPENSE)

Progress = Callable[[int], None]


@dataclass(slots=True)
class Operator:
    """One operator's accepted taps: zero-value ones count, repeats do not."""

    taps: int = 0
    charged_fen: int = 0


@dataclass(frozen=True, slots=True)
class Window:
    """The closed window of one settlement date."""

    id: int
    business_day: int  # days since 1970-01-01
    sum_fen: int  # of all net positions: 0
    fresh: bool  # closed by this run


@dataclass(slots=True)
class Result:
    """What became of the taps; their numbers add up to those given."""

    accepted: int = 0
    declined: Counter[str] = field(default_factory=Counter)  # by reason
    duplicate: int = 0
    conflict: int = 0
    operators: dict[str, Operator] = field(default_factory=dict)
    late: int = 0  # dated before their settlement date
    windows: list[Window] = field(default_factory=list)
    wait_ms: list[float] = field(default_factory=list)
    seconds: float = 0.0  # of sending and being answered

    @property
    def charged_fen(self) -> int:
        return sum(operator.charged_fen for operator in self.operators.values())


def play_taps(
    client: Client,
    taps: NDArray[np.void],
    roll: Roll,
    card_tokens: CardTokens,
    clock: Clock,
    progress: Progress | None = None,
    force: bool = True,
) -> Result:
    """Send TAP rows in their order (settlement date, then time) and close every date's window.

    `force` as for `close_date`, which may end it between two dates.
    """
    result = Result(operators={name: Operator() for name in roll.operators})
    if not len(taps):
        return result
    widen_rules(client, int(taps["at_us"].min()), clock.now_us())
    terminal_id, token = register(client, roll, card_tokens)
    local_day = (taps["at_us"] + ZONE_US) // DAY_US
    result.late = int((local_day < taps["day"]).sum())
    days, starts = np.unique(taps["day"], return_index=True)
    for day, start, end in zip(days, starts, [*starts[1:], len(taps)], strict=True):
        rows = taps[start:end]
        began = clock.monotonic()
        columns = columns_of(rows, terminal_id, token)
        answers = send(client, columns, clock, progress=progress)
        result.seconds += clock.monotonic() - began
        result.wait_ms += answers.wait_ms
        _count(result, answers, roll, rows["terminal"])
        result.windows.append(close_date(client, int(day), answers.booked > 0, force))
    return result


def columns_of(
    rows: NDArray[np.void], terminal_id: NDArray[np.uint32], token: NDArray[np.uint64]
) -> dict[str, NDArray[Any]]:
    """TAP rows as columns of tap.proto. The kind is left out: all are rides the terminal rated."""
    return {
        "card": token[rows["card"]],
        "terminal": terminal_id[rows["terminal"]],
        "terminal_seq": rows["terminal_seq"],
        "epoch": rows["epoch"],
        "tapped_at_us": rows["at_us"],
        "amount_fen": rows["amount_fen"],
    }


def widen_rules(client: Client, oldest_us: int, now_us: int) -> bool:
    """Let the ledger take taps as old as `oldest_us`. Returns True when its rules had to change.

    Only go-live and the maximum age are widened, and nothing is narrowed.
    """
    now = client.rules()
    rules = {field.name: getattr(now, field.name) for field in now.DESCRIPTOR.fields}
    wide = dict(rules)
    wide["go_live_us"] = min(rules["go_live_us"], oldest_us)
    if rules["age_max_us"] < now_us - oldest_us:
        wide["age_max_us"] = now_us - oldest_us + MARGIN_US
    if wide == rules:
        return False
    client.put_rules(**wide)
    return True


# ---- who takes part -----------------------------------------------------------------------------


def register(
    client: Client, roll: Roll, card_tokens: CardTokens
) -> tuple[NDArray[np.uint32], NDArray[np.uint64]]:
    """Register operators, terminals and cards; terminal ids and card tokens in the roll's order."""
    issuer, *operators = client.load_participants(
        [(ISSUER, Role.ISSUER), *((name, Role.OPERATOR) for name in roll.operators)]
    )
    ids = client.load_terminals(
        registry_pb2.Terminal(
            number=number,
            operator=operators[device.operator],
            mode=device.mode,
            counterless=True,
        )
        for device, number in zip(roll.terminals, _numbers(roll), strict=True)
    )
    token = card_tokens.of_all(roll.cards)
    client.load_cards(token, issuer, Funding.CHIP)
    return np.array(ids, dtype=np.uint32), token


def _numbers(roll: Roll) -> Iterator[str]:
    """A terminal's number as printed; where two operators use one, the later adds its own mark.

    In the Shenzhen data no two do.
    """
    owner: dict[str, Device] = {}
    for device in roll.terminals:
        if owner.setdefault(device.number, device) is device:
            yield device.number
        else:
            name = roll.operators[device.operator].encode()
            yield f"{device.number}-{hashlib.blake2b(name, digest_size=4).hexdigest()}"


# ---- what came of it ----------------------------------------------------------------------------


def _count(result: Result, answers: Answers, roll: Roll, terminal: NDArray[np.uint32]) -> None:
    repeated = answers.repeated > 0
    accepted = ~repeated & np.isin(answers.outcome, ACCEPTED)
    result.duplicate += int(repeated.sum())
    result.accepted += int(accepted.sum())
    rest = np.bincount(answers.outcome[~repeated & ~accepted], minlength=256)
    result.conflict += int(rest[Outcome.CONFLICT])
    for reason in Outcome:
        if rest[reason] and reason != Outcome.CONFLICT:
            result.declined[reason.name] += int(rest[reason])
    operator = roll.terminal_operators()[terminal]
    taps = np.bincount(operator[accepted], minlength=len(roll.operators))
    charged = np.zeros(len(roll.operators), dtype=np.int64)
    np.add.at(charged, operator[accepted], answers.amount_fen[accepted])
    for at, name in enumerate(roll.operators):
        result.operators[name].taps += int(taps[at])
        result.operators[name].charged_fen += int(charged[at])


def close_date(client: Client, day: int, booked: bool, force: bool = True) -> Window:
    """The window of a settlement date: closed now if anything was booked, else the one it has.

    By force where the ledger is the caller's own: dates of recorded taps are as old as they are,
    and another file's may come between. Without, BadInput where the date does not follow the window
    before: then the open one is a day's work of others, and closing it is theirs to say.

    A date of which all was booked before but whose window is not closed yet (a run that was cut
    short) has its taps in the open one, so that is closed.
    """
    number = client.head().window
    if not booked:
        for earlier in range(number - 1, 0, -1):
            window = client.window(earlier)
            if window.business_day == day:
                return _window(window, fresh=False)
    try:
        return _window(client.close_window(number, day, force=force), fresh=True)
    except BadInput as error:
        raise BadInput(
            f"{error}; the taps up to settlement date {day_text(day)} are booked, window {number} "
            "stays open and later dates were not sent: the server's operator closes it (onecard "
            "settle --close), or the same again with --force closes it for that date"
        ) from None


def _window(window: settlement_pb2.Window, fresh: bool) -> Window:
    net_fen = sum(position.net_fen for position in window.positions)
    return Window(window.window, window.business_day, net_fen, fresh)
