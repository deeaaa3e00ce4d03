"""The state tables: flat arrays that are a pure function of the journal.

An entry changes them by `post` (its legs, all or none), `settle` (what else it moves) and
`image` (its images), whether it is being judged or replayed: there is one way in. A row whose
page was saved after a record leaves that record alone (`as_of`); outside a replay `as_of` is 0.
"""

import hashlib

cimport cython
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t, uintptr_t

import numpy as np

from onecard.ext.shape import dtypes
from onecard.ext.shape.fen cimport add_overflows, sub_overflows
from onecard.ext.shape.dtypes import PAGE_BYTES
from onecard.ext.shape.journal cimport AfterImage, Entry, Leg
from onecard.ext.shape.numbers cimport Effect, Image, OwnerKind, Purse
from onecard.ext.shape.memory cimport address, reserve
from onecard.ext.shape.tables cimport Account, Claim, Credential, Participant, Tariff, Terminal, Totals, Window
from onecard.ext.state.index cimport Index

TABLES = (
    "participants", "terminals", "accounts", "credentials", "claims", "windows", "tariffs",
)
PARTICIPANTS_MAX = 65535  # a leg's party is 16 bits
DTYPES = {
    "participants": dtypes.PARTICIPANT,
    "terminals": dtypes.TERMINAL,
    "accounts": dtypes.ACCOUNT,
    "credentials": dtypes.CREDENTIAL,
    "claims": dtypes.CLAIM,
    "windows": dtypes.WINDOW,
    "tariffs": dtypes.TARIFF,
}


@cython.final
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
        self.all = <Totals*>self._room("totals", dtypes.TOTALS, 1)
        self.participants = <Participant*>self._room(
            "participants", dtypes.PARTICIPANT, PARTICIPANTS_MAX + 1
        )
        self.terminals = <Terminal*>self._room("terminals", dtypes.TERMINAL, terminals_max + 1)
        self.accounts = <Account*>self._room("accounts", dtypes.ACCOUNT, cards_max + 1)
        self.credentials = <Credential*>self._room("credentials", dtypes.CREDENTIAL, cards_max)
        self.claims = <Claim*>self._room("claims", dtypes.CLAIM, claims_max)
        self.windows = <Window*>self._room("windows", dtypes.WINDOW, WINDOWS_MAX)
        self.tariffs = <Tariff*>self._room("tariffs", dtypes.TARIFF, TARIFFS_MAX)
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
        # A page that is ahead of the record holds sums this amount is in already.
        if counts:
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

    cdef void image(self, const AfterImage* change, const Entry* entry) noexcept nogil:
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
