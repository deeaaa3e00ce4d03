"""Rows of CARDS, of either version, into the state: credentials, their accounts and their pasts."""

from libc.stdint cimport int64_t, uint32_t, uint64_t, uintptr_t
from libc.string cimport memset

from onecard.ext.shape.check cimport check
from onecard.ext.shape.journal cimport CardRecord, CardRecord1, Header
from onecard.ext.shape.numbers cimport Status
from onecard.ext.shape.tables cimport (
    ACCOUNT_ROWS,
    CARD_PAST_ROWS,
    CREDENTIAL_ROWS,
    Account,
    CardPast,
    Credential,
)
from onecard.ext.state.state cimport State
from onecard.ext.state.table cimport (
    ACCOUNTS,
    CARD_PASTS,
    CREDENTIALS,
    Table,
    is_full,
    is_newer,
    touch,
)


def cards(State state, uintptr_t at, uintptr_t head):
    cdef const Header* header = <const Header*>head
    cdef const CardRecord* rows = <const CardRecord*>at
    cdef uint32_t i
    cdef bint bad = False
    with nogil:
        for i in range(header.count):
            if _card(state, &rows[i]):
                bad = True
                break
    return bad


def cards_1(State state, uintptr_t at, uintptr_t head):
    """As of terminals: what a row ends is what the state has."""
    cdef const Header* header = <const Header*>head
    cdef const CardRecord1* rows = <const CardRecord1*>at
    cdef uint32_t i
    cdef bint bad = False
    with nogil:
        for i in range(header.count):
            if _card_1(state, &rows[i], header.booked_at_us):
                bad = True
                break
    return bad


cdef bint _card_1(State state, const CardRecord1* record, int64_t booked_at_us) noexcept nogil:
    """A row of version 1 as one of today, or two where both what the card drew on and a spell end.
    Returns True when there is no room for it."""
    cdef const Credential* known
    cdef CardRecord row
    cdef int64_t card = state.by_token.find(record.token)
    memset(&row, 0, sizeof(row))
    row.sequence = record.sequence
    row.token = record.token
    row.since_us = record.since_us
    row.floor_fen = record.floor_fen
    row.account = record.account
    row.issuer = row.home_issuer = record.issuer
    row.key_version = 1
    row.funding = record.funding
    row.status = record.status
    if card < 0:
        return _card(state, &row)
    known = &state.credentials[card]
    if known.account != row.account or known.issuer != row.issuer or known.funding != row.funding:
        row.from_us = booked_at_us
        row.was_account = known.account
        row.was_issuer = known.issuer
        row.was_funding = known.funding
        row.was_past = known.past
    if (
        known.status == Status.ACTIVE
        or record.status != Status.ACTIVE
        or known.since_us >= record.since_us
    ):
        return _card(state, &row)
    if row.was_account != 0:
        row.status = known.status
        row.since_us = known.since_us
        if _card(state, &row):
            return True
    row.was_account = row.was_issuer = row.was_funding = 0
    row.was_status = known.status
    row.from_us = known.since_us
    row.was_past = known.past
    row.status = record.status
    row.since_us = record.since_us
    return _card(state, &row)


cdef bint _card(State state, const CardRecord* record) noexcept nogil:
    """One credential and its account as they are after the record. Returns True when there is no
    room for them, or it ends what cannot end with it."""
    cdef const Table* pasts = &state.tables[CARD_PASTS]
    cdef const Table* credentials = &state.tables[CREDENTIALS]
    cdef int64_t card = state.by_token.find(record.token)
    cdef bint ends = record.was_account != 0 or record.was_status != 0
    cdef Credential* credential
    cdef Account* account
    if (
        record.account == 0
        or record.account >= state.tables[ACCOUNTS].rows_max
        or (card < 0 and is_full(credentials))
        or (ends and (card < 0 or is_full(pasts)))
        or (record.was_account != 0 and record.was_status != 0)
        or record.was_account > state.total.accounts
        or record.was_past > state.total.card_pasts
    ):
        return True
    if card < 0:
        card = <int64_t>state.total.credentials
        state.total.credentials += 1
        # The key must stand in its row before the index leads to it.
        if is_newer(credentials, card // CREDENTIAL_ROWS, record.sequence):
            state.credentials[card].token = record.token
        state.by_token.insert(record.token, <uint32_t>card)
    check(card < <int64_t>state.total.credentials)
    if record.account > state.total.accounts:
        state.total.accounts = record.account
    if ends:
        state.total.card_pasts += 1
        _card_past(state, record)
    touch(credentials, card // CREDENTIAL_ROWS)
    if is_newer(credentials, card // CREDENTIAL_ROWS, record.sequence):
        credential = &state.credentials[card]
        credential.account = record.account
        credential.since_us = record.since_us
        credential.expires_day = record.expires_day
        credential.issuer = record.issuer
        credential.key_version = record.key_version
        credential.funding = record.funding
        credential.status = record.status
        credential.bank_status = record.bank_status
        credential.generation = record.generation
        if ends:
            credential.past = <uint32_t>state.total.card_pasts
    touch(&state.tables[ACCOUNTS], record.account // ACCOUNT_ROWS)
    if is_newer(&state.tables[ACCOUNTS], record.account // ACCOUNT_ROWS, record.sequence):
        account = &state.accounts[record.account]
        account.floor_fen = record.floor_fen
        account.issuer = record.home_issuer
    return False


cdef inline void _card_past(State state, const CardRecord* record) noexcept nogil:
    """What a card was until the record, in the newest row of that table: all of it is said by the
    record, since the page of the card may be of a later one."""
    cdef const Table* pasts = &state.tables[CARD_PASTS]
    cdef uint64_t page = state.total.card_pasts // CARD_PAST_ROWS
    cdef CardPast* past = &state.card_pasts[state.total.card_pasts]
    touch(pasts, page)
    if is_newer(pasts, page, record.sequence):
        if record.was_status != 0:
            past.until_us = record.since_us
            past.from_us = record.from_us
            past.status = record.was_status
        else:
            past.until_us = record.from_us
        past.account = record.was_account
        past.next = record.was_past
        past.issuer = record.was_issuer
        past.funding = record.was_funding
