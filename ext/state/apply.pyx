"""Applies the journal to the state: what is recorded, never judged again.

A row is changed only by records above `as_of` of its page; the totals always advance. Sizes and
references are checked, since a block comes from a file.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t, uintptr_t
from libc.string cimport memcpy

import numpy as np

from onecard.ext.block.unpack cimport Entries, Piece, lay_out, take
from onecard.ext.shape.check cimport check
from onecard.ext.shape.journal cimport (
    AfterImage,
    CardRecord,
    ConfigRecord,
    DeclarationRecord,
    Entry,
    Header,
    Header1,
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
    """Apply one journal block, of either version, as docs/ledger.md says.

    Raises ValueError, naming the block, where it does not fit this state. Nothing is judged.
    """
    cdef const uint8_t[::1] view = block
    cdef const Header* header
    cdef size_t header_bytes
    if view.shape[0] < <Py_ssize_t>sizeof(Header1):
        raise ValueError(f"a block of {view.shape[0]} bytes has no header")
    header = <const Header*>&view[0]
    header_bytes = sizeof(Header1) if header.version == 1 else sizeof(Header)
    if view.shape[0] < <Py_ssize_t>header_bytes:
        raise ValueError(f"a block of {view.shape[0]} bytes has no header")
    if header.first != state.total.last + 1:
        raise ValueError(f"block {header.first}: expected sequence {state.total.last + 1}")
    if header.count == 0:
        raise ValueError(f"block {header.first}: expected at least one row, found none")
    if header.record == Record.ENTRIES:
        _entries(state, block)
    else:
        _rows(state, block, header_bytes)
    state.total.last = header.first + header.count - 1
    state.total.booked_at_us = header.booked_at_us


def _rows(State state, block, size_t header_bytes):
    """What is no entry: dispatch by record type and the size of its rows."""
    cdef const uint8_t[::1] view = block
    cdef const Header* header = <const Header*>&view[0]
    cdef const uint8_t* rows = &view[0] + header_bytes
    appliers = {
        (<int>Record.PARTICIPANTS, sizeof(ParticipantRecord)): _participants,
        (<int>Record.TERMINALS, sizeof(TerminalRecord)): _terminals,
        (<int>Record.CARDS, sizeof(CardRecord)): _cards,
        (<int>Record.WINDOWS, sizeof(WindowRecord)): _windows,
        (<int>Record.DECLARATIONS, sizeof(DeclarationRecord)): None,
        (<int>Record.TARIFFS, sizeof(TariffRecord)): _tariffs,
        (<int>Record.CONFIGS, sizeof(ConfigRecord)): _configs,
    }
    sizes = (
        <int64_t>header_bytes + <int64_t>header.count * header.row_bytes
        + <int64_t>header.legs * <int64_t>sizeof(Leg)
        + <int64_t>header.images * <int64_t>sizeof(AfterImage) + header.blob_bytes
    )
    if sizes != view.shape[0]:
        raise ValueError(f"block {header.first}: {view.shape[0]} bytes, its header says {sizes}")
    if (header.record, header.row_bytes) not in appliers:
        raise ValueError(
            f"block {header.first}: unknown record type {header.record} with rows of "
            f"{header.row_bytes} bytes"
        )
    applier = appliers[header.record, header.row_bytes]
    if applier is not None and applier(state, <uintptr_t>rows, <uintptr_t>header):
        raise ValueError(f"block {header.first}: a row names what this state has no room for")


def _entries(State state, block):
    cdef const uint8_t[::1] view = block
    cdef Entries entries
    cdef Piece piece
    cdef const char* fault = lay_out(&view[0], view.shape[0], &entries)
    cdef uint32_t row
    cdef uint32_t next_image = 0
    cdef bint bad = False
    if fault is NULL:
        with nogil:
            for row in range(entries.count):
                fault = take(&entries, row, &piece)
                if fault is not NULL:
                    break
                bad = _entry(state, &piece) or _images(state, &entries, row, &piece, &next_image)
                if bad:
                    break
    if fault is not NULL:
        raise ValueError(f"block {entries.first}: {fault.decode()}")
    if bad or next_image != entries.image_count:
        raise ValueError(f"block {entries.first}: a row names what this state has no room for")


cdef bint _entry(State state, const Piece* piece) noexcept nogil:
    """Apply one entry and its legs. Returns True when it does not fit this state."""
    cdef const Entry* entry = &piece.entry
    cdef int64_t card = -1
    cdef int i
    if entry.account > state.total.accounts or entry.terminal > state.total.terminals:
        return True
    for i in range(entry.legs):
        if (
            piece.legs[i].owner_kind >= OWNER_KINDS
            or piece.legs[i].party > state.total.participants
            or (
                piece.legs[i].owner_kind == OwnerKind.ACCOUNT
                and piece.legs[i].owner > state.total.accounts
            )
        ):
            return True
    if state.post(piece.legs, entry.legs, entry.sequence):
        return True
    if entry.effects & (Effect.DENIED | Effect.UNDENIED):
        card = state.by_token.find(entry.token)
    state.settle(entry, card)
    return False


cdef bint _images(
    State state, const Entries* entries, uint32_t row, const Piece* piece, uint32_t* next_image
) noexcept nogil:
    """Apply the images of a row. Returns True when they do not fit this state."""
    cdef const AfterImage* image
    while next_image[0] < entries.image_count and entries.images[next_image[0]].row == row:
        image = &entries.images[next_image[0]]
        if (
            is_full(&state.tables[CLAIMS])
            and image.what != Image.VOIDED_IDENTITY
            and state.by_claim.find(image.key) < 0
        ):
            return True
        state.image(image, &piece.entry)
        next_image[0] += 1
    return False


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
