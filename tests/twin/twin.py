"""The slow twin: docs/ledger.md once more, in plain dicts and ints. It is the specification.

Written from that page and not from the engine. It is fed the same wire bytes and acts, journals
nothing, and answers for every row. One function a rule; tests/twin/kinds.py has the kinds,
tests/twin/acts.py the acts that are not taps, tests/twin/state.py what is kept and
tests/twin/digest.py its digest.
"""

from dataclasses import dataclass

from google.protobuf.message import DecodeError

from onecard.ext.shape.numbers import (
    Effect,
    Flag,
    Funding,
    Image,
    Kind,
    Mark,
    OwnerKind,
    Purse,
    Status,
)
from onecard.ext.shape.numbers import Outcome as O
from onecard.v1.tap_pb2 import TapBatch
from tests.twin.kinds import KINDS, Ask, Verdict, has_ended, is_hold, terms_at
from tests.twin.state import Book, Credential, Entry, Leg, Lot, OpenHold, Tap, fits
from tests.twin.travel import Journey, Travel

FROM_US, TO_US = 946_684_800_000_000, 4_102_444_800_000_000  # 2000-01-01 .. 2100-01-01 UTC
DAY_US = 86_400_000_000
KIND_NUMBERS = set(map(int, Kind))
MAY_BE_OFFLINE = {Kind.RIDE, Kind.ENTRY, Kind.EXIT, Kind.PURCHASE, Kind.CHECK, Kind.EVENT}
NO_AMOUNT = {Kind.ENTRY, Kind.EXIT, Kind.REVERSAL, Kind.RELEASE, Kind.CHECK, Kind.EVENT}
NEEDS_AMOUNT = {Kind.REFUND, Kind.TOP_UP, Kind.HOLD, Kind.CAPTURE, Kind.ADJUST, Kind.GRANT}
HAS_AMOUNT = NEEDS_AMOUNT | {Kind.RIDE, Kind.PURCHASE}  # there it may be 0, a free ride
NEEDS_ABOUT = {Kind.REFUND, Kind.CAPTURE, Kind.RELEASE, Kind.ADJUST}
GIVES_BACK = {Kind.REVERSAL, Kind.REFUND, Kind.CAPTURE, Kind.RELEASE, Kind.ADJUST}
HAS_LINE = {Kind.RIDE, Kind.ENTRY, Kind.EXIT}
HAS_FACE = HAS_LINE | {Kind.PURCHASE}
HAS_CHIP = HAS_FACE | {Kind.TOP_UP, Kind.REFUND, Kind.CHECK, Kind.EVENT}
USED_BY = {  # of the columns that some kinds use, which; any other is of every kind
    "about": NEEDS_ABOUT,
    "about_epoch": {Kind.REVERSAL},
    "about_seq": {Kind.REVERSAL},
    "line": HAS_LINE,
    "rider_class": HAS_LINE,
    "face_fen": HAS_FACE,
    "chip_before_fen": HAS_CHIP,
    "chip_counter": HAS_CHIP,
    "chip_loads": HAS_CHIP,
    "caused_by": {Kind.ADJUST},
    "sponsor": {Kind.GRANT},
    "programme": {Kind.GRANT},
    "ends_us": {Kind.GRANT},
}
INTERNAL = {Kind.ADJUST, Kind.GRANT}  # at virtual terminals alone; a REVERSAL there as well
SCENE_MAX = 65_535
DENIABLE = {Kind.RIDE, Kind.ENTRY, Kind.PURCHASE, Kind.HOLD, Kind.CHECK}

HELD_TO_SCENE = {Kind.RIDE, Kind.PURCHASE, Kind.HOLD}


class MalformedBatch(Exception):
    """The columns do not agree with each other; no row of the batch is taken."""


@dataclass(frozen=True)
class Decision:
    """What one row of a TapBatch is answered."""

    outcome: O
    sequence: int = 0
    amount_fen: int = 0
    balance_fen: int = 0
    repeated: bool = False


def judge(book: Book, principal: int, tap: Tap, booked_at_us: int) -> Decision:
    """Decides one tap by the rules in their order, books it, and answers."""
    t = tap.tapped_at_us or booked_at_us
    not_taken = form(tap) or terminal(book, principal, tap, t)
    if not_taken:
        return Decision(not_taken)
    known = identity(book, tap)
    if known:
        return known
    not_taken = columns(tap) or limits(book, tap, t)
    if not_taken:
        return Decision(not_taken)
    ask = Ask(book, tap, booked_at_us)
    not_taken = holding(ask)
    if not_taken:
        return Decision(not_taken)
    refusal = time(ask) or card(ask) or scene(ask)
    verdict = Verdict(refusal) if refusal else KINDS[ask.kind](ask)
    verdict = soften(ask, fitting(ask, verdict))
    return answer(bind(ask, fitting(ask, verdict)))


def taps(message: bytes) -> tuple[int, list[Tap]]:
    """The request id and the taps of an encoded TapBatch; absent columns are their defaults, but
    an amount is never left out where a kind needs one."""
    try:
        batch = TapBatch.FromString(message)
    except DecodeError as error:
        raise MalformedBatch(str(error)) from None
    count = len(batch.card)
    columns = {}
    for name in Tap.__dataclass_fields__:
        column = list(getattr(batch, name))
        required = name in ("card", "terminal", "terminal_seq")
        if len(column) != count and (column or required):
            raise MalformedBatch(f"{name} has {len(column)} rows, card has {count}")
        columns[name] = column or [0] * count
    taps = [Tap(**{n: c[row] for n, c in columns.items()}) for row in range(count)]
    if not batch.amount_fen and any(map(has_amount, taps)):
        raise MalformedBatch("no amount_fen")
    return batch.request_id, taps


def has_amount(tap: Tap) -> bool:
    """Returns True when a message with this tap says amounts."""
    kind = tap.kind or Kind.RIDE
    return kind in HAS_AMOUNT or (kind == Kind.EXIT and tap.flags & Flag.RATED != 0)


# ---- form, terminal, identity -------------------------------------------------------------


def form(tap: Tap) -> O | None:
    """Rules 1 to 9: what can be said of a row alone."""
    kind = tap.kind or Kind.RIDE
    if kind not in KIND_NUMBERS:
        return O.KIND_UNKNOWN
    if tap.card == 0:
        return O.CARD_ZERO
    if tap.flags & ~(Flag.OFFLINE | Flag.RATED):
        return O.FLAG_UNKNOWN
    if tap.flags & Flag.OFFLINE and kind not in MAY_BE_OFFLINE:
        return O.OFFLINE_NOT_ALLOWED
    if tap.flags & Flag.RATED and kind != Kind.EXIT:
        return O.FLAG_NOT_ALLOWED
    if tap.amount_fen < 0 and kind != Kind.ADJUST:
        return O.AMOUNT_NEGATIVE
    if tap.amount_fen and kind in NO_AMOUNT and not tap.flags & Flag.RATED:
        return O.AMOUNT_UNEXPECTED
    if tap.amount_fen == 0 and kind in NEEDS_AMOUNT:
        return O.AMOUNT_ZERO
    if tap.about == 0 and kind in NEEDS_ABOUT:
        return O.ABOUT_MISSING
    if kind == Kind.REVERSAL and tap.target == tap.identity:
        return O.ABOUT_MISSING
    if kind == Kind.EVENT and tap.scene == 0:
        return O.SCENE_MISSING
    if tap.tapped_at_us and not FROM_US <= tap.tapped_at_us < TO_US:
        return O.TIME_IMPOSSIBLE
    return None


def terminal(book: Book, principal: int, tap: Tap, t: int) -> O | None:
    """Rules 10 and 11. Principal 0 is a stream without a participant: it may carry all. Whom an
    identity is on record of hears what it was answered, whoever has the terminal now."""
    if tap.terminal not in book.terminals:
        return O.TERMINAL_UNKNOWN
    at = book.terminal_at(tap.terminal, t)
    known = at.operator, on_record(book, tap)
    if principal and (principal not in known or at.status == Status.INTERNAL):
        return O.TERMINAL_FOREIGN
    return None


def on_record(book: Book, tap: Tap) -> int:
    """The operator of the entry that bound an identity; 0 where it is not bound."""
    entry = book.bound.get(tap.identity)
    if entry is None and tap.identity in book.voided:
        entry = book.entries[book.voided[tap.identity]]
    return entry.operator_id if entry else 0


def columns(tap: Tap) -> O | None:
    """Rule 12a: each column is 0 where the kind does not use it, and what it may be."""
    kind = tap.kind or Kind.RIDE
    strange = any(getattr(tap, name) and kind not in used for name, used in USED_BY.items())
    strange |= tap.scene > SCENE_MAX or tap.face_fen < 0
    strange |= tap.ends_us != 0 and not FROM_US <= tap.ends_us < TO_US
    return O.COLUMN_UNEXPECTED if strange else None


def limits(book: Book, tap: Tap, t: int) -> O | None:
    """Rules 13, 14 and 14c: what may change, and so comes after what was answered before."""
    status = book.terminal_at(tap.terminal, t).status
    if status not in (Status.ACTIVE, Status.INTERNAL):
        return O.TERMINAL_BLOCKED
    may_be = set(Kind) - INTERNAL
    if status == Status.INTERNAL:
        may_be = INTERNAL | {Kind.RELEASE, Kind.REVERSAL}
    if (tap.kind or Kind.RIDE) not in may_be:
        return O.KIND_NOT_ALLOWED
    if abs(tap.amount_fen) > book.rules.amount_max_fen:
        return O.AMOUNT_BEYOND_LIMIT
    if tap.kind == Kind.GRANT and not book.free_lot():
        return O.LOTS_FULL
    return None


def holding(ask: Ask) -> O | None:
    """Rules 14a, 14b and 14d: a hold with an end and a journey that stands apart need a row, and
    nobody else ends a hold before its end."""
    terms = terms_at(ask) if ask.kind == Kind.HOLD else None
    if terms and terms.life_s and ask.book.free_hold() == 0:
        return O.HOLDS_FULL
    by_itself = ask.kind == Kind.RELEASE and ask.terminal.status == Status.INTERNAL
    if by_itself and is_hold(ask.original) and not has_ended(ask, ask.original):
        return O.HOLD_NOT_EXPIRED
    begins = ask.kind == Kind.ENTRY and ask.credential is not None
    if begins and ask.book.journey_row(ask.account_id, ask.mode) < 0:
        return O.JOURNEYS_FULL
    return None


def identity(book: Book, tap: Tap) -> Decision | None:
    """Rule 12: bound before, by a tap or by a reversal that came first."""
    entry = book.bound.get(tap.identity)
    if entry is not None:
        return answer(entry, repeated=True) if entry.tap.body == tap.body else Decision(O.CONFLICT)
    voided_by = book.voided.get(tap.identity)
    if voided_by is not None:
        return Decision(O.VOIDED, sequence=voided_by, repeated=True)
    return None


# ---- time, card and scene ------------------------------------------------------------------------


def time(ask: Ask) -> O | None:
    """Rules 15 and 16."""
    rules = ask.book.rules
    if ask.t < rules.go_live_us or ask.booked_at_us - ask.t > rules.age_max_us:
        return O.TIME_TOO_OLD
    if ask.t - ask.booked_at_us > rules.ahead_max_us:
        return O.TIME_IN_FUTURE
    return None


def card(ask: Ask) -> O | None:
    """Rules 17 to 19."""
    credential = ask.credential
    if credential is None:
        return O.CARD_UNKNOWN
    if ask.kind not in GIVES_BACK and blocked(ask, credential):
        return O.CARD_BLOCKED
    if credential.denied and not ask.offline and ask.kind in DENIABLE:
        return O.CARD_DENIED
    return None


def blocked(ask: Ask, known: Credential) -> bool:
    """Returns True when a card is not ACTIVE, or was not at the time of the tap."""
    if known.status != Status.ACTIVE and (not ask.offline or ask.t > known.since_us):
        return True
    spells = ask.book.spells(ask.tap.card)
    return any(spell.from_us < ask.t < spell.until_us for spell in spells)


def scene(ask: Ask) -> O | None:
    """Rules 20 to 22; of what gives back, nothing is asked of its scene."""
    asked = bool(ask.tap.scene and ask.book.scenes) and ask.kind not in GIVES_BACK
    if asked and ask.scene is None:
        return O.SCENE_UNKNOWN
    known = ask.scene if asked else None
    if known and known.status == Status.CLOSED and ask.t >= known.closed_us:
        return O.SCENE_CLOSED
    most_fen = known.most_fen if known and ask.kind in HELD_TO_SCENE else 0
    if most_fen and ask.tap.amount_fen > most_fen:
        return O.AMOUNT_ABOVE_SCENE
    return None


# ---- after the kind has spoken ------------------------------------------------------------


def soften(ask: Ask, verdict: Verdict) -> Verdict:
    """An offline tap happened: what would be a refusal is booked to suspense."""
    if not ask.offline or verdict.accepted or verdict.outcome == O.BALANCE_OVERFLOW:
        return verdict
    operator, amount_fen = ask.operator, ask.tap.amount_fen  # an EXIT has sent 0, or its gate's
    legs = (
        Leg(operator, operator, OwnerKind.SUSPENSE, Purse.DUE, -amount_fen),
        Leg(operator, operator, OwnerKind.SUSPENSE, Purse.OWED, amount_fen),
    )
    return Verdict(O.ACCEPTED_SUSPENSE, amount_fen, legs, verdict.outcome, tariff=verdict.tariff)


def fitting(ask: Ask, verdict: Verdict) -> Verdict:
    """Every addition is checked, leg by leg in their order; of one that fails nothing is booked."""
    overflow = Verdict(O.BALANCE_OVERFLOW, tariff=verdict.tariff, marks=verdict.marks)
    sums: dict[tuple[str | int, ...], int] = {}
    for leg in verdict.legs:
        for key, change_fen in leg.changes():
            sums[key] = sums.get(key, ask.book.sum(*key)) + change_fen
            if not fits(sums[key]):
                return overflow
    keys = [(name, ask.account_id) for name in ("posted", "held")]
    posted_fen, held_fen = (sums.get(key, ask.book.sum(*key)) for key in keys)
    return verdict if fits(posted_fen - held_fen) else overflow


def bind(ask: Ask, verdict: Verdict) -> Entry:
    """Makes the entry and applies what it records: legs, images, effects."""
    book, tap, account = ask.book, ask.tap, ask.account
    entry = Entry(
        sequence=book.next_sequence(ask.booked_at_us),
        tap=tap,
        booked_at_us=ask.booked_at_us,
        kind=ask.kind,
        outcome=verdict.outcome,
        reason=verdict.reason,
        amount_fen=verdict.amount_fen if verdict.accepted else tap.amount_fen,
        account=ask.account_id,
        issuer=ask.issuer,
        funding=ask.funding,
        operator_id=ask.operator,
        place=ask.place,
        window=book.window,
        travel_day=(ask.t + book.rules.zone_offset_us) // DAY_US,
        previous=account.last,
        about=ask.about(),
        journey=verdict.journey,
        tariff=verdict.tariff,
        effects=verdict.effects,
        marks=verdict.marks | (Mark.GATE_RATED if tap.flags & Flag.RATED else 0),
        legs=tuple(leg for leg in verdict.legs if leg.amount_fen),
        images=verdict.images,
    )
    for leg in entry.legs:
        book.post(leg)
    apply_extensions(ask, entry)
    apply_journey(ask, entry)
    apply_deny_list(ask, entry)
    keep(ask, entry)
    return entry


def apply_extensions(ask: Ask, entry: Entry) -> None:
    """After-images: an identity voided before it came, or what was taken back of an original."""
    for what, key, value in entry.images:
        if what == Image.VOIDED_IDENTITY:
            ask.book.voided[ask.tap.target] = entry.sequence
            ask.terminal.seen = max(ask.terminal.seen, key)
        elif what == Image.HOLD_OPENED:
            held = OpenHold(entry.sequence, value, ask.tap.card, entry.amount_fen)
            ask.book.open_holds[key] = held
            ask.book.open_holds_highest = max(ask.book.open_holds_highest, key)
        elif what == Image.HOLD_CLOSED:
            del ask.book.open_holds[key]
        elif what == Image.LOT_OPENED:
            open_lot(ask, entry, row=key, number=value)
        elif what == Image.LOT_SPENT:
            del ask.book.lots[value]
        elif what == Image.ADJUSTED:
            ask.book.claim(key).adjusted_fen = value
        elif what in (Image.CLAIMED, Image.CLOSED_ORIGINAL):
            claim = ask.book.claim(key)
            claim.used_fen, claim.closed = value, what == Image.CLOSED_ORIGINAL


def open_lot(ask: Ask, entry: Entry, row: int, number: int) -> None:
    """Where it is the account's first, it has a purse from now on."""
    book, tap = ask.book, ask.tap
    if entry.effects & Effect.PURSE_OPENED:
        ask.account.purse = len(book.purses) + 1
        book.purses[ask.account.purse] = ask.account_id
    book.lots[row] = Lot(number, ask.account_id, tap.sponsor, tap.programme, tap.ends_us)
    book.lot_rows, book.granted = max(book.lot_rows, row), number


def apply_journey(ask: Ask, entry: Entry) -> None:
    if not entry.effects & (Effect.JOURNEY_OPENED | Effect.JOURNEY_CLOSED):
        return
    book, account = ask.book, ask.account
    placed = [image for image in entry.images if image.what == Image.JOURNEY_PLACED]
    left = [image for image in entry.images if image.what == Image.JOURNEY_LEFT]
    if account.travel == 0:
        account.travel = len(book.travels) + 1
        book.travels[account.travel] = Travel()
    travel = book.travels[account.travel]
    if entry.kind in (Kind.ENTRY, Kind.EXIT):
        travel.latest_us = max(travel.latest_us, ask.t)
    if entry.effects & Effect.JOURNEY_CLOSED:
        if left:
            del book.journeys[left[0].key]
        else:
            travel.journey = None
        return
    network = book.tariffs[entry.tariff].network
    travel.boarded, travel.boarded_at_us = entry.sequence, ask.t
    travel.boarded_line, travel.rider_class = entry.tap.line, entry.tap.rider_class
    travel.boarded_network = network
    _, row, mode = placed[0] if placed else (0, 0, 0)
    journey = Journey(entry.account, mode, entry.sequence, ask.t, entry.place, network)
    if row == 0:
        travel.journey = journey
        return
    book.journeys[row] = journey
    book.journeys_used = max(book.journeys_used, row)


def apply_deny_list(ask: Ask, entry: Entry) -> None:
    """Set below the floor; cleared by an entry that gives money back and mends the floor."""
    credential, account = ask.credential, ask.account
    if credential is None:
        return
    gave = any(
        leg.owner_kind == OwnerKind.ACCOUNT and leg.purse == Purse.MAIN and leg.amount_fen > 0
        for leg in entry.legs
    )
    if entry.outcome == O.ACCEPTED_BELOW_FLOOR:
        entry.effects |= Effect.DENIED
        credential.denied, credential.deny_version = True, entry.sequence
    elif (
        credential.denied
        and credential.account == entry.account
        and gave
        and ask.available_fen >= account.floor_fen
    ):
        entry.effects |= Effect.UNDENIED
        credential.denied, credential.deny_version = False, entry.sequence


def keep(ask: Ask, entry: Entry) -> None:
    """Binds the identity and counts the entry on its account and its terminal."""
    account, known = ask.account, ask.terminal
    if ask.funding == Funding.PREPAID:
        entry.balance_fen = ask.available_fen
    account.last, account.entries = entry.sequence, account.entries + 1
    known.taken += 1
    known.seen = max(known.seen, ask.tap.epoch << 32 | ask.tap.terminal_seq)
    ask.book.bound[ask.tap.identity] = entry
    ask.book.entries[entry.sequence] = entry


def answer(entry: Entry, repeated: bool = False) -> Decision:
    accepted = entry.outcome < O.CARD_UNKNOWN
    amount_fen = entry.amount_fen if accepted else 0
    return Decision(entry.outcome, entry.sequence, amount_fen, entry.balance_fen, repeated)
