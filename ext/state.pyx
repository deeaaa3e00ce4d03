"""The state tables: flat arrays that are a pure function of the journal.

An entry changes them by `post` (its legs, all or none), `settle` (what else it moves) and
`image` (its extensions), whether it is being judged or replayed: there is one way in. A row whose
page was saved after a record leaves that record alone (`as_of`); outside a replay `as_of` is 0.
"""

import hashlib

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t, uintptr_t
from libc.string cimport memcpy

import numpy as np

from . import layout
from .fen cimport add_overflows, sub_overflows
from .layout cimport (
    Account,
    CardRecord,
    Claim,
    ConfigRecord,
    Credential,
    Entry,
    Extension,
    Header,
    Leg,
    Participant,
    ParticipantRecord,
    Tariff,
    TariffRecord,
    Terminal,
    TerminalRecord,
    Totals,
    Window,
    WindowRecord,
)
from .outcome cimport Effect, Image, OwnerKind, Purse, Record
from .table cimport Index, address, reserve

TABLES = (
    "participants", "terminals", "accounts", "credentials", "claims", "windows", "tariffs",
)
PAGE_BYTES = 65536
PARTICIPANTS_MAX = 65535  # a leg's party is 16 bits
WINDOWS_MAX = 65536
DTYPES = {
    "participants": layout.PARTICIPANT,
    "terminals": layout.TERMINAL,
    "accounts": layout.ACCOUNT,
    "credentials": layout.CREDENTIAL,
    "claims": layout.CLAIM,
    "windows": layout.WINDOW,
    "tariffs": layout.TARIFF,
}


cdef class State:
    """All tables of one ledger; one thread changes them."""

    def __cinit__(
        self,
        uint64_t cards_max=1 << 24,
        uint64_t terminals_max=1 << 20,
        uint64_t claims_max=1 << 24,
    ):
        self.cards_max = cards_max
        self.terminals_max = terminals_max
        self.claims_max = claims_max
        self.tables = {}
        self.changed = {}
        self.saved = {}
        self.kept = []
        self.all = <Totals*>self._room("totals", layout.TOTALS, 1)
        self.participants = <Participant*>self._room(
            "participants", layout.PARTICIPANT, PARTICIPANTS_MAX + 1
        )
        self.terminals = <Terminal*>self._room("terminals", layout.TERMINAL, terminals_max + 1)
        self.accounts = <Account*>self._room("accounts", layout.ACCOUNT, cards_max + 1)
        self.credentials = <Credential*>self._room("credentials", layout.CREDENTIAL, cards_max)
        self.claims = <Claim*>self._room("claims", layout.CLAIM, claims_max)
        self.windows = <Window*>self._room("windows", layout.WINDOW, WINDOWS_MAX)
        self.tariffs = <Tariff*>self._room("tariffs", layout.TARIFF, TARIFFS_MAX)
        self.participants_dirty = self._bytes("participants")
        self.terminals_dirty = self._bytes("terminals")
        self.accounts_dirty = self._bytes("accounts")
        self.credentials_dirty = self._bytes("credentials")
        self.claims_dirty = self._bytes("claims")
        self.participants_as_of = self._sequences("participants")
        self.terminals_as_of = self._sequences("terminals")
        self.accounts_as_of = self._sequences("accounts")
        self.credentials_as_of = self._sequences("credentials")
        self.claims_as_of = self._sequences("claims")
        self.by_token = Index(<uintptr_t>self.credentials, sizeof(Credential), cards_max)
        self.by_claim = Index(<uintptr_t>self.claims, sizeof(Claim), claims_max)
        self.by_name = {}
        self.by_number = {}
        self.all.window = 1
        self.all.window_first = 1

    cdef uint8_t* _room(self, str name, dtype, uint64_t rows) except NULL:
        memory = reserve(rows * <uint64_t>dtype.itemsize)
        self.kept.append(memory)
        self.tables[name] = np.frombuffer(memory, dtype, rows)
        pages = rows // (PAGE_BYTES // dtype.itemsize) + 1
        self.changed[name] = np.zeros(pages, np.uint8)
        self.saved[name] = np.zeros(pages, np.uint64)
        return address(memory)

    cdef uint8_t* _bytes(self, str name) except NULL:
        return <uint8_t*><uintptr_t>self.changed[name].ctypes.data

    cdef uint64_t* _sequences(self, str name) except NULL:
        return <uint64_t*><uintptr_t>self.saved[name].ctypes.data

    # ---- looking in -------------------------------------------------------------------------

    @property
    def totals(self):
        """The single row of what is not a table, live."""
        return self.tables["totals"]

    def table(self, name):
        """All rows there is room for, live."""
        return self.tables[name]

    def rows(self, name):
        """The rows in use, live; of participants, terminals and accounts row 0 is nobody."""
        return self.tables[name][: self.count(name)]

    def count(self, name) -> int:
        """Rows in use."""
        used = int(self.totals[name][0])
        return used + 1 if name in ("participants", "terminals", "accounts") else used

    def dirty(self, name):
        """A byte a page of PAGE_BYTES // itemsize rows, set whenever a row of it changes."""
        return self.changed[name]

    def as_of(self, name):
        """A sequence a page: `apply` leaves rows of records up to it alone."""
        return self.saved[name]

    def credential(self, uint64_t token):
        """The credential's row number, or -1."""
        return self.by_token.find(token)

    def credentials_of(self, tokens):
        """The credential's row of each token (uint64), -1 where there is none; int64."""
        cdef const uint64_t[::1] keys = np.ascontiguousarray(tokens, np.uint64)
        cdef Py_ssize_t i
        found = np.empty(keys.shape[0], np.int64)
        cdef int64_t[::1] rows = found
        with nogil:
            for i in range(keys.shape[0]):
                rows[i] = self.by_token.find(keys[i])
        return found

    def claimed(self, uint64_t sequence):
        """The CLAIM row of an original, or None."""
        row = self.by_claim.find(sequence)
        return None if row < 0 else self.tables["claims"][row].copy()

    def digest(self) -> bytes:
        """SHA-256 of all rows in use, as docs/ledger.md orders them."""
        total = hashlib.sha256()
        for name in TABLES:
            rows = self.rows(name)
            total.update(len(rows).to_bytes(8, "little"))
            total.update(rows.view(np.uint8).data)
        total.update(self.totals.tobytes())
        return total.digest()

    # ---- after rows were loaded -------------------------------------------------------------

    def reindex(self) -> None:
        """Rebuild the look-up tables from the rows in use."""
        cdef uint64_t row
        self.by_token.clear()
        self.by_claim.clear()
        self.by_name.clear()
        self.by_number.clear()
        for participant in self.rows("participants")[1:]:
            self.by_name[bytes(participant["name"])] = int(participant["participant"])
        for terminal in self.rows("terminals")[1:]:
            self.by_number[bytes(terminal["number"])] = int(terminal["terminal"])
        with nogil:
            for row in range(self.all.credentials):
                self.by_token.insert(self.credentials[row].token, <uint32_t>row)
            for row in range(self.all.claims):
                self.by_claim.insert(self.claims[row].sequence, <uint32_t>row)

    def load_fares(self, uint64_t row, fares_fen) -> None:
        """Give tariff `row` its fares: stations * stations int32, row = from."""
        fares = np.ascontiguousarray(fares_fen, np.int32).reshape(-1)
        stations = int(self.tables["tariffs"][row]["stations"])
        if len(fares) != stations * stations:
            raise ValueError(f"{stations} stations need {stations**2} fares, found {len(fares)}")
        self.kept.append(fares)
        self.fares[row].fen = <const int32_t*><uintptr_t>fares.ctypes.data
        self.fares[row].stations = stations

    def fares_of(self, uint64_t row):
        """A copy of tariff `row`'s fares: stations * stations int32; empty before `load_fares`."""
        cdef Py_ssize_t size = <Py_ssize_t>self.fares[row].stations * self.fares[row].stations
        if size == 0:
            return np.empty(0, np.int32)
        return np.asarray(<const int32_t[:size]>self.fares[row].fen).copy()

    def has_fares(self, uint64_t row) -> bool:
        """Whether `load_fares` was called for it."""
        return self.fares[row].fen is not NULL

    # ---- posting ----------------------------------------------------------------------------

    cdef bint post(self, const Leg* legs, int count, uint64_t sequence) noexcept nogil:
        """Post all legs of an entry, or none and return True where a sum does not fit."""
        cdef int i, back
        for i in range(count):
            if self.post_leg(&legs[i], 1, sequence):
                for back in range(i):
                    self.post_leg(&legs[back], -1, sequence)
                return True
        return False

    cdef bint post_leg(self, const Leg* leg, int64_t sign, uint64_t sequence) noexcept nogil:
        """Post one leg, or take it back with sign -1; True where it does not fit.

        Taking back restores a state that did fit, so it cannot fail.
        """
        cdef int64_t amount = leg.amount_fen * sign
        cdef Participant* party = &self.participants[leg.party]
        cdef int64_t balance = 0
        cdef int64_t turnover = 0
        cdef uint64_t page = leg.party // PARTICIPANT_ROWS
        cdef bint counts = sequence > self.participants_as_of[page]
        if add_overflows(party.balance_fen[leg.owner_kind], amount, &balance):
            return True
        if leg.amount_fen > 0:
            if add_overflows(party.window_in_fen, amount, &turnover):
                return True
        elif sub_overflows(party.window_out_fen, amount, &turnover):
            return True
        if leg.owner_kind == OwnerKind.ACCOUNT and self.post_account(leg, amount, sequence):
            return True
        if counts:
            party.balance_fen[leg.owner_kind] = balance
            if leg.amount_fen > 0:
                party.window_in_fen = turnover
            else:
                party.window_out_fen = turnover
            party.window_legs += <uint64_t>sign
            self.participants_dirty[page] = 1
        return False

    cdef bint post_account(self, const Leg* leg, int64_t amount, uint64_t sequence) noexcept nogil:
        """The account's side of a leg."""
        cdef Account* account = &self.accounts[leg.owner]
        cdef uint64_t page = leg.owner // ACCOUNT_ROWS
        cdef int64_t posted = 0
        cdef int64_t available = 0
        cdef int64_t held = account.held_fen
        if sequence <= self.accounts_as_of[page]:
            return False
        if add_overflows(account.posted_fen, amount, &posted):
            return True
        if leg.purse == Purse.HELD and add_overflows(account.held_fen, amount, &held):
            return True
        if sub_overflows(posted, held, &available):
            return True
        account.posted_fen = posted
        account.held_fen = held
        self.accounts_dirty[page] = 1
        return False

    cdef void settle(self, const Entry* entry, int64_t card) noexcept nogil:
        """What an entry changes besides its legs; `card` is its credential's row or -1."""
        cdef Account* account
        cdef uint64_t page = entry.account // ACCOUNT_ROWS
        if entry.account != 0 and entry.sequence > self.accounts_as_of[page]:
            account = &self.accounts[entry.account]
            account.last = entry.sequence
            account.entries += 1
            if entry.effects & Effect.JOURNEY_OPENED:
                account.journey = entry.sequence
                account.journey_at_us = entry.tapped_at_us or entry.booked_at_us
                account.journey_place = entry.place
            elif entry.effects & Effect.JOURNEY_CLOSED:
                account.journey = 0
                account.journey_at_us = 0
                account.journey_place = 0
            self.accounts_dirty[page] = 1
        if card >= 0 and entry.effects & (Effect.DENIED | Effect.UNDENIED):
            page = <uint64_t>card // CREDENTIAL_ROWS
            if entry.sequence > self.credentials_as_of[page]:
                self.credentials[card].denied = 1 if entry.effects & Effect.DENIED else 0
                self.credentials[card].deny_version = entry.sequence
                self.credentials_dirty[page] = 1
        page = entry.terminal // TERMINAL_ROWS
        if entry.sequence > self.terminals_as_of[page]:
            self.terminals[entry.terminal].taken += 1
        self.see(
            entry.terminal,
            (<uint64_t>entry.epoch << 32) | entry.terminal_seq,
            entry.sequence,
        )

    cdef void image(self, const Extension* change, const Entry* entry) noexcept nogil:
        """An after-image of an entry: a tombstoned identity, or what was taken back of another."""
        cdef int64_t row
        if change.what == Image.VOIDED_IDENTITY:
            self.see(entry.terminal, change.key, entry.sequence)
            return
        row = self.by_claim.find(change.key)
        if row < 0:
            row = <int64_t>self.all.claims
            self.all.claims += 1
            if entry.sequence > self.claims_as_of[row // CLAIM_ROWS]:
                self.claims[row].sequence = change.key
            self.by_claim.insert(change.key, <uint32_t>row)
        if entry.sequence > self.claims_as_of[row // CLAIM_ROWS]:
            self.claims[row].used_fen = change.value
            if change.what == Image.CLOSED_ORIGINAL:
                self.claims[row].closed = 1
        self.claims_dirty[row // CLAIM_ROWS] = 1

    cdef int64_t tariff_at(self, int64_t at_us) noexcept nogil:
        """The row of the tariff in force at a time, -1 where there is none."""
        cdef int64_t best = -1
        cdef uint64_t row
        for row in range(self.all.tariffs):
            if self.tariffs[row].effective_from_us <= at_us and (
                best < 0
                or self.tariffs[row].effective_from_us >= self.tariffs[best].effective_from_us
            ):
                best = <int64_t>row
        return best

    cdef Claim* claim(self, uint64_t sequence) noexcept nogil:
        """What was taken back of an entry, NULL where nothing was."""
        cdef int64_t row = self.by_claim.find(sequence)
        return NULL if row < 0 else &self.claims[row]

    cdef void see(self, uint32_t terminal, uint64_t key, uint64_t sequence) noexcept nogil:
        """A key was bound on this terminal."""
        cdef uint64_t page = terminal // TERMINAL_ROWS
        if sequence > self.terminals_as_of[page]:
            if key > self.terminals[terminal].seen:
                self.terminals[terminal].seen = key
            self.terminals_dirty[page] = 1

    # ---- applying the journal ---------------------------------------------------------------

    def apply(self, block) -> None:
        """Apply one journal block: header, rows, legs, extensions, blob, as docs/ledger.md says.

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
            + <int64_t>header.extensions * <int64_t>sizeof(Extension) + header.blob_bytes
        )
        if sizes != view.shape[0] or header.count == 0:
            raise ValueError(f"block {header.first}: {view.shape[0]} bytes, its header says {sizes}")
        if header.first != self.all.last + 1:
            raise ValueError(f"block {header.first}: expected sequence {self.all.last + 1}")
        self._apply(block, header.record, header.row_bytes)
        self.all.last = header.first + header.count - 1
        self.all.booked_at_us = header.booked_at_us

    def _apply(self, block, int record, int row_bytes):
        """Dispatch by record type, after its row size was checked."""
        cdef const uint8_t[::1] view = block
        cdef const Header* header = <const Header*>&view[0]
        cdef const uint8_t* rows = &view[0] + sizeof(Header)
        appliers = {
            <int>Record.ENTRIES: (sizeof(Entry), self._entries),
            <int>Record.PARTICIPANTS: (sizeof(ParticipantRecord), self._participants),
            <int>Record.TERMINALS: (sizeof(TerminalRecord), self._terminals),
            <int>Record.CARDS: (sizeof(CardRecord), self._cards),
            <int>Record.WINDOWS: (sizeof(WindowRecord), self._windows),
            <int>Record.DECLARATIONS: (32, None),
            <int>Record.TARIFFS: (sizeof(TariffRecord), self._tariffs),
            <int>Record.CONFIGS: (sizeof(ConfigRecord), self._configs),
        }
        if record not in appliers:
            raise ValueError(f"block {header.first}: unknown record type {record}")
        size, applier = appliers[record]
        if row_bytes != size:
            raise ValueError(f"block {header.first}: rows of {row_bytes} bytes, expected {size}")
        if applier is not None and applier(<uintptr_t>rows, <uintptr_t>header):
            raise ValueError(f"block {header.first}: a row names what this state has no room for")

    def _entries(self, uintptr_t at, uintptr_t head):
        cdef const Header* header = <const Header*>head
        cdef const Entry* rows = <const Entry*>at
        cdef const Leg* legs = <const Leg*>(at + header.count * sizeof(Entry))
        cdef const Extension* images = <const Extension*>(
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
                    or rows[i].account > self.all.accounts
                    or rows[i].terminal > self.all.terminals
                ):
                    bad = True
                    break
                for j in range(rows[i].legs_at, rows[i].legs_at + rows[i].legs):
                    if (
                        legs[j].owner_kind > 7
                        or legs[j].party > self.all.participants
                        or (legs[j].owner_kind == 1 and legs[j].owner > self.all.accounts)
                    ):
                        bad = True
                if bad or self.post(&legs[rows[i].legs_at], rows[i].legs, rows[i].sequence):
                    bad = True
                    break
                card = -1
                if rows[i].effects & (Effect.DENIED | Effect.UNDENIED):
                    card = self.by_token.find(rows[i].token)
                self.settle(&rows[i], card)
                while next_image < header.extensions and images[next_image].row == i:
                    if self.all.claims >= self.claims_max:
                        bad = True
                        break
                    self.image(&images[next_image], &rows[i])
                    next_image += 1
        return bad or next_image != header.extensions

    def _participants(self, uintptr_t at, uintptr_t head):
        cdef const Header* header = <const Header*>head
        cdef const ParticipantRecord* rows = <const ParticipantRecord*>at
        cdef Participant* row
        cdef uint32_t i
        for i in range(header.count):
            if rows[i].participant == 0 or rows[i].name_bytes > sizeof(rows[i].name):
                return True
            self.all.participants = max(self.all.participants, <uint64_t>rows[i].participant)
            self.by_name[<bytes>(<const char*>rows[i].name)[: rows[i].name_bytes]] = rows[i].participant
            self.participants_dirty[rows[i].participant // PARTICIPANT_ROWS] = 1
            if rows[i].sequence > self.participants_as_of[rows[i].participant // PARTICIPANT_ROWS]:
                row = &self.participants[rows[i].participant]
                row.participant = rows[i].participant
                row.kind = rows[i].kind
                row.status = rows[i].status
                row.name_bytes = rows[i].name_bytes
                memcpy(row.name, rows[i].name, sizeof(row.name))
        return False

    def _terminals(self, uintptr_t at, uintptr_t head):
        cdef const Header* header = <const Header*>head
        cdef const TerminalRecord* rows = <const TerminalRecord*>at
        cdef Terminal* row
        cdef uint32_t i
        for i in range(header.count):
            if rows[i].terminal == 0 or rows[i].terminal > self.terminals_max:
                return True
            if rows[i].number_bytes > sizeof(rows[i].number):
                return True
            self.all.terminals = max(self.all.terminals, <uint64_t>rows[i].terminal)
            number = <bytes>(<const char*>rows[i].number)[: rows[i].number_bytes]
            self.by_number[number] = rows[i].terminal
            self.terminals_dirty[rows[i].terminal // TERMINAL_ROWS] = 1
            if rows[i].sequence > self.terminals_as_of[rows[i].terminal // TERMINAL_ROWS]:
                row = &self.terminals[rows[i].terminal]
                row.terminal = rows[i].terminal
                row.place = rows[i].place
                row.operator_id = rows[i].operator_id
                row.mode = rows[i].mode
                row.status = rows[i].status
                row.counterless = rows[i].counterless
                row.number_bytes = rows[i].number_bytes
                memcpy(row.number, rows[i].number, sizeof(row.number))
        return False

    def _cards(self, uintptr_t at, uintptr_t head):
        cdef const Header* header = <const Header*>head
        cdef const CardRecord* rows = <const CardRecord*>at
        cdef uint32_t i
        cdef int64_t card
        cdef bint bad = False
        with nogil:
            for i in range(header.count):
                card = self.by_token.find(rows[i].token)
                if rows[i].account == 0 or rows[i].account > self.cards_max or (
                    card < 0 and self.all.credentials >= self.cards_max
                ):
                    bad = True
                    break
                if card < 0:
                    card = <int64_t>self.all.credentials
                    self.all.credentials += 1
                    # The key must stand in its row before the index leads to it.
                    if rows[i].sequence > self.credentials_as_of[card // CREDENTIAL_ROWS]:
                        self.credentials[card].token = rows[i].token
                    self.by_token.insert(rows[i].token, <uint32_t>card)
                self._card(&rows[i], card)
        return bad

    cdef void _card(self, const CardRecord* record, int64_t card) noexcept nogil:
        """One credential and its account, as they are after the record."""
        cdef Credential* credential = &self.credentials[card]
        cdef Account* account = &self.accounts[record.account]
        if record.account > self.all.accounts:
            self.all.accounts = record.account
        self.credentials_dirty[card // CREDENTIAL_ROWS] = 1
        if record.sequence > self.credentials_as_of[card // CREDENTIAL_ROWS]:
            credential.account = record.account
            credential.since_us = record.since_us
            credential.status = record.status
        self.accounts_dirty[record.account // ACCOUNT_ROWS] = 1
        if record.sequence > self.accounts_as_of[record.account // ACCOUNT_ROWS]:
            account.floor_fen = record.floor_fen
            account.issuer = record.issuer
            account.funding = record.funding

    def _windows(self, uintptr_t at, uintptr_t head):
        cdef const Header* header = <const Header*>head
        cdef const WindowRecord* rows = <const WindowRecord*>at
        cdef Window* window
        cdef uint32_t i
        if self.all.windows >= <uint64_t>WINDOWS_MAX:
            return True
        window = &self.windows[self.all.windows]
        window.first = rows[0].first
        window.cut = rows[0].cut
        window.record = rows[0].sequence
        window.closed_at_us = rows[0].closed_at_us
        window.window = rows[0].window
        window.business_day = rows[0].business_day
        self.changed["windows"][self.all.windows // WINDOW_ROWS] = 1
        self.all.windows += 1
        self.all.window = rows[0].window + 1
        self.all.window_first = header.first + header.count
        for i in range(header.count):
            if rows[i].sequence > self.participants_as_of[rows[i].participant // PARTICIPANT_ROWS]:
                self.participants[rows[i].participant].window_in_fen = 0
                self.participants[rows[i].participant].window_out_fen = 0
                self.participants[rows[i].participant].window_legs = 0
            self.participants_dirty[rows[i].participant // PARTICIPANT_ROWS] = 1
        return False

    def _tariffs(self, uintptr_t at, uintptr_t head):
        cdef const Header* header = <const Header*>head
        cdef const TariffRecord* rows = <const TariffRecord*>at
        cdef Tariff* row
        fares = sizeof(int32_t) * <uint64_t>rows[0].stations * <uint64_t>rows[0].stations
        if header.count != 1 or self.all.tariffs >= TARIFFS_MAX or header.blob_bytes != fares:
            return True
        row = &self.tariffs[self.all.tariffs]
        row.record = rows[0].sequence
        row.effective_from_us = rows[0].effective_from_us
        row.version = rows[0].version
        row.stations = rows[0].stations
        row.entry_min_fen = rows[0].entry_min_fen
        blob = <bytes>(<const char*>(at + sizeof(TariffRecord)))[: header.blob_bytes]
        self.changed["tariffs"][0] = 1
        self.all.tariffs += 1
        self.load_fares(self.all.tariffs - 1, np.frombuffer(blob, np.int32).copy())
        return False

    def _configs(self, uintptr_t at, uintptr_t head):
        cdef const Header* header = <const Header*>head
        cdef const ConfigRecord* row = <const ConfigRecord*>at + (header.count - 1)
        self.all.go_live_us = row.go_live_us
        self.all.age_max_us = row.age_max_us
        self.all.ahead_max_us = row.ahead_max_us
        self.all.amount_max_fen = row.amount_max_fen
        self.all.zone_offset_us = row.zone_offset_us
        return False
