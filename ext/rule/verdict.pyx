"""What one tap does: the rules of docs/ledger.md, in their order. Nothing is changed here."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from onecard.ext.shape.fen cimport add_overflows, sub_overflows
from onecard.ext.shape.journal cimport Entry, Leg
from onecard.ext.shape.numbers cimport (
    KINDS,
    Effect,
    Flag,
    Funding,
    Image,
    Kind,
    Outcome,
    OwnerKind,
    Purse,
    Status,
)
from onecard.ext.shape.tables cimport Account, Claim
from onecard.ext.state.state cimport State

cdef int64_t YEAR_2000_US = 946684800000000
cdef int64_t YEAR_2100_US = 4102444800000000

cdef uint32_t OFFLINE_KINDS = (
    1 << Kind.RIDE | 1 << Kind.ENTRY | 1 << Kind.EXIT | 1 << Kind.PURCHASE | 1 << Kind.CHECK
)
cdef uint32_t NO_AMOUNT = (
    1 << Kind.ENTRY | 1 << Kind.EXIT | 1 << Kind.REVERSAL | 1 << Kind.RELEASE | 1 << Kind.CHECK
)
cdef uint32_t AMOUNT = 1 << Kind.REFUND | 1 << Kind.TOP_UP | 1 << Kind.HOLD | 1 << Kind.CAPTURE
cdef uint32_t ABOUT = 1 << Kind.REFUND | 1 << Kind.CAPTURE | 1 << Kind.RELEASE
cdef uint32_t FINISHING = ABOUT | 1 << Kind.REVERSAL  # gives back or ends what was begun
cdef uint32_t DENIABLE = (
    1 << Kind.RIDE | 1 << Kind.ENTRY | 1 << Kind.PURCHASE | 1 << Kind.HOLD | 1 << Kind.CHECK
)
cdef uint32_t REFUNDABLE = 1 << Kind.RIDE | 1 << Kind.EXIT | 1 << Kind.PURCHASE | 1 << Kind.CAPTURE


cdef inline bint among(uint32_t kinds, uint8_t kind) noexcept nogil:
    return (kinds >> kind) & 1


cdef uint8_t form(State state, const Tap* tap) noexcept nogil:
    """Rules 1-9: 0, or why the row is not taken."""
    if tap.kind < Kind.RIDE or tap.kind >= KINDS:
        return Outcome.KIND_UNKNOWN
    if tap.token == 0:
        return Outcome.CARD_ZERO
    if tap.flags & ~<uint8_t>Flag.OFFLINE:
        return Outcome.FLAG_UNKNOWN
    if tap.flags and not among(OFFLINE_KINDS, tap.kind):
        return Outcome.OFFLINE_NOT_ALLOWED
    if tap.amount_fen < 0:
        return Outcome.AMOUNT_NEGATIVE
    if tap.amount_fen != 0 and among(NO_AMOUNT, tap.kind):
        return Outcome.AMOUNT_UNEXPECTED
    if tap.amount_fen == 0 and among(AMOUNT, tap.kind):
        return Outcome.AMOUNT_ZERO
    if tap.about == 0 and among(ABOUT, tap.kind):
        return Outcome.ABOUT_MISSING
    if tap.kind == Kind.REVERSAL and tap.target == tap.key:
        return Outcome.ABOUT_MISSING
    if tap.tapped_at_us != 0 and not YEAR_2000_US <= tap.tapped_at_us < YEAR_2100_US:
        return Outcome.TIME_IMPOSSIBLE
    return 0


cdef inline bint is_target(const Tap* tap, const Entry* original) noexcept nogil:
    """Returns True when a reversal names the key of the entry itself, and not of a tombstone."""
    return ((<uint64_t>original.epoch << 32) | original.terminal_seq) == tap.target


cdef void decide(
    State state, const Tap* tap, const Entry* original, int64_t now_us, Plan* plan
) noexcept nogil:
    """Rules 15 on: fills a plan that was zeroed. `original` is NULL where there is none."""
    cdef uint8_t refusal = admit(state, tap, now_us)
    if among(ABOUT, tap.kind):
        plan.about = tap.about
    elif tap.kind == Kind.REVERSAL and original is not NULL and is_target(tap, original):
        plan.about = original.sequence
    if refusal == 0:
        refusal = by_kind(state, tap, original, plan)
    if refusal == 0:
        return
    plan.outcome = refusal
    plan.amount_fen = tap.amount_fen
    plan.effects = 0
    plan.legs = 0
    plan.images = 0
    plan.journey = 0
    if tap.flags & Flag.OFFLINE and refusal != Outcome.BALANCE_OVERFLOW:
        suspend(tap, refusal, plan)


cdef inline void suspend(const Tap* tap, uint8_t refusal, Plan* plan) noexcept nogil:
    """Book a completed offline tap where something mendable is missing."""
    plan.outcome = Outcome.ACCEPTED_SUSPENSE
    plan.reason = refusal
    if tap.amount_fen != 0:
        add_leg(plan, OwnerKind.SUSPENSE, tap.operator_id, tap.operator_id, Purse.DUE, -tap.amount_fen)
        add_leg(plan, OwnerKind.SUSPENSE, tap.operator_id, tap.operator_id, Purse.OWED, tap.amount_fen)


cdef inline uint8_t admit(State state, const Tap* tap, int64_t now_us) noexcept nogil:
    """Rules 15-19: 0, or the refusal."""
    cdef bint offline = tap.flags & Flag.OFFLINE
    cdef uint8_t status
    if tap.at_us < state.total.go_live_us or now_us - tap.at_us > state.total.age_max_us:
        return Outcome.TIME_TOO_OLD
    if tap.at_us - now_us > state.total.ahead_max_us:
        return Outcome.TIME_IN_FUTURE
    if tap.card < 0:
        return Outcome.CARD_UNKNOWN
    status = state.credentials[tap.card].status
    if status != Status.ACTIVE and not among(FINISHING, tap.kind):
        if not offline or tap.at_us > state.credentials[tap.card].since_us:
            return Outcome.CARD_BLOCKED
    if state.credentials[tap.card].denied and not offline and among(DENIABLE, tap.kind):
        return Outcome.CARD_DENIED
    return 0


cdef inline uint8_t by_kind(
    State state, const Tap* tap, const Entry* original, Plan* plan
) noexcept nogil:
    """Fill the plan; 0, or the refusal."""
    plan.outcome = Outcome.ACCEPTED
    if tap.kind == Kind.RIDE or tap.kind == Kind.PURCHASE:
        return charge(tap, tap.amount_fen, plan)
    if tap.kind == Kind.ENTRY:
        return enter(state, tap, plan)
    if tap.kind == Kind.EXIT:
        return leave(state, tap, plan)
    if tap.kind == Kind.CHECK:
        return 0
    if tap.kind == Kind.TOP_UP:
        return top_up(tap, plan)
    if tap.kind == Kind.REFUND:
        return refund(state, tap, original, plan)
    if tap.kind == Kind.REVERSAL:
        return reverse(state, tap, original, plan)
    if tap.kind == Kind.HOLD:
        return hold(tap, plan)
    return finish_hold(state, tap, original, plan)


cdef inline void add_leg(
    Plan* plan, uint8_t owner_kind, uint32_t owner, uint16_t party, uint8_t purse, int64_t amount
) noexcept nogil:
    cdef Leg* leg
    if amount == 0:
        return
    leg = &plan.leg[plan.legs]
    leg.owner_kind = owner_kind
    leg.owner = owner
    leg.party = party
    leg.purse = purse
    leg.amount_fen = amount
    plan.legs += 1


cdef inline void add_payer_leg(
    Plan* plan, uint8_t funding, uint32_t account, uint16_t issuer, int64_t amount
) noexcept nogil:
    """The holder's side: the account here, or the issuer behind the card."""
    if funding == Funding.PREPAID:
        add_leg(plan, OwnerKind.ACCOUNT, account, issuer, Purse.MAIN, amount)
    elif funding == Funding.CHIP:
        add_leg(plan, OwnerKind.FLOAT, issuer, issuer, Purse.MAIN, amount)
    else:
        add_leg(plan, OwnerKind.RECEIVABLE, issuer, issuer, Purse.MAIN, amount)


cdef inline bint below_floor(const Account* account, int64_t amount) noexcept nogil:
    """Returns True when taking the amount leaves less than the floor."""
    cdef int64_t rest = 0
    return (
        sub_overflows(account.posted_fen - account.held_fen, amount, &rest)
        or rest < account.floor_fen
    )


cdef inline uint8_t charge(const Tap* tap, int64_t amount, Plan* plan) noexcept nogil:
    cdef int64_t rest = 0
    plan.amount_fen = amount
    if amount == 0:
        return 0
    if tap.account.funding == Funding.PREPAID and below_floor(tap.account, amount):
        if not tap.flags & Flag.OFFLINE:
            return Outcome.FUNDS
        if sub_overflows(tap.account.posted_fen, amount, &rest):
            return Outcome.BALANCE_OVERFLOW
        plan.outcome = Outcome.ACCEPTED_BELOW_FLOOR
        plan.effects |= Effect.DENIED
    add_payer_leg(plan, tap.account.funding, tap.account_id, tap.account.issuer, -amount)
    add_leg(plan, OwnerKind.PAYABLE, tap.operator_id, tap.operator_id, Purse.MAIN, amount)
    return 0


cdef inline uint8_t enter(State state, const Tap* tap, Plan* plan) noexcept nogil:
    cdef int64_t row
    if tap.place == 0:
        return Outcome.PLACE_UNKNOWN
    row = state.tariff_at(tap.at_us)
    if row < 0:
        return Outcome.TARIFF_UNKNOWN
    plan.tariff = state.tariffs[row].version
    if tap.place > state.tariffs[row].stations:
        return Outcome.FARE_UNKNOWN
    if (
        tap.account.funding == Funding.PREPAID
        and not tap.flags & Flag.OFFLINE
        and below_floor(tap.account, state.tariffs[row].entry_min_fen)
    ):
        return Outcome.FUNDS
    plan.effects = Effect.JOURNEY_OPENED
    return 0


cdef inline uint8_t leave(State state, const Tap* tap, Plan* plan) noexcept nogil:
    cdef int64_t row
    cdef uint64_t stations
    cdef int64_t fare_fen
    cdef uint8_t refusal
    if tap.place == 0:
        return Outcome.PLACE_UNKNOWN
    if tap.account.journey == 0:
        return Outcome.NO_OPEN_JOURNEY
    if tap.at_us < tap.account.journey_at_us:
        return Outcome.EXIT_BEFORE_ENTRY
    row = state.tariff_at(tap.account.journey_at_us)
    if row < 0:
        return Outcome.TARIFF_UNKNOWN
    plan.tariff = state.tariffs[row].version
    stations = state.fares[row].stations
    if tap.place > stations or tap.account.journey_place > stations:
        return Outcome.FARE_UNKNOWN
    if tap.account.journey_place == 0:
        return Outcome.FARE_UNKNOWN
    fare_fen = state.fares[row].fen[
        (tap.account.journey_place - 1) * stations + tap.place - 1
    ]
    if fare_fen < 0:
        return Outcome.FARE_UNKNOWN
    refusal = charge(tap, fare_fen, plan)
    if refusal == 0:
        plan.journey = tap.account.journey
        plan.effects |= Effect.JOURNEY_CLOSED
    return refusal


cdef inline uint8_t top_up(const Tap* tap, Plan* plan) noexcept nogil:
    if tap.account.funding == Funding.CREDIT:
        return Outcome.TOP_UP_NOT_ALLOWED
    plan.amount_fen = tap.amount_fen
    add_payer_leg(plan, tap.account.funding, tap.account_id, tap.account.issuer, tap.amount_fen)
    add_leg(
        plan, OwnerKind.COLLECTED, tap.operator_id, tap.operator_id, Purse.MAIN, -tap.amount_fen
    )
    return 0


cdef inline void claim(Plan* plan, uint32_t what, uint64_t key, int64_t value) noexcept nogil:
    plan.image[plan.images].what = what
    plan.image[plan.images].key = key
    plan.image[plan.images].value = value
    plan.images += 1


cdef inline uint8_t refund(
    State state, const Tap* tap, const Entry* original, Plan* plan
) noexcept nogil:
    cdef Claim* taken
    cdef int64_t refunded = 0
    if original is NULL:
        return Outcome.ORIGINAL_UNKNOWN
    if not among(REFUNDABLE, original.kind) or original.outcome > Outcome.ACCEPTED_BELOW_FLOOR:
        return Outcome.NOT_REFUNDABLE
    if original.account != tap.account_id:
        return Outcome.CARD_MISMATCH
    if original.operator_id != tap.operator_id:
        return Outcome.ORIGINAL_FOREIGN
    taken = state.claim(original.sequence)
    if taken is not NULL:
        if taken.closed:
            return Outcome.ORIGINAL_CLOSED
        refunded = taken.used_fen
    if add_overflows(refunded, tap.amount_fen, &refunded) or refunded > original.amount_fen:
        return Outcome.AMOUNT_EXCEEDS_ORIGINAL
    plan.amount_fen = tap.amount_fen
    add_payer_leg(plan, original.funding, original.account, original.issuer, tap.amount_fen)
    add_leg(
        plan, OwnerKind.PAYABLE, original.operator_id, original.operator_id, Purse.MAIN,
        -tap.amount_fen,
    )
    claim(plan, Image.CLAIMED, original.sequence, refunded)
    return 0


cdef inline uint8_t reverse(
    State state, const Tap* tap, const Entry* original, Plan* plan
) noexcept nogil:
    cdef bint prepaid
    if original is NULL:
        plan.outcome = Outcome.TOMBSTONED
        claim(plan, Image.VOIDED_IDENTITY, tap.target, 0)
        return 0
    if not is_target(tap, original):
        return Outcome.ORIGINAL_CLOSED  # bound by a tombstone
    if original.token != tap.token or original.account not in (0, tap.account_id):
        return Outcome.CARD_MISMATCH
    if original.outcome > Outcome.TOMBSTONED:
        return 0
    if original.operator_id != tap.operator_id:
        return Outcome.ORIGINAL_FOREIGN
    if original.kind in (Kind.REFUND, Kind.REVERSAL, Kind.CAPTURE, Kind.RELEASE):
        return Outcome.NOT_REVERSIBLE
    if state.claim(original.sequence) is not NULL:
        return Outcome.ORIGINAL_CLOSED
    prepaid = original.funding == Funding.PREPAID
    if original.kind == Kind.TOP_UP and prepaid and below_floor(tap.account, original.amount_fen):
        return Outcome.FUNDS
    plan.amount_fen = original.amount_fen
    negate(original, plan)
    claim(plan, Image.CLOSED_ORIGINAL, original.sequence, original.amount_fen)
    if original.kind == Kind.ENTRY and tap.account.journey == original.sequence:
        plan.effects = Effect.JOURNEY_CLOSED
    return 0


cdef inline void negate(const Entry* original, Plan* plan) noexcept nogil:
    """The original's legs, each negated, in their order; they follow from its kind."""
    cdef int64_t amount = original.amount_fen
    cdef uint16_t op = original.operator_id
    if original.outcome == Outcome.ACCEPTED_SUSPENSE:
        add_leg(plan, OwnerKind.SUSPENSE, op, op, Purse.DUE, amount)
        add_leg(plan, OwnerKind.SUSPENSE, op, op, Purse.OWED, -amount)
    elif original.kind == Kind.TOP_UP:
        add_payer_leg(plan, original.funding, original.account, original.issuer, -amount)
        add_leg(plan, OwnerKind.COLLECTED, op, op, Purse.MAIN, amount)
    elif original.kind == Kind.HOLD:
        add_leg(plan, OwnerKind.ACCOUNT, original.account, original.issuer, Purse.MAIN, amount)
        add_leg(plan, OwnerKind.ACCOUNT, original.account, original.issuer, Purse.HELD, -amount)
    elif original.kind in (Kind.RIDE, Kind.EXIT, Kind.PURCHASE):
        add_payer_leg(plan, original.funding, original.account, original.issuer, amount)
        add_leg(plan, OwnerKind.PAYABLE, op, op, Purse.MAIN, -amount)


cdef inline uint8_t hold(const Tap* tap, Plan* plan) noexcept nogil:
    cdef uint16_t issuer = tap.account.issuer
    if tap.account.funding != Funding.PREPAID:
        return Outcome.HOLD_NOT_ALLOWED
    if below_floor(tap.account, tap.amount_fen):
        return Outcome.FUNDS
    plan.amount_fen = tap.amount_fen
    add_leg(plan, OwnerKind.ACCOUNT, tap.account_id, issuer, Purse.MAIN, -tap.amount_fen)
    add_leg(plan, OwnerKind.ACCOUNT, tap.account_id, issuer, Purse.HELD, tap.amount_fen)
    return 0


cdef inline uint8_t finish_hold(
    State state, const Tap* tap, const Entry* original, Plan* plan
) noexcept nogil:
    """CAPTURE and RELEASE."""
    cdef int64_t held
    cdef int64_t taken = tap.amount_fen
    if original is NULL:
        return Outcome.ORIGINAL_UNKNOWN
    if original.kind != Kind.HOLD or original.outcome != Outcome.ACCEPTED:
        return Outcome.NOT_A_HOLD
    if original.account != tap.account_id:
        return Outcome.CARD_MISMATCH
    if original.operator_id != tap.operator_id:
        return Outcome.ORIGINAL_FOREIGN
    if state.claim(original.sequence) is not NULL:
        return Outcome.ORIGINAL_CLOSED
    held = original.amount_fen
    if taken > held:
        return Outcome.AMOUNT_EXCEEDS_ORIGINAL
    plan.amount_fen = taken if tap.kind == Kind.CAPTURE else held
    add_leg(plan, OwnerKind.ACCOUNT, original.account, original.issuer, Purse.HELD, -held)
    if tap.kind == Kind.CAPTURE:
        add_leg(plan, OwnerKind.PAYABLE, tap.operator_id, tap.operator_id, Purse.MAIN, taken)
    add_leg(plan, OwnerKind.ACCOUNT, original.account, original.issuer, Purse.MAIN, held - taken)
    claim(plan, Image.CLOSED_ORIGINAL, original.sequence, plan.amount_fen)
    return 0
