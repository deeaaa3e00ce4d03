"""What each kind of tap does, as docs/ledger.md says under "Kind" and "Legs of each kind"."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeGuard

from onecard.ext.shape.numbers import Effect, Flag, Funding, Image, Kind, OwnerKind, Purse, Status
from onecard.ext.shape.numbers import Outcome as O
from tests.twin.journeys import (
    compared,
    ended_at_gate,
    ending,
    fare,
    in_force,
    left,
    over,
    tariff_at,
    to_exit,
)
from tests.twin.legs import payable, payer
from tests.twin.state import (
    LOTS_AN_ACCOUNT,
    Account,
    AfterImage,
    Book,
    Claim,
    Credential,
    Entry,
    HoldTerms,
    Leg,
    Tap,
    Terminal,
    fits,
)

PAID = {Kind.RIDE, Kind.EXIT, Kind.PURCHASE, Kind.CAPTURE}  # what can be refunded
# What names an original, and cannot be reversed itself.
TAKES_BACK = {Kind.REFUND, Kind.REVERSAL, Kind.CAPTURE, Kind.RELEASE, Kind.ADJUST}
Captured = tuple[tuple[Leg, ...], tuple[AfterImage, ...]]
BOOKED = {O.ACCEPTED, O.ACCEPTED_BELOW_FLOOR}


@dataclass(frozen=True)
class Verdict:
    """What a rule says; only an accepted one has legs, images and effects."""

    outcome: O
    amount_fen: int = 0
    legs: tuple[Leg, ...] = ()
    reason: int = 0
    images: tuple[AfterImage, ...] = ()
    effects: int = 0
    tariff: int = 0
    journey: int = 0
    marks: int = 0

    @property
    def accepted(self) -> bool:
        return self.outcome < O.CARD_UNKNOWN


class Ask:
    """A tap with what it finds: its terminal, credential and account as they were at the time it
    counts from; of what gives back or finishes an entry of its card, that entry's account."""

    def __init__(self, book: Book, tap: Tap, booked_at_us: int) -> None:
        self.book, self.tap, self.booked_at_us = book, tap, booked_at_us
        self.kind = Kind(tap.kind or Kind.RIDE)
        self.t = tap.tapped_at_us or booked_at_us
        self.offline = bool(tap.flags & Flag.OFFLINE)
        self.terminal: Terminal = book.terminals[tap.terminal]
        at = book.terminal_at(tap.terminal, self.t)
        self.operator, self.place = at.operator, tap.place or at.place
        self.scene = book.scenes.get(tap.scene)
        self.network, self.mode = at.network, at.mode
        self.credential: Credential | None = book.credentials.get(tap.card)
        self.account_id = self.issuer = self.funding = 0
        if self.credential:
            card = book.card_at(tap.card, self.t)
            self.account_id, self.issuer, self.funding = card.account, card.issuer, card.funding
            if self.funding == Funding.PREPAID:
                self.issuer = book.accounts[self.account_id].issuer
        self.original = self._original()
        if self.terminal.status == Status.INTERNAL and self.original:  # it is that one's operator's
            self.operator = self.original.operator_id
        self.owns = self._owns()
        if self.owns and self.original and self.original.account:
            self.account_id = self.original.account
            self.issuer, self.funding = self.original.issuer, self.original.funding
        self.account: Account = book.accounts.get(self.account_id) or Account()

    def _original(self) -> Entry | None:
        """Whom a REVERSAL voids, where it came before; or which entry is given back or finished."""
        if self.kind == Kind.REVERSAL:
            return self.book.bound.get(self.tap.target)
        return self.book.entries.get(self.tap.about) if self.kind in TAKES_BACK else None

    def _owns(self) -> bool:
        """Returns True when the original is of this card, or of the account it drew on then."""
        original = self.original
        if original is None:
            return False
        on_its_account = original.account != 0 and original.account == self.account_id
        return original.tap.card == self.tap.card or on_its_account

    @property
    def available_fen(self) -> int:
        return self.book.available_fen(self.account_id)

    @property
    def prepaid(self) -> bool:
        return self.funding == Funding.PREPAID

    def payer(self, amount_fen: int) -> Leg:
        return payer(self.funding, self.account_id, self.issuer, amount_fen)

    def charge(self, amount_fen: int) -> tuple[Leg, ...]:
        return self.payer(-amount_fen), payable(self.payee(self.tap.scene), amount_fen)

    def payee(self, scene: int) -> int:
        """Who earns at a scene: its own payee, or the operator of the terminal."""
        known = self.book.scenes.get(scene)
        return (known.payee if known else 0) or self.operator

    @property
    def rated_by(self) -> int:
        """The network whose tariffs rate a journey's ends: its scene's own, or the terminal's."""
        return (self.scene.rated_by if self.scene else 0) or self.network

    def short_of(self, amount_fen: int) -> bool:
        """Would taking this much leave a prepaid account below its floor?"""
        return self.prepaid and self.available_fen - amount_fen < self.account.floor_fen

    def about(self) -> int:
        """The field of the entry, however it was decided."""
        if self.kind == Kind.REVERSAL:
            return self.original.sequence if self.original else 0
        return self.tap.about if self.kind in TAKES_BACK else 0


# ---- paying -------------------------------------------------------------------------------


def ride(ask: Ask) -> Verdict:
    return charged(ask, ask.tap.amount_fen)


def charged(ask: Ask, amount_fen: int, tariff: int = 0) -> Verdict:
    """A charge: refused for funds online, taken below the floor offline, free of checks at 0."""
    if amount_fen and ask.short_of(amount_fen):
        if not ask.offline:
            return Verdict(O.FUNDS, tariff=tariff)
        outcome = O.ACCEPTED_BELOW_FLOOR
    else:
        outcome = O.ACCEPTED
    return Verdict(outcome, amount_fen, ask.charge(amount_fen), tariff=tariff)


def entry(ask: Ask) -> Verdict:
    if ask.place == 0:
        return Verdict(O.PLACE_UNKNOWN)
    version = tariff_at(ask.book, ask.rated_by, ask.t)
    if version == 0:
        return Verdict(O.TARIFF_UNKNOWN)
    tariff = ask.book.tariffs[version]
    if ask.place > tariff.stations:
        return Verdict(O.FARE_UNKNOWN, tariff=version)
    if not ask.offline and ask.short_of(tariff.entry_min_fen):
        return Verdict(O.FUNDS, tariff=version)
    return begun(ask, version)


def begun(ask: Ask, version: int) -> Verdict:
    """The journey of an entry, where it stands, and which it replaces."""
    book, effects = ask.book, int(Effect.JOURNEY_OPENED)
    row = book.journey_row(ask.account_id, ask.mode)
    same_mode = [one for one in book.open_journeys(ask.account_id).values() if one.mode == ask.mode]
    images: tuple[AfterImage, ...] = ()
    if row != 0 or ask.mode != 0:
        images = (AfterImage(Image.JOURNEY_PLACED, row, ask.mode),)
        effects |= Effect.JOURNEY_APART
    replaced = same_mode[0].sequence if same_mode else 0
    return Verdict(O.ACCEPTED, images=images, effects=effects, tariff=version, journey=replaced)


def exit_(ask: Ask) -> Verdict:
    if ask.place == 0:
        return Verdict(O.PLACE_UNKNOWN)
    if ask.tap.flags & Flag.RATED:
        return gate_rated(ask)
    row, journey = to_exit(ask)
    if journey is None or journey.network != ask.rated_by:
        return Verdict(O.NO_OPEN_JOURNEY)
    if ask.t < journey.at_us:
        return Verdict(O.EXIT_BEFORE_ENTRY)
    version = tariff_at(ask.book, journey.network, journey.at_us)
    if version == 0:
        return Verdict(O.TARIFF_UNKNOWN)
    fare_fen = fare(ask.book.tariffs[version], journey.place, ask.place)
    if fare_fen == -1:
        return Verdict(O.FARE_UNKNOWN, tariff=version)
    return ending(charged(ask, fare_fen, version), row, journey)


def gate_rated(ask: Ask) -> Verdict:
    """The gate let its holder through already: its amount is booked, whatever is known here."""
    row, journey = ended_at_gate(ask)
    version, marks = compared(ask, journey)
    return replace(ending(charged(ask, ask.tap.amount_fen, version), row, journey), marks=marks)


def check(ask: Ask) -> Verdict:
    return Verdict(O.ACCEPTED)


def event(ask: Ask) -> Verdict:
    return Verdict(O.ACCEPTED)


def top_up(ask: Ask) -> Verdict:
    if ask.funding == Funding.CREDIT:
        return Verdict(O.TOP_UP_NOT_ALLOWED)
    amount_fen, operator = ask.tap.amount_fen, ask.operator
    collected = Leg(operator, operator, OwnerKind.COLLECTED, Purse.MAIN, -amount_fen)
    return Verdict(O.ACCEPTED, amount_fen, (ask.payer(amount_fen), collected))


# ---- giving back --------------------------------------------------------------------------


def refund(ask: Ask) -> Verdict:
    original, amount_fen = ask.original, ask.tap.amount_fen
    if original is None:
        return Verdict(O.ORIGINAL_UNKNOWN)
    if original.outcome not in BOOKED or original.kind not in PAID:
        return Verdict(O.NOT_REFUNDABLE)
    if not ask.owns:
        return Verdict(O.CARD_MISMATCH)
    if original.operator_id != ask.operator:
        return Verdict(O.ORIGINAL_FOREIGN)
    claim = claim_of(ask.book, original)
    if claim.closed:
        return Verdict(O.ORIGINAL_CLOSED)
    used_fen = claim.used_fen + amount_fen
    if used_fen > original.amount_fen + claim.adjusted_fen:
        return Verdict(O.AMOUNT_EXCEEDS_ORIGINAL)
    claimed = AfterImage(Image.CLAIMED, original.sequence, used_fen)
    return Verdict(O.ACCEPTED, amount_fen, back(ask, original, amount_fen), images=(claimed,))


def reversal(ask: Ask) -> Verdict:
    original = ask.original
    if original is None:
        if ask.tap.target in ask.book.voided:
            return Verdict(O.ORIGINAL_CLOSED)
        key = ask.tap.about_epoch << 32 | ask.tap.about_seq
        return Verdict(O.TOMBSTONED, images=(AfterImage(Image.VOIDED_IDENTITY, key, 0),))
    if not ask.owns:
        return Verdict(O.CARD_MISMATCH)
    if original.outcome >= O.CARD_UNKNOWN:
        return Verdict(O.ACCEPTED)
    if original.operator_id != ask.operator:
        return Verdict(O.ORIGINAL_FOREIGN)
    if original.kind in TAKES_BACK:
        return Verdict(O.NOT_REVERSIBLE)
    claim = claim_of(ask.book, original)
    if claim.closed or claim.used_fen:
        return Verdict(O.ORIGINAL_CLOSED)
    gone = original.kind == Kind.TOP_UP and ask.short_of(original.amount_fen)
    if gone or is_broken(ask, original):
        return Verdict(O.FUNDS)
    legs = tuple(leg._replace(amount_fen=-leg.amount_fen) for leg in original.legs)
    if claim.adjusted_fen:
        legs += back(ask, original, claim.adjusted_fen)
    amount_fen = original.amount_fen + claim.adjusted_fen
    spent = tuple(AfterImage(Image.LOT_SPENT, *pair) for pair in lots_of(ask, original))
    images = spent + closed(ask.book, original, amount_fen)
    effects = 0
    for row, journey in ask.book.open_journeys(ask.account_id).items():
        if journey.sequence == original.sequence:  # only an entry opens one
            images, effects = images + left(row, journey), over(row)
    return Verdict(O.ACCEPTED, amount_fen, legs, images=images, effects=effects)


def adjust(ask: Ask) -> Verdict:
    """Corrects what was charged; what was charged wrongly is owed, so funds are not asked."""
    original, change_fen = ask.original, ask.tap.amount_fen
    if original is None or ask.tap.caused_by > ask.book.last:
        return Verdict(O.ORIGINAL_UNKNOWN)
    if original.outcome not in BOOKED or original.kind not in PAID:
        return Verdict(O.NOT_REFUNDABLE)
    if not ask.owns:
        return Verdict(O.CARD_MISMATCH)
    claim = claim_of(ask.book, original)
    if claim.closed:
        return Verdict(O.ORIGINAL_CLOSED)
    adjusted_fen = claim.adjusted_fen + change_fen
    charged_fen = original.amount_fen + adjusted_fen
    if charged_fen < claim.used_fen:
        return Verdict(O.AMOUNT_EXCEEDS_ORIGINAL)
    if not fits(charged_fen):
        return Verdict(O.BALANCE_OVERFLOW)
    below = change_fen > 0 and ask.short_of(change_fen)
    return Verdict(
        O.ACCEPTED_BELOW_FLOOR if below else O.ACCEPTED,
        change_fen,
        back(ask, original, -change_fen),
        images=(AfterImage(Image.ADJUSTED, original.sequence, adjusted_fen),),
    )


def back(ask: Ask, original: Entry, amount_fen: int) -> tuple[Leg, ...]:
    """So much of a charge to whoever paid it, from whoever got it, or would have."""
    paid = [leg.owner for leg in original.legs if leg.owner_kind == OwnerKind.PAYABLE]
    scene = ask.book.scenes.get(original.tap.scene)
    payee = paid[0] if paid else (scene.payee if scene else 0) or original.operator_id
    return (
        payer(original.funding, original.account, original.issuer, amount_fen),
        payable(payee, -amount_fen),
    )


def claim_of(book: Book, original: Entry) -> Claim:
    return book.claims.get(original.sequence) or Claim()


# ---- lots ----------------------------------------------------------------------------------


def grant(ask: Ask) -> Verdict:
    book, tap = ask.book, ask.tap
    if not ask.prepaid:
        return Verdict(O.GRANT_NOT_ALLOWED)
    if tap.sponsor not in book.participants:
        return Verdict(O.SPONSOR_UNKNOWN)
    if tap.ends_us and tap.ends_us <= ask.t:
        return Verdict(O.LOT_ENDED)
    if len(book.lots_of(ask.account_id)) >= LOTS_AN_ACCOUNT:
        return Verdict(O.LOTS_TOO_MANY)
    number = book.granted + 1
    legs = (
        Leg(tap.sponsor, tap.sponsor, OwnerKind.SPONSOR, Purse.MAIN, -tap.amount_fen),
        Leg(number, ask.issuer, OwnerKind.LOT, Purse.MAIN, tap.amount_fen),
    )
    opened = AfterImage(Image.LOT_OPENED, book.free_lot(), number)
    effects = 0 if ask.account.purse else Effect.PURSE_OPENED
    return Verdict(O.ACCEPTED, tap.amount_fen, legs, images=(opened,), effects=effects)


def lots_of(ask: Ask, original: Entry) -> list[tuple[int, int]]:
    """Number and row of what a grant opened; the row is 0 where nothing is left of it."""
    numbers = [leg.owner for leg in original.legs if leg.owner_kind == OwnerKind.LOT]
    rows = {lot.number: row for row, lot in ask.book.lots.items()}
    return [(number, rows.get(number, 0)) for number in numbers]


def is_broken(ask: Ask, original: Entry) -> bool:
    """Returns True when not all is left of a lot that a grant opened."""
    return any(
        not row or ask.book.sum("left", number) != original.amount_fen
        for number, row in lots_of(ask, original)
    )


# ---- holding ------------------------------------------------------------------------------


def terms_at(ask: Ask) -> HoldTerms | None:
    """By what it is held in the terminal's network at the tap's time."""
    terms = ask.book.hold_terms
    version = in_force(terms, ask.network, ask.t)
    return terms[version] if version else None


def terms_of(book: Book, original: Entry) -> HoldTerms | None:
    """By what it was held."""
    return book.hold_terms.get(original.tariff)


def ends_us(book: Book, original: Entry) -> int:
    """From when on a hold can be captured no more; 0 where it has no end."""
    terms = terms_of(book, original)
    held_us = original.tap.tapped_at_us or original.booked_at_us
    return held_us + 1_000_000 * terms.life_s if terms and terms.life_s else 0


def has_ended(ask: Ask, original: Entry) -> bool:
    return 0 < ends_us(ask.book, original) <= ask.t


def is_hold(original: Entry | None) -> TypeGuard[Entry]:
    return original is not None and original.kind == Kind.HOLD and original.outcome == O.ACCEPTED


def hold(ask: Ask) -> Verdict:
    terms, amount_fen = terms_at(ask), ask.tap.amount_fen
    version = in_force(ask.book.hold_terms, ask.network, ask.t)
    if ask.funding not in (terms.fundings if terms else (Funding.PREPAID,)):
        return Verdict(O.HOLD_NOT_ALLOWED, tariff=version)
    if ask.short_of(amount_fen):
        return Verdict(O.FUNDS, tariff=version)
    legs = ask.payer(-amount_fen), ask.payer(amount_fen)._replace(purse=Purse.HELD)
    images: tuple[AfterImage, ...] = ()
    if terms and terms.life_s:
        expires_us = ask.t + 1_000_000 * terms.life_s
        images = (AfterImage(Image.HOLD_OPENED, ask.book.free_hold(), expires_us),)
    return Verdict(O.ACCEPTED, amount_fen, legs, images=images, tariff=version)


def capture(ask: Ask) -> Verdict:
    (left_fen, version), amount_fen = hold_of(ask), ask.tap.amount_fen
    original = ask.original
    if isinstance(left_fen, O) or original is None:
        return Verdict(O(left_fen), tariff=version)
    if has_ended(ask, original):
        return Verdict(O.HOLD_EXPIRED, tariff=version)
    if amount_fen > left_fen:
        return Verdict(O.AMOUNT_EXCEEDS_ORIGINAL, tariff=version)
    terms = terms_of(ask.book, original)
    takes_parts = terms is not None and terms.partial
    legs, images = (a_part if takes_parts else all_at_once)(ask, original, left_fen)
    return Verdict(O.ACCEPTED, amount_fen, legs, images=images, tariff=version)


def a_part(ask: Ask, original: Entry, left_fen: int) -> Captured:
    """What is left stays held; the part that uses it up closes it."""
    amount_fen = ask.tap.amount_fen
    legs = held_no_more(ask, amount_fen), payable(ask.payee(original.tap.scene), amount_fen)
    if amount_fen == left_fen:
        return legs, closed(ask.book, original, original.amount_fen)
    used_fen = claim_of(ask.book, original).used_fen + amount_fen
    return legs, (AfterImage(Image.CLAIMED, original.sequence, used_fen),)


def all_at_once(ask: Ask, original: Entry, left_fen: int) -> Captured:
    """What is not taken goes back to the payer."""
    amount_fen = ask.tap.amount_fen
    legs = (
        held_no_more(ask, left_fen),
        payable(ask.payee(original.tap.scene), amount_fen),
        ask.payer(left_fen - amount_fen),
    )
    return legs, closed(ask.book, original, amount_fen)


def release(ask: Ask) -> Verdict:
    left_fen, version = hold_of(ask)
    original = ask.original
    if isinstance(left_fen, O) or original is None:
        return Verdict(O(left_fen), tariff=version)
    legs = held_no_more(ask, left_fen), ask.payer(left_fen)
    images = closed(ask.book, original, original.amount_fen)
    return Verdict(O.ACCEPTED, left_fen, legs, images=images, tariff=version)


def hold_of(ask: Ask) -> tuple[int | O, int]:
    """What is still held of the hold that is captured or released, or why it cannot be; and by
    which terms it was held."""
    original = ask.original
    if original is None:
        return O.ORIGINAL_UNKNOWN, 0
    if not is_hold(original):
        return O.NOT_A_HOLD, 0
    if not ask.owns:
        return O.CARD_MISMATCH, original.tariff
    if original.operator_id != ask.operator:
        return O.ORIGINAL_FOREIGN, original.tariff
    claim = claim_of(ask.book, original)
    if claim.closed:
        return O.ORIGINAL_CLOSED, original.tariff
    return original.amount_fen - claim.used_fen, original.tariff


def held_no_more(ask: Ask, amount_fen: int) -> Leg:
    return ask.payer(-amount_fen)._replace(purse=Purse.HELD)


def closed(book: Book, original: Entry, used_fen: int) -> tuple[AfterImage, ...]:
    """Nothing more may become of an original; of a hold that has an end its row is free."""
    images = (AfterImage(Image.CLOSED_ORIGINAL, original.sequence, used_fen),)
    rows = [row for row, one in book.open_holds.items() if one.sequence == original.sequence]
    return images + tuple(AfterImage(Image.HOLD_CLOSED, row, original.sequence) for row in rows)


KINDS: dict[Kind, Callable[[Ask], Verdict]] = {
    Kind.RIDE: ride,
    Kind.ENTRY: entry,
    Kind.EXIT: exit_,
    Kind.PURCHASE: ride,
    Kind.REFUND: refund,
    Kind.REVERSAL: reversal,
    Kind.TOP_UP: top_up,
    Kind.HOLD: hold,
    Kind.CAPTURE: capture,
    Kind.RELEASE: release,
    Kind.CHECK: check,
    Kind.ADJUST: adjust,
    Kind.EVENT: event,
    Kind.GRANT: grant,
}
