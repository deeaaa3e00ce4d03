"""Decides one batch: row by row, in order, without the GIL.

`lookback.missing` says first what of the batch's history is not in memory. Only when nothing is
missing does `judge` change anything.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from onecard.ext.judge.body cimport BodyKey, same_body
from onecard.ext.judge.counters cimport Counters, count_item
from onecard.ext.judge.digests cimport digests_of
from onecard.ext.judge.draft cimport EntryDraft
from onecard.ext.judge.fetch cimport CHUNK, fetch, fetch_travels
from onecard.ext.judge.limits cimport within_limits
from onecard.ext.judge.parties cimport at_terminal, had, of_card, of_original
from onecard.ext.judge.lookback cimport ENTRY_FOUND, NONE, NOT_IN_MEMORY, Reach, Recalled
from onecard.ext.judge.lookback cimport by_claim, by_identity, by_sequence, legs_of, reach_of
from onecard.ext.block.pack cimport pack
from onecard.ext.shape.check cimport check
from onecard.ext.shape.journal cimport Entry, Leg
from onecard.ext.shape.kinds cimport ABOUT_IDENTITY, ENTERS, finishes, names_entry, rule_of
from onecard.ext.shape.numbers cimport DAY_S, IMAGES_MAX, LEGS_MAX, SECOND_US, Effect, Funding, Image
from onecard.ext.shape.numbers cimport Kind, Outcome, OwnerKind, Purse, Status, Template
from onecard.ext.shape.tables cimport Account, Claim
from onecard.ext.identity.claims cimport change, is_of_claim
from onecard.ext.identity.generations cimport Generations
from onecard.ext.identity.ring cimport Ring
from onecard.ext.state.state cimport State
from onecard.ext.state.travels cimport journey_ended_by
from onecard.ext.rule.admit cimport form
from onecard.ext.rule.hold cimport is_too_early
from onecard.ext.rule.plan cimport Plan, sum_of
from onecard.ext.rule.tap cimport Tap
from onecard.ext.rule.verdict cimport decide
from onecard.ext.wire.batch cimport Columns, Decisions, Taps, i64_at, put_i64, put_u64, u8_at, u32_at, u64_at


cdef enum:
    VERSION = 2  # of the blocks that are written


def judge(
    State state not None,
    Generations recent not None,
    Ring ring not None,
    Taps taps not None,
    EntryDraft draft not None,
    Decisions decisions not None,
    Counters counters not None,
    uint32_t principal,
    int64_t now_us,
    BodyKey body_key not None,
    Recalled recalled=None,
):
    """Decide every row: entries go to the draft and the state, answers to the decisions.

    `missing` said None for this batch on this thread, just before; `recent.room` and the draft have
    space. `principal` 0 may carry every terminal. Raises RuntimeError where history is missing
    after all, which is a fault of the engine.
    """
    cdef Columns* columns = &taps.columns
    cdef int64_t cards[2][CHUNK]  # of the chunk that is judged, and of the one after
    cdef uint64_t bodies[CHUNK]
    cdef int turn = 0
    cdef Reach reach
    cdef Py_ssize_t start, end
    cdef Py_ssize_t row = 0
    cdef bint missing = False
    if draft.count + columns.count > draft.taps_max or decisions.count != columns.count:
        raise ValueError(f"{columns.count} rows do not fit the draft or the decisions")
    memset(&reach, 0, sizeof(Reach))
    reach_of(&reach, state, recent, ring, recalled, columns.count)
    with nogil:
        start = 0
        end = min(<Py_ssize_t>CHUNK, columns.count)
        fetch(state, recent, columns, start, end, cards[turn])
        while start < columns.count:
            # Memory takes as long as some rows do, so the next chunk is asked for before this one.
            fetch(state, recent, columns, end, min(end + CHUNK, columns.count), cards[1 - turn])
            if columns.kind != NULL and state.total.travels != 0:
                fetch_travels(state, columns, start, end, cards[turn])
            digests_of(body_key, columns, start, end, bodies)
            for row in range(start, end):
                if judge_row(
                    state, recent, ring, columns, row, cards[turn][row - start], draft, decisions,
                    counters,
                    principal, now_us, recalled, &reach, bodies[row - start],
                ):
                    missing = True
                    break
            if missing:
                break
            start, end = end, min(end + CHUNK, columns.count)
            turn = 1 - turn
    if missing:
        raise RuntimeError(f"row {row}: its history is neither in memory nor recalled")


cdef bint judge_row(
    State state, Generations recent, Ring ring, Columns* columns, Py_ssize_t row, int64_t card,
    EntryDraft draft,
    Decisions decisions, Counters counters, uint32_t principal, int64_t now_us,
    Recalled recalled, Reach* reach, uint64_t body,
) noexcept nogil:
    """Rules 1-14, then decide and book. Returns True when its history is not in memory."""
    cdef Tap tap
    cdef Plan plan
    cdef const Entry* entry = NULL
    cdef const Entry* original = NULL
    cdef const Leg* legs = NULL
    cdef Leg own[2]
    cdef Claim claim
    cdef uint64_t sequence = 0
    cdef int found
    cdef bint once = False  # the stream's participant had the terminal at another time
    cdef uint8_t outcome
    read_tap(&tap, columns, row, now_us)
    outcome = form(state, &tap)
    if outcome == 0:
        outcome = at_terminal(state, &tap, principal)
        once = outcome == Outcome.TERMINAL_FOREIGN and had(state, tap.terminal, principal)
    if outcome != 0 and not once:
        answer(decisions, counters, row, tap.kind, outcome, 0, 0, 0, False)
        return False
    found = by_identity(
        state, recent, ring, tap.terminal, tap.key, reach.own, row, recalled, reach, &entry, &sequence
    )
    if found == NOT_IN_MEMORY:
        return True
    if once and (found != ENTRY_FOUND or entry.operator_id != principal):
        answer(decisions, counters, row, tap.kind, outcome, 0, 0, 0, False)
        return False
    if found == ENTRY_FOUND:
        repeat(
            decisions, counters, row, &tap, entry, same_body(entry, &tap, columns, row, body)
        )
        return False
    outcome = within_limits(state, &tap)
    if outcome != 0:
        answer(decisions, counters, row, tap.kind, outcome, 0, 0, 0, False)
        return False
    if look_back(state, recent, ring, row, &tap, recalled, reach, &original):
        return True
    if original is not NULL:
        if tap.terminal_status == Status.INTERNAL and is_too_early(state, &tap, original):
            answer(decisions, counters, row, tap.kind, Outcome.HOLD_NOT_EXPIRED, 0, 0, 0, False)
            return False
        legs = legs_of(ring, recalled, original, own)
    of_card(state, &tap, card)
    if finishes(tap.kind) and original is not NULL:
        if by_claim(recent, original.sequence, row, recalled, reach, &claim):
            return True
        of_original(state, &tap, original)
        tap.taken = &claim
    if tap.account is not NULL and rule_of(tap.kind).post == ENTERS and is_full(state, &tap):
        answer(decisions, counters, row, tap.kind, Outcome.JOURNEYS_FULL, 0, 0, 0, False)
        return False
    # Field by field: a memset of this size costs more than the whole decision.
    plan.outcome = 0
    plan.reason = 0
    plan.layout = Template.EXPLICIT
    plan.effects = 0
    plan.marks = 0
    plan.amount_fen = 0
    plan.face_fen = tap.face_fen
    plan.about = 0
    plan.journey = 0
    plan.tariff = 0
    plan.rule = 0
    plan.legs = 0
    plan.images = 0
    decide(state, &tap, original, legs, now_us, &plan)
    book(state, recent, ring, &tap, &claim, body, now_us, &plan, draft, decisions, counters, row)
    return False


cdef bint is_full(State state, const Tap* tap) noexcept nogil:
    """Rule 14d. Returns True when there is no room for the journey that an entry would begin."""
    return state.travels.row_for(tap.account, tap.account_id, tap.mode) < 0


cdef inline void read_tap(
    Tap* tap, Columns* columns, Py_ssize_t row, int64_t now_us
) noexcept nogil:
    """The columns of a row as they were sent; at_terminal then takes the terminal's place for none."""
    check(row >= 0)
    check(row < columns.count)
    tap.token = u64_at(columns.card, row)
    tap.terminal = u32_at(columns.terminal, row)
    tap.key = (<uint64_t>u32_at(columns.epoch, row) << 32) | u32_at(columns.terminal_seq, row)
    tap.tapped_at_us = i64_at(columns.tapped_at_us, row)
    tap.at_us = tap.tapped_at_us if tap.tapped_at_us != 0 else now_us
    tap.kind = u8_at(columns.kind, row)
    if tap.kind == 0:
        tap.kind = Kind.RIDE
    tap.amount_fen = i64_at(columns.amount_fen, row)
    tap.flags = u8_at(columns.flags, row)
    tap.place = u32_at(columns.place, row)
    tap.about = u64_at(columns.about, row)
    tap.target = (
        (<uint64_t>u32_at(columns.about_epoch, row) << 32) | u32_at(columns.about_seq, row)
    )
    tap.line = 0
    tap.scene = 0
    tap.rider_class = 0
    tap.media = 0
    tap.face_fen = 0
    tap.chip_before_fen = 0
    tap.chip_counter = 0
    tap.chip_loads = 0
    tap.caused_by = 0
    tap.sponsor = 0
    tap.programme = 0
    tap.ends_us = 0
    tap.later = False
    tap.taken = NULL
    if columns.later != 0:
        read_later(tap, columns, row)


cdef void read_later(Tap* tap, Columns* columns, Py_ssize_t row) noexcept nogil:
    """The columns that clients of before do not send."""
    tap.line = u32_at(columns.line, row)
    tap.scene = u32_at(columns.scene, row)
    tap.rider_class = u8_at(columns.rider_class, row)
    tap.media = u8_at(columns.media, row)
    tap.face_fen = i64_at(columns.face_fen, row)
    tap.chip_before_fen = u32_at(columns.chip_before_fen, row)
    tap.chip_counter = u32_at(columns.chip_counter, row)
    tap.chip_loads = u32_at(columns.chip_loads, row)
    tap.caused_by = u64_at(columns.caused_by, row)
    tap.sponsor = u32_at(columns.sponsor, row)
    tap.programme = u32_at(columns.programme, row)
    tap.ends_us = i64_at(columns.ends_us, row)
    tap.later = (
        tap.line | tap.scene | tap.rider_class | tap.media | <uint64_t>tap.face_fen
        | tap.chip_before_fen | tap.chip_counter | tap.chip_loads | tap.caused_by
        | tap.sponsor | tap.programme | <uint64_t>tap.ends_us
    ) != 0


cdef inline bint look_back(
    State state, Generations recent, Ring ring, Py_ssize_t row, Tap* tap, Recalled recalled,
    Reach* reach,
    const Entry** original,
) noexcept nogil:
    """Find the entry a refund, reversal, capture, release or adjustment is about; what is booked at a
    virtual terminal is its operator's.

    Returns True when it is not in memory.
    """
    cdef uint64_t sequence = 0
    cdef int found = NONE
    if rule_of(tap.kind).about == ABOUT_IDENTITY:
        found = by_identity(
            state, recent, ring, tap.terminal, tap.target, reach.about, row, recalled, reach,
            original,
            &sequence,
        )
    elif names_entry(tap.kind):
        if tap.about <= state.total.last:
            found = by_sequence(
                ring, tap.about, reach.about, row, recalled, reach, original
            )
    if found != ENTRY_FOUND:
        original[0] = NULL
    elif tap.terminal_status == Status.INTERNAL:
        tap.operator_id = original[0].operator_id
    return found == NOT_IN_MEMORY


cdef inline void repeat(
    Decisions decisions, Counters counters, Py_ssize_t row, const Tap* tap, const Entry* entry,
    bint same,
) noexcept nogil:
    """Answer for an identity that is bound, by a tap of the same body or another."""
    cdef bint accepted
    if entry.terminal != tap.terminal or (
        (<uint64_t>entry.epoch << 32) | entry.terminal_seq
    ) != tap.key:
        answer(decisions, counters, row, tap.kind, Outcome.VOIDED, entry.sequence, 0, 0, True)
    elif not same:
        answer(decisions, counters, row, tap.kind, Outcome.CONFLICT, 0, 0, 0, False)
    else:
        accepted = entry.outcome <= Outcome.TOMBSTONED
        answer(
            decisions, counters, row, tap.kind, entry.outcome, entry.sequence,
            entry.amount_fen if accepted else 0, entry.balance_fen, True,
        )


cdef inline void answer(
    Decisions decisions, Counters counters, Py_ssize_t row, uint8_t kind, uint8_t outcome,
    uint64_t sequence, int64_t amount_fen, int64_t balance_fen, bint repeated,
) noexcept nogil:
    check(row >= 0)
    check(row < decisions.count)
    check(outcome != 0)
    decisions.outcome[row] = outcome
    put_u64(decisions.sequence, row, sequence)
    put_i64(decisions.amount_fen, row, amount_fen)
    put_i64(decisions.balance_fen, row, balance_fen)
    decisions.repeated[row] = repeated
    count_item(counters, kind, outcome, repeated)


cdef inline void book(
    State state, Generations recent, Ring ring, const Tap* tap, Claim* claim, uint64_t body,
    int64_t now_us, Plan* plan,
    EntryDraft draft, Decisions decisions, Counters counters, Py_ssize_t row,
) noexcept nogil:
    """Write the entry, post it, bind its identity, answer. `claim` is on the entry it is about."""
    cdef Entry* entry
    cdef Leg* kept
    cdef uint64_t ended
    cdef int i
    cdef int64_t available = 0
    cdef bint prepaid = tap.funding == Funding.PREPAID
    check(draft.count < draft.taps_max)
    check(plan.legs <= LEGS_MAX)
    check(plan.images <= IMAGES_MAX)
    check(sum_of(plan) == 0)
    check(plan.outcome != 0)
    state.total.last += 1
    check(state.total.last == draft.first + draft.count)
    if state.post(plan.leg, plan.legs, state.total.last):
        plan.outcome = Outcome.BALANCE_OVERFLOW
        plan.amount_fen = tap.amount_fen
        plan.reason = 0
        plan.effects = 0
        plan.journey = 0
        plan.layout = Template.EXPLICIT
        plan.legs = 0
        plan.images = 0
    if prepaid:
        available = tap.account.posted_fen - tap.account.held_fen
        if (
            state.credentials[tap.card].denied
            and state.credentials[tap.card].account == tap.account_id
            and recovers(plan, available, tap.account)
        ):
            plan.effects |= Effect.UNDENIED
    entry = ring.open(state.total.last)
    fill(entry, state, tap, body, now_us, plan)
    entry.balance_fen = available
    pack(entry, &draft.rows[draft.count], draft.count, draft.leg_count, &draft.parts)
    if plan.layout == Template.EXPLICIT:
        kept = ring.legs_of(entry.sequence, plan.legs)
        for i in range(plan.legs):
            check(draft.leg_count < <uint64_t>draft.taps_max * LEGS_MAX)
            draft.legs[draft.leg_count] = plan.leg[i]
            draft.leg_count += 1
            kept[i] = plan.leg[i]
    state.settle(entry, tap.card)
    if plan.effects & (Effect.JOURNEY_OPENED | Effect.JOURNEY_CLOSED):
        ended = journey_ended_by(entry)
        if ended != 0:
            recent.end(ended, entry.sequence)
    for i in range(plan.images):
        check(draft.image_count < <uint64_t>draft.taps_max * IMAGES_MAX)
        plan.image[i].row = draft.count
        draft.images[draft.image_count] = plan.image[i]
        draft.image_count += 1
        state.image(&plan.image[i], entry)
        if plan.image[i].what == Image.LOT_SPENT:
            recent.spend(plan.image[i].key, entry.sequence)
        elif is_of_claim(plan.image[i].what):
            check(tap.taken is claim)
            check(claim.sequence == plan.image[i].key)
            change(claim, plan.image[i].what, plan.image[i].value, entry.sequence)
            recent.take_back(claim)
    draft.count += 1
    recent.bind(tap.terminal, tap.key, entry.sequence)
    if plan.outcome == Outcome.TOMBSTONED:
        recent.bind(tap.terminal, tap.target, entry.sequence)
    answer(
        decisions, counters, row, tap.kind, plan.outcome, entry.sequence,
        plan.amount_fen if plan.outcome <= Outcome.TOMBSTONED else 0, available, False,
    )


cdef inline bint recovers(const Plan* plan, int64_t available, const Account* account) noexcept nogil:
    """Returns True when an entry credited the account and left it at its floor or above."""
    cdef int i
    for i in range(plan.legs):
        if (
            plan.leg[i].owner_kind == OwnerKind.ACCOUNT
            and plan.leg[i].purse == Purse.MAIN
            and plan.leg[i].amount_fen > 0
        ):
            return available >= account.floor_fen
    return False


cdef inline void fill(
    Entry* entry, State state, const Tap* tap, uint64_t body, int64_t now_us, const Plan* plan
) noexcept nogil:
    cdef int64_t local_us = tap.at_us + state.total.zone_offset_us
    entry.sequence = state.total.last
    entry.token = tap.token
    entry.about = plan.about
    entry.journey = plan.journey
    entry.body = body
    entry.tapped_at_us = tap.tapped_at_us
    entry.booked_at_us = now_us
    entry.amount_fen = plan.amount_fen
    entry.terminal = tap.terminal
    entry.epoch = <uint32_t>(tap.key >> 32)
    entry.terminal_seq = <uint32_t>tap.key
    entry.place = tap.place
    entry.line = tap.line
    entry.caused_by = tap.caused_by
    entry.face_fen = plan.face_fen
    entry.rule = plan.rule
    entry.legs_at = 0
    entry.chip_before_fen = tap.chip_before_fen
    entry.chip_counter = tap.chip_counter
    entry.chip_loads = tap.chip_loads
    entry.sponsor = tap.sponsor
    entry.programme = tap.programme
    entry.ends_us = tap.ends_us
    entry.marks = plan.marks
    entry.scene = <uint16_t>tap.scene
    entry.actor = 0
    entry.rider_class = tap.rider_class
    entry.media = tap.media
    entry.layout = plan.layout
    entry.version = VERSION
    entry.window = state.total.window
    entry.tariff = plan.tariff
    entry.travel_day = <int32_t>(local_us // (<int64_t>DAY_S * SECOND_US))
    entry.operator_id = tap.operator_id
    entry.legs = <uint8_t>plan.legs
    entry.kind = tap.kind
    entry.outcome = plan.outcome
    entry.reason = plan.reason
    entry.flags = tap.flags
    entry.effects = plan.effects
    entry.unused = 0
    entry.previous = 0 if tap.account is NULL else tap.account.last
    entry.account = tap.account_id
    entry.issuer = tap.issuer
    entry.funding = tap.funding
