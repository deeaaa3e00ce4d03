"""Applies the journal to the state: what is recorded, never judged again.

A row is changed only by records above `as_of` of its page; the totals always advance. Sizes and
references are checked, since a block comes from a file.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t, uintptr_t
from libc.string cimport memcpy

import numpy as np

from onecard.ext.shape.check cimport check
from onecard.ext.shape.journal cimport (
    AfterImage,
    CardRecord,
    ConfigRecord,
    DeclarationRecord,
    Entry,
    Header,
    Leg,
    ParticipantRecord,
    TariffRecord,
    TerminalRecord,
    WindowRecord,
)
from onecard.ext.shape.numbers cimport OWNER_KINDS, Effect, Image, OwnerKind, Record
from onecard.ext.shape.tables cimport (
    ACCOUNT_ROWS,
    CREDENTIAL_ROWS,
    PARTICIPANT_ROWS,
    TARIFF_ROWS,
    TERMINAL_ROWS,
    WINDOW_ROWS,
    Account,
    Credential,
    Participant,
    Tariff,
    Terminal,
    Window,
)
from onecard.ext.state.state cimport State
from onecard.ext.state.table cimport (
    ACCOUNTS,
    CLAIMS,
    CREDENTIALS,
    PARTICIPANTS,
    TARIFFS,
    TERMINALS,
    WINDOWS,
    is_full,
    is_newer,
    touch,
)


def apply(State state not None, block) -> None:
    """Apply one journal block: header, rows, legs, images, blob, as docs/ledger.md says.

    Raises ValueError, naming the block, where it does not fit this state. Nothing is judged.
    """
    cdef const uint8_t[::1] view = block
    cdef const Header* header
    if view.shape[0] < <Py_ssize_t>sizeof(Header):
        raise ValueError(f"a block of {view.shape[0]} bytes has no header")
    header = <const Header*>&view[0]
    sizes = (
        <int64_t>sizeof(Header) + <int64_t>header.count * header.row_bytes
        + <int64_t>header.legs * <int64_t>sizeof(Leg)
        + <int64_t>header.images * <int64_t>sizeof(AfterImage) + header.blob_bytes
    )
    if sizes != view.shape[0] or header.count == 0:
        raise ValueError(f"block {header.first}: {view.shape[0]} bytes, its header says {sizes}")
    if header.first != state.total.last + 1:
        raise ValueError(f"block {header.first}: expected sequence {state.total.last + 1}")
    _apply(state, block, header.record, header.row_bytes)
    state.total.last = header.first + header.count - 1
    state.total.booked_at_us = header.booked_at_us


def _apply(State state, block, int record, int row_bytes):
    """Dispatch by record type, after its row size was checked."""
    cdef const uint8_t[::1] view = block
    cdef const Header* header = <const Header*>&view[0]
    cdef const uint8_t* rows = &view[0] + sizeof(Header)
    appliers = {
        <int>Record.ENTRIES: (sizeof(Entry), _entries),
        <int>Record.PARTICIPANTS: (sizeof(ParticipantRecord), _participants),
        <int>Record.TERMINALS: (sizeof(TerminalRecord), _terminals),
        <int>Record.CARDS: (sizeof(CardRecord), _cards),
        <int>Record.WINDOWS: (sizeof(WindowRecord), _windows),
        <int>Record.DECLARATIONS: (sizeof(DeclarationRecord), None),
        <int>Record.TARIFFS: (sizeof(TariffRecord), _tariffs),
        <int>Record.CONFIGS: (sizeof(ConfigRecord), _configs),
    }
    if record not in appliers:
        raise ValueError(f"block {header.first}: unknown record type {record}")
    size, applier = appliers[record]
    if row_bytes != size:
        raise ValueError(f"block {header.first}: rows of {row_bytes} bytes, expected {size}")
    if applier is not None and applier(state, <uintptr_t>rows, <uintptr_t>header):
        raise ValueError(f"block {header.first}: a row names what this state has no room for")


def _entries(State state, uintptr_t at, uintptr_t head):
    cdef const Header* header = <const Header*>head
    cdef const Entry* rows = <const Entry*>at
    cdef const Leg* legs = <const Leg*>(at + header.count * sizeof(Entry))
    cdef const AfterImage* images = <const AfterImage*>(
        at + header.count * sizeof(Entry) + header.legs * sizeof(Leg)
    )
    cdef uint32_t i, j
    cdef uint32_t next_image = 0
    cdef int64_t card
    cdef bint bad = False
    with nogil:
        for i in range(header.count):
            if (
                <uint64_t>rows[i].legs_at + rows[i].legs > header.legs
                or rows[i].account > state.total.accounts
                or rows[i].terminal > state.total.terminals
            ):
                bad = True
                break
            for j in range(rows[i].legs_at, rows[i].legs_at + rows[i].legs):
                if (
                    legs[j].owner_kind >= OWNER_KINDS
                    or legs[j].party > state.total.participants
                    or (legs[j].owner_kind == OwnerKind.ACCOUNT and legs[j].owner > state.total.accounts)
                ):
                    bad = True
            if bad or state.post(&legs[rows[i].legs_at], rows[i].legs, rows[i].sequence):
                bad = True
                break
            card = -1
            if rows[i].effects & (Effect.DENIED | Effect.UNDENIED):
                card = state.by_token.find(rows[i].token)
            state.settle(&rows[i], card)
            while next_image < header.images and images[next_image].row == i:
                if (
                    is_full(&state.tables[CLAIMS])
                    and images[next_image].what != Image.VOIDED_IDENTITY
                    and state.by_claim.find(images[next_image].key) < 0
                ):
                    bad = True
                    break
                state.image(&images[next_image], &rows[i])
                next_image += 1
    return bad or next_image != header.images


def _participants(State state, uintptr_t at, uintptr_t head):
    cdef const Header* header = <const Header*>head
    cdef const ParticipantRecord* rows = <const ParticipantRecord*>at
    cdef Participant* row
    cdef uint32_t i
    for i in range(header.count):
        if rows[i].participant == 0 or rows[i].name_bytes > sizeof(rows[i].name):
            return True
        state.total.participants = max(state.total.participants, <uint64_t>rows[i].participant)
        state.by_name[<bytes>(<const char*>rows[i].name)[: rows[i].name_bytes]] = rows[i].participant
        touch(&state.tables[PARTICIPANTS], rows[i].participant // PARTICIPANT_ROWS)
        if is_newer(&state.tables[PARTICIPANTS], rows[i].participant // PARTICIPANT_ROWS, rows[i].sequence):
            row = &state.participants[rows[i].participant]
            row.participant = rows[i].participant
            row.kind = rows[i].kind
            row.status = rows[i].status
            row.name_bytes = rows[i].name_bytes
            memcpy(row.name, rows[i].name, sizeof(row.name))
    return False


def _terminals(State state, uintptr_t at, uintptr_t head):
    cdef const Header* header = <const Header*>head
    cdef const TerminalRecord* rows = <const TerminalRecord*>at
    cdef Terminal* row
    cdef uint32_t i
    for i in range(header.count):
        if rows[i].terminal == 0 or rows[i].terminal >= state.tables[TERMINALS].rows_max:
            return True
        if rows[i].number_bytes > sizeof(rows[i].number):
            return True
        state.total.terminals = max(state.total.terminals, <uint64_t>rows[i].terminal)
        number = <bytes>(<const char*>rows[i].number)[: rows[i].number_bytes]
        state.by_number[number] = rows[i].terminal
        touch(&state.tables[TERMINALS], rows[i].terminal // TERMINAL_ROWS)
        if is_newer(&state.tables[TERMINALS], rows[i].terminal // TERMINAL_ROWS, rows[i].sequence):
            row = &state.terminals[rows[i].terminal]
            row.terminal = rows[i].terminal
            row.place = rows[i].place
            row.operator_id = rows[i].operator_id
            row.mode = rows[i].mode
            row.status = rows[i].status
            row.counterless = rows[i].counterless
            row.number_bytes = rows[i].number_bytes
            memcpy(row.number, rows[i].number, sizeof(row.number))
    return False


def _cards(State state, uintptr_t at, uintptr_t head):
    cdef const Header* header = <const Header*>head
    cdef const CardRecord* rows = <const CardRecord*>at
    cdef uint32_t i
    cdef int64_t card
    cdef bint bad = False
    with nogil:
        for i in range(header.count):
            card = state.by_token.find(rows[i].token)
            if rows[i].account == 0 or rows[i].account >= state.tables[ACCOUNTS].rows_max or (
                card < 0 and is_full(&state.tables[CREDENTIALS])
            ):
                bad = True
                break
            if card < 0:
                card = <int64_t>state.total.credentials
                state.total.credentials += 1
                # The key must stand in its row before the index leads to it.
                if is_newer(&state.tables[CREDENTIALS], card // CREDENTIAL_ROWS, rows[i].sequence):
                    state.credentials[card].token = rows[i].token
                state.by_token.insert(rows[i].token, <uint32_t>card)
            _card(state, &rows[i], card)
    return bad


cdef void _card(State state, const CardRecord* record, int64_t card) noexcept nogil:
    """One credential and its account, as they are after the record."""
    cdef Credential* credential = &state.credentials[card]
    cdef Account* account = &state.accounts[record.account]
    check(card < <int64_t>state.total.credentials)
    check(record.account < state.tables[ACCOUNTS].rows_max)
    if record.account > state.total.accounts:
        state.total.accounts = record.account
    touch(&state.tables[CREDENTIALS], card // CREDENTIAL_ROWS)
    if is_newer(&state.tables[CREDENTIALS], card // CREDENTIAL_ROWS, record.sequence):
        credential.account = record.account
        credential.since_us = record.since_us
        credential.status = record.status
    touch(&state.tables[ACCOUNTS], record.account // ACCOUNT_ROWS)
    if is_newer(&state.tables[ACCOUNTS], record.account // ACCOUNT_ROWS, record.sequence):
        account.floor_fen = record.floor_fen
        account.issuer = record.issuer
        account.funding = record.funding


def _windows(State state, uintptr_t at, uintptr_t head):
    cdef const Header* header = <const Header*>head
    cdef const WindowRecord* rows = <const WindowRecord*>at
    cdef Window* window
    cdef uint32_t i
    if is_full(&state.tables[WINDOWS]):
        return True
    window = &state.windows[state.total.windows]
    window.first = rows[0].first
    window.cut = rows[0].cut
    window.record = rows[0].sequence
    window.closed_at_us = rows[0].closed_at_us
    window.window = rows[0].window
    window.business_day = rows[0].business_day
    touch(&state.tables[WINDOWS], state.total.windows // WINDOW_ROWS)
    state.total.windows += 1
    state.total.window = rows[0].window + 1
    state.total.window_first = header.first + header.count
    for i in range(header.count):
        if is_newer(&state.tables[PARTICIPANTS], rows[i].participant // PARTICIPANT_ROWS, rows[i].sequence):
            state.participants[rows[i].participant].window_in_fen = 0
            state.participants[rows[i].participant].window_out_fen = 0
            state.participants[rows[i].participant].window_legs = 0
        touch(&state.tables[PARTICIPANTS], rows[i].participant // PARTICIPANT_ROWS)
    return False


def _tariffs(State state, uintptr_t at, uintptr_t head):
    cdef const Header* header = <const Header*>head
    cdef const TariffRecord* rows = <const TariffRecord*>at
    cdef Tariff* row
    fares = sizeof(int32_t) * <uint64_t>rows[0].stations * <uint64_t>rows[0].stations
    if header.count != 1 or is_full(&state.tables[TARIFFS]) or header.blob_bytes != fares:
        return True
    row = &state.tariffs[state.total.tariffs]
    row.record = rows[0].sequence
    row.effective_from_us = rows[0].effective_from_us
    row.version = rows[0].version
    row.stations = rows[0].stations
    row.entry_min_fen = rows[0].entry_min_fen
    blob = <bytes>(<const char*>(at + sizeof(TariffRecord)))[: header.blob_bytes]
    touch(&state.tables[TARIFFS], state.total.tariffs // TARIFF_ROWS)
    state.total.tariffs += 1
    state.load_fares(state.total.tariffs - 1, np.frombuffer(blob, np.int32).copy())
    return False


def _configs(State state, uintptr_t at, uintptr_t head):
    cdef const Header* header = <const Header*>head
    cdef const ConfigRecord* row = <const ConfigRecord*>at + (header.count - 1)
    state.total.go_live_us = row.go_live_us
    state.total.age_max_us = row.age_max_us
    state.total.ahead_max_us = row.ahead_max_us
    state.total.amount_max_fen = row.amount_max_fen
    state.total.zone_offset_us = row.zone_offset_us
    return False
