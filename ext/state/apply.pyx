"""Applies the journal to the state: what is recorded, never judged again.

A row is changed only by records above `as_of` of its page; the totals always advance. Sizes and
references are checked, since a block comes from a file.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t, uintptr_t
from libc.string cimport memcpy, memset

from onecard.ext.block.unpack cimport Entries, Piece, lay_out, take
from onecard.ext.shape.journal cimport (
    ActorRecord,
    ActRecord,
    AfterImage,
    CalendarRecord,
    CardRecord,
    CardRecord1,
    ConfigRecord,
    DeclarationRecord,
    Entry,
    Header,
    Header1,
    Leg,
    ParticipantRecord,
    PolicyRecord,
    SceneRecord,
    TariffRecord,
    TerminalRecord,
    TerminalRecord1,
    WindowRecord,
)
from onecard.ext.shape.numbers cimport OWNER_KINDS, Effect, OwnerKind, Record
from onecard.ext.shape.tables cimport (
    ACTOR_ROWS,
    PARTICIPANT_ROWS,
    SCENE_ROWS,
    TERMINAL_PAST_ROWS,
    TERMINAL_ROWS,
    WINDOW_ROWS,
    Actor,
    Participant,
    Scene,
    Terminal,
    TerminalPast,
    Window,
)
from onecard.ext.state.calendar import calendars
from onecard.ext.state.cards import cards, cards_1
from onecard.ext.state.policy import policies, tariffs
from onecard.ext.state.state cimport State
from onecard.ext.state.table cimport (
    ACTORS,
    PARTICIPANTS,
    SCENES,
    TERMINAL_PASTS,
    TERMINALS,
    WINDOWS,
    Table,
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
        (<int>Record.CARDS, sizeof(CardRecord)): cards,
        (<int>Record.TERMINALS, sizeof(TerminalRecord1)): _terminals_1,
        (<int>Record.CARDS, sizeof(CardRecord1)): cards_1,
        (<int>Record.WINDOWS, sizeof(WindowRecord)): _windows,
        (<int>Record.DECLARATIONS, sizeof(DeclarationRecord)): None,
        (<int>Record.TARIFFS, sizeof(TariffRecord)): tariffs,
        (<int>Record.TARIFF_SETS, sizeof(PolicyRecord)): policies,
        (<int>Record.CONFIGS, sizeof(ConfigRecord)): _configs,
        (<int>Record.ACTORS, sizeof(ActorRecord)): _actors,
        (<int>Record.ACT, sizeof(ActRecord)): None,
        (<int>Record.SCENES, sizeof(SceneRecord)): _scenes,
        (<int>Record.CALENDARS, sizeof(CalendarRecord)): calendars,
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
    if entry.effects & Effect.JOURNEY_OPENED and entry.tariff > state.total.policies:
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
    """Apply the images of a row. Returns True when one does not fit this state."""
    while next_image[0] < entries.image_count and entries.images[next_image[0]].row == row:
        if not state.fits(&entries.images[next_image[0]], &piece.entry):
            return True
        state.image(&entries.images[next_image[0]], &piece.entry)
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
    cdef uint32_t i
    for i in range(header.count):
        if _terminal(state, &rows[i]):
            return True
    return False


def _terminals_1(State state, uintptr_t at, uintptr_t head):
    """What a row ends it does not say: the state knows. So no page may be ahead of it, and none is:
    such blocks are older than any checkpoint of this layout.
    """
    cdef const Header* header = <const Header*>head
    cdef const TerminalRecord1* rows = <const TerminalRecord1*>at
    cdef const Terminal* known
    cdef TerminalRecord row
    cdef uint32_t i
    for i in range(header.count):
        memset(&row, 0, sizeof(row))
        row.sequence = rows[i].sequence
        row.terminal = rows[i].terminal
        row.place = rows[i].place
        row.operator_id = rows[i].operator_id
        row.mode = rows[i].mode
        row.status = rows[i].status
        row.counterless = rows[i].counterless
        row.number_bytes = rows[i].number_bytes
        memcpy(row.number, rows[i].number, sizeof(row.number))
        if 0 < row.terminal <= state.total.terminals:
            known = &state.terminals[row.terminal]
            row.network = known.network
            if known.operator_id != 0 and (
                known.operator_id != row.operator_id
                or known.place != row.place
                or known.status != row.status
            ):
                row.from_us = header.booked_at_us
                row.was_operator = known.operator_id
                row.was_network = known.network
                row.was_place = known.place
                row.was_status = known.status
                row.was_mode = known.mode
                row.was_past = known.past
        if _terminal(state, &row):
            return True
    return False


cdef bint _terminal(State state, const TerminalRecord* record) except -1:
    """One terminal as it is after the record. Returns True when there is no room for it."""
    cdef const Table* pasts = &state.tables[TERMINAL_PASTS]
    cdef uint64_t page = record.terminal // TERMINAL_ROWS
    cdef TerminalPast* past
    cdef Terminal* row
    if record.terminal == 0 or record.terminal >= state.tables[TERMINALS].rows_max:
        return True
    if record.number_bytes > sizeof(record.number) or record.was_past > state.total.terminal_pasts:
        return True
    if record.was_operator != 0 and is_full(pasts):
        return True
    state.total.terminals = max(state.total.terminals, <uint64_t>record.terminal)
    number = <bytes>(<const char*>record.number)[: record.number_bytes]
    state.by_number[number] = record.terminal
    if record.was_operator != 0:
        state.total.terminal_pasts += 1
        past = &state.terminal_pasts[state.total.terminal_pasts]
        touch(pasts, state.total.terminal_pasts // TERMINAL_PAST_ROWS)
        if is_newer(pasts, state.total.terminal_pasts // TERMINAL_PAST_ROWS, record.sequence):
            past.until_us = record.from_us
            past.next = record.was_past
            past.place = record.was_place
            past.operator_id = record.was_operator
            past.network = record.was_network
            past.status = record.was_status
            past.mode = record.was_mode
    touch(&state.tables[TERMINALS], page)
    if is_newer(&state.tables[TERMINALS], page, record.sequence):
        row = &state.terminals[record.terminal]
        row.terminal = record.terminal
        row.place = record.place
        row.operator_id = record.operator_id
        row.network = record.network
        row.mode = record.mode
        row.status = record.status
        row.counterless = record.counterless
        row.number_bytes = record.number_bytes
        memcpy(row.number, record.number, sizeof(row.number))
        if record.was_operator != 0:
            row.past = <uint32_t>state.total.terminal_pasts
    return False


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


def _configs(State state, uintptr_t at, uintptr_t head):
    cdef const Header* header = <const Header*>head
    cdef const ConfigRecord* row = <const ConfigRecord*>at + (header.count - 1)
    state.total.go_live_us = row.go_live_us
    state.total.age_max_us = row.age_max_us
    state.total.ahead_max_us = row.ahead_max_us
    state.total.amount_max_fen = row.amount_max_fen
    state.total.zone_offset_us = row.zone_offset_us
    return False


def _actors(State state, uintptr_t at, uintptr_t head):
    cdef const Header* header = <const Header*>head
    cdef const ActorRecord* rows = <const ActorRecord*>at
    cdef Actor* actors = <Actor*>state.tables[ACTORS].rows
    cdef Actor* row
    cdef uint32_t i
    for i in range(header.count):
        if rows[i].actor >= state.tables[ACTORS].rows_max or rows[i].name_bytes > sizeof(rows[i].name):
            return True
        if rows[i].actor != 0:  # row 0 is nobody: it says what holds for all
            state.total.actors = max(state.total.actors, <uint64_t>rows[i].actor)
            name = <bytes>(<const char*>rows[i].name)[: rows[i].name_bytes]
            state.by_actor[name] = rows[i].actor
        touch(&state.tables[ACTORS], rows[i].actor // ACTOR_ROWS)
        if is_newer(&state.tables[ACTORS], rows[i].actor // ACTOR_ROWS, rows[i].sequence):
            row = &actors[rows[i].actor]
            row.record = rows[i].sequence
            row.from_us = rows[i].from_us
            memcpy(row.secret, rows[i].secret, sizeof(row.secret))
            row.roles = rows[i].roles
            row.actor = rows[i].actor
            row.participant = rows[i].participant
            row.status = rows[i].status
            row.four_eyes = rows[i].four_eyes
            row.name_bytes = rows[i].name_bytes
            memcpy(row.name, rows[i].name, sizeof(row.name))
    return False


def _scenes(State state, uintptr_t at, uintptr_t head):
    cdef const Header* header = <const Header*>head
    cdef const SceneRecord* rows = <const SceneRecord*>at
    cdef Scene* row
    cdef uint32_t i
    for i in range(header.count):
        if rows[i].code == 0 or rows[i].name_bytes > sizeof(rows[i].name):
            return True
        if rows[i].purse_count > sizeof(rows[i].purses) or rows[i].payee > state.total.participants:
            return True
        state.total.scenes = max(state.total.scenes, <uint64_t>rows[i].code)
        touch(&state.tables[SCENES], rows[i].code // SCENE_ROWS)
        if is_newer(&state.tables[SCENES], rows[i].code // SCENE_ROWS, rows[i].sequence):
            row = &state.scenes[rows[i].code]
            row.most_fen = rows[i].most_fen
            row.closed_us = rows[i].closed_us
            row.code = rows[i].code
            row.payee = rows[i].payee
            row.mcc = rows[i].mcc
            row.rated_by = rows[i].rated_by
            row.status = rows[i].status
            row.purse_count = rows[i].purse_count
            memcpy(row.purses, rows[i].purses, sizeof(row.purses))
            row.name_bytes = rows[i].name_bytes
            row.record = rows[i].sequence
            row.from_us = rows[i].from_us
            memcpy(row.name, rows[i].name, sizeof(row.name))
    return False
